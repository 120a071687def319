"""The simple recurrent network of Elman (1990)."""

from __future__ import annotations

import numpy as np

from elman.network.cells.base import Cell, State
from elman.typing import Floats


class RNN(Cell):
    """Simple recurrent network with ``tanh``.

    .. math:: h_t = \\tanh(x_t U + h_{t-1} W + b)

    The gate block is the new state itself. Per step, row and hidden unit it keeps 1 gate and 1 state:
    8 bytes in float32.

    References
    ----------
    Elman, J. L. (1990). Finding structure in time. *Cognitive Science* 14, 179-211.
    """

    name = "rnn"
    gates = 1

    def forward(self, a: Floats, r: Floats, prev: State, new: State, keep: Floats, work: Floats) -> None:
        np.add(a, r, out=a)
        np.tanh(a[0], out=new[0])

    def slopes(self, a: Floats, prev: State, new: State, keep: Floats, work: Floats) -> None:
        np.multiply(new[0], new[0], out=a[0])
        np.subtract(1.0, a[0], out=a[0])  # tanh' = 1 - h^2

    def backward(self, a: Floats, d: State, prev: State, new: State, keep: Floats, work: Floats) -> None:
        np.multiply(a[0], d[0], out=a[0])


class ReluRNN(RNN):
    """Simple recurrent network with the rectifier, for identity-initialised ``W``.

    .. math:: h_t = \\max(0,\\; x_t U + h_{t-1} W + b)

    Per step, row and hidden unit it keeps what :class:`RNN` keeps: 8 bytes in float32. The derivative
    at exactly zero is taken as zero.

    References
    ----------
    Le, Q. V., Jaitly, N. & Hinton, G. E. (2015). A simple way to initialize recurrent networks of
    rectified linear units. arXiv:1504.00941.
    """

    name = "rnn-relu"

    def forward(self, a: Floats, r: Floats, prev: State, new: State, keep: Floats, work: Floats) -> None:
        np.add(a, r, out=a)
        np.maximum(a[0], 0.0, out=new[0])

    def slopes(self, a: Floats, prev: State, new: State, keep: Floats, work: Floats) -> None:
        np.sign(new[0], out=a[0])  # h is never negative: 1 where it passed, 0 where it did not
