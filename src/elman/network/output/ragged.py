"""Logits of rows that each have a stretch of the words, of its own length, end to end in one vector."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from elman.network.output.weights import Columns
from elman.network.workspace import Workspace
from elman.typing import Floats, Ints


def cut(sizes: Ints, most: int) -> Iterator[slice]:
    """Cut rows of these sizes into stretches of so many numbers at most; but of one row at least."""
    ends, start = np.cumsum(sizes), 0
    while start < len(sizes):
        before = int(ends[start - 1]) if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, before + most, side="right")))
        yield slice(start, stop)
        start = stop


class Ragged:
    """Rows, and the words of one cluster for each.

    Only the products go from cluster to cluster; all else is done at once.

    Parameters
    ----------
    clusters : ndarray of shape (n,)
        The cluster of each row, ascending; at least one.
    starts, sizes : ndarray of shape (C,)
        The first word of every cluster, and how many it has.

    Attributes
    ----------
    offsets : ndarray of shape (n,)
        Where the numbers of each row begin.
    sizes : ndarray of shape (n,)
        How many these are.
    """

    def __init__(self, clusters: Ints, starts: Ints, sizes: Ints) -> None:
        self.sizes = sizes[clusters]
        ends = np.cumsum(self.sizes)
        self.offsets, self.total = ends - self.sizes, int(ends[-1])
        begins = np.flatnonzero(np.diff(clusters, prepend=-1))
        stops = np.append(begins[1:], len(clusters))
        which = clusters[begins]
        numbers = (begins, stops, self.offsets[begins], starts[which], starts[which] + sizes[which])
        self._stretches = list(zip(*(some.tolist() for some in numbers), strict=True))

    def __iter__(self) -> Iterator[tuple[slice, slice, slice]]:
        """Yield for every cluster its rows, the place of their numbers, and its words."""
        for begin, stop, offset, first, last in self._stretches:
            yield (
                slice(begin, stop),
                slice(offset, offset + (stop - begin) * (last - first)),
                slice(first, last),
            )

    def multiply(self, columns: Columns, h1: Floats, space: Workspace) -> Floats:
        """Return the logits of h1 ``(n, H + 1)``, which ends with ones: ``(total,)``."""
        z = space.take("output.ragged", (self.total,), h1.dtype)
        for rows, numbers, words in self:
            block = z[numbers].reshape(rows.stop - rows.start, words.stop - words.start)
            columns.part(words).multiply(h1[rows], block)
        return z

    def largest(self, z: Floats) -> tuple[Floats, Ints]:
        """Return the largest number of every row, and its place, from 0; of equals the first."""
        maxima: Floats = np.maximum.reduceat(z, self.offsets)
        places = np.where(z == np.repeat(maxima, self.sizes), np.arange(self.total), self.total)
        first = np.minimum.reduceat(places, self.offsets)
        return maxima, np.minimum(first - self.offsets, self.sizes - 1)  # none is where a number is none

    def exponentials(self, z: Floats, maxima: Floats) -> Floats:
        """Turn logits into exponentials, shifted; return the row sums."""
        np.subtract(z, np.repeat(maxima, self.sizes), out=z)
        np.exp(z, out=z)
        sums: Floats = np.add.reduceat(z, self.offsets)
        return sums

    def back(
        self, columns: Columns, dcolumns: Columns, h1: Floats, dz: Floats, dh: Floats, words: slice,
        space: Workspace,
    ) -> None:  # fmt: skip
        """Write dh ``(n, H)`` and the derivatives by the weights of `words`, zero where no row has them."""
        before = words.start
        for rows, numbers, some in self:
            if before < some.start:
                dcolumns.part(slice(before, some.start)).clear()
            block = dz[numbers].reshape(rows.stop - rows.start, some.stop - some.start)
            dcolumns.part(some).take(h1[rows], block)
            columns.part(some).back(block, dh[rows], space)
            before = some.stop
        if before < words.stop:
            dcolumns.part(slice(before, words.stop)).clear()
