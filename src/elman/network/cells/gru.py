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

    def backward(self, a: Floats, d: State, prev: State, new: State, keep: Floats, work: Floats) -> None:
        rz, (reset, z, n), dh, product = a[:2], a, d[0], keep[0]
        by_gate, slope, dn = work[:2], work[2:], work[2]
        np.subtract(prev[0], n, out=by_gate[1])
        np.multiply(by_gate[1], dh, out=by_gate[1])  # by z
        np.subtract(1.0, z, out=dn)
        np.multiply(dn, dh, out=dn)  # by n
        np.multiply(dh, z, out=dh)  # by h_prev, past the candidate
        np.multiply(n, n, out=n)
        np.subtract(1.0, n, out=n)
        np.multiply(n, dn, out=n)  # by the candidate's pre-activation
        np.multiply(n, product, out=by_gate[0])  # by r
        np.multiply(n, reset, out=product)  # by the gated product
        np.multiply(rz, rz, out=slope)
        np.subtract(rz, slope, out=slope)  # s (1 - s)
        np.multiply(by_gate, slope, out=rz)
