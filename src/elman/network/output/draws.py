"""Words drawn for a window: from which distribution, and the weights of these few words gathered."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar, NamedTuple

import numpy as np

from elman.errors import ConfigError
from elman.network.checks import check_whole
from elman.network.functional import sum_by_word
from elman.network.output.chunking import chunks_of
from elman.network.output.columns import Apart
from elman.network.output.softmax import Softmax
from elman.network.output.weights import Columns, with_ones
from elman.network.team import Team
from elman.network.workspace import Workspace
from elman.typing import Floats, Ints, Params

SAMPLES = 2048
"""Words that are drawn where nobody has said how many; of a small vocabulary a quarter."""

MOST = 2**24  # samples; more than fit into memory beside all else


def log_uniform(words: Ints, classes: int) -> Floats:
    """Return the logs of the probabilities of words among `classes`: ``log((k + 2) / (k + 1)) / log(K + 1)``.

    These fall with the number of the word about as the frequencies of a text's words, when these are sorted
    by frequency (Zipf's law).
    """
    log_q: Floats = np.log(np.log1p(1.0 / (words + 1.0)) / np.log(classes + 1.0))
    return log_q


def draw_log_uniform(rng: np.random.Generator, number: int, classes: int) -> Ints:
    """Draw so many words with the probabilities of :func:`log_uniform`."""
    words = np.exp(rng.random(number) * np.log(classes + 1.0)).astype(np.intp) - 1
    inside: Ints = np.minimum(words, classes - 1)  # where the exponential was rounded up to K + 1
    return inside


class Drawn(NamedTuple):
    """The words that were drawn, or a member's part of them, and the targets among them."""

    words: Ints  # (k,), ascending
    counts: Ints  # (k,): how often each was drawn
    columns: Columns  # (H, k): their weights
    dcolumns: Columns  # (H, k): where derivatives by these go
    place: Ints  # (N,): of the target among these words; where it is not, less than 0 or at least k


class Drawing(Softmax):
    """A softmax that is trained on a few words, drawn anew for every window, and evaluated on all.

    One draw serves all rows of a window. Weights of words that were neither drawn nor targets have a gradient
    of zero.

    Parameters
    ----------
    hidden, classes, tied, dtype
        As of :class:`~elman.network.output.base.Output`. Words are sorted by falling frequency.
    samples : int, optional
        How many words are drawn.
    """

    random: ClassVar[bool] = True
    picks: ClassVar[bool] = True

    def __init__(
        self, hidden: int, classes: int, tied: bool, dtype: np.dtype[Any], *, samples: int | None = None
    ) -> None:
        super().__init__(hidden, classes, tied, dtype)
        if samples is None:
            samples = min(SAMPLES, -(-classes // 4))
        self.samples = check_whole("samples", samples, 1)
        if self.samples > MOST:
            raise ConfigError(f"samples must be at most {MOST:,}, not {self.samples:,}")

    @property
    def settings(self) -> dict[str, Any]:
        return {"samples": self.samples}

    @abstractmethod
    def draw(self, rng: np.random.Generator) -> Ints:
        """Return words, ``(n,)``, in any order; `most_drawn` at most."""

    @abstractmethod
    def correction(self, words: Ints) -> Floats:
        """Return what is taken from words' logits, ``(n,)``: the log of how often each is to be expected."""

    @abstractmethod
    def objective(
        self, drawn: Drawn, apart: Apart, h: Floats, scale: float, space: Workspace, dh: Floats,
        chunks: list[slice], team: Team | None,
    ) -> float:  # fmt: skip
        """Return the summed loss; write the derivatives by words drawn, by logits apart, and by h."""

    def nll_and_grads(
        self, params: Params, h: Floats, y: Ints, scale: float, space: Workspace, grads: Params, dh: Floats,
        *, rng: np.random.Generator | None = None, team: Team | None = None,
    ) -> float:  # fmt: skip
        if rng is None:
            return super().nll_and_grads(params, h, y, scale, space, grads, dh, team=team)
        ids = self.draw(rng) if team is None else team.first(lambda: self.draw(rng))
        words, counts = np.unique(ids, return_counts=True)
        place = np.full(len(y), -1)
        near = np.searchsorted(words, y)
        there = np.flatnonzero(near < len(words))
        there = there[words[near[there]] == y[there]]
        place[there] = near[there]
        others = np.unique(y[place < 0])
        mine, own_others = slice(0, len(words)), others
        if team is not None:
            team.touch(np.union1d(words, others))
            mine = slice(*team.columns(len(words)))
            own_others = others[slice(*team.columns(len(others)))]
        drawn = self._gather(params, words[mine], counts[mine], place - mine.start, space)
        aside, V = self._aside(params, h, y, np.flatnonzero((place < 0) & np.isin(y, own_others)))
        chunks = chunks_of(len(y), self.hidden, len(words))
        nll = self.objective(drawn, aside, h, scale, space, dh, chunks, team)
        dh[aside.rows] += aside.derivatives[:, None] * V
        sums = sum_by_word(aside.derivatives[:, None] * with_ones(h[aside.rows]), y[aside.rows])[1]
        found = [(drawn.words, drawn.dcolumns), (own_others, Columns(sums[:, :-1].T, sums[:, -1], None))]
        if team is not None:
            for some, columns in found:
                team.keep(some, columns.V, columns.c)
            return nll
        dV, dc = self.weights(grads), grads["output.c"]
        dV.fill(0.0)
        dc.fill(0.0)
        for some, columns in found:
            dV[:, some], dc[some] = columns.V, columns.c
        return nll

    def _gather(self, params: Params, words: Ints, counts: Ints, place: Ints, space: Workspace) -> Drawn:
        """Lay out the weights of some words, the biases below them and corrected."""
        H, k, both = self.hidden, len(words), []
        for name in ("output.drawn", "output.ddrawn"):
            if self.tied:  # rows of E are in one piece, and columns of V are not
                Vc = space.take(name, (k, H + 1), self.dtype).T
            else:
                Vc = space.take(name, (H + 1, k), self.dtype)
            both.append(Columns(Vc[:-1], Vc[-1], Vc))
        columns, dcolumns = both
        if self.tied:
            columns.V.T[:] = params["embedding.E"][words]
        else:
            np.take(params["output.V"], words, axis=1, out=columns.V, mode="clip")
        np.subtract(params["output.c"][words], self.correction(words), out=columns.c, casting="same_kind")
        return Drawn(words, counts, columns, dcolumns, place)

    def _aside(self, params: Params, h: Floats, y: Ints, rows: Ints) -> tuple[Apart, Floats]:
        """Return the rows whose targets were not drawn, and the weights of these, ``(m, H)``."""
        targets = y[rows]
        V = self.weights(params)[:, targets].T
        logits = np.einsum("nh,nh->n", h[rows], V) + params["output.c"][targets]
        logits -= self.correction(targets).astype(h.dtype)
        return Apart(rows, logits, np.empty_like(logits)), V
