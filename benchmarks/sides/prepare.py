"""Make the files that sides start from: ``python -m sides.prepare WHAT SETTINGS FOLDER``.

``params`` draws the parameters, ``run`` trains a run for a step, ``saved`` writes its parameters as PyTorch
users do, and ``onnx`` exports the model for ONNX Runtime, in two forms. Each is a process of its own, so that
no side carries the memory or the threads of the preparation.
"""

from __future__ import annotations

import json
import string
import sys
from pathlib import Path
from typing import Any

ALPHABET = string.ascii_letters + " !$&',-.:;?\n"  # with <unk>, 65 tokens


def params(s: dict[str, Any], folder: Path) -> None:
    """Draw the parameters as elman does, and write them under its names."""
    from safetensors.numpy import save_file

    from elman import LanguageModel

    model = LanguageModel(
        vocab_size=s["K"], cell=s["cell"], embedding=s["E"], hidden=s["H"], layers=s["layers"],
        seed=s.get("seed", 1),  # another than the default, so that a side which draws its own is found out
    )  # fmt: skip
    save_file({name: array.copy() for name, array in model.params.items()}, folder / "params.safetensors")


def run(s: dict[str, Any], folder: Path) -> None:
    """Train a run for a step, on a text that gives it the K tokens of the workload."""
    import elman

    text = elman.Text(ALPHABET * 100)
    elman.train(
        text, out=folder / "run", tokens="char", cell=s["cell"], embedding=s["E"], hidden=s["H"],
        layers=s["layers"], batch=8, window=16, steps=1, eval_every=1, sample=0, threads=1,
    )  # fmt: skip


def saved(s: dict[str, Any], folder: Path) -> None:
    """Write the weights of the run as a state dictionary, and the characters of its vocabulary."""
    import torch
    from safetensors.torch import save_file

    import elman

    from . import common
    from .torch_model import Layers

    layers = Layers(s)
    layers.fill(common.parameters(s), s)
    weights = {name: array.contiguous() for name, array in layers.state_dict().items()}
    torch.save(weights, folder / "weights.pt")
    save_file(weights, folder / "weights.safetensors")
    tokenizer = elman.load(folder / "run").tokenizer
    (folder / "characters.json").write_text(json.dumps([tokenizer.token(i) for i in range(s["K"])]))


def onnx(s: dict[str, Any], folder: Path) -> None:
    """Export one step, with the state an input and an output, as LSTM operators and as its cells."""
    import torch

    from . import common
    from .torch_step import Step, names

    for form in ("layer", "cell"):
        model = Step(s, form)
        model.fill(common.parameters(s), s)
        state = [torch.zeros(s["B"], s["H"]) for _ in range(2 * s["layers"])]
        inputs, outputs = names(s["layers"])
        torch.onnx.export(
            model.eval(), (torch.zeros(s["B"], dtype=torch.int64), *state), folder / f"{form}.onnx",
            input_names=inputs, output_names=outputs, dynamo=True, external_data=False, verbose=False,
        )  # fmt: skip


if __name__ == "__main__":
    whats = {"params": params, "run": run, "saved": saved, "onnx": onnx}
    whats[sys.argv[1]](json.loads(sys.argv[2]), Path(sys.argv[3]))
