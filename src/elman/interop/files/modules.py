"""A recurrent module of PyTorch, by the names and shapes of its weights."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from elman.interop.files.listing import by

Shapes = Mapping[str, tuple[int, ...]]

WEIGHT = re.compile(
    r"(?P<prefix>.*?)(?P<kind>weight_ih|weight_hh|weight_hr|bias_ih|bias_hh)_l(?P<layer>\d{1,4})"
    r"(?P<back>_reverse)?",
    re.ASCII,
)
"""A name of a recurrent module's weights."""

_BLOCKS = {1: "rnn", 3: "gru", 4: "lstm"}
MODULES = {"rnn": "nn.RNN", "gru": "nn.GRU", "lstm": "nn.LSTM"}


@dataclass(frozen=True)
class Module:
    """A recurrent module of PyTorch.

    Attributes
    ----------
    prefix : str
        What its names begin with, such as ``rnn.``.
    cell : str
        ``rnn``, ``gru`` or ``lstm``. Of an ``rnn`` the nonlinearity cannot be seen.
    layers, inputs, hidden : int
        Depth and widths.
    projection : int or None
        Width of the projected output of an LSTM (`proj_size`).
    bidirectional, bias : bool
        Whether there are weights of the way back, and biases.
    """

    prefix: str
    cell: str
    layers: int
    inputs: int
    hidden: int
    projection: int | None
    bidirectional: bool
    bias: bool

    @property
    def width(self) -> int:
        """Width of its output."""
        return (self.projection or self.hidden) * (2 if self.bidirectional else 1)

    def __str__(self) -> str:
        wide = f"{self.hidden} wide" + (f", projected to {self.projection}" if self.projection else "")
        both = ", bidirectional" if self.bidirectional else ""
        bare = "" if self.bias else ", without biases"
        depth = f"{self.layers} layer{'s' if self.layers > 1 else ''}"
        return f"{MODULES[self.cell]}, {depth}, {wide}, inputs {self.inputs}{both}{bare}"


def module_of(prefix: str, names: Mapping[tuple[str, int, bool], str], shapes: Shapes) -> Module | str:
    """Return the module that these are the weights of, or what is wrong with them."""
    first, recurrent = names.get(("weight_ih", 0, False)), names.get(("weight_hh", 0, False))
    if first is None or recurrent is None:
        return f"{prefix}weight_{'ih' if first is None else 'hh'}_l0 is missing"
    for name in names.values():
        rank = 1 if "bias_" in name[len(prefix) :] else 2
        if len(shapes[name]) != rank or not all(shapes[name]):
            return f"{name} is {by(shapes[name])}, where {rank} sizes were expected"
    rows, columns = shapes[recurrent]
    projected = names.get(("weight_hr", 0, False))
    hidden = shapes[projected][1] if projected else columns
    blocks = rows // hidden
    if rows % hidden or blocks not in _BLOCKS or (projected and blocks != 4):
        allowed = "4 (an LSTM with proj_size)" if projected else "1 (RNN), 3 (GRU) or 4 (LSTM)"
        return f"{recurrent} is {rows} x {columns}: its rows must be {allowed} times the {hidden} units"
    module = Module(
        prefix, _BLOCKS[blocks], 1 + max(layer for _, layer, _ in names), shapes[first][1], hidden,
        shapes[projected][0] if projected else None, any(back for *_, back in names),
        any(kind.startswith("bias") for kind, *_ in names),
    )  # fmt: skip
    return _misfit(module, names, shapes) or module


def expected(module: Module) -> dict[str, tuple[int, ...]]:
    """Return the name and shape of every weight that a module has."""
    blocks = next(blocks for blocks, cell in _BLOCKS.items() if cell == module.cell)
    G, P = blocks * module.hidden, module.projection or module.hidden
    shapes: dict[str, tuple[int, ...]] = {}
    for layer in range(module.layers):
        for back in ("", "_reverse") if module.bidirectional else ("",):
            end = f"_l{layer}{back}"
            shapes[f"{module.prefix}weight_ih{end}"] = (G, module.width if layer else module.inputs)
            shapes[f"{module.prefix}weight_hh{end}"] = (G, P)
            if module.bias:
                shapes[f"{module.prefix}bias_ih{end}"] = (G,)
                shapes[f"{module.prefix}bias_hh{end}"] = (G,)
            if module.projection:
                shapes[f"{module.prefix}weight_hr{end}"] = (P, module.hidden)
    return shapes


def _misfit(module: Module, names: Mapping[tuple[str, int, bool], str], shapes: Shapes) -> str | None:
    if module.layers > len(names):
        return f"of {module.layers} layers of {module.prefix or 'the module'}, some are missing"
    wanted = expected(module)
    for name, shape in wanted.items():
        if name not in shapes:
            return f"{name} ({by(shape)}) is missing, which {module} has"
        if shapes[name] != shape:
            return f"{name} is {by(shapes[name])}, where {module} has {by(shape)}"
    surplus = next((name for name in names.values() if name not in wanted), None)
    return f"{surplus} has no place in {module}" if surplus else None
