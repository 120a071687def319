"""The recurrent product of one step: weights cut into panels that BLAS need not pack."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import numpy as np

from elman.network.blas import unpacked_limit
from elman.network.workspace import Workspace
from elman.typing import Floats

WIDEST = 64  # columns: four vectors of AVX-512 in float32, the widest strip its kernel takes at once
NARROWEST = 16

Pairs: TypeAlias = tuple[tuple[Floats, Floats], ...]


class Panels(NamedTuple):
    """Weights ``(G, D, H)`` in strips of columns, and where the products of one step go.

    A product is ``np.matmul(x, weights, into)`` for each of the pairs, x being ``(B, D)`` or, with a
    matrix for every gate, ``(G, 1, B, D)``. The pairs of one gate together make its ``(B, H)`` block.
    """

    strips: tuple[Floats, ...]  # (G, P, D, C) each; the columns left over are strips of another width
    pairs: Pairs  # the strips, and views (G, P, B, C) of where products go

    def load(self, weights: Floats, half: int = 0) -> None:
        """Copy weights ``(G, D, H)``, of any layout; the first `half` gates are halved on the way."""
        start = 0
        for strip in self.strips:
            G, P, D, C = strip.shape
            columns = weights[:, :, start : start + P * C]
            source = columns.reshape(G, D, P, C).transpose(0, 2, 1, 3)
            np.multiply(source[:half], 0.5, out=strip[:half])
            np.copyto(strip[half:], source[half:])
            start += P * C

    def gates(self, first: int, last: int) -> Pairs:
        """Return the pairs of some of the gates; none where there are no gates."""
        if first == last:
            return ()
        return tuple((weights[first:last], into[first:last]) for weights, into in self.pairs)


def width_of(rows: int, inputs: int, outputs: int) -> int:
    """Return how many columns a strip has."""
    width, limit = WIDEST, unpacked_limit()
    while width > NARROWEST and rows * inputs * width > limit:
        width //= 2
    return outputs if rows == 1 or rows * inputs * width > limit else min(width, outputs)


def new_panels(space: Workspace, name: str, inputs: int, out: Floats) -> Panels:
    """Return panels for products with `inputs` summands, written to out ``(G, B, H)``; not loaded yet."""
    G, B, H = out.shape
    width = width_of(B, inputs, H)
    whole = H - H % width
    strips, pairs = [], []
    for part, start, stop, wide in (("strips", 0, whole, width), ("rest", whole, H, H % width)):
        if start == stop:
            continue
        shape = (G, (stop - start) // wide, inputs, wide)
        strip = space.take(f"{name}.{part}", shape, out.dtype)
        strips.append(strip)
        pairs.append((strip, _cut(out[:, :, start:stop], wide)))
    return Panels(tuple(strips), tuple(pairs))


def _cut(out: Floats, width: int) -> Floats:
    """Return out ``(G, B, n)`` as strips ``(G, n / width, B, width)``: a view."""
    G, B, n = out.shape
    g, b, element = out.strides
    shape, strides = (G, n // width, B, width), (g, width * element, b, element)
    view: Floats = np.lib.stride_tricks.as_strided(out, shape, strides)
    return view
