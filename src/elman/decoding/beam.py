"""Beam search: the most probable continuations of a prompt, as far as a beam of so many rows finds them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from elman.data import Tokenizer
from elman.data.tokenize import TokenStream
from elman.decoding.decoder import Decoder, context
from elman.decoding.filters import normalise
from elman.decoding.generate import StopFilter, check_text, stream_after
from elman.decoding.settings import check_power
from elman.errors import ConfigError, DivergenceError
from elman.network import LanguageModel
from elman.network.checks import check_whole


@dataclass(frozen=True)
class Hypothesis:
    """A continuation that a search has found.

    Attributes
    ----------
    text : str
        What the prompt goes on with, up to where a stop string begins.
    ids : tuple of int
        Its tokens, those of the stop string among them.
    log_prob : float
        Natural logarithm of the probability of all these tokens.
    score : float
        What hypotheses are ordered by: `log_prob`, divided by a power of the number of tokens.
    ended : bool
        Whether a stop string ended it, and not the greatest length.

    Examples
    --------
    >>> from elman.decoding import Hypothesis
    >>> Hypothesis(" sat", (7, 1), log_prob=-3.0, score=-1.5, ended=True).score
    -1.5
    """

    text: str
    ids: tuple[int, ...]
    log_prob: float
    score: float
    ended: bool


def beam_search(
    model: LanguageModel,
    tokenizer: Tokenizer,
    prompt: str | None,
    *,
    width: int,
    length: int,
    n: int = 1,
    length_penalty: float = 1.0,
    stop: Sequence[str] | None = None,
    banned: tuple[int, ...] = (),
) -> list[Hypothesis]:
    """Return the best continuations that a beam finds. There is no chance in it.

    Every step goes on with the `width` most probable beginnings. Of the candidates for that, those which a
    stop string ends leave the beam as hypotheses where they are among the first `width`. The search ends when
    no beginning can overtake the `n` best hypotheses any more, or at the greatest length.

    Parameters
    ----------
    model, tokenizer
        What to write with.
    prompt : str or None
        What to continue; None begins a new line.
    width : int
        Beginnings that are followed side by side.
    length : int
        Tokens to write, at most.
    n : int
        How many hypotheses are wanted, at most `width`.
    length_penalty : float
        A, from 0 to 16: the score is the log-probability divided by (number of tokens) ** A. With 0 that is
        the log-probability itself, which is the lower the more tokens there are; with 1 its mean.
    stop : sequence of str, optional
        A hypothesis ends before the first of these. By default the line end, where the vocabulary has one.
    banned : tuple of int
        Token ids that are never written. The probabilities of the others stay as they are.

    Returns
    -------
    list of Hypothesis
        From the best down; fewer than `n` where there are no more. Of equal ones that which was found first
        comes first.

    Raises
    ------
    ConfigError
        If a setting is out of range.
    DataError
        If the prompt is empty, or there is none and the vocabulary has no line end to begin after.
    DivergenceError
        If the model's parameters are not finite.

    References
    ----------
    A. Graves (2012), Sequence transduction with recurrent neural networks, arXiv:1211.3711.

    Y. Wu et al. (2016), Google's neural machine translation system, arXiv:1609.08144 (normalisation by a
    power of the length, there of the length plus 5).

    Examples
    --------
    >>> import elman
    >>> from elman.decoding import beam_search
    >>> tokenizer = elman.CharTokenizer.from_text("ab\\n")
    >>> model = elman.LanguageModel(vocab_size=4)
    >>> model.params["output.c"][tokenizer.encode("ab\\n")] = 3, 4, 3.5
    >>> [h.text for h in beam_search(model, tokenizer, "a", width=4, length=2, n=3, length_penalty=0)]
    ['', 'bb', 'b']
    """
    width, length = check_whole("width", width, 1), check_whole("length", length, 1)
    if check_whole("n", n, 1) > width:
        raise ConfigError(f"n is {n}: a beam of width {width} gives at most as many; widen the beam")
    power = check_power(length_penalty, 0)
    if stop is None:
        stop = ("\n",) if tokenizer.start is not None else ()
    ids = context(tokenizer, check_text("prompt", prompt))
    first = _Row(stream_after(tokenizer, ids), StopFilter(stop))
    search = _Search(Decoder(model, ids, width), first, length, n, power, banned)
    return search.run()


class _Row:
    """A beginning: its tokens, its text, and what reads on from there."""

    __slots__ = ("ids", "log_prob", "stops", "stream", "text")

    def __init__(
        self, stream: TokenStream, stops: StopFilter, ids: tuple[int, ...] = (), text: str = "",
        log_prob: float = 0.0,
    ) -> None:  # fmt: skip
        self.stream, self.stops, self.ids, self.text, self.log_prob = stream, stops, ids, text, log_prob

    def grown(self, token: int, log_prob: float) -> _Row:
        """Return the beginning that is longer by a token."""
        stream, stops = self.stream.copy(), self.stops.copy()
        return _Row(stream, stops, (*self.ids, token), self.text + stops.feed(stream(token)), log_prob)

    def hypothesis(self, power: float) -> Hypothesis:
        """Return it as a whole; whatever waited for its end is shown."""
        text, ended = self.text, self.stops.done
        if not ended:
            text += self.stops.feed(self.stream.flush()) + self.stops.flush()
        score = self.log_prob / len(self.ids) ** power
        return Hypothesis(text, self.ids, self.log_prob, score, ended)


class _Search:
    """The beam, and what has left it."""

    def __init__(
        self, decoder: Decoder, first: _Row, length: int, n: int, power: float, banned: tuple[int, ...]
    ) -> None:
        self.decoder, self.length, self.n, self.power, self.banned = decoder, length, n, power, banned
        self.width, self.classes = decoder.logits.shape
        if banned and not 0 <= min(banned) <= max(banned) < self.classes:
            raise ConfigError(f"banned has ids outside the vocabulary: they are 0 to {self.classes - 1}")
        self.rows, self.found = [first], list[Hypothesis]()

    def run(self) -> list[Hypothesis]:
        for step in range(1, self.length + 1):
            parents = self._advance()
            if not self.rows or self._decided():
                break
            if step < self.length:
                self._feed(parents)
        else:
            for row in self.rows:
                self._keep(row)
        return self.found

    def _advance(self) -> list[int]:
        """Become the best beginnings that are longer by a token; return which row each comes from."""
        totals = self._totals()
        rows: list[_Row] = []
        parents: list[int] = []
        for rank, (parent, token) in enumerate(_ranked(totals, 2 * self.width)):
            row = self.rows[parent].grown(token, float(totals[parent, token]))
            if not row.stops.done:
                rows.append(row)
                parents.append(parent)
            elif rank < self.width:
                self._keep(row)
            if len(rows) == self.width:
                break
        self.rows = rows
        return parents

    def _totals(self) -> NDArray[np.float64]:
        """Log-probability of every row and token, (rows, K); -inf where a token is banned."""
        z = self.decoder.logits[: len(self.rows)].astype(np.float64)
        if not np.isfinite(z.max(axis=-1)).all():
            raise DivergenceError("a logit is NaN or +inf: the model's parameters or state are not finite")
        normalise(z)
        z[:, self.banned] = -np.inf
        z += np.array([row.log_prob for row in self.rows])[:, None]
        return z

    def _feed(self, parents: list[int]) -> None:
        """Let the decoder go on from these rows; places in it that no row needs repeat the first."""
        spare = self.width - len(parents)
        self.decoder.reorder(np.array([*parents, *[0] * spare]))
        self.decoder.feed(np.array([*(row.ids[-1] for row in self.rows), *[self.rows[0].ids[-1]] * spare]))

    def _keep(self, row: _Row) -> None:
        """Enter a hypothesis in its place, if it is one of the n best."""
        new = row.hypothesis(self.power)
        place = sum(new.score <= old.score for old in self.found)
        self.found.insert(place, new)
        del self.found[self.n :]

    def _decided(self) -> bool:
        """Say whether no row can overtake the n best: no token has a logarithm of its probability above 0."""
        if len(self.found) < self.n:
            return False
        best = max(row.log_prob for row in self.rows)
        return bool(best / self.length**self.power <= self.found[-1].score)


def _ranked(totals: NDArray[np.float64], some: int) -> Iterator[tuple[int, int]]:
    """Yield (row, token) from the largest finite total down; of equals, the lower row and token first."""
    flat = totals.reshape(-1)
    done, possible = 0, int(np.isfinite(flat).sum())
    while done < possible:
        some = min(some, possible)
        least = np.partition(flat, flat.size - some)[flat.size - some]
        places = np.flatnonzero(flat >= least)
        for place in places[np.argsort(-flat[places], kind="stable")][done:some]:
            row, token = divmod(int(place), totals.shape[1])
            yield row, token
        done, some = some, 2 * some
