"""The choice among given continuations."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from elman.data import ByteTokenizer, CharTokenizer, Tokenizer, WordTokenizer
from elman.decoding import choose, context
from elman.errors import ConfigError, DataError
from elman.network import LanguageModel
from tests.small import sentences

TEXT = sentences(30)
CHARS, WORDS = CharTokenizer.from_text(TEXT), WordTokenizer.from_text(TEXT)


def model_of(tokenizer: Tokenizer) -> LanguageModel:
    model = LanguageModel(
        vocab_size=tokenizer.vocab_size, embedding=6, hidden=7, layers=2, dtype="float64", seed=5
    )
    for array in model.params.values():
        array *= 4
    return model


def plainly(model: LanguageModel, given: list[int], ids: list[int]) -> float:
    """Log-probability of ids after those given, by plain steps."""
    state, total = model.initial_state(1), 0.0
    for token in given:
        logits, state = model.step(np.array([token]), state)
    for token in ids:
        total += float(logits[0, token] - np.logaddexp.reduce(logits[0]))
        logits, state = model.step(np.array([token]), state)
    return total


@pytest.mark.parametrize("power", [0.0, 1.0, 0.5])
@pytest.mark.parametrize("text", ["the cat", "the " * 20, None])
@pytest.mark.parametrize("tokenizer", [CHARS, WORDS, ByteTokenizer()], ids=lambda t: t.name)
def test_probabilities_of_the_choices(tokenizer: Tokenizer, text: str | None, power: float) -> None:
    model = model_of(tokenizer)
    choices = [" sat", " ran.", "xyz", ".", " sat sat", "!"]
    given = context(tokenizer, text).tolist()
    totals = [plainly(model, given, tokenizer.encode(choice).tolist()) for choice in choices]
    values = [
        total / len(tokenizer.encode(choice)) ** power for total, choice in zip(totals, choices, strict=True)
    ]
    norm = math.fsum(math.exp(value) for value in values)
    found = choose(model, tokenizer, text, choices, length_penalty=power)
    order = sorted(range(len(choices)), key=lambda i: -values[i])
    assert [choice.text for choice in found] == [choices[i] for i in order]
    assert sum(choice.probability for choice in found) == pytest.approx(1.0, abs=1e-14)
    for choice, i in zip(found, order, strict=True):
        ids = tokenizer.encode(choice.text)
        assert choice.log_prob == pytest.approx(totals[i], rel=1e-9)
        assert choice.probability == pytest.approx(math.exp(values[i]) / norm, rel=1e-9)
        assert choice.tokens == len(ids)
        assert choice.unknown == int((ids == (-1 if tokenizer.unknown is None else tokenizer.unknown)).sum())


class Pairs(ByteTokenizer):
    """Tokens of two bytes where the two are among some pairs, as pieces of words are: cut as one text."""

    pairs = ("ab", "b ", "cd")

    @property
    def vocab_size(self) -> int:
        return 259

    def encode(self, text: str) -> Any:
        ids, at = [], 0
        while at < len(text):
            pair = text[at : at + 2] in self.pairs
            ids.append(256 + self.pairs.index(text[at : at + 2]) if pair else ord(text[at]))
            at += 1 + pair
        return np.array(ids, np.uint32)


def test_a_text_and_its_continuation_are_cut_as_one() -> None:
    """By itself the text ends with a token that only one of the choices leaves whole."""
    tokenizer = Pairs()
    model = model_of(tokenizer)
    found = choose(model, tokenizer, "xa", ["b", "cd", "c"])
    begun = context(tokenizer, "x").tolist()  # what all have in common with the text
    ids = {"b": [256], "cd": [ord("a"), 258], "c": [ord("a"), ord("c")]}
    totals = {text: plainly(model, begun, tokens) for text, tokens in ids.items()}
    for choice in found:
        assert choice.log_prob == pytest.approx(totals[choice.text], rel=1e-9)
        assert choice.tokens == len(ids[choice.text])
        norm = sum(math.exp(total) for total in totals.values())
        assert choice.probability == pytest.approx(math.exp(totals[choice.text]) / norm, rel=1e-9)


def test_of_equals_the_first_given_comes_first() -> None:
    model = LanguageModel(vocab_size=CHARS.vocab_size, embedding=2, hidden=3, init="zeros")
    assert [c.text for c in choose(model, CHARS, "the", ["c", "a", "b"])] == ["c", "a", "b"]
    (only,) = choose(model, CHARS, None, ["the cat"])
    assert only.probability == 1.0
    assert only.log_prob == pytest.approx(-7 * math.log(CHARS.vocab_size))


def test_a_choice_far_less_likely_than_another_is_not_lost() -> None:
    model = LanguageModel(vocab_size=CHARS.vocab_size, embedding=2, hidden=3, init="zeros", dtype="float64")
    model.params["output.c"][CHARS.encode("t")] = 600.0
    likely, unlikely = choose(model, CHARS, "the", ["aa", "t" * 50])
    assert (likely.text, unlikely.probability) == ("t" * 50, 0.0)
    assert unlikely.log_prob == pytest.approx(-1200.0)


@pytest.mark.parametrize(
    ("settings", "error", "says"),
    [
        ({"choices": []}, ConfigError, "nothing to choose from"),
        ({"choices": "ab"}, ConfigError, "a sequence of strings"),
        ({"choices": ["a", 3]}, ConfigError, "a sequence of strings"),
        ({"choices": ["a", "b", "a"]}, ConfigError, "'a' was given twice"),
        ({"choices": ["a", ""]}, DataError, "the choice '' has no token"),
        ({"text": ""}, DataError, "empty"),
        ({"text": 3}, ConfigError, "text must be"),
        ({"length_penalty": -17}, ConfigError, "a number from -16 to 16"),
        ({"length_penalty": math.nan}, ConfigError, "length_penalty is nan"),
        ({"length_penalty": "1"}, ConfigError, "length_penalty is '1'"),
    ],
)
def test_bad_settings(settings: dict[str, Any], error: type[Exception], says: str) -> None:
    given = {"text": "the", "choices": ["a", "b"], **settings}
    with pytest.raises(error, match=says):
        choose(model_of(CHARS), CHARS, given.pop("text"), given.pop("choices"), **given)


def test_a_vocabulary_without_a_line_end_needs_a_text() -> None:
    bare = CharTokenizer("abc")
    model = model_of(bare)
    with pytest.raises(DataError, match="no line end"):
        choose(model, bare, None, ["a"])
    assert choose(model, bare, "c", ["a"])[0].log_prob == pytest.approx(plainly(model, [3], [1]), rel=1e-9)


def test_words_of_a_choice_may_be_unknown() -> None:
    found = choose(model_of(WORDS), WORDS, "the", ["cat", "platypus sat", "dog"])
    assert {choice.text: choice.unknown for choice in found} == {"cat": 0, "platypus sat": 1, "dog": 0}
    with pytest.raises(DataError, match="has no token"):
        choose(model_of(WORDS), WORDS, "the", ["cat", "  "])
