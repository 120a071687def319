"""The recurrent product of one step: weights cut into panels that BLAS need not pack."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import numpy as np

from elman.network.blas import unpacked_limit
from elman.network.workspace import Workspace
from elman.typing import Floats

WIDTHS = (64, 32)  # columns; 64 float32 are the widest strip that the kernel of AVX-512 takes at once
MOST_PIECES = 2  # of the rows: every piece reads the weights again

Pairs: TypeAlias = tuple[tuple[Floats, Floats], ...]


class Panels(NamedTuple):
    """Weights ``(G, D, H)`` in strips of columns, and where the products of one step go.

    A product is ``np.matmul(x, weights, out=into)`` for each of the pairs, x being rows as
    :func:`operand` cuts them. The pairs of one gate together make its ``(B, H)`` block.
    """

    strips: tuple[Floats, ...]  # (G, 1, P, D, C) each; the columns left over are a strip of another width
    into: tuple[Floats, ...]  # views (G, pieces, P, B / pieces, C) of where products go
    lone: bool  # whether products of a single row are those of plain matrices

    def load(self, weights: Floats, half: int = 0) -> Pairs:
        """Take weights ``(G, D, H)``, of any layout; return the pairs.

        They are copied into the strips, the first `half` gates halved on the way. A single row is multiplied
        by whole matrices, which need no copy unless gates are halved.
        """
        if self.into[0].shape[1:4] == (1, 1, 1) and not half:
            if self.lone:
                return ((weights[0], self.into[0][0, 0, 0]),)
            return ((weights[:, None, None], self.into[0]),)
        start = 0
        for strip in self.strips:
            G, _, P, D, C = strip.shape
            columns = weights[:, :, start : start + P * C]
            source = columns.reshape(G, D, P, C).transpose(0, 2, 1, 3)[:, None]
            if half:
                np.multiply(source[:half], 0.5, out=strip[:half])
            np.copyto(strip[half:], source[half:])
            start += P * C
        return tuple(zip(self.strips, self.into, strict=True))


class Cut(NamedTuple):
    """How a product is cut: the rows into pieces, the columns into strips of a width."""

    pieces: int
    width: int


def cut_of(rows: int, inputs: int, outputs: int) -> Cut:
    """Return the cut with which every part of the product needs no packing, or none at all."""
    if rows > 1:
        limit = unpacked_limit()
        for pieces in range(1, MOST_PIECES + 1):
            for width in WIDTHS:
                if rows % pieces == 0 and rows // pieces * inputs * min(width, outputs) <= limit:
                    return Cut(pieces, min(width, outputs))
    return Cut(1, outputs)


def operand(x: Floats, outputs: int, *, lone: bool = False) -> Floats:
    """Return x ``(B, D)`` or ``(G, B, D)`` as ``([G,] pieces, 1, B / pieces, D)``: a view.

    With a `lone` gate block a single row stays ``(1, D)``: NumPy is faster to see what it has to do.
    """
    *gates, rows, inputs = x.shape
    if rows == 1 and lone:
        return x.reshape(rows, inputs)
    pieces = cut_of(rows, inputs, outputs).pieces
    return x.reshape(*gates, pieces, 1, rows // pieces, inputs)


def new_panels(space: Workspace, inputs: int, out: Floats, *, lone: bool = False) -> Panels:
    """Return panels for products with `inputs` summands, written to out ``(G, B, H)``; not loaded yet.

    All panels of a workspace share one memory: they are loaded before a loop over time, and of no use after
    it.
    """
    G, B, H = out.shape
    pieces, width = cut_of(B, inputs, H)
    whole = H - H % width
    strips, into = [], []
    for part, start, stop, wide in (("strips", 0, whole, width), ("rest", whole, H, H % width)):
        if start == stop:
            continue
        shape = (G, 1, (stop - start) // wide, inputs, wide)
        strip = space.take(f"panels.{part}", shape, out.dtype)
        strips.append(strip)
        into.append(_cut(out[:, :, start:stop], pieces, wide))
    return Panels(tuple(strips), tuple(into), lone)


def _cut(out: Floats, pieces: int, width: int) -> Floats:
    """Return out ``(G, B, n)`` as ``(G, pieces, n / width, B / pieces, width)``: a view."""
    G, B, n = out.shape
    g, b, element = out.strides
    rows = B // pieces
    shape, strides = (G, pieces, n // width, rows, width), (g, rows * b, width * element, b, element)
    view: Floats = np.lib.stride_tricks.as_strided(out, shape, strides)
    return view
