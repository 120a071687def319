"""The two-level softmax: the class of a word, and the word in it."""

from __future__ import annotations

from math import isqrt
from typing import Any, ClassVar

import numpy as np

from elman.network.functional import cross_entropy
from elman.network.output.base import PerWord, Reader
from elman.network.output.chunking import chunks_of
from elman.network.output.columns import columns_nll_and_grads
from elman.network.output.ragged import Ragged, cut
from elman.network.output.weights import Columns, new_columns, own_columns, with_ones
from elman.network.team import Team, summed
from elman.network.workspace import Workspace
from elman.typing import Floats, Ints, Params

MOST_NUMBERS = 2**17
"""Logits of words that are in memory at once."""


def default_ends(classes: int) -> Ints:
    """Return where each class ends: class i of C begins at word ``K (i / C)^2``, and C is the root of K.

    Where the r-th word occurs as ``1 / r`` (Zipf's law), every class has so the same share of the square
    roots of the frequencies. Classes of the same share of the frequencies themselves would need fewer steps
    to find the class and more to find the word: a few frequent words would be classes of their own, and the
    last class a third of all.
    """
    C = max(1, isqrt(classes))
    ends = np.arange(1, C + 1, dtype=np.intp) ** 2 * classes // C**2
    return np.unique(ends[ends > 0])


