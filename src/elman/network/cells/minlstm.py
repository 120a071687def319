"""The minimal long short-term memory whose gates are of the input alone."""

from __future__ import annotations

import numpy as np

from elman.network.cells.base import State
from elman.network.cells.scanned import ScanCell
from elman.typing import Floats

MOST = 80.0
"""Gates are those of pre-activations from -80 on, where they are 2e-35: below, both might become 0, and the
share of either 0 / 0."""


class MinLSTM(ScanCell):
    """Minimal long short-term memory without recurrent products; gate blocks in the order f, i, n.

    .. math::

        f, i &= \\sigma(x_t U_{f,i} + b_{f,i}), \\qquad n = x_t U_n + b_n \\\\
        h_t &= \\frac{f}{f + i} \\odot h_{t-1} + \\frac{i}{f + i} \\odot n

    This is the plain one of the paper, whose two gates are shares of one whole. Its other form, whose
    candidate passes through a positive function, is for a scan in logarithms, which a loop over elementwise
    steps has no need of. The shares are exact to the rounding of their type also where both gates are nearly
    shut: the logistic functions are taken through the exponential, and not through ``tanh``.

    Per step, row and hidden unit it keeps 3 gates and 1 state: 16 bytes in float32. A step is two operations
    forward and two backward.

    References
    ----------
    Feng, L., Tung, F., Ahmed, M. O., Bengio, Y. & Hajimirsadeghi, H. (2024). Were RNNs all we needed?
    arXiv:2410.01201.
    """

    name = "minlstm"
    gates = 3
    sigmoids = 2
    forget = 0
    linear = True
    scratch = 2

    def begin(self, a: Floats, keep: Floats, work: Floats, p: Floats) -> None:
        (f, i, n), both, (added, whole) = a, a[:2], work
        np.multiply(both, -2.0, out=both)  # they come halved
        np.minimum(both, MOST, out=both)
        np.exp(both, out=both)
        np.add(both, 1.0, out=both)
        np.divide(1.0, both, out=both)
        np.add(f, i, out=whole)
        np.multiply(i, n, out=added)
        np.divide(added, whole, out=added)
        np.divide(f, whole, out=n)

    def spread(self, a: Floats, prev: State, new: State, keep: Floats, work: Floats, p: Floats) -> None:
        # a[:2] holds f and i, a[2] the share of f. The candidate is not needed, see MinGRU
        (f, i, share), both, (dh, by_gate) = a, a[:2], work
        np.subtract(new[0], prev[0], out=by_gate)
        np.multiply(by_gate, share, out=by_gate)
        np.multiply(by_gate, dh, out=by_gate)
        np.subtract(f, 1.0, out=f)
        np.subtract(1.0, i, out=i)
        np.multiply(both, by_gate, out=both)
        np.subtract(1.0, share, out=share)
        np.multiply(share, dh, out=share)
