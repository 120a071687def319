"""How the weights of PyTorch's recurrent modules lie beside ours.

PyTorch stacks the gates as rows: ``weight_ih_l0`` is ``(G H, D)``, where ``layers.0.U`` is ``(G, D, H)``,
its transposed blocks. Its LSTM has the gates in the order i, f, g, o, ours i, f, o, g; both GRUs have r, z,
n. PyTorch has two biases a gate, which only ever occur as a sum, but for that of the GRU's candidate, whose
second stands within the reset: ``b_candidate``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from elman.errors import ConfigError
from elman.interop.blocks import in_order
from elman.interop.files.modules import Module
from elman.typing import Floats, Params

ORDER = {"rnn": (0,), "rnn-relu": (0,), "gru": (0, 1, 2), "lstm": (0, 1, 3, 2)}
"""PyTorch's position of each of our gate blocks, by cell."""

KINDS = {"rnn": "rnn", "rnn-relu": "rnn", "gru": "gru", "mgu": "gru", "lstm": "lstm", "lstm-coupled": "lstm"}
"""The module of PyTorch that computes each cell."""


def places(layers: int, bidirectional: bool) -> Iterator[tuple[str, str]]:
    """Yield what our names of each layer and direction begin with, and what theirs end with."""
    for layer in range(layers):
        yield f"layers.{layer}.", f"_l{layer}"
        if bidirectional:
            yield f"layers.{layer}.reverse.", f"_l{layer}_reverse"


def ours(module: Module, arrays: Mapping[str, Floats]) -> Params:
    """Return the recurrent weights of a module under our names."""
    params: Params = {}
    H, order = module.hidden, ORDER[module.cell]
    for start, end in places(module.layers, module.bidirectional):
        of = {kind: arrays.get(f"{module.prefix}{kind}{end}") for kind in
              ("weight_ih", "weight_hh", "weight_hr", "bias_ih", "bias_hh")}  # fmt: skip
        for name, kind in (("U", "weight_ih"), ("W", "weight_hh")):
            weights = of[kind]
            assert weights is not None  # as the module was found whole
            params[start + name] = np.stack([weights[g * H : (g + 1) * H].T for g in order])
        one, other = of["bias_ih"], of["bias_hh"]
        zeros = np.zeros((len(order), H), params[f"{start}U"].dtype)
        first = zeros if one is None else np.stack([one[g * H : (g + 1) * H] for g in order])
        second = zeros if other is None else np.stack([other[g * H : (g + 1) * H] for g in order])
        if module.cell == "gru":
            params[f"{start}b_candidate"] = second[2].copy()
            second[2] = 0.0
        params[f"{start}b"] = first + second
        if of["weight_hr"] is not None:
            params[f"{start}R"] = of["weight_hr"].T
    return params


def theirs(cell: str, start: str, arrays: Mapping[str, Floats]) -> Iterator[tuple[str, Floats]]:
    """Yield the weights of one layer and direction under PyTorch's names, less what these end with.

    The second bias is zero, but for the GRU's candidate.
    """
    order = ORDER[KINDS[cell]]
    blocks = {name: in_order(cell, arrays[start + name], order) for name in ("U", "W", "b")}
    yield "weight_ih", rows(blocks["U"])
    yield "weight_hh", rows(blocks["W"])
    yield "bias_ih", np.concatenate(blocks["b"])
    second = [np.zeros_like(block) for block in blocks["b"]]
    if cell == "gru":
        second[2] = arrays[f"{start}b_candidate"]
    yield "bias_hh", np.concatenate(second)
    if f"{start}R" in arrays:
        yield "weight_hr", np.ascontiguousarray(arrays[f"{start}R"].T)


def rows(blocks: list[Floats]) -> Floats:
    """Return blocks ``(D, H)`` as the rows ``(G H, D)`` that PyTorch has."""
    # Of a single transposed block, concatenate would keep the order in memory.
    return np.ascontiguousarray(np.concatenate([block.T for block in blocks]))


def kind_of(cell: str) -> str:
    """Return the module of PyTorch that computes a cell; raise ConfigError if there is none."""
    if cell not in KINDS:
        raise ConfigError(
            f"PyTorch has no module that computes the cell {cell!r}: it has those of {', '.join(KINDS)}"
        )
    return KINDS[cell]
