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
    pairs: Pairs  # the strips, and views (G, pieces, P, B / pieces, C) of where products go

    def load(self, weights: Floats, half: int = 0) -> None:
        """Copy weights ``(G, D, H)``, of any layout; the first `half` gates are halved on the way."""
        start = 0
        for strip in self.strips:
            G, _, P, D, C = strip.shape
            columns = weights[:, :, start : start + P * C]
            source = columns.reshape(G, D, P, C).transpose(0, 2, 1, 3)[:, None]
            if half:
                np.multiply(source[:half], 0.5, out=strip[:half])
            np.copyto(strip[half:], source[half:])
            start += P * C

    def gates(self, first: int, last: int) -> Pairs:
        """Return the pairs of some of the gates; none where there are no gates."""
        if first == last:
            return ()
        return tuple((weights[first:last], into[first:last]) for weights, into in self.pairs)


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


def operand(x: Floats, outputs: int) -> Floats:
    """Return x ``(B, D)`` or ``(G, B, D)`` as ``([G,] pieces, 1, B / pieces, D)``: a view."""
    *gates, rows, inputs = x.shape
    pieces = cut_of(rows, inputs, outputs).pieces
    return x.reshape(*gates, pieces, 1, rows // pieces, inputs)


def new_panels(space: Workspace, name: str, inputs: int, out: Floats) -> Panels:
    """Return panels for products with `inputs` summands, written to out ``(G, B, H)``; not loaded yet."""
    G, B, H = out.shape
    pieces, width = cut_of(B, inputs, H)
    whole = H - H % width
    strips, pairs = [], []
    for part, start, stop, wide in (("strips", 0, whole, width), ("rest", whole, H, H % width)):
        if start == stop:
            continue
        shape = (G, 1, (stop - start) // wide, inputs, wide)
        strip = space.take(f"{name}.{part}", shape, out.dtype)
        strips.append(strip)
        pairs.append((strip, _cut(out[:, :, start:stop], pieces, wide)))
    return Panels(tuple(strips), tuple(pairs))


def _cut(out: Floats, pieces: int, width: int) -> Floats:
    """Return out ``(G, B, n)`` as ``(G, pieces, n / width, B / pieces, width)``: a view."""
    G, B, n = out.shape
    g, b, element = out.strides
    rows = B // pieces
    shape, strides = (G, pieces, n // width, rows, width), (g, rows * b, width * element, b, element)
    view: Floats = np.lib.stride_tricks.as_strided(out, shape, strides)
    return view
