"""The log-probability of given texts, token by token."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from elman.data import Tokenizer
from elman.decoding.decoder import context
from elman.decoding.sequences import STEPS, log_probs
from elman.errors import ConfigError, DataError, DivergenceError
from elman.network import LanguageModel, ModelState
from elman.network.checks import check_forwards
from elman.network.threads import one_thread
from elman.typing import Ints

LINES = 4096
"""Lines that are read ahead, so that those of like length can be scored side by side."""

TOKENS = 1 << 18
"""Tokens of lines that are read ahead, at most, but for the last line."""


@dataclass(frozen=True)
class Score:
    """What a model thinks of a text.

    Attributes
    ----------
    tokens : list of str
        The tokens that were predicted.
    log_probs : ndarray of shape (N,)
        Natural logarithm of the probability of each, given those before it.
    unknown : int
        How many of them are outside the vocabulary.

    Examples
    --------
    >>> import elman, numpy as np
    >>> scored = elman.Score(["a", "b"], np.log([0.5, 0.25]), unknown=0)
    >>> round(scored.total, 3), round(float(np.exp(-scored.total / 2)), 3)  # and the perplexity
    (-2.079, 2.828)
    """

    tokens: list[str]
    log_probs: NDArray[np.float64]
    unknown: int

    @property
    def total(self) -> float:
        """Log-probability of the text, in nats: the sum of `log_probs`."""
        return float(self.log_probs.sum())


def score(model: LanguageModel, tokenizer: Tokenizer, text: str) -> Score:
    """Return the log-probability of every token of a text.

    The text stands at the beginning of a line; without a line end in the vocabulary its first token has
    nothing before it, and is left out.

    Parameters
    ----------
    model, tokenizer
        What to score with.
    text : str
        What to score.

    Returns
    -------
    Score
        Token by token.

    Raises
    ------
    DataError
        If there is no token to predict.
    """
    check_forwards(model.stack, "the score of a text, each token predicted from those before it,")
    ids = context(tokenizer, text)
    if len(ids) < 2:
        raise DataError("there is nothing to score: the text is a single token with nothing before it")
    found, _ = read_on(model, ids, model.initial_state(1))
    return _Names(tokenizer).scored(ids[1:], found)


def score_lines(
    model: LanguageModel, tokenizer: Tokenizer, lines: Iterable[str], *, eos: bool = True, carry: bool = False
) -> Iterator[Score]:
    """Score every line of a text.

    A line stands at the beginning of a line, and by default a line end after it is a token of it too: the
    probability of a line is then that of all of it, and of no more. A vocabulary without a line end has
    nothing to put before a line. Its first token is then left out, as in :func:`score`.

    Parameters
    ----------
    model, tokenizer
        What to score with.
    lines : iterable of str
        Without their ends. They are read ahead of what has been given out, some thousand at a time.
    eos : bool
        Whether the line end is a token of the line, where the vocabulary has one. Where not, it is not
        counted; with `carry` it is read nevertheless.
    carry : bool
        Whether the model goes on from one line to the next, as it reads a text. By default it forgets: each
        line is by itself, and lines are read side by side.

    Returns
    -------
    iterator of Score
        One a line, in their order. A line with nothing to predict has no token, and a log-probability of 0.

    Raises
    ------
    ConfigError
        From the iterator, if a line is no string; at once, if a single string was given, or the model does
        not read forward alone.
    DataError
        From the iterator, if the vocabulary has no ``<unk>`` and a line has what is not in it.
    DivergenceError
        From the iterator, if the model's parameters are not finite.

    Notes
    -----
    The figures are those of each line alone, within a few roundings: rows of a batch do not see each other.

    Examples
    --------
    >>> import elman
    >>> from elman.decoding import score_lines
    >>> model = elman.LanguageModel(vocab_size=4)
    >>> tokenizer = elman.CharTokenizer.from_text("ab\\n")
    >>> [(s.tokens, s.unknown) for s in score_lines(model, tokenizer, ["ab", "", "bz"])]
    [(['a', 'b', '\\n'], 0), (['\\n'], 0), (['b', '<unk>', '\\n'], 1)]
    """
    check_forwards(model.stack, "the score of a text, each token predicted from those before it,")
    if isinstance(lines, str):
        raise ConfigError(f"lines must be strings, one for each line, not the string {lines!r:.60}")
    return _carried(model, tokenizer, lines, eos) if carry else _apart(model, tokenizer, lines, eos)


def _ahead(
    tokenizer: Tokenizer, lines: Iterable[str], led: list[int], ended: list[int]
) -> Iterator[list[Ints]]:
    """Yield the tokens of some thousand lines at a time, with what stands before and after each line."""
    held: list[Ints] = []
    size = 0
    for line in lines:
        if not isinstance(line, str):
            raise ConfigError(f"a line must be a string, not {line!r:.60}")
        ids = np.array([*led, *tokenizer.encode(line).tolist(), *ended], np.intp)
        held.append(ids)
        size += len(ids)
        if len(held) == LINES or size >= TOKENS:
            yield held
            held, size = [], 0
    if held:
        yield held


def _apart(model: LanguageModel, tokenizer: Tokenizer, lines: Iterable[str], eos: bool) -> Iterator[Score]:
    names = _Names(tokenizer)
    led = [] if tokenizer.start is None else [tokenizer.start]
    for held in _ahead(tokenizer, lines, led, led if eos else []):
        found = log_probs(model, [ids if len(ids) else np.zeros(1, np.intp) for ids in held])
        for ids, values in zip(held, found, strict=True):
            yield names.scored(ids[1:], values)


def _carried(model: LanguageModel, tokenizer: Tokenizer, lines: Iterable[str], eos: bool) -> Iterator[Score]:
    names = _Names(tokenizer)
    end = [] if tokenizer.start is None else [tokenizer.start]
    state = model.initial_state(1)
    before: Ints = np.array(end, np.intp)  # the token that the next is predicted from
    for held in _ahead(tokenizer, lines, [], end):
        found, state = read_on(model, np.concatenate([before, *held]), state)
        stop = 0
        for ids in held:
            if not len(before):  # nothing predicts the first token of all
                before, ids = ids[:1], ids[1:]
            start, stop = stop, stop + len(ids)
            counted = len(ids) - len(end) * (not eos)
            yield names.scored(ids[:counted], found[start : start + counted])
            before = ids[-1:] if len(ids) else before


def read_on(model: LanguageModel, ids: Ints, state: ModelState) -> tuple[NDArray[np.float64], ModelState]:
    """Return the log-probability of every id but the first, and the state before the last."""
    pieces = [np.zeros(0)]
    with one_thread():
        for start in range(0, len(ids) - 1, STEPS):
            stop = min(start + STEPS, len(ids) - 1)
            x, y = ids[start:stop, None], ids[start + 1 : stop + 1, None]
            nll, _, state = model.nll(x, y, state, guess=False)
            pieces.append(np.negative(nll[:, 0], dtype=np.float64))
    found = np.concatenate(pieces)
    if np.isnan(found).any():
        raise DivergenceError("a log-probability is not a number: the model's parameters are not finite")
    return found, state


class _Names(dict[int, str]):
    """The text of each token, asked for once; and which of them is unknown."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        super().__init__()
        self._tokenizer, self.unknown = tokenizer, tokenizer.unknown

    def __missing__(self, index: int) -> str:
        self[index] = name = self._tokenizer.token(index)
        return name

    def scored(self, ids: Ints, found: NDArray[np.float64]) -> Score:
        """Return the score of these tokens."""
        listed = ids.tolist()
        return Score([self[index] for index in listed], found, listed.count(self.unknown))
