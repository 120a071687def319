"""The simple recurrent unit, with its highway connection."""

from __future__ import annotations

import numpy as np

from elman.network.cells.activations import halved_sigmoid
from elman.network.cells.base import State
from elman.network.cells.lstm import LSTMState
from elman.network.cells.scanned import ScanCell
from elman.typing import Floats


class SRU(ScanCell):
    """Simple recurrent unit; gate blocks in the order f, r, n.

    .. math::

        f &= \\sigma(x_t U_f + p_f \\odot c_{t-1} + b_f), \\qquad
        r = \\sigma(x_t U_r + p_r \\odot c_{t-1} + b_r) \\\\
        c_t &= f \\odot c_{t-1} + (1 - f) \\odot (x_t U_n + b_n) \\\\
        h_t &= r \\odot c_t + (1 - r) \\odot s, \\qquad s = x_t \\;\\text{or}\\; x_t U_{skip}

    The gates see the memory cell through weights ``p`` of shape ``(2, H)``, called `v` in the paper, in the
    rows f, r. The highway's `s` is the input itself where that is as wide as the layer, and else its
    product with ``U_skip``, ``(D, H)``. No step reads the ``h`` of the one before.

    Per step, row and hidden unit it keeps 3 gates, `s` and 2 states: 24 bytes in float32. A step is eight
    operations forward, for the forget gate waits for the memory, and two backward.

    References
    ----------
    Lei, T., Zhang, Y., Wang, S. I., Dai, H. & Artzi, Y. (2018). Simple recurrent units for highly
    parallelizable recurrence. *EMNLP*. arXiv:1709.02755.
    """

    name = "sru"
    gates = 3
    sigmoids = 2
    sees = ((0, "c_prev"), (1, "c_prev"))
    direct = False
    carried = "c"
    passes = skip = True
    keeps = 1
    scratch = 4
    state_type = LSTMState

    def step(self, a: Floats, prev: State, new: State, work: Floats, p: Floats) -> None:
        f, c_prev, c, seen = a[0], prev[1], new[1], work[0]
        np.multiply(c_prev, p[0], seen)
        np.add(f, seen, f)
        np.tanh(f, f)
        np.multiply(f, 0.5, f)
        np.add(f, 0.5, f)
        np.subtract(c_prev, a[2], c)  # c = n + f (c_prev - n)
        np.multiply(c, f, c)
        np.add(c, a[2], c)

    def finish(self, a: Floats, prev: State, new: State, keep: Floats, work: Floats, p: Floats) -> None:
        r, s, (h, c), seen = a[1], keep[0], new, work[0]
        np.multiply(prev[1], p[1], out=seen)
        np.add(r, seen, out=r)
        halved_sigmoid(r)
        np.subtract(c, s, out=h)  # h = s + r (c - s)
        np.multiply(h, r, out=h)
        np.add(h, s, out=h)

    def gather(
        self, a: Floats, dh: Floats, prev: State, new: State, keep: Floats, work: Floats, p: Floats
    ) -> None:
        (f, r, n), s, c_prev, c = a, keep[0], prev[1], new[1]
        by_c, by_prev, by_f, by_n = work
        np.multiply(dh, r, out=by_c)
        np.subtract(c, s, out=by_prev)
        np.subtract(1.0, r, out=r)
        np.multiply(dh, r, out=s)  # the derivative by s
        np.multiply(r, by_prev, out=r)
        np.multiply(r, by_c, out=r)  # by the pre-activation of r
        np.multiply(r, p[1], out=by_prev)
        np.subtract(1.0, f, out=by_n)  # dc/dn
        np.subtract(c_prev, n, out=by_f)
        np.multiply(by_f, f, out=by_f)
        np.multiply(by_f, by_n, out=by_f)  # dc/df (pre-activation)
        np.multiply(by_f, p[0], out=n)
        np.add(n, f, out=n)  # dc/dc_prev

    def spread(self, a: Floats, prev: State, new: State, keep: Floats, work: Floats, p: Floats) -> None:
        dc, _, by_f, by_n = work
        np.multiply(by_f, dc, out=a[0])
        np.multiply(by_n, dc, out=a[2])
