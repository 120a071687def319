"""The adaptive softmax: the frequent words, and clusters of the others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np

from elman.errors import ConfigError
from elman.network.checks import check_whole
from elman.network.functional import cross_entropy, log_sums
from elman.network.output.base import Output, Reader
from elman.network.output.chunking import chunks_of
from elman.network.output.columns import columns_nll_and_grads
from elman.network.output.weights import Columns, Joined, new_columns, with_ones
from elman.network.team import Team
from elman.network.workspace import Workspace
from elman.typing import Floats, Ints, Params

NARROWER = 4
"""The words of each tail have vectors a quarter as wide as those before, where they have their own."""

PARTS, MORE_PARTS = (16, 3), (28, 6, 2)
"""The head has a 16th of the words, and the first tail ends at a third of them; of very many words
otherwise. See `default_cutoffs`."""

VERY_MANY = 100_000  # words, for which one more tail pays


def default_cutoffs(classes: int) -> tuple[int, ...]:
    """Return where the head and all tails but the last end, for words sorted by frequency.

    A window of ``N`` tokens costs ``N n_0`` products of a vector with the head of ``n_0`` words, and ``N p_i
    n_i`` with tail i of ``n_i`` words, where ``p_i`` is the share of its words in the text. Where the r-th
    word occurs as ``1 / (r + 2.7)`` (Zipf's law as Mandelbrot has it) the sum is least with two tails from a
    25th and a third of the words on, and with three from a 56th, a sixth and a half. It is flat there: a
    head twice as large costs a few percent more, leaves fewer words to be found by way of a cluster, and
    learns faster. So the head has a 16th of the words, or with three tails a 28th: 19 % of the full softmax
    for 33,000 words and two tails, of WikiText-2 15 %; 11 % for 250,000 and three.
    """
    parts = PARTS if classes < VERY_MANY else MORE_PARTS
    return tuple(sorted({max(1, classes // part) for part in parts}))


def _numbers(cutoffs: Sequence[int] | str) -> tuple[int, ...]:
    """Return numbers, or those that text has joined by commas."""
    if not isinstance(cutoffs, str):
        return tuple(check_whole("cutoffs", end, 0) for end in cutoffs)
    try:
        return tuple(int(end) for end in cutoffs.split(","))
    except ValueError:
        raise ConfigError(f"cutoffs must be whole numbers joined by commas, not {cutoffs!r}") from None


class Tail(NamedTuple):
    """A cluster of words, and what is known of them."""

    first: int  # of its words
    last: int  # the one after the last
    width: int  # of their vectors
    name: str  # of its parameters

    @property
    def words(self) -> slice:
        """Its words."""
        return slice(self.first, self.last)


class Adaptive(Output):
    """Adaptive softmax: a head of the frequent words and of clusters, and a tail for each cluster.

    A word of the head has ``p(w) = softmax(h V + c)``, over the head's words and clusters; one of cluster i
    ``p(w) = p(i) softmax(h R_i V_i + c_i)``. Most tokens so need the head alone, and a tail is multiplied
    with the rows whose targets are in it.

    Parameters
    ----------
    hidden, classes, tied, dtype
        As of :class:`Output`. Words are sorted by falling frequency. Where tied, the weights of all words are
        rows of ``embedding.E``, and there is no ``R``; else a word of tail i, from 0, has a vector of
        ``H / 4**(i + 1)`` numbers.
    cutoffs : sequence of int, or str, optional
        Where the head ends, and each tail but the last: ``[2000, 10000]``, or ``"2000,10000"``.

    Notes
    -----
    Parameters are ``output.clusters.V`` ``(H, C)`` and ``.c`` ``(C,)``; where tied ``output.c`` ``(K,)``;
    else ``output.V`` ``(H, n)`` and ``output.c`` ``(n,)`` for the head's words, and for each tail
    ``output.tails.<i>.R`` ``(H, d)``, ``.V`` ``(d, n)`` and ``.c`` ``(n,)``.

    References
    ----------
    Grave, E., Joulin, A., Cissé, M., Grangier, D. & Jégou, H. (2017). Efficient softmax approximation for
    GPUs. *ICML*. arXiv:1609.04309.

    Baevski, A. & Auli, M. (2019). Adaptive input representations for neural language modeling. *ICLR*.
    arXiv:1809.10853. (The weights tied.)
    """

    name: ClassVar[str] = "adaptive"
    shares: ClassVar[bool] = True

    def __init__(
        self, hidden: int, classes: int, tied: bool, dtype: np.dtype[Any],
        *, cutoffs: Sequence[int] | str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(hidden, classes, tied, dtype)
        ends = default_cutoffs(classes) if cutoffs is None else _numbers(cutoffs)
        if not ends or any(a >= b for a, b in zip([0, *ends], [*ends, classes], strict=True)):
            raise ConfigError(
                f"cutoffs must be rising numbers from 1 to {classes - 1}, the last word of this vocabulary, "
                f"not {','.join(map(str, ends)) or 'none'}"
            )
        self.cutoffs, self._first = ends, ends[0]
        self._tails = [
            Tail(a, b, hidden if tied else max(1, hidden // NARROWER ** (i + 1)), f"output.tails.{i}")
            for i, (a, b) in enumerate(zip(ends, [*ends[1:], classes], strict=True))
        ]

    @property
    def settings(self) -> dict[str, Any]:
        return {"cutoffs": ",".join(map(str, self.cutoffs))}

    @property
    def summed(self) -> tuple[str, ...]:
        return () if self.tied else tuple(f"{tail.name}.R" for tail in self._tails)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        H, clusters = self.hidden, len(self._tails)
        shapes: dict[str, tuple[int, ...]] = {}
        if not self.tied:
            shapes |= {f"{tail.name}.R": (H, tail.width) for tail in self._tails}
        shapes |= {"output.clusters.V": (H, clusters), "output.clusters.c": (clusters,)}
        if self.tied:
            return {**shapes, "output.c": (self.classes,)}
        shapes |= {"output.V": (H, self._first), "output.c": (self._first,)}
        for tail in self._tails:
            words = tail.last - tail.first
            shapes |= {f"{tail.name}.V": (tail.width, words), f"{tail.name}.c": (words,)}
        return shapes

    def initialise(self, params: Params) -> None:
        """Let every word be as likely as any other: a cluster as likely as it has words."""
        params["output.clusters.c"] += np.log([tail.last - tail.first for tail in self._tails])

    def reader(self, params: Params) -> Reader:
        some, others = self._head(params)
        tails = [(tail, self._tail(params, tail), params.get(f"{tail.name}.R")) for tail in self._tails]

        def read(h: Floats, out: Floats) -> None:
            """Write the head's logits, and on top of each cluster's its words' log-probabilities."""
            some.multiply(h, out[:, : self._first])
            clusters = np.empty((len(h), len(tails)), h.dtype)
            others.multiply(h, clusters)
            for i, (tail, columns, R) in enumerate(tails):
                g, words = h if R is None else with_ones(h[:, :-1], R), out[:, tail.words]
                columns.multiply(g, words)
                words += clusters[:, i : i + 1] - log_sums(words)

        return read

    def nll(
        self, params: Params, h: Floats, y: Ints, space: Workspace, *, guess: bool = True
    ) -> tuple[Floats, Ints]:
        nll, best = np.empty(len(y), self.dtype), np.full(len(y), -1)
        cluster, in_head = self._sort(y)
        head, size = Joined(*self._head(params)), self._first + len(self._tails)
        for rows in chunks_of(len(y), self.hidden, size):
            ones = with_ones(h[rows])
            p = space.take("output.e", (len(ones), size), self.dtype)
            head.multiply(ones, p)
            cross_entropy(p, in_head[rows], nll[rows])
            if guess:
                np.argmax(p[:, : self._first], axis=1, out=best[rows])
            top = p[np.arange(len(p)), best[rows]]
            for i, tail in enumerate(self._tails):
                # Only where its words are wanted, or where one of them can be likelier than all before.
                asked, above = cluster[rows] == i, p[:, self._first + i]
                look = np.flatnonzero(asked | (above > top) if guess else asked)
                within = np.where(asked, y[rows] - tail.first, 0)[look]
                each, likely, share = self._within(params, tail, ones[look], within, space)
                nll[rows][look] += np.where(asked[look], each, 0.0)
                if not guess:
                    continue
                share *= above[look]
                better = np.flatnonzero(share > top[look])
                best[rows][look[better]], top[look[better]] = likely[better] + tail.first, share[better]
        return nll, best

    def _within(
        self, params: Params, tail: Tail, ones: Floats, y: Ints, space: Workspace
    ) -> tuple[Floats, Ints, Floats]:
        """Return losses within a tail, its likeliest words, from its first, and their shares."""
        nll, best, top = np.empty(len(y), self.dtype), np.empty(len(y), np.intp), np.empty(len(y), self.dtype)
        columns, g = self._tail(params, tail), with_ones(ones[:, :-1], params.get(f"{tail.name}.R"))
        for rows in chunks_of(len(y), tail.width, columns.classes):
            p = space.take("output.tail", (rows.stop - rows.start, columns.classes), self.dtype)
            columns.multiply(g[rows], p)
            cross_entropy(p, y[rows], nll[rows])
            np.argmax(p, axis=1, out=best[rows])
            top[rows] = p[np.arange(len(p)), best[rows]]
        return nll, best, top

    def nll_and_grads(
        self, params: Params, h: Floats, y: Ints, scale: float, space: Workspace, grads: Params, dh: Floats,
        *, rng: np.random.Generator | None = None, team: Team | None = None,
    ) -> float:  # fmt: skip
        cluster, in_head = self._sort(y)
        columns, dcolumns = (self._head(arrays, len(y), team) for arrays in (params, grads))
        first, last = (0, self._first) if team is None else team.columns(self._first)
        # The clusters stand behind the words of the head, and are with whoever has the last of these.
        mine, dmine = (Joined(*both) if last == self._first else both[0] for both in (columns, dcolumns))
        chunks = chunks_of(len(y), self.hidden, self._first + len(self._tails))
        nll = columns_nll_and_grads(mine, dmine, first, h, in_head, scale, space, dh, chunks, team)
        for i, tail in enumerate(self._tails):
            rows = np.flatnonzero(cluster == i)
            nll += self._tail_nll_and_grads(tail, params, h, y, rows, scale, space, grads, dh, team)
        return nll

    def _tail_nll_and_grads(
        self, tail: Tail, params: Params, h: Floats, y: Ints, rows: Ints, scale: float, space: Workspace,
        grads: Params, dh: Floats, team: Team | None,
    ) -> float:  # fmt: skip
        """Return the loss within a tail of the rows with targets in it; write derivatives, add to dh."""
        n, words, (H, d) = len(rows), tail.last - tail.first, (self.hidden, tail.width)
        columns, dcolumns = (self._tail(arrays, tail, n, team) for arrays in (params, grads))
        R, first = params.get(f"{tail.name}.R"), 0 if team is None else team.columns(words)[0]
        if not n:
            dcolumns.clear()
            if R is not None:
                grads[f"{tail.name}.R"].fill(0.0)
            return 0.0
        inside, dinside = (space.take(f"output.tail.{x}", (n, H), h.dtype) for x in ("h", "dh"))
        np.take(h, rows, axis=0, out=inside, mode="clip")
        g, dg = inside, dinside
        if R is not None:
            g, dg = (space.take(f"output.tail.{x}", (n, d), h.dtype) for x in ("g", "dg"))
            np.matmul(inside, R, out=g)
        targets, chunks = y[rows] - tail.first, chunks_of(n, d, words)
        nll = columns_nll_and_grads(columns, dcolumns, first, g, targets, scale, space, dg, chunks, team)
        if R is not None:
            np.matmul(inside.T, dg, out=grads[f"{tail.name}.R"])
            np.matmul(dg, R.T, out=dinside)
        dh[rows] += dinside
        return nll

    def _sort(self, y: Ints) -> tuple[Ints, Ints]:
        """Return each target's tail, -1 for none, and what it is to the head, a word or a cluster."""
        cluster = np.searchsorted(np.array(self.cutoffs), y, side="right") - 1
        return cluster, np.where(cluster < 0, y, self._first + cluster)

    def _head(
        self, arrays: Params, rows: int | None = None, team: Team | None = None
    ) -> tuple[Columns, Columns]:
        """Return the columns of the head's words, with a team one's own, and those of the clusters."""
        words = slice(0, self._first)
        if self.tied:
            some = new_columns(arrays["embedding.E"][words].T, arrays["output.c"][words], rows)
        else:
            some = new_columns(arrays["output.V"], arrays["output.c"], rows)
        others = new_columns(arrays["output.clusters.V"], arrays["output.clusters.c"], rows)
        return some if team is None else some.part(slice(*team.columns(self._first))), others

    def _tail(self, arrays: Params, tail: Tail, rows: int | None = None, team: Team | None = None) -> Columns:
        """Return the columns of a tail's words, with a team one's own."""
        if self.tied:
            columns = new_columns(arrays["embedding.E"][tail.words].T, arrays["output.c"][tail.words], rows)
        else:
            columns = new_columns(arrays[f"{tail.name}.V"], arrays[f"{tail.name}.c"], rows)
        return columns if team is None else columns.part(slice(*team.columns(columns.classes)))
