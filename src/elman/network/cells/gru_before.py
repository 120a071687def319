"""The gated recurrent unit as it was published, reset before the product."""

from __future__ import annotations

import numpy as np

from elman.network.cells.base import Cell, State
from elman.typing import Floats


class GRUBefore(Cell):
    """Gated recurrent unit of Cho et al., reset before the product; gate blocks in the order r, z, n.

    .. math::

        r, z &= \\sigma(x_t U_{r,z} + h_{t-1} W_{r,z} + b_{r,z}) \\\\
        n &= \\tanh(x_t U_n + (r \\odot h_{t-1}) W_n + b_n) \\\\
        h_t &= (1 - z) \\odot n + z \\odot h_{t-1}

    The candidate's product waits for the reset gate: two products a step, one after the other, where
    :class:`~elman.network.cells.gru.GRU` has one. Keras calls it ``reset_after=False``, ONNX
    ``linear_before_reset=0``.

    Per step, row and hidden unit it keeps 3 gates, ``r h`` and 1 state: 20 bytes in float32.

    References
    ----------
    Cho, K. et al. (2014). Learning phrase representations using RNN encoder-decoder for statistical
    machine translation. arXiv:1406.1078.
    """

    name = "gru-before"
    gates = 3
    sigmoids = 2
    staged = True
    direct = True
    keeps = 1
    scratch = 4

    def prepare(self, a: Floats, r: Floats, prev: State, keep: Floats, work: Floats) -> None:
        rz = a[:2]
        np.add(rz, r[:2], out=rz)
        np.tanh(rz, out=rz)
        np.multiply(rz, 0.5, out=rz)
        np.add(rz, 0.5, out=rz)
        np.multiply(a[0], prev[0], out=keep[0])

    def forward(self, a: Floats, r: Floats, prev: State, new: State, keep: Floats, work: Floats) -> None:
        z, n, h_prev, h = a[1], a[2], prev[0], new[0]
        np.add(n, r[2], out=n)
        np.tanh(n, out=n)
        np.subtract(h_prev, n, out=h)  # h = n + z (h_prev - n)
        np.multiply(h, z, out=h)
        np.add(h, n, out=h)

    def slopes(self, a: Floats, prev: State, new: State, keep: Floats, work: Floats) -> None:
        (_, z, n), h_prev, rz, slope, spare = a, prev[0], work[:2], work[2:], work[2]
        np.copyto(rz, a[:2])
        np.multiply(rz, rz, out=slope)
        np.subtract(rz, slope, out=a[:2])  # s (1 - s)
        np.multiply(a[0], h_prev, out=a[0])
        np.subtract(h_prev, n, out=spare)
        np.multiply(z, spare, out=z)
        np.multiply(n, n, out=n)
        np.subtract(1.0, n, out=n)
        np.subtract(1.0, rz[1], out=spare)
        np.multiply(n, spare, out=n)

    def backward(self, a: Floats, d: State, prev: State, new: State, keep: Floats, work: Floats) -> None:
        # a holds d(r h)/dr, dh/dz, dh/dn (pre-activations), work[:2] the gates r and z
        dh, zn = d[0], a[1:]
        np.multiply(zn, dh, out=zn)
        np.multiply(dh, work[1], out=dh)

    def unstage(self, a: Floats, d: State, dk: Floats, prev: State, keep: Floats, work: Floats) -> None:
        dh = d[0]
        np.multiply(a[0], dk, out=a[0])
        np.multiply(dk, work[0], out=dk)
        np.add(dh, dk, out=dh)
