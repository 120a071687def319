"""Which operator of ONNX computes a cell, and from which of the cell's gate blocks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from elman.errors import ConfigError
from elman.network.cells import Cell

Block = tuple[int, float]
"""A gate block of the cell, by its number, and the sign that it enters with."""


@dataclass(frozen=True)
class Operator:
    """An operator of ONNX, as it stands for a cell.

    Attributes
    ----------
    kind : str
        ``RNN``, ``LSTM`` or ``GRU``.
    blocks : tuple of (int, float)
        For each gate block of the operator, in its order, the block of the cell, and a sign.
    activations : tuple of str
        As the operator lists them, such as ``Sigmoid``.
    attributes : dict
        Beside ``hidden_size``, ``direction`` and ``activations``.
    peepholes : tuple of (int, float)
        For each peephole of the operator, the row of the cell's ``p``, and a sign.
    note : str
        What was rewritten, for the reader of the card; empty where nothing was.
    """

    kind: str
    blocks: tuple[Block, ...]
    activations: tuple[str, ...]
    attributes: dict[str, Any]
    peepholes: tuple[Block, ...] = ()
    note: str = ""


# ONNX orders the blocks of an LSTM i, o, f, c, and those of a GRU z, r, h.
_LSTM = Operator("LSTM", ((0, 1), (2, 1), (1, 1), (3, 1)), ("Sigmoid", "Tanh", "Tanh"), {})
_GRU = Operator("GRU", ((1, 1), (0, 1), (2, 1)), ("Sigmoid", "Tanh"), {"linear_before_reset": 1})

_OPERATORS = {
    "rnn": Operator("RNN", ((0, 1),), ("Tanh",), {}),
    "rnn-relu": Operator("RNN", ((0, 1),), ("Relu",), {}),
    "lstm": _LSTM,
    "gru": _GRU,
    "mgu": replace(
        _GRU,
        blocks=((0, -1), (0, 1), (1, 1)),
        note="mgu is written as a GRU whose reset gate is f and whose update gate is 1 - f: "
        "the sigmoid of the negated weights",
    ),
}


def operator_of(cell: Cell) -> Operator:
    """Return the operator that computes a cell.

    Raises
    ------
    ConfigError
        If there is none, as for a cell of one's own.
    """
    known = _OPERATORS.get(cell.name)
    # A subclass may compute anything, whatever it is called.
    if known is None or not type(cell).__module__.startswith("elman.network.cells"):
        raise ConfigError(
            f"the cell {cell.name!r} cannot be exported: ONNX has no operator for it; "
            f"those that can are {', '.join(_OPERATORS)}"
        )
    return known
