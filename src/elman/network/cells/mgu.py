"""The minimal gated unit, forget gate after the product."""

from __future__ import annotations

import numpy as np

from elman.network.cells.base import Cell, State
from elman.typing import Floats


class MGU(Cell):
    """Minimal gated unit: one gate both forgets and resets; gate blocks in the order f, n.

    .. math::

        f &= \\sigma(x_t U_f + h_{t-1} W_f + b_f) \\\\
        n &= \\tanh(x_t U_n + b_n + f \\odot (h_{t-1} W_n)) \\\\
        h_t &= (1 - f) \\odot h_{t-1} + f \\odot n

    Zhou et al. multiply ``f`` into ``h`` before the product, ``(f h) W_n``; here it acts after, as the
    reset of :class:`~elman.network.cells.gru.GRU` does, so that one product a step serves both blocks.

    Per step, row and hidden unit it keeps 2 gates, the gated product and 1 state: 16 bytes in float32.

    References
    ----------
    Zhou, G.-B., Wu, J., Zhang, C.-L. & Zhou, Z.-H. (2016). Minimal gated unit for recurrent neural
    networks. *International Journal of Automation and Computing* 13, 226-234. arXiv:1603.09420.
    """

    name = "mgu"
    gates = 2
    sigmoids = 1
    gated = True
    direct = True
    keeps = 1
    scratch = 2

    def forward(self, a: Floats, r: Floats, prev: State, new: State, keep: Floats, work: Floats) -> None:
        (f, n), h_prev, h = a, prev[0], new[0]
        np.add(f, r[0], out=f)
        np.tanh(f, out=f)
        np.multiply(f, 0.5, out=f)
        np.add(f, 0.5, out=f)
        np.multiply(f, keep[0], out=work[0])
        np.add(n, work[0], out=n)
        np.tanh(n, out=n)
        np.subtract(n, h_prev, out=h)  # h = h_prev + f (n - h_prev)
        np.multiply(h, f, out=h)
        np.add(h, h_prev, out=h)

    def slopes(self, a: Floats, prev: State, new: State, keep: Floats, work: Floats) -> None:
        (f, n), product = a, keep[0]
        past, spare = work
        np.subtract(n, prev[0], out=past)
        np.multiply(n, n, out=n)
        np.subtract(1.0, n, out=n)
        np.multiply(n, f, out=n)  # dh/dn
        np.multiply(n, product, out=spare)
        np.add(past, spare, out=spare)  # dh/df: where it forgets, and where it resets
        np.multiply(n, f, out=product)
        np.subtract(1.0, f, out=past)
        np.multiply(f, past, out=f)
        np.multiply(f, spare, out=f)

    def backward(self, a: Floats, d: State, prev: State, new: State, keep: Floats, work: Floats) -> None:
        # a holds dh/df, dh/dn (pre-activations), keep[0] that by the gated product, work[0] is 1 - f
        dh, product = d[0], keep[0]
        np.multiply(a, dh, out=a)
        np.multiply(product, dh, out=product)
        np.multiply(dh, work[0], out=dh)
