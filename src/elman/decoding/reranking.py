"""Candidates of a recogniser or a translator, ordered anew with what a language model thinks of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from elman.data import Tokenizer
from elman.decoding.nbest import Candidate
from elman.decoding.score import score_lines
from elman.decoding.settings import STEEPEST, check_power, is_number
from elman.errors import ConfigError
from elman.network import LanguageModel


@dataclass(frozen=True)
class Weights:
    """How the score that a candidate was given, and what the model thinks of it, become one number.

    It is ``given * score + model * log p(text) / tokens ** length_penalty + word_bonus * words -
    unknown_penalty * unknown``: the logarithm is to the base of the given scores, tokens are those of the
    model, words what white space separates.

    Parameters
    ----------
    model : float
        Weight of the model's log-probability.
    given : float
        Weight of the given score. It is negative where scores are costs, of which the least is the best.
    log_base : float
        To which base the given scores are logarithms; above 1.
    word_bonus : float
        For every word. Log-probabilities fall with every word: this makes up for it. A penalty is negative.
    length_penalty : float
        A: what the model's log-probability is divided by is the number of tokens to this power.
    unknown_penalty : float
        For every token outside the vocabulary, of which the model knows only that it is none of the others.

    Raises
    ------
    ConfigError
        If one is no finite number, the base not above 1, or the length penalty not from -16 to 16.

    Examples
    --------
    >>> from elman.decoding import Weights
    >>> Weights(model=0.5, log_base=10).total(given=-3.0, log_prob=-2.0, tokens=4, words=3)
    -4.0
    """

    model: float = 1.0
    given: float = 1.0
    log_base: float = math.e
    word_bonus: float = 0.0
    length_penalty: float = 0.0
    unknown_penalty: float = 0.0

    def __post_init__(self) -> None:
        for name in (field.name for field in fields(self)):
            value = getattr(self, name)
            if not (is_number(value) and math.isfinite(value)):
                raise ConfigError(f"{name} is {value!r}: give a finite number")
        check_power(self.length_penalty, -STEEPEST)
        if self.log_base <= 1.0:
            raise ConfigError(f"log_base is {self.log_base!r}: give a number above 1, such as 10")

    def total(self, *, given: float, log_prob: float, tokens: int, words: int, unknown: int = 0) -> float:
        """Return the one number; `log_prob` is to the base of the given scores."""
        mean = log_prob / float(max(tokens, 1)) ** self.length_penalty
        by_count = self.word_bonus * words - self.unknown_penalty * unknown
        return float(self.given * given + self.model * mean + by_count)


@dataclass(frozen=True)
class Ranked:
    """A candidate in its new place.

    Attributes
    ----------
    id, text : str
        As given.
    rank : int
        From 1, among the candidates of its id.
    total : float
        What they are ordered by.
    given : float
        The score it was given.
    log_prob : float
        Logarithm of its probability by the model, to the base of the given scores.
    tokens : int
        Tokens that the model predicted.
    unknown : int
        How many of them are outside the vocabulary.

    Examples
    --------
    >>> from elman.decoding import Ranked
    >>> Ranked("7", "the cat", 1, total=-4.5, given=-1.0, log_prob=-3.5, tokens=3, unknown=0).rank
    1
    """

    id: str
    text: str
    rank: int
    total: float
    given: float
    log_prob: float
    tokens: int
    unknown: int


def candidates_of(
    texts: Sequence[str], scores: Sequence[float] | None = None, ids: Sequence[str] | None = None
) -> list[Candidate]:
    """Return candidates of what is known of each.

    Parameters
    ----------
    texts : sequence of str
        Their words.
    scores : sequence of float, optional
        What each was given; 0 without it.
    ids : sequence of str, optional
        What each is a candidate for; without it, all for one thing.

    Returns
    -------
    list of Candidate

    Raises
    ------
    ConfigError
        If there are more of one than of another, a text is no string, or a score no finite number.
    """
    if isinstance(texts, str) or not all(isinstance(text, str) for text in texts):
        raise ConfigError(f"texts must be a sequence of strings, not {texts!r:.60}")
    given = [0.0] * len(texts) if scores is None else list(scores)
    names = [""] * len(texts) if ids is None else [str(name) for name in ids]
    if not len(texts) == len(given) == len(names):
        raise ConfigError(
            f"{len(texts)} texts came with {len(given)} scores and {len(names)} ids: give each text one"
        )
    wrong = next((score for score in given if not (is_number(score) and math.isfinite(score))), None)
    if wrong is not None:
        raise ConfigError(f"a score is {wrong!r}: give a finite number for each text")
    return [Candidate(*each) for each in zip(names, texts, map(float, given), strict=True)]


def rerank(
    model: LanguageModel,
    tokenizer: Tokenizer,
    candidates: Sequence[Candidate],
    weights: Weights | None = None,
    *,
    eos: bool = True,
) -> list[Ranked]:
    """Order candidates anew, those of each id among themselves.

    Parameters
    ----------
    model, tokenizer
        What to score with.
    candidates : sequence of Candidate
        Those of an id need not stand together.
    weights : Weights, optional
        By default the sum of both scores.
    eos : bool
        Whether the line end is a token of a candidate, where the vocabulary has one.

    Returns
    -------
    list of Ranked
        Ids in the order in which they first appear; the best of each first, and of equals that which came
        first.

    Raises
    ------
    DataError
        If the vocabulary has no ``<unk>`` and a text has what is not in it.
    DivergenceError
        If the model's parameters are not finite.

    Examples
    --------
    >>> import elman
    >>> from elman.decoding import Candidate, rerank
    >>> tokenizer = elman.CharTokenizer.from_text("ab\\n")
    >>> model = elman.LanguageModel(vocab_size=4)
    >>> model.params["output.c"][tokenizer.encode("b")] = 5
    >>> [r.text for r in rerank(model, tokenizer, [Candidate("1", "ab", -1.0), Candidate("1", "bb", -1.5)])]
    ['bb', 'ab']
    """
    weights = weights or Weights()
    base = math.log(weights.log_base)
    groups: dict[str, list[tuple[float, Candidate, float, int, int]]] = {}
    scores = score_lines(model, tokenizer, (candidate.text for candidate in candidates), eos=eos)
    for candidate, scored in zip(candidates, scores, strict=True):
        log_prob, tokens = scored.total / base, len(scored.tokens)
        total = weights.total(
            given=candidate.score, log_prob=log_prob, tokens=tokens, words=len(candidate.text.split()),
            unknown=scored.unknown,
        )  # fmt: skip
        groups.setdefault(candidate.id, []).append((total, candidate, log_prob, tokens, scored.unknown))
    found = []
    for group in groups.values():
        order = np.argsort([-total for total, *_ in group], kind="stable").tolist()
        for rank, (total, candidate, log_prob, tokens, unknown) in enumerate(
            (group[i] for i in order), start=1
        ):
            name, text, given = candidate
            found.append(Ranked(name, text, rank, total, given, log_prob, tokens, unknown))
    return found
