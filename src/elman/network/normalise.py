"""Layer normalisation of products: to mean 0 and variance 1 over the units of a gate, then gains.

A mean over the units is linear, and so is taken out of the weights rather than of every product: ``x U`` with
the mean of each row of ``U`` subtracted has mean zero. What is left to do is to divide each row of products
by its length. With ``a`` such a row of ``H`` numbers,

    u = a / sqrt(a . a + H epsilon),        n = sqrt(H) u,

so that `u`, of length 1 but for epsilon, and the factor are what the way back needs:

    da = (du - u (u . du)) / sqrt(a . a + H epsilon).
"""

from __future__ import annotations

from math import sqrt

import numpy as np

from elman.network.inputs import Blocks, Projection, Words
from elman.network.workspace import Workspace
from elman.typing import Floats

EPSILON = 1e-5
"""Added to the variance. A row of equal numbers becomes zeros, and derivatives by it are at most
``1 / sqrt(epsilon)`` times those by what it becomes: 316."""


def centred(weights: Floats, out: Floats) -> Floats:
    """Write weights ``(G, D, H)`` without the mean of each row, so that products with them have mean zero."""
    np.subtract(weights, weights.mean(axis=-1, keepdims=True), out=out)
    return out


def factors(products: Floats, out: Floats) -> Floats:
    """Write one over the length of each row of products ``(..., N, H)``, into out ``(..., N)``."""
    np.vecdot(products, products, out=out)
    np.add(out, EPSILON * products.shape[-1], out=out)
    np.sqrt(out, out=out)
    return np.reciprocal(out, out=out)


class Normaliser:
    """Normalises products with centred weights, in place, and multiplies them with gains.

    Parameters
    ----------
    gamma : ndarray of shape (G, H)
        Gains.
    rows : int
        Rows, ``B``.
    half : int
        The products of the first this-many gates come out halved, as those of sigmoids are.
    """

    def __init__(self, gamma: Floats, rows: int, half: int) -> None:
        G, H = gamma.shape
        self._gains = np.empty((G, rows, H), gamma.dtype)
        gains(gamma, self._gains, half)
        self._factors = np.empty((G, rows), gamma.dtype)

    def __call__(self, products: Floats) -> None:
        """Normalise products ``(G, B, H)``."""
        np.multiply(products, factors(products, self._factors)[..., None], out=products)
        np.multiply(products, self._gains, out=products)


def gains(gamma: Floats, out: Floats, half: int = 0) -> Floats:
    """Write what multiplies `u` into out ``(G, B, H)``, a block for each gate; the first `half` halved."""
    np.multiply(gamma[:, None], sqrt(gamma.shape[-1]), out=out)
    np.multiply(out[:half], 0.5, out=out[:half])
    return out


class NormalisedProjection(Projection):
    """Input products of one layer, normalised gate by gate: ``a = gamma n(x U) + b``.

    Parameters
    ----------
    space, name
        As of :class:`~elman.network.inputs.Projection`.
    gamma : ndarray of shape (G, H)
        Gains.
    dgamma : ndarray of shape (G, H), optional
        Overwritten by `backward` with the derivative by them.

    Notes
    -----
    Where a small vocabulary has a table of products, the words in it are normalised, and not the tokens.
    Derivatives pass a normalisation linearly, so that on the way back too it is the sums of each word's.
    """

    def __init__(self, space: Workspace, name: str, gamma: Floats, dgamma: Floats | None = None) -> None:
        super().__init__(space, name)
        self._gamma, self._dgamma = gamma, dgamma

    def forward(self, x: Floats | Words, U: Blocks, b: Blocks, a: Floats, half: int = 0) -> None:
        """Write ``gamma n(x U) + b`` into a ``(G, T, B, H)``; the first `half` gates are halved."""
        assert isinstance(U, np.ndarray), "blocks of their own are those of cells that are not normalised"
        super().forward(x, centred(U, self._take("U_centred", U.shape, U)), b, a, half)

    def backward(
        self, x: Floats | Words, U: Blocks, da: Floats, dU: Blocks, db: Blocks, beside: Floats | None = None
    ) -> Floats:
        """Write dU, db and dgamma; return the derivative by x, or by all word vectors."""
        assert isinstance(U, np.ndarray), "blocks of their own are those of cells that are not normalised"
        assert isinstance(dU, np.ndarray)
        dx = super().backward(x, self._take("U_centred", U.shape, U), da, dU, db, beside)
        centred(dU, dU)
        return dx

    def _multiply(self, rows: Floats, U: Floats, out: Floats, g: int) -> None:
        u, w = self._kept(g, out)
        np.matmul(rows, U, out=u)
        self._scale(u, factors(u, w))
        np.multiply(u, self._gamma[g] * sqrt(u.shape[-1]), out=out)

    def _products(
        self, rows: Floats, U: Blocks, da: Floats, dU: Blocks, db: Blocks, out: Floats | None = None
    ) -> Floats:
        assert self._dgamma is not None
        _, N, H = da.shape
        by_product, by_gain = self._take("x.by_product", da.shape, da), self._take("x.by_gain", (N, H), da)
        ones, p = self.space.ones(N, da.dtype), self._take("x.by_units", (N,), da)
        for g, (by_gate, q) in enumerate(zip(da, by_product, strict=True)):
            u, w = self._kept(g, by_gate)
            np.matmul(ones, by_gate, out=db[g])
            np.multiply(by_gate, u, out=by_gain)
            np.matmul(ones, by_gain, out=self._dgamma[g])
            np.multiply(by_gate, self._gamma[g] * sqrt(H), out=q)
            np.vecdot(q, u, out=p)
            self._scale(u, p)
            np.subtract(q, u, out=q)
            self._scale(q, w)
        np.multiply(self._dgamma, sqrt(H), out=self._dgamma)
        spare = self._take("x.spare", (len(db), H), da)
        return super()._products(rows, U, by_product, dU, spare, out)

    def _kept(self, g: int, like: Floats) -> tuple[Floats, Floats]:
        """Return where u ``(N, H)`` and the factors ``(N,)`` of gate g are."""
        G, (N, H) = len(self._gamma), like.shape
        return self._take("x.units", (G, N, H), like)[g], self._take("x.factors", (G, N), like)[g]

    def _scale(self, array: Floats, factor: Floats) -> None:
        """Multiply each row of ``(N, H)`` by its factor."""
        # A broadcast operand makes NumPy go row by row; copied out it takes a third of the time.
        spread = self._take("x.spread", array.shape, array)
        np.copyto(spread, factor[:, None])
        np.multiply(array, spread, out=array)
