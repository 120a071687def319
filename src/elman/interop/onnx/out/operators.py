"""Which operator of ONNX computes a cell, and from which of the cell's gate blocks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from elman.errors import ConfigError
from elman.network.cells import GRU, LSTM, MGU, RNN, Cell, CoupledLSTM, GRUBefore, PeepholeLSTM, ReluRNN
from elman.network.cells.activations import Activation
from elman.network.cells.general import General
from elman.network.cells.general_gru import GeneralGRU, GeneralGRUBefore
from elman.network.cells.general_lstm import GeneralLSTM
from elman.network.cells.general_rnn import GeneralRNN

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
    activations : tuple of Activation
        In the operator's order.
    attributes : dict
        Beside those of size, direction and activations.
    peepholes : tuple of (int, float)
        For each peephole of the operator, the row of the cell's ``p``, and a sign.
    note : str
        What was rewritten, for the reader of the card; empty where nothing was.
    """

    kind: str
    blocks: tuple[Block, ...]
    activations: tuple[Activation, ...]
    attributes: dict[str, Any] = field(default_factory=dict)
    peepholes: tuple[Block, ...] = ()
    note: str = ""

    def all_attributes(self, ways: int) -> dict[str, Any]:
        """Return the attributes of an operator with so many directions, but for size and direction.

        Parameters of activations are given in the order in which those that have any stand, also where they
        are the usual ones: of some (Affine, ThresholdedRelu) runtimes have other defaults than ONNX.
        """
        given: dict[str, Any] = {"activations": [_name(act) for act in self.activations] * ways}
        for number, letter in enumerate(("alpha", "beta")):
            values = [act.parameters[number] for act in self.activations if len(act.parameters) > number]
            if values:
                given[f"activation_{letter}"] = values * ways
        return given | self.attributes


def operator_of(cell: Cell) -> Operator:
    """Return the operator that computes a cell.

    Raises
    ------
    ConfigError
        If there is none, as for a cell of one's own.
    """
    known = _OPERATORS.get(
        type(cell)
    )  # not by its name, nor by what it derives from: it may compute anything
    if known is None:
        raise ConfigError(
            f"the cell {cell.name!r} cannot be exported: ONNX has no operator for it; it has for rnn, "
            "rnn-relu, lstm, lstm-peephole, lstm-coupled, gru, gru-before and mgu, and with other activations"
        )
    build, usual = known
    activations = cell.activations if isinstance(cell, General) else tuple(map(Activation.parse, usual))
    operator = build(cell, activations)
    if isinstance(cell, General) and cell.clip is not None:
        operator.attributes["clip"] = cell.clip
    return operator


def _rnn(cell: Cell, activations: tuple[Activation, ...]) -> Operator:
    return Operator("RNN", ((0, 1),), activations)


def _lstm(cell: Cell, activations: tuple[Activation, ...]) -> Operator:
    # Ours are i, f, o, g, or coupled i, o, g; ONNX's blocks i, o, f, c, and its peepholes i, o, f.
    if cell.gates == 4:
        seen: tuple[Block, ...] = ((0, 1), (2, 1), (1, 1))
        return Operator("LSTM", (*seen, (3, 1)), activations, peepholes=seen if cell.peepholes else ())
    if _is_odd_about_half(activations[0]):
        forget, attributes = (0, -1), {}
        note = "the coupled forget gate, 1 - i, is written as a gate of its own: that of the negated weights"
    else:
        forget, attributes, note = (0, 1), {"input_forget": 1}, ""
    seen = ((0, 1), (1, 1), forget)
    return Operator("LSTM", (*seen, (2, 1)), activations, attributes, seen if cell.peepholes else (), note)


def _gru(cell: Cell, activations: tuple[Activation, ...]) -> Operator:
    # Ours are r, z, n; ONNX's z, r, h.
    after = {"linear_before_reset": 0 if cell.staged else 1}
    return Operator("GRU", ((1, 1), (0, 1), (2, 1)), activations, after)


def _mgu(cell: Cell, activations: tuple[Activation, ...]) -> Operator:
    return Operator(
        "GRU", ((0, -1), (0, 1), (1, 1)), activations, {"linear_before_reset": 1},
        note="mgu is written as a GRU whose reset gate is f and whose update gate is 1 - f, that of the "
        "negated weights",
    )  # fmt: skip


_Builder = Callable[[Cell, tuple[Activation, ...]], Operator]
_GATES, _MEMORY = ("sigmoid", "tanh"), ("sigmoid", "tanh", "tanh")
_OPERATORS: dict[type[Cell], tuple[_Builder, tuple[str, ...]]] = {
    RNN: (_rnn, ("tanh",)), ReluRNN: (_rnn, ("relu",)), GeneralRNN: (_rnn, ()),
    LSTM: (_lstm, _MEMORY), PeepholeLSTM: (_lstm, _MEMORY), CoupledLSTM: (_lstm, _MEMORY),
    GeneralLSTM: (_lstm, ()),
    GRU: (_gru, _GATES), GRUBefore: (_gru, _GATES), GeneralGRU: (_gru, ()), GeneralGRUBefore: (_gru, ()),
    MGU: (_mgu, _GATES),
}  # fmt: skip


def _is_odd_about_half(activation: Activation) -> bool:
    """Say whether 1 - f(x) = f(-x), so that a gate and its complement differ by the sign of the weights."""
    lines = activation.name in ("hard-sigmoid", "affine") and activation.parameters[1] == 0.5
    return activation.name == "sigmoid" or lines


def _name(activation: Activation) -> str:
    """Return the specification's name: HardSigmoid for hard-sigmoid."""
    return "".join(word.capitalize() for word in activation.name.split("-"))
