"""Long short-term memory."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from elman.network.cells.base import Cell, State
from elman.typing import Floats


class LSTMState(NamedTuple):
    """The state of an LSTM layer.

    Attributes
    ----------
    h : ndarray of shape (B, H)
        Hidden state, the layer's output.
    c : ndarray of shape (B, H)
        Memory cell.
    """

    h: Floats
    c: Floats


class LSTM(Cell):
    """Long short-term memory with a forget gate; gate blocks in the order i, f, o, g.

    .. math::

        i, f, o &= \\sigma(x_t U_{i,f,o} + h_{t-1} W_{i,f,o} + b_{i,f,o}) \\\\
        g &= \\tanh(x_t U_g + h_{t-1} W_g + b_g) \\\\
        c_t &= f \\odot c_{t-1} + i \\odot g, \\qquad h_t = o \\odot \\tanh(c_t)

    Per step, row and hidden unit it keeps 4 gates, ``tanh(c)`` and 2 states: 28 bytes in float32.

    References
    ----------
    Hochreiter, S. & Schmidhuber, J. (1997). Long short-term memory. *Neural Computation* 9, 1735-1780.

    Gers, F. A., Schmidhuber, J. & Cummins, F. (2000). Learning to forget. *Neural Computation* 12,
    2451-2471.
    """

    name = "lstm"
    gates = 4
    sigmoids = 3
    keeps = 1
    scratch = 8
    state_type = LSTMState

    def forward(self, a: Floats, r: Floats, prev: State, new: State, keep: Floats, work: Floats) -> None:
        (_, c_prev), (h, c), tanh_c, ig = prev, new, keep[0], work[0]
        np.add(a, r, out=a)
        np.tanh(a, out=a)
        ifo = a[:3]
        np.multiply(ifo, 0.5, out=ifo)
        np.add(ifo, 0.5, out=ifo)
        i, f, o, g = a
        np.multiply(i, g, out=ig)
        np.multiply(f, c_prev, out=c)
        np.add(c, ig, out=c)
        np.tanh(c, out=tanh_c)
        np.multiply(o, tanh_c, out=h)

    def backward(self, a: Floats, d: State, prev: State, new: State, keep: Floats, work: Floats) -> None:
        (i, f, o, g), (dh, dc), c_prev, tanh_c = a, d, prev[1], keep[0]
        by_gate, slope = work[:4], work[4:]
        di, df, do, dg = by_gate
        # slope: s (1 - s) for the sigmoids, 1 - g^2 for tanh
        np.multiply(a, a, out=slope)
        np.subtract(a[:3], slope[:3], out=slope[:3])
        np.subtract(1.0, slope[3], out=slope[3])
        # dc += dh * o * (1 - tanh(c)^2), with di as scratch
        np.multiply(dh, tanh_c, out=do)
        np.multiply(do, tanh_c, out=di)
        np.subtract(dh, di, out=di)
        np.multiply(di, o, out=di)
        np.add(dc, di, out=dc)
        np.multiply(dc, g, out=di)
        np.multiply(dc, i, out=dg)
        np.multiply(dc, c_prev, out=df)
        np.multiply(dc, f, out=dc)
        np.multiply(by_gate, slope, out=a)
