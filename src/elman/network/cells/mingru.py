"""The minimal gated recurrent unit whose gates are of the input alone."""

from __future__ import annotations

import numpy as np

from elman.network.cells.activations import halved_sigmoid
from elman.network.cells.base import State
from elman.network.cells.scanned import ScanCell
from elman.typing import Floats


class MinGRU(ScanCell):
    """Minimal gated recurrent unit without recurrent products; gate blocks in the order z, n.

    .. math::

        z &= \\sigma(x_t U_z + b_z), \\qquad n = x_t U_n + b_n \\\\
        h_t &= (1 - z) \\odot h_{t-1} + z \\odot n

    This is the plain one of the paper. Its other form, whose candidate passes through a positive function, is
    for a scan in logarithms, which a loop over elementwise steps has no need of.

    Per step, row and hidden unit it keeps 2 gates and 1 state: 12 bytes in float32. A step is two operations
    forward and two backward.

    References
    ----------
    Feng, L., Tung, F., Ahmed, M. O., Bengio, Y. & Hajimirsadeghi, H. (2024). Were RNNs all we needed?
    arXiv:2410.01201.
    """

    name = "mingru"
    gates = 2
    sigmoids = 1
    linear = True

    def begin(self, a: Floats, keep: Floats, work: Floats, p: Floats) -> None:
        z, n = a
        halved_sigmoid(z)
        np.multiply(z, n, out=work[0])
        np.subtract(1.0, z, out=n)

    def spread(self, a: Floats, prev: State, new: State, keep: Floats, work: Floats, p: Floats) -> None:
        # a[1] holds 1 - z. The candidate is not needed: z (n - h_prev) = h - h_prev
        (da_z, da_n), dh = a, work[0]
        np.subtract(new[0], prev[0], out=da_z)
        np.multiply(da_z, da_n, out=da_z)
        np.multiply(da_z, dh, out=da_z)
        np.subtract(1.0, da_n, out=da_n)
        np.multiply(da_n, dh, out=da_n)
