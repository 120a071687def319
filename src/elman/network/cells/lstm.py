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
    forget = 1
    keeps = 1
    scratch = 4
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

    def slopes(self, a: Floats, prev: State, new: State, keep: Floats, work: Floats) -> None:
        i, f, o, g = a
        c_prev, tanh_c = prev[1], keep[0]
        by_gate, forget = work[:3], work[3]
        np.copyto(forget, f)
        ifo = a[:3]
        np.multiply(ifo, ifo, out=by_gate)
        np.subtract(ifo, by_gate, out=by_gate)  # s (1 - s)
        np.multiply(by_gate[0], g, out=by_gate[0])
        np.multiply(by_gate[1], c_prev, out=by_gate[1])
        np.multiply(by_gate[2], tanh_c, out=by_gate[2])
        np.multiply(g, g, out=g)
        np.subtract(1.0, g, out=g)
        np.multiply(g, i, out=g)
        np.multiply(tanh_c, tanh_c, out=tanh_c)
        np.subtract(1.0, tanh_c, out=tanh_c)
        np.multiply(tanh_c, o, out=tanh_c)
        np.copyto(ifo, by_gate)

    def backward(self, a: Floats, d: State, prev: State, new: State, keep: Floats, work: Floats) -> None:
        # a holds dc/di, dc/df, dh/do, dc/dg (pre-activations), keep[0] dh/dc, work[3] the forget gate
        (dh, dc), through_h = d, work[0]
        np.multiply(dh, keep[0], out=through_h)
        np.add(dc, through_h, out=dc)
        np.multiply(a[:2], dc, out=a[:2])
        np.multiply(a[2], dh, out=a[2])
        np.multiply(a[3], dc, out=a[3])
        np.multiply(dc, work[3], out=dc)
