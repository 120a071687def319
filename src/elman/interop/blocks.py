"""Gate blocks of our cells as other frameworks have them."""

from __future__ import annotations

from collections.abc import Sequence

from elman.typing import Floats

REWRITTEN = {"mgu": "gru", "lstm-coupled": "lstm"}
"""Cells that no other framework has, and the cell that computes the same with other weights."""


def in_order(cell: str, array: Floats, order: Sequence[int]) -> list[Floats]:
    """Return the gate blocks of ``U``, ``W`` or ``b`` in the order of another framework.

    A minimal gated unit is a GRU whose reset is the gate f and whose update is 1 - f; of an LSTM with coupled
    gates the forget gate is 1 - i. Since 1 - sigmoid(a) = sigmoid(-a), these are negated weights.

    Parameters
    ----------
    cell : str
        The model's.
    array : ndarray, shape (G, ...)
        Its blocks.
    order : sequence of int
        Their position of each block of the cell, or of that in `REWRITTEN`.

    Returns
    -------
    list of ndarray

    Examples
    --------
    >>> import numpy as np
    >>> np.stack(in_order("lstm-coupled", np.array([1.0, 2.0, 3.0]), (0, 1, 3, 2)))  # i, o, g as i, f, g, o
    array([ 1., -1.,  3.,  2.])
    """
    if cell == "mgu":
        f, n = array
        blocks = [f, -f, n]
    elif cell == "lstm-coupled":
        i, o, g = array
        blocks = [i, -i, o, g]
    else:
        blocks = list(array)
    return [blocks[order.index(place)] for place in range(len(order))]
