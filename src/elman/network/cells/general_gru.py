"""The gated recurrent unit with any activations, reset after the product or before it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from elman.network.cells.activations import Activation
from elman.network.cells.base import State
from elman.network.cells.general import General
from elman.typing import Floats


class GeneralGRU(General):
    """Gated recurrent unit with any activations, reset after the product; gate blocks in the order r, z, n.

    .. math::

        r, z &= f(\\mathrm{clip}(x_t U_{r,z} + h_{t-1} W_{r,z} + b_{r,z})) \\\\
        n &= g(\\mathrm{clip}(x_t U_n + b_n + r \\odot (h_{t-1} W_n + b_{candidate}))) \\\\
        h_t &= (1 - z) \\odot n + z \\odot h_{t-1}

    Per step, row and hidden unit it keeps 3 gates, the gated product and 1 state, and what went into those
    activations whose slope cannot be read off their value: 20 to 32 bytes in float32.

    Parameters
    ----------
    activations : sequence of Activation
        Two: f of the gates, g of the candidate.
    clip : float, optional
        Pre-activations are bounded to ``[-clip, clip]``, all of them: 32 bytes. As in ONNX.
    """

    family = "gru"
    gates = 3
    gated = True
    gated_bias = True
    direct = True
    scratch = 4

    def __init__(self, activations: Sequence[Activation], clip: float | None = None) -> None:
        super().__init__(self.family, activations, clip)
        halved = self.activations[0].name == "sigmoid"
        self._f, self._g = self.squash(0, halved=halved), self.squash(1)
        self.sigmoids = 2 if halved else 0
        # keep: the gated product or what is multiplied, what went into r and z, what went into n
        first = 1 + 2 * self._f.keeps
        self._of_gates, self._of_n = slice(1, first), slice(first, first + self._g.keeps)
        self.keeps = self._of_n.stop

    def forward(self, a: Floats, r: Floats, prev: State, new: State, keep: Floats, work: Floats) -> None:
        self._open(a, r, keep)
        np.multiply(a[0], keep[0], out=work[0])
        self._renew(a, work[0], prev, new, keep)

    def slopes(self, a: Floats, prev: State, new: State, keep: Floats, work: Floats) -> None:
        (reset, z, n), product, slope, spare = a, keep[0], work[1:3], work[3]
        np.copyto(work[0], z)
        self._f.slope(a[:2], keep[self._of_gates], slope)
        np.subtract(prev[0], n, out=spare)
        np.multiply(slope[1], spare, out=z)
        self._slope_of_n(n, work[0], keep, spare)
        np.multiply(slope[0], product, out=slope[0])
        np.multiply(n, reset, out=product)
        np.multiply(slope[0], n, out=reset)

    def backward(self, a: Floats, d: State, prev: State, new: State, keep: Floats, work: Floats) -> None:
        # a holds dh/dr, dh/dz, dh/dn (pre-activations), keep[0] that by the gated product, work[0] the gate z
        dh, product = d[0], keep[0]
        np.multiply(a, dh, out=a)
        np.multiply(product, dh, out=product)
        np.multiply(dh, work[0], out=dh)

    def _open(self, a: Floats, r: Floats, keep: Floats) -> None:
        """Compute the gates r and z."""
        np.add(a[:2], r[:2], out=a[:2])
        self._f.forward(a[:2], keep[self._of_gates])

    def _renew(self, a: Floats, product: Floats, prev: State, new: State, keep: Floats) -> None:
        """Compute the candidate and the state."""
        (_, z, n), h_prev, h = a, prev[0], new[0]
        np.add(n, product, out=n)
        self._g.forward(a[2:], keep[self._of_n])
        np.subtract(h_prev, n, out=h)  # h = n + z (h_prev - n)
        np.multiply(h, z, out=h)
        np.add(h, n, out=h)

    def _slope_of_n(self, n: Floats, z: Floats, keep: Floats, spare: Floats) -> None:
        """Turn the candidate into dh/dn by its pre-activation."""
        self._g.slope(n[None], keep[self._of_n], spare[None])
        np.subtract(1.0, z, out=n)
        np.multiply(n, spare, out=n)


class GeneralGRUBefore(GeneralGRU):
    """Gated recurrent unit with any activations, reset before the product; gate blocks in the order r, z, n.

    .. math::

        r, z &= f(\\mathrm{clip}(x_t U_{r,z} + h_{t-1} W_{r,z} + b_{r,z})) \\\\
        n &= g(\\mathrm{clip}(x_t U_n + (r \\odot h_{t-1}) W_n + b_n)) \\\\
        h_t &= (1 - z) \\odot n + z \\odot h_{t-1}

    It keeps ``r h`` where :class:`GeneralGRU`, whose parameters it has, keeps the gated product.
    """

    family = "gru-before"
    gated = False
    gated_bias = False
    staged = True

    def prepare(self, a: Floats, r: Floats, prev: State, keep: Floats, work: Floats) -> None:
        self._open(a, r, keep)
        np.multiply(a[0], prev[0], out=keep[0])

    def forward(self, a: Floats, r: Floats, prev: State, new: State, keep: Floats, work: Floats) -> None:
        self._renew(a, r[2], prev, new, keep)

    def slopes(self, a: Floats, prev: State, new: State, keep: Floats, work: Floats) -> None:
        (reset, z, n), h_prev, slope, spare = a, prev[0], work[2:], work[2]
        np.copyto(work[:2], a[:2])
        self._f.slope(work[:2], keep[self._of_gates], slope)
        np.multiply(slope[0], h_prev, out=reset)
        np.subtract(h_prev, n, out=spare)
        np.multiply(slope[1], spare, out=z)
        self._slope_of_n(n, work[1], keep, spare)

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