class Classes(PerWord):
    """Two-level softmax, ``p(w) = p(class) p(w | class)``, with words of like frequency in a class.

    Parameters
    ----------
    hidden, classes, tied, dtype
        As of :class:`~elman.network.output.base.Output`. Words are sorted by falling frequency.

    Notes
    -----
    Parameters are ``output.classes.V`` ``(H, C)`` and ``.c`` ``(C,)``, ``output.V`` ``(H, K)``, or where
    tied the transpose of ``embedding.E``, and ``output.c`` ``(K,)``. A row is multiplied with the classes
    and with the words of one of them: some ``2 sqrt(K)`` products in place of K.

    References
    ----------
    Goodman, J. (2001). Classes for fast maximum entropy training. *ICASSP*. arXiv:cs/0108006.

    Mikolov, T., Kombrink, S., Burget, L., Černocký, J. & Khudanpur, S. (2011). Extensions of recurrent neural
    network language model. *ICASSP*.
    """

    name: ClassVar[str] = "classes"
    shares: ClassVar[bool] = True

    def __init__(self, hidden: int, classes: int, tied: bool, dtype: np.dtype[Any]) -> None:
        super().__init__(hidden, classes, tied, dtype)
        self.ends = default_ends(classes)
        self.starts = np.concatenate([[0], self.ends[:-1]])
        self.sizes = self.ends - self.starts

    def shapes(self) -> dict[str, tuple[int, ...]]:
        C = len(self.ends)
        return {"output.classes.V": (self.hidden, C), "output.classes.c": (C,), **super().shapes()}

    def initialise(self, params: Params) -> None:
        """Let every word be as likely as any other: a class as likely as it has words."""
        params["output.classes.c"] += np.log(self.sizes)

    def reader(self, params: Params) -> Reader:
        above, words = self._above(params), self.columns(params)

        def read(h: Floats, out: Floats) -> None:
            """Write every word's logit, normalised within its class, on top of the logit of that."""
            classes = np.empty((len(h), len(self.ends)), h.dtype)
            above.multiply(h, classes)
            words.multiply(h, out)
            maxima = np.maximum.reduceat(out, self.starts, axis=1)
            e = np.exp(out - np.repeat(maxima, self.sizes, axis=1))
            classes -= maxima + np.log(np.add.reduceat(e, self.starts, axis=1))
            out += np.repeat(classes, self.sizes, axis=1)

        return read

    def nll(
        self, params: Params, h: Floats, y: Ints, space: Workspace, *, guess: bool = True
    ) -> tuple[Floats, Ints]:
        nll, best = np.empty(len(y), self.dtype), np.full(len(y), 0 if guess else -1)
        above, cluster = self._above(params), np.searchsorted(self.ends, y, side="right")
        for rows in chunks_of(len(y), self.hidden, len(self.ends)):
            ones, right = with_ones(h[rows]), cluster[rows]
            p = space.take("output.e", (len(ones), len(self.ends)), self.dtype)
            above.multiply(ones, p)
            cross_entropy(p, right, nll[rows])
            likely = best[rows] if guess else np.empty(len(p), np.intp)
            found = likely, np.full(len(p), -1.0, self.dtype)
            every, likeliest = np.arange(len(p)), p.argmax(axis=1)
            nll[rows] += self._look(params, ones, p, (every, right), y[rows], found, space)
            if not guess:
                continue
            others = np.flatnonzero(likeliest != right)
            self._look(params, ones, p, (others, likeliest[others]), None, found, space)
            # Only a class that is as likely as a word can have one that is likelier.
            worth = p >= found[1][:, None]
            worth[every, right] = worth[every, likeliest] = False
            r, j = np.nonzero(worth)
            self._look(params, ones, p, (r, j), None, found, space)
        return nll, best

    def nll_and_grads(
        self, params: Params, h: Floats, y: Ints, scale: float, space: Workspace, grads: Params, dh: Floats,
        *, rng: np.random.Generator | None = None, team: Team | None = None,
    ) -> float:  # fmt: skip
        cluster, C = np.searchsorted(self.ends, y, side="right"), len(self.ends)
        both = (self._above(arrays, len(y)) for arrays in (params, grads))
        first, columns, dcolumns = own_columns(team, *both)
        chunks = chunks_of(len(y), self.hidden, C)
        nll = columns_nll_and_grads(columns, dcolumns, first, h, cluster, scale, space, dh, chunks, team)
        order = np.argsort(cluster, kind="stable")
        some, words = self._part(cluster[order], team)
        within = self._within(params, h, y, cluster, order[some], words, scale, space, grads, dh)
        return nll + summed(within, team, h.dtype)

    def _part(self, clusters: Ints, team: Team | None) -> tuple[slice, slice]:
        """Return which of the sorted rows are one's own, and of which words one writes the derivatives.

        A cluster is with one member. They are cut where so many logits are on either side.
        """
        if team is None:
            return slice(0, len(clusters)), slice(0, self.classes)
        begins = np.flatnonzero(np.diff(clusters, prepend=-1))
        numbers = np.append(0, np.cumsum(self.sizes[clusters]))
        ends = np.searchsorted(numbers[begins], team.columns(int(numbers[-1])))
        begins, words = (
            np.append(begins, len(clusters)),
            np.append(self.starts[clusters[begins]], self.classes),
        )
        words[0] = 0
        first, last = (int(end) for end in ends)
        return slice(int(begins[first]), int(begins[last])), slice(int(words[first]), int(words[last]))

    def _within(
        self, params: Params, h: Floats, y: Ints, cluster: Ints, rows: Ints, words: slice, scale: float,
        space: Workspace, grads: Params, dh: Floats,
    ) -> float:  # fmt: skip
        """Return the loss of rows, sorted by class, within these; write derivatives by `words`, add to dh."""
        columns, dcolumns = self.columns(params, len(y)), self.columns(grads, len(y))
        if not len(rows):
            dcolumns.part(words).clear()
            return 0.0
        ragged, h1 = Ragged(cluster[rows], self.starts, self.sizes), with_ones(h[rows])
        z = ragged.multiply(columns, h1, space)
        maxima, at = (
            np.maximum.reduceat(z, ragged.offsets),
            ragged.offsets + y[rows] - self.starts[cluster[rows]],
        )
        right = z[at] - maxima
        sums = ragged.exponentials(z, maxima)
        z[at] -= sums
        factor = np.divide(scale, sums)[:, None]
        h1 *= factor
        dinside = space.take("output.inside", (len(rows), self.hidden), h.dtype)
        ragged.back(columns, dcolumns, h1, z, dinside, words, space)
        dinside *= factor
        dh[rows] += dinside
        return float((np.log(sums) - right).sum(dtype=np.float64))

    def _above(self, arrays: Params, rows: int | None = None) -> Columns:
        return new_columns(arrays["output.classes.V"], arrays["output.classes.c"], rows)

    def _look(
        self, params: Params, ones: Floats, p: Floats, pairs: tuple[Ints, Ints], y: Ints | None,
        found: tuple[Ints, Floats], space: Workspace,
    ) -> Floats:  # fmt: skip
        """Look into classes for words likelier than those found; return the losses of targets y within.

        `pairs` are rows and the classes to look into, `p` the probabilities of classes, `found` the
        likeliest words so far and their probabilities.
        """
        (rows, clusters), (best, top), words = pairs, found, self.columns(params)
        nll, order = np.zeros(len(rows), self.dtype), np.argsort(clusters, kind="stable")
        for some in cut(self.sizes[clusters[order]], MOST_NUMBERS):
            at = order[some]
            r, j = rows[at], clusters[at]
            ragged = Ragged(j, self.starts, self.sizes)
            z = ragged.multiply(words, ones[r], space)
            maxima, first = ragged.largest(z)
            right = maxima if y is None else z[ragged.offsets + y[at] - self.starts[j]]
            below = maxima - right  # before the logarithm is added, which is small beside huge logits
            sums = ragged.exponentials(z, maxima)
            nll[at] = np.log(sums) + below
            share, word = p[r, j] / sums, self.starts[j] + first
            ranked = np.lexsort((word, -share, r))  # of each row the likeliest, of equals the lowest
            ranked = ranked[np.flatnonzero(np.diff(r[ranked], prepend=-1))]
            r, share, word = r[ranked], share[ranked], word[ranked]
            better = (share > top[r]) | ((share == top[r]) & (word < best[r]))
            best[r[better]], top[r[better]] = word[better], share[better]
        return nll
