"""Connections in depth, ready for single steps."""

from __future__ import annotations

import numpy as np

from elman.decoding.layout import Product, with_ones
from elman.network.connections import Connection, Highway
from elman.typing import Floats, Params


class DecodedJoin:
    """What joins a layer's input to its output in single steps.

    Parameters
    ----------
    joint : Connection
        The connection.
    params : dict
        Of the model.
    rows : int
        Rows, ``B``.
    """

    def __init__(self, joint: Connection, params: Params, rows: int) -> None:
        self._width = H = joint.width
        self._y1 = with_ones(rows, H, joint.dtype)
        self._y = self._y1[:, :H]
        self._transfer: Product | None = None
        if isinstance(joint, Highway):
            self._t = np.empty((1, rows, H), joint.dtype)
            T, b = params[f"{joint.name}.T"], params[f"{joint.name}.b_T"]
            # Halved, so that the logistic function is a tanh, as everywhere.
            self._transfer = Product(0.5 * np.concatenate([T, b[None]])[None], rows, self._t)

    def __call__(self, x1: Floats, h1: Floats) -> Floats:
        """Join input and output ``(B, H + 1)``, which end with a one; return such a one."""
        x, h, y = x1[:, : self._width], h1[:, : self._width], self._y
        if self._transfer is None:
            np.add(h, x, out=y)
            return self._y1
        t = self._t[0]
        self._transfer(x1)
        np.tanh(t, out=t)
        np.multiply(t, 0.5, out=t)
        np.add(t, 0.5, out=t)
        np.subtract(h, x, out=y)
        np.multiply(y, t, out=y)
        np.add(y, x, out=y)
        return self._y1
