"""The simple recurrent network with any activation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from elman.network.cells.activations import Activation
from elman.network.cells.base import State
from elman.network.cells.general import General
from elman.typing import Floats


class GeneralRNN(General):
    """Simple recurrent network with any activation, and with a bound on what goes into it.

    .. math:: h_t = f(\\mathrm{clip}(x_t U + h_{t-1} W + b))

    Per step, row and hidden unit it keeps the pre-activation and 1 state: 8 bytes in float32.

    Parameters
    ----------
    activations : sequence of Activation
        One: f.
    clip : float, optional
        Pre-activations are bounded to ``[-clip, clip]``. As in ONNX.
    """

    gates = 1

    def __init__(self, activations: Sequence[Activation], clip: float | None = None) -> None:
        super().__init__("rnn", activations, clip)
        self._f = self.squash(0)

    def forward(self, a: Floats, r: Floats, prev: State, new: State, keep: Floats, work: Floats) -> None:
        np.add(a, r, out=a)
        np.copyto(new[0], a[0])
        self._f.forward(new[0], a[0])

    def slopes(self, a: Floats, prev: State, new: State, keep: Floats, work: Floats) -> None:
        self._f.slope(new[0], a[0], work[0])
        np.copyto(a[0], work[0])

    def backward(self, a: Floats, d: State, prev: State, new: State, keep: Floats, work: Floats) -> None:
        np.multiply(a[0], d[0], out=a[0])
