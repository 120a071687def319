"""The independently recurrent network: a unit hears of itself alone."""

from __future__ import annotations

import numpy as np

from elman.network.cells.base import State
from elman.network.cells.scanned import ScanCell
from elman.typing import Floats


class IndRNN(ScanCell):
    """Independently recurrent network with the rectifier.

    .. math:: h_t = \\max(0,\\; x_t U + p \\odot h_{t-1} + b)

    The recurrent weights ``p`` are one a unit, of shape ``(1, H)``; they begin between 0 and 1, and are not
    bounded. Layers are to be set one upon another, since within one no unit hears of the others. The
    derivative at exactly zero is taken as zero.

    Per step, row and hidden unit it keeps 1 gate and 1 state: 8 bytes in float32. A step is three operations
    forward and two backward.

    References
    ----------
    Li, S., Li, W., Cook, C., Zhu, C. & Gao, Y. (2018). Independently recurrent neural network (IndRNN):
    building a longer and deeper RNN. *CVPR*. arXiv:1803.04831.
    """

    name = "indrnn"
    gates = 1
    sees = ((0, "h_prev"),)
    span = (0.0, 1.0)
    scratch = 2

    def step(self, a: Floats, prev: State, new: State, work: Floats, p: Floats) -> None:
        h = new[0]
        np.multiply(prev[0], p[0], h)
        np.add(h, a[0], h)
        np.maximum(h, 0.0, out=h)

    def gather(
        self, a: Floats, dh: Floats, prev: State, new: State, keep: Floats, work: Floats, p: Floats
    ) -> None:
        np.copyto(work[0], dh)
        np.sign(new[0], out=work[1])  # h is never negative: 1 where it passed, 0 where it did not
        np.multiply(work[1], p[0], out=a[0])

    def spread(self, a: Floats, prev: State, new: State, keep: Floats, work: Floats, p: Floats) -> None:
        np.multiply(work[1], work[0], out=a[0])
