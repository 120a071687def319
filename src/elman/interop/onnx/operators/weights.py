"""Weights of RNN, LSTM and GRU nodes, in the order and the letters of the house."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from elman.errors import DataError
from elman.interop.onnx.operators.activations import read_activations
from elman.interop.onnx.operators.node import Node, Value
from elman.network.cells import Cell
from elman.network.cells.variants import cell_of
from elman.typing import Floats, Params


class Family(NamedTuple):
    """A kind of recurrence, as ONNX has it."""

    name: str
    gates: int  # blocks of its weights
    usual: tuple[str, ...]  # activations, if none are named
    states: int


class Weights(NamedTuple):
    """Parameters of the layer of each direction, and the values they were made of."""

    params: list[Params]
    given: tuple[Value | None, ...]


def cells_of(node: Node, family: Family, directions: int) -> list[Cell]:
    """Return the cell of each direction, as the attributes of a node describe it."""
    clip = node.number("clip", math.inf)
    if not clip > 0:
        raise DataError(f"clip must be above 0, not {clip}")
    lstm = family.name == "lstm"
    return [
        cell_of(
            family.name,
            activations=activations,
            peepholes=lstm and node.given(7),
            coupled=lstm and node.switch("input_forget"),
            clip=None if math.isinf(clip) else clip,
            before=family.name == "gru" and not _after(node),
        )
        for activations in read_activations(node, family.usual, directions)
    ]


def _after(node: Node) -> bool:
    """Tell whether the reset gate of a GRU acts after the product: any number but 0 says so."""
    return node.integer("linear_before_reset", 0) != 0


def layer_params(
    family: Family, cell: Cell, w: Floats | None, r: Floats | None, b: Floats | None, p: Floats | None
) -> Params:
    """Return the parameters of a layer, named ``layer``, from the weights of one direction.

    ONNX has the gates of an LSTM in the order i, o, f, c, and those of a GRU as z, r, h; a row of its weights
    is a column of ours. Of its two biases, Wb and Rb, the sum is ours, except where the product that Rb
    belongs to passes a gate.

    Parameters
    ----------
    family : Family
        Which of the orders it is.
    cell : Cell
        Of the layer.
    w, r : ndarray of shape (G H, D) and (G H, H)
        Weights.
    b : ndarray of shape (2 G H,), optional
        Biases.
    p : ndarray of shape (3 H,), optional
        Peepholes, in the order i, o, f.
    """
    assert w is not None
    assert r is not None
    order = _order(family, cell)
    hidden = r.shape[1]
    blocks = {
        letter: np.ascontiguousarray(
            weights.reshape(family.gates, hidden, weights.shape[1])[order].transpose(0, 2, 1)
        )
        for letter, weights in (("U", w), ("W", r))
    }
    biases = np.zeros((2, family.gates, hidden), r.dtype) if b is None else b.reshape(2, family.gates, hidden)
    from_input, from_state = biases[:, order]
    params = {**blocks, "b": from_input + from_state}
    if cell.gated_bias:
        params["b"][-1] = from_input[-1]
        params["b_candidate"] = np.ascontiguousarray(from_state[-1])
    if cell.peepholes:
        assert p is not None
        # Ours: i, f, o; of a cell whose forget gate is 1 - i: i, o.
        params["p"] = np.ascontiguousarray(p.reshape(3, hidden)[[0, 2, 1] if cell.peepholes == 3 else [0, 1]])
    return {f"layer.{letter}": array for letter, array in params.items()}


def _order(family: Family, cell: Cell) -> list[int]:
    """Return where each of our gate blocks lies in ONNX."""
    if family.name == "lstm":
        return [0, 2, 1, 3] if cell.gates == 4 else [0, 1, 3]  # i f o g, or i o g, of i o f c
    return [1, 0, 2] if family.name == "gru" else [0]  # r z n of z r h
