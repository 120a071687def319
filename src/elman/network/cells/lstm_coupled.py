"""Long short-term memory that forgets as much as it takes in."""

from __future__ import annotations

import numpy as np

from elman.network.cells.base import Cell, State
from elman.network.cells.lstm import LSTMState
from elman.typing import Floats


class CoupledLSTM(Cell):
    """Long short-term memory with one gate for input and forgetting; gate blocks in the order i, o, g.

    .. math::

        i, o &= \\sigma(x_t U_{i,o} + h_{t-1} W_{i,o} + b_{i,o}) \\\\
        g &= \\tanh(x_t U_g + h_{t-1} W_g + b_g) \\\\
        c_t &= (1 - i) \\odot c_{t-1} + i \\odot g, \\qquad h_t = o \\odot \\tanh(c_t)

    The forget gate is :math:`f = 1 - i`, and has no weights of its own: a quarter fewer than in
    :class:`~elman.network.cells.lstm.LSTM`.

    Per step, row and hidden unit it keeps 3 gates, ``tanh(c)`` and 2 states: 24 bytes in float32.

    References
    ----------
    Greff, K., Srivastava, R. K., Koutnik, J., Steunebrink, B. R. & Schmidhuber, J. (2017). LSTM: a search
    space odyssey. *IEEE Transactions on Neural Networks and Learning Systems* 28, 2222-2232 (there CIFG).
    arXiv:1503.04069.
    """

    name = "lstm-coupled"
    gates = 3
    sigmoids = 2
    keeps = 1
    scratch = 3
    state_type = LSTMState

    def forward(self, a: Floats, r: Floats, prev: State, new: State, keep: Floats, work: Floats) -> None:
        (_, c_prev), (h, c), tanh_c = prev, new, keep[0]
        np.add(a, r, out=a)
        np.tanh(a, out=a)
        io = a[:2]
        np.multiply(io, 0.5, out=io)
        np.add(io, 0.5, out=io)
        i, o, g = a
        np.subtract(g, c_prev, out=c)  # c = c_prev + i (g - c_prev)
        np.multiply(c, i, out=c)
        np.add(c, c_prev, out=c)
        np.tanh(c, out=tanh_c)
        np.multiply(o, tanh_c, out=h)

    def slopes(self, a: Floats, prev: State, new: State, keep: Floats, work: Floats) -> None:
        i, o, g = a
        c_prev, tanh_c = prev[1], keep[0]
        io, by_gate, forget = a[:2], work[:2], work[2]
        np.multiply(io, io, out=by_gate)
        np.subtract(io, by_gate, out=by_gate)  # s (1 - s)
        np.subtract(g, c_prev, out=forget)
        np.multiply(by_gate[0], forget, out=by_gate[0])  # what the gate lets in, and what it thereby forgets
        np.multiply(by_gate[1], tanh_c, out=by_gate[1])
        np.subtract(1.0, i, out=forget)
        np.multiply(g, g, out=g)
        np.subtract(1.0, g, out=g)
        np.multiply(g, i, out=g)
        np.multiply(tanh_c, tanh_c, out=tanh_c)
        np.subtract(1.0, tanh_c, out=tanh_c)
        np.multiply(tanh_c, o, out=tanh_c)
        np.copyto(io, by_gate)

    def backward(self, a: Floats, d: State, prev: State, new: State, keep: Floats, work: Floats) -> None:
        # a holds dc/di, dh/do, dc/dg (pre-activations), keep[0] dh/dc, work[2] is 1 - i
        (dh, dc), through_h, (i, o, g) = d, work[0], a
        np.multiply(dh, keep[0], out=through_h)
        np.add(dc, through_h, out=dc)
        np.multiply(i, dc, out=i)
        np.multiply(o, dh, out=o)
        np.multiply(g, dc, out=g)
        np.multiply(dc, work[2], out=dc)
