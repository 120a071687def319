"""Which of some given continuations is the likeliest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from elman.data import Tokenizer
from elman.decoding.decoder import context
from elman.decoding.generate import check_text
from elman.decoding.score import read_on
from elman.decoding.sequences import log_probs
from elman.decoding.settings import STEEPEST, check_power
from elman.errors import ConfigError, DataError
from elman.network import LanguageModel
from elman.network.checks import check_forwards
from elman.typing import Ints


@dataclass(frozen=True)
class Choice:
    """One of some given continuations.

    Attributes
    ----------
    text : str
        As it was given.
    probability : float
        Among those given: they add up to 1.
    log_prob : float
        Natural logarithm of its probability among all continuations of the text.
    tokens : int
        How many tokens it has.
    unknown : int
        How many of them are outside the vocabulary; each counts as ``<unk>``.

    Examples
    --------
    >>> from elman.decoding import Choice
    >>> Choice(" cat", probability=0.75, log_prob=-3.2, tokens=4, unknown=0).probability
    0.75
    """

    text: str
    probability: float
    log_prob: float
    tokens: int
    unknown: int


def choose(
    model: LanguageModel,
    tokenizer: Tokenizer,
    text: str | None,
    choices: Sequence[str],
    *,
    length_penalty: float = 0.0,
) -> list[Choice]:
    """Order given continuations of a text by their probability.

    Each may be several tokens. Nothing is said of what comes after it: "cat" is at least as probable as
    "cats". Where that matters, let the choices end alike, with a space or a line end.

    Parameters
    ----------
    model, tokenizer
        What to judge by.
    text : str or None
        What comes before; None for the beginning of a line.
    choices : sequence of str
        What may follow. With words as tokens they are the words that follow; with characters, bytes or pieces
        of words they follow the text directly, so that a space between is part of one or the other.
    length_penalty : float
        A: log-probabilities are divided by (number of tokens) ** A before they are compared, so that 1
        compares their means.

    Returns
    -------
    list of Choice
        From the most probable down; of equal ones that which was given first comes first.

    Raises
    ------
    ConfigError
        If no choice is given, one is given twice or is no string, or the penalty is no number from
        -16 to 16.
    DataError
        If a choice has no token, the text is empty, or there is nothing before the first token.

    Notes
    -----
    Where pieces of words are tokens, the text and each choice are cut as one text. What all choices have in
    common with the text, cut by itself, is what they are conditioned on.

    Examples
    --------
    >>> import elman
    >>> from elman.decoding import choose
    >>> tokenizer = elman.CharTokenizer.from_text("abc\\n")
    >>> model = elman.LanguageModel(vocab_size=5)
    >>> model.params["output.c"][tokenizer.encode("b")] = 3
    >>> [(c.text, c.probability > 0.8) for c in choose(model, tokenizer, "a", ["bb", "bc", "cc"])]
    [('bb', True), ('bc', False), ('cc', False)]
    """
    check_forwards(model.stack, "the choice among texts, each token predicted from those before it,")
    _check_choices(choices)
    power = check_power(length_penalty, -STEEPEST)
    before, sequences = _cut(tokenizer, check_text("text", text), choices)
    state = read_on(model, before, model.initial_state(1))[1] if len(before) > 1 else None
    found = log_probs(model, sequences, state)
    totals = np.array([values.sum() for values in found])
    lengths = np.array([len(values) for values in found])
    z = totals / lengths**power
    p = np.exp(z - z.max())
    p /= p.sum()
    unknown = [
        0 if tokenizer.unknown is None else int((ids[1:] == tokenizer.unknown).sum()) for ids in sequences
    ]
    order = np.argsort(-z, kind="stable").tolist()
    return [Choice(choices[i], float(p[i]), float(totals[i]), int(lengths[i]), unknown[i]) for i in order]


def _check_choices(choices: Sequence[str]) -> None:
    if isinstance(choices, str) or not all(isinstance(choice, str) for choice in choices):
        raise ConfigError(f"choices must be a sequence of strings, not {choices!r:.60}")
    if not choices:
        raise ConfigError("there is nothing to choose from: give at least one choice")
    twice = next((choice for i, choice in enumerate(choices) if choice in choices[:i]), None)
    if twice is not None:
        raise ConfigError(f"the choice {twice!r} was given twice: give each once")


def _cut(tokenizer: Tokenizer, text: str | None, choices: Sequence[str]) -> tuple[Ints, list[Ints]]:
    """Return the tokens that all have in common, and for each choice the last of them and what follows."""
    given = context(tokenizer, text)
    led = given[:1] if tokenizer.start is not None else given[:0]
    if tokenizer.unit == "word":  # what stands between two words is no token
        wholes = [np.concatenate([given, tokenizer.encode(choice)]).astype(np.intp) for choice in choices]
        common = len(given)
    else:
        wholes = [
            np.concatenate([led, tokenizer.encode((text or "") + choice)]).astype(np.intp)
            for choice in choices
        ]
        common = min(_alike(given, whole) for whole in wholes)
    if common == 0:
        raise DataError("there is nothing before the first token of a choice: give more text before it")
    for choice, whole in zip(choices, wholes, strict=True):
        if len(whole) <= common:
            raise DataError(f"the choice {choice!r} has no token: give some text")
    return given[:common], [whole[common - 1 :] for whole in wholes]


def _alike(one: Ints, other: Ints) -> int:
    """Return how many tokens two sequences begin with alike."""
    size = min(len(one), len(other))
    differ = np.flatnonzero(one[:size] != other[:size])
    return int(differ[0]) if len(differ) else size
