"""Small models, and the same measures computed in the plainest way, for the tests of `inspect`."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import numpy as np

import elman

TEXT = 'Say "no" (or [not]).\nThen "yes", he said,\n\nand (so) it was.\n'
CELLS = (
    "rnn", "rnn-relu", "lstm", "lstm-peephole", "lstm-coupled", "gru", "gru-before", "mgu", "indrnn",
    "mingru", "minlstm", "sru",
)  # fmt: skip


def a_model(cell: str = "lstm", *, text: str = TEXT, hidden: int = 3, layers: int = 2, seed: int = 0):
    """Return a network of large weights in float64, and the tokenizer of a text."""
    tokenizer = elman.CharTokenizer.from_text(text)
    model = elman.LanguageModel(
        vocab_size=tokenizer.vocab_size, cell=cell, embedding=4, hidden=hidden, layers=layers, dtype="float64"
    )
    rng = np.random.default_rng(seed)
    for array in model.params.values():
        array[...] = 0.7 * rng.standard_normal(array.shape)
    return model, tokenizer


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def step_without_products(cell: str, x, state: dict[str, Any], p: dict[str, Any], moved: dict[str, Any]):
    """Do the same for a cell that has no W."""
    a = [x @ p["U"][g] + p["b"][g] for g in range(len(p["U"]))]
    h = state["h"]
    if cell == "indrnn":
        new = np.maximum(a[0] + p["p"][0] * h, 0)
        return {"h": new + moved.get("h", 0)}, {"h": new}
    if cell == "mingru":
        z = sigmoid(a[0])
        return {"h": (1 - z) * h + z * a[1] + moved.get("h", 0)}, {"z": z, "n": a[1]}
    if cell == "minlstm":
        f, i = sigmoid(a[0]), sigmoid(a[1])
        return {"h": (f * h + i * a[2]) / (f + i) + moved.get("h", 0)}, {"f": f, "i": i, "n": a[2]}
    f, r = (sigmoid(a[g] + p["p"][g] * state["c"]) for g in (0, 1))
    c = f * state["c"] + (1 - f) * a[2] + moved.get("c", 0)
    passed = x @ p["U_skip"] if "U_skip" in p else x
    return {"h": r * c + (1 - r) * passed + moved.get("h", 0), "c": c}, {"f": f, "r": r, "n": a[2]}


def step(cell: str, x, state: dict[str, Any], p: dict[str, Any], moved: dict[str, Any]):
    """Return the state after one step of one layer for one row; `moved` is added to it as it is made."""
    if "W" not in p:
        return step_without_products(cell, x, state, p, moved)
    h = state["h"]
    U, W, b = p["U"], p["W"], p["b"]
    a = [x @ U[g] + h @ W[g] + b[g] for g in range(len(U))]
    if cell in ("rnn", "rnn-relu"):
        new = np.tanh(a[0]) if cell == "rnn" else np.maximum(a[0], 0)
        return {"h": new + moved.get("h", 0)}, {"h": new}
    if cell == "lstm":
        i, f, o, g = sigmoid(a[0]), sigmoid(a[1]), sigmoid(a[2]), np.tanh(a[3])
        c = f * state["c"] + i * g + moved.get("c", 0)
        return {"h": o * np.tanh(c) + moved.get("h", 0), "c": c}, {"i": i, "f": f, "o": o, "g": g}
    if cell == "lstm-peephole":
        p = p["p"]
        i, f = sigmoid(a[0] + p[0] * state["c"]), sigmoid(a[1] + p[1] * state["c"])
        g = np.tanh(a[3])
        c = f * state["c"] + i * g + moved.get("c", 0)
        o = sigmoid(a[2] + p[2] * c)
        return {"h": o * np.tanh(c) + moved.get("h", 0), "c": c}, {"i": i, "f": f, "o": o, "g": g}
    if cell == "lstm-coupled":
        i, o, g = sigmoid(a[0]), sigmoid(a[1]), np.tanh(a[2])
        c = (1 - i) * state["c"] + i * g + moved.get("c", 0)
        return {"h": o * np.tanh(c) + moved.get("h", 0), "c": c}, {"i": i, "o": o, "g": g}
    if cell == "gru-before":
        r, z = sigmoid(a[0]), sigmoid(a[1])
        n = np.tanh(x @ U[2] + b[2] + (r * h) @ W[2])
        return {"h": (1 - z) * n + z * h + moved.get("h", 0)}, {"r": r, "z": z, "n": n}
    if cell == "gru":
        r, z = sigmoid(a[0]), sigmoid(a[1])
        n = np.tanh(x @ U[2] + b[2] + r * (h @ W[2] + p["b_candidate"]))
        return {"h": (1 - z) * n + z * h + moved.get("h", 0)}, {"r": r, "z": z, "n": n}
    f = sigmoid(a[0])
    n = np.tanh(x @ U[1] + b[1] + f * (h @ W[1]))
    return {"h": (1 - f) * h + f * n + moved.get("h", 0)}, {"f": f, "n": n}


def run(model, context, *, resets=(0,), moved=None):
    """Return the losses (S - 1), and by step and layer the states and gates, one token at a time.

    `moved[step, layer, name]` is added to that state.
    """
    p, layers = model.params, range(len(model.stack.layers))
    names = ("h", "c") if model.cell.startswith("lstm") or model.cell == "sru" else ("h",)
    H = p["layers.0.U"].shape[-1]
    losses, states, gates = [], [], []
    for s, token in enumerate(context):
        if s in resets:
            state = [{name: np.zeros(H) for name in names} for _ in layers]
        x = p["embedding.E"][token]
        met = []
        for l in layers:
            own = {
                n: p[f"layers.{l}.{n}"]
                for n in ("U", "W", "b", "b_candidate", "p", "U_skip")
                if f"layers.{l}.{n}" in p
            }
            here = {n: v for (at, layer, n), v in (moved or {}).items() if (at, layer) == (s, l)}
            state[l], gate = step(model.cell, x, state[l], own, here)
            x = state[l]["h"]
            met.append(gate)
        logits = x @ p["output.V"] + p["output.c"]
        if s + 1 < len(context):
            top = logits.max()
            losses.append(top + np.log(np.exp(logits - top).sum()) - logits[context[s + 1]])
        states.append([dict(entry) for entry in state])
        gates.append(met)
    return np.array(losses), states, gates


def slope_norm(model, context, t: int, lag: int, layer: int, name: str, resets=(0,)) -> float:
    """Return the norm of the derivative of the loss of step t by a state `lag` steps before, numerically."""
    width, size = model.params["layers.0.U"].shape[-1], 1e-5
    slopes = []
    for j in range(width):
        ends = []
        for sign in (1, -1):
            push = np.zeros(width)
            push[j] = sign * size
            losses, _, _ = run(model, context, resets=resets, moved={(t - lag, layer, name): push})
            ends.append(losses[t])
        slopes.append((ends[0] - ends[1]) / (2 * size))
    return float(np.linalg.norm(slopes))


@contextmanager
def planted(module: str, old: str, new: str) -> Iterator[ModuleType]:
    """Give a copy of a module in which one piece of its text is replaced."""
    spec = importlib.util.find_spec(module)
    source = spec.loader.get_source(module)
    assert source.count(old) == 1, f"{source.count(old)} places in {module} read {old!r}"
    copy = ModuleType(f"{module}_planted")
    copy.__file__, copy.__package__ = spec.origin, module.rpartition(".")[0]
    sys.modules[copy.__name__] = copy  # where dataclasses look for the module of a class
    try:
        exec(compile(source.replace(old, new), spec.origin, "exec"), vars(copy))
        yield copy
    finally:
        del sys.modules[copy.__name__]
