"""The gated recurrent unit, reset after the product."""

from __future__ import annotations

import numpy as np

from elman.network.cells.base import Cell, State
from elman.typing import Floats


class GRU(Cell):
    """Gated recurrent unit as cuDNN and PyTorch compute it; gate blocks in the order r, z, n.

    .. math::

        r, z &= \\sigma(x_t U_{r,z} + h_{t-1} W_{r,z} + b_{r,z}) \\\\
        n &= \\tanh(x_t U_n + b_n + r \\odot (h_{t-1} W_n + b_{candidate})) \\\\
        h_t &= (1 - z) \\odot n + z \\odot h_{t-1}

    The reset gate acts after the recurrent product, so that one product serves all gates; Cho et al.
    apply it before. ``b_candidate``, of shape ``(H,)``, is the bias inside the reset.

    Per step, row and hidden unit it keeps 3 gates, the gated product and 1 state: 20 bytes in float32.

    References
    ----------
    Cho, K. et al. (2014). Learning phrase representations using RNN encoder-decoder for statistical
    machine translation. arXiv:1406.1078.
    """

    name = "gru"
    gates = 3
    sigmoids = 2
    gated = True
    gated_bias = True
    direct = True
    keeps = 1
    scratch = 4

    def forward(self, a: Floats, r: Floats, prev: State, new: State, keep: Floats, work: Floats) -> None:
        rz, (reset, z, n), h_prev, h = a[:2], a, prev[0], new[0]
        np.add(rz, r[:2], out=rz)
        np.tanh(rz, out=rz)
        np.multiply(rz, 0.5, out=rz)
        np.add(rz, 0.5, out=rz)
        np.multiply(reset, keep[0], out=work[0])
        np.add(n, work[0], out=n)
        np.tanh(n, out=n)
        np.subtract(h_prev, n, out=h)  # h = n + z (h_prev - n)
        np.multiply(h, z, out=h)
        np.add(h, n, out=h)

    def slopes(self, a: Floats, prev: State, new: State, keep: Floats, work: Floats) -> None:
        (reset, z, n), product = a, keep[0]
        update, slope, spare = work[0], work[1:3], work[3]
        np.copyto(update, z)
        np.multiply(a[:2], a[:2], out=slope)
        np.subtract(a[:2], slope, out=slope)  # s (1 - s)
        np.subtract(prev[0], n, out=spare)
        np.multiply(slope[1], spare, out=z)
        np.multiply(n, n, out=n)
        np.subtract(1.0, n, out=n)
        np.subtract(1.0, update, out=spare)
        np.multiply(n, spare, out=n)
        np.multiply(slope[0], product, out=slope[0])
        np.multiply(n, reset, out=product)
        np.multiply(slope[0], n, out=reset)

    def backward(self, a: Floats, d: State, prev: State, new: State, keep: Floats, work: Floats) -> None:
        # a holds dh/dr, dh/dz, dh/dn (pre-activations), keep[0] that by the gated product, work[0] the gate z
        dh, product = d[0], keep[0]
        np.multiply(a, dh, out=a)
        np.multiply(product, dh, out=product)
        np.multiply(dh, work[0], out=dh)
