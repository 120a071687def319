"""A random model of PyTorch, the way around: what benchmarks/round_trips.py calls."""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
from safetensors.torch import save_file
from torch import nn

from elman.errors import ElmanError
from elman.interop import onnx as elman_onnx
from elman.interop import torch as elman_torch

ALLOWED = 1e-5
CELLS = {"rnn": nn.RNN, "rnn-relu": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}


def draw(rng: np.random.Generator) -> dict[str, Any]:
    """Draw a configuration."""
    cell = str(rng.choice(list(CELLS)))
    hidden = int(rng.integers(1, 40))
    projection = int(rng.integers(1, hidden)) if cell == "lstm" and hidden > 1 and rng.random() < 0.4 else 0
    bidirectional = bool(rng.random() < 0.4)
    width = (projection or hidden) * (2 if bidirectional else 1)
    tied = bool(rng.random() < 0.3)
    return {
        "cell": cell, "vocab_size": int(rng.integers(2, 120)), "hidden": hidden, "projection": projection,
        "embedding": width if tied else int(rng.integers(1, 40)), "layers": int(rng.integers(1, 4)),
        "bidirectional": bidirectional, "width": width, "tied": tied, "bias": bool(rng.random() < 0.8),
        "output_bias": bool(rng.random() < 0.8), "double": bool(rng.random() < 0.25),
        "scale": float(rng.uniform(0.5, 2.0)),
    }  # fmt: skip


def modules(c: dict[str, Any]) -> nn.ModuleDict:
    """Return the modules of a configuration."""
    settings: dict[str, Any] = {"proj_size": c["projection"]} if c["projection"] else {}
    if c["cell"] == "rnn-relu":
        settings["nonlinearity"] = "relu"
    made = nn.ModuleDict(
        {
            "embedding": nn.Embedding(c["vocab_size"], c["embedding"]),
            "rnn": CELLS[c["cell"]](
                c["embedding"],
                c["hidden"],
                c["layers"],
                bias=c["bias"],
                bidirectional=c["bidirectional"],
                **settings,
            ),
            "output": nn.Linear(c["width"], c["vocab_size"], bias=c["output_bias"]),
        }
    )
    if c["tied"]:
        made["output"].weight = made["embedding"].weight
    return made.double() if c["double"] else made


@torch.no_grad()
def torch_logits(made: nn.ModuleDict, tokens: Any, states: list[Any]) -> Any:
    """Return the logits of modules (T, B, K); states: h0, and c0 of an LSTM."""
    dtype = made["embedding"].weight.dtype
    given = tuple(torch.from_numpy(state).to(dtype) for state in states)
    h, _ = made["rnn"](made["embedding"](torch.from_numpy(tokens)), given if len(given) > 1 else given[0])
    return made["output"](h).numpy()


def off(found: Any, expected: Any) -> float:
    """Return how far logits are from others; infinity where there is no number."""
    worst = float(np.abs(found - expected).max() / max(1.0, float(np.abs(expected).max())))
    return worst if np.isfinite(worst) else np.inf


def round_trip(c: dict[str, Any], rng: np.random.Generator, folder: Path) -> tuple[float, float]:
    """Return how far ONNX Runtime and PyTorch anew are from PyTorch at first."""
    made = modules(c)
    with torch.no_grad():
        for parameter in made["rnn"].parameters():
            parameter.mul_(c["scale"])
    weights = {name: tensor.contiguous().clone() for name, tensor in made.state_dict().items()}
    save_file(weights, folder / "model.safetensors")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that tied weights were found tied
        model = elman_torch.load(folder / "model.safetensors", cell=c["cell"])
    elman_onnx.export(model, folder / "model.onnx", overwrite=True)
    session = onnxruntime.InferenceSession(folder / "model.onnx", providers=["CPUExecutionProvider"])
    back = modules({**c, "bias": True, "output_bias": True})
    back.load_state_dict({k: torch.from_numpy(v) for k, v in elman_torch.state_dict(model).items()})

    worst = [0.0, 0.0]
    for T, B in ((1, 1), (int(rng.integers(2, 40)), int(rng.integers(1, 6)))):
        tokens = rng.integers(0, c["vocab_size"], (T, B))
        given, states = initial(c, model, rng, B)
        expected = torch_logits(made, tokens, states)
        logits = session.run(["logits"], {"tokens": tokens, **given})[0]
        worst[0] = max(worst[0], off(logits, expected))
        worst[1] = max(worst[1], off(torch_logits(back, tokens, states), expected))
    return worst[0], worst[1]


def initial(
    c: dict[str, Any], model: Any, rng: np.random.Generator, B: int
) -> tuple[dict[str, Any], list[Any]]:
    """Draw initial states; return them as the graph takes them, and as PyTorch does."""
    given, states = {}, [[], []]
    for layer in range(c["layers"]):
        for way in ("", "_reverse") if c["bidirectional"] else ("",):
            h = rng.uniform(-1, 1, (B, c["hidden"])).astype(np.float32)
            given[f"{'m' if c['projection'] else 'h'}_{layer}{way}"] = h
            prefix = f"layers.{layer}{'.reverse' if way else ''}"
            states[0].append(h @ model.params[f"{prefix}.R"] if c["projection"] else h)
            if c["cell"] == "lstm":
                memory = rng.uniform(-1, 1, (B, c["hidden"])).astype(np.float32)
                given[f"c_{layer}{way}"] = memory
                states[1].append(memory)
    return given, [np.stack(arrays) for arrays in states if arrays]


def run(configurations: int, seed: int) -> int:
    """Run, print the table, and return the exit status."""
    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    rows: dict[str, list[tuple[float, float]]] = {}
    failed = 0
    with tempfile.TemporaryDirectory(prefix="elman-round-trips-") as folder:
        for number in range(configurations):
            c = draw(rng)
            try:
                found = round_trip(c, rng, Path(folder))
            except ElmanError as error:  # an import or export that was refused counts as a failure
                print(f"configuration {number}: {error}\n  {c}")
                found = (np.inf, np.inf)
            if not max(found) <= ALLOWED:
                failed += 1
                print(f"configuration {number} is off by {found[0]:.1e} and {found[1]:.1e}:\n  {c}")
            kind = c["cell"] + (", projected" if c["projection"] else "")
            rows.setdefault(f"{kind}{', both ways' if c['bidirectional'] else ''}", []).append(found)
    print(f"elman, torch {torch.__version__}, ONNX Runtime {onnxruntime.__version__}, seed {seed}")
    print(f"{'':<32}{'number':>8}{'ONNX Runtime':>16}{'back in PyTorch':>18}")
    for kind, values in sorted(rows.items()):
        one, other = (max(column) for column in zip(*values, strict=True))
        print(f"{kind:<32}{len(values):>8}{one:>16.1e}{other:>18.1e}")
    print(f"{configurations - failed} of {configurations} within {ALLOWED:g}")
    return 1 if failed else 0
