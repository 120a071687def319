"""How soon is there a first prediction? A fresh process, from its start to a printed next character.

    python benchmarks/start.py [--quick]

One command trains a run of 2 x 128 for a step; its parameters are saved again as PyTorch users save them (a
state dictionary, as torch.save writes it and as safetensors) and exported for ONNX Runtime. Each process
imports what it needs, loads the weights, reads a prompt, prints the most likely next character, and ends. All
must print the same. Processes take turns; files are in the page cache, as on any second start. Keeps
benchmarks/results/start.json.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench import script
from bench.environment import free_environment
from bench.figures import best, summary, times_better
from bench.kept import keep, show
from bench.preparation import prepare
from bench.side import SideFailed
from bench.targets import row
from bench.workloads import WORKLOADS

WORKLOAD = WORKLOADS["char-128"].but(B=1)
PROMPT = "First Citizen"

ELMAN = """
import elman
print(repr(elman.load({run!r}).next_tokens({prompt!r}, n=1)[0][0]))
"""

TORCH = """
import json
import torch
from torch import nn
{imports}
class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding({K}, {E})
        self.rnn = nn.LSTM({E}, {H}, {layers})
        self.output = nn.Linear({H}, {K})
    def forward(self, x):
        return self.output(self.rnn(self.embedding(x))[0][-1])
characters = json.load(open({characters!r}))
model = Model()
model.load_state_dict({load})
model.eval()
with torch.inference_mode():
    x = torch.tensor([[characters.index(character)] for character in {prompt!r}])
    print(repr(characters[int(model(x).argmax())]))
"""

ONNX = """
import json
import numpy as np
import onnxruntime as ort
characters = json.load(open({characters!r}))
session = ort.InferenceSession({graph!r}, providers=["CPUExecutionProvider"])
names = [field.name for field in session.get_inputs()[1:]]
state = [np.zeros((1, {H}), np.float32) for _ in names]
for character in {prompt!r}:
    token = np.array([characters.index(character)])
    logits, *state = session.run(None, {{"token": token, **dict(zip(names, state))}})
print(repr(characters[int(logits.argmax())]))
"""


def programs(folder: Path) -> dict[str, str]:
    """Make the saved models in `folder`; return the program of each side."""
    settings = WORKLOAD.settings(folder=str(folder), params=str(folder / "run" / "model.safetensors"))
    for what in ("run", "saved", "onnx"):
        prepare(what, settings, str(folder))
    # A run begins a text as a line: elman puts the line end before the prompt by itself.
    common = {**settings, "characters": str(folder / "characters.json"), "prompt": "\n" + PROMPT}
    weights, tensors = str(folder / "weights.pt"), str(folder / "weights.safetensors")
    return {
        "elman": ELMAN.format(run=str(folder / "run"), prompt=PROMPT),
        "PyTorch, torch.load": TORCH.format(
            **common, imports="", load=f"torch.load({weights!r}, weights_only=True)"
        ),
        "PyTorch, safetensors": TORCH.format(
            **common, imports="from safetensors.torch import load_file", load=f"load_file({tensors!r})"
        ),
        "ONNX Runtime": ONNX.format(**common, graph=str(folder / "layer.onnx")),
    }


def once(program: str) -> tuple[float, str]:
    """Run a program in a fresh process; return the seconds and what it printed."""
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", program], env=free_environment(), text=True, stdout=subprocess.PIPE
    )
    seconds = time.perf_counter() - began
    if done.returncode:
        raise SideFailed("a process that should predict has failed; what it said stands above")
    return seconds, done.stdout.strip()


def measure(rounds: int) -> tuple[dict[str, list[float]], str]:
    """Return the seconds of every program in every round, and what all of them printed."""
    with tempfile.TemporaryDirectory(prefix="elman-bench-") as folder:
        sides = programs(Path(folder))
        printed = {name: once(program)[1] for name, program in sides.items()}  # these warm the page cache
        if len(set(printed.values())) != 1:
            raise SideFailed(f"the sides predict different characters: {printed}")
        seconds: dict[str, list[float]] = {name: [] for name in sides}
        for number in range(rounds):
            for name in sides if number % 2 == 0 else reversed(sides):
                seconds[name].append(once(sides[name])[0])
    return seconds, printed["elman"]


def figures(seconds: dict[str, list[float]], against: str) -> dict[str, Any]:
    """Return the figures of elman and the fastest of the rivals whose name begins with `against`."""
    rivals = {name: values for name, values in seconds.items() if name.startswith(against)}
    rival = best(rivals, higher=False)
    return {
        "sides": [
            {"name": name.split(", ")[0], "label": ", ".join(name.split(", ")[1:]), "threads": None,
             **summary(values), "values": values}
            for name, values in seconds.items()
        ],
        "rival": {"name": against, "label": ", ".join(rival.split(", ")[1:]), "threads": None},
        "ratio": times_better(seconds["elman"], seconds[rival], higher=False),
    }  # fmt: skip


def main() -> None:
    """Measure, print and keep."""
    arguments = script.arguments(__doc__).parse_args()
    seconds, printed = measure(3 if arguments.quick else 21)
    setting = f"{WORKLOAD.model}, a saved run"
    rows = [
        row("start/char-128", setting, "s", figures(seconds, "PyTorch")),
        row("start-onnx/char-128", setting, "s", figures(seconds, "ONNX Runtime")),
    ]
    show(rows)
    print(f"\nall predicted {printed} after {PROMPT!r}")
    keep("start", {"rows": rows}, arguments.quick)


if __name__ == "__main__":
    script.run(main)
