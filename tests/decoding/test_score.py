"""The log-probability of a given text."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elman.data import (
    ByteTokenizer,
    CharTokenizer,
    ListedCharTokenizer,
    Text,
    Tokenizer,
    WordTokenizer,
    encode_corpus,
    tokenizer_kind,
)
from elman.decoding import Score, score, score_lines, sequences
from elman.decoding.sequences import STEPS
from elman.errors import ConfigError, DataError, DivergenceError
from elman.network import LanguageModel
from elman.network.threads import usable_cores
from elman.training.evaluation import evaluate
from tests.small import sentences


@pytest.mark.parametrize("tokens", ["char", "byte", "word"])
@pytest.mark.parametrize("lines", [1, 40])
def test_the_sum_is_that_of_evaluation(tmp_path: Path, tokens: str, lines: int) -> None:
    text = sentences(lines, seed=lines)
    tokenizer = tokenizer_kind(tokens).from_text(sentences(50))
    model = LanguageModel(vocab_size=tokenizer.vocab_size, embedding=4, hidden=5, dtype="float64")
    corpus = encode_corpus({"test": Text(text)}, tmp_path, tokenizer=tokenizer)
    found = evaluate(model, corpus.parts["test"], tokenizer)
    scored = score(model, tokenizer, text)
    assert scored.total == pytest.approx(-found.nats, rel=1e-9)
    assert (len(scored.tokens), len(scored.log_probs), scored.unknown) == (
        found.tokens,
        found.tokens,
        found.unknown,
    )


@pytest.mark.parametrize("size", [1, 2, STEPS - 1, STEPS, STEPS + 1, 2 * STEPS + 3])
def test_every_token_by_steps(size: int) -> None:
    tokenizer = CharTokenizer("\nabc")
    model = LanguageModel(vocab_size=5, embedding=4, hidden=5, dtype="float64")
    text = "".join(np.random.default_rng(size).choice(list("abc\nx"), size))
    found = score(model, tokenizer, text)
    state, token = model.initial_state(1), tokenizer.start
    for n, target in enumerate(tokenizer.encode(text)):
        logits, state = model.step(np.array([token]), state)
        row = logits[0]
        assert found.log_probs[n] == pytest.approx(row[target] - np.logaddexp.reduce(row), rel=1e-9)
        token = int(target)
    assert len(found.log_probs) == size
    assert found.unknown == text.count("x")
    assert found.tokens == [character if character != "x" else "<unk>" for character in text]


def test_a_first_token_with_nothing_before_it_is_left_out() -> None:
    tokenizer = CharTokenizer("abc")
    model = LanguageModel(vocab_size=4, embedding=4, hidden=5, dtype="float64")
    assert score(model, tokenizer, "abc").tokens == ["b", "c"]
    with pytest.raises(DataError, match="nothing to score"):
        score(model, tokenizer, "a")
    with pytest.raises(DataError, match="empty"):
        score(model, tokenizer, "")


LINES = sys.modules["elman.decoding.score"]  # that name in the package is the function
KINDS = {
    "char": CharTokenizer("\n abcde"),
    "bare": CharTokenizer(" abcde"),  # no line end
    "byte": ByteTokenizer(),
    "word": WordTokenizer.from_text("ab a b, cd e\n"),
    "space": tokenizer_kind("space").from_text("ab a b, cd e <unk>\n"),
    "bpe": tokenizer_kind("bpe").from_text("ab a b, cd e\nab cd abcde\n" * 9, max_vocab=264),
}


def network(tokenizer: Tokenizer, **given: object) -> LanguageModel:
    sizes = {"embedding": 4, "hidden": 5, "layers": 2, "dtype": "float64", "cell": "gru", **given}
    model = LanguageModel(vocab_size=tokenizer.vocab_size, **sizes)
    for array in model.params.values():
        array *= 3
    return model


def plainly(
    model: LanguageModel, tokenizer: Tokenizer, lines: list[str], *, eos: bool, carry: bool
) -> list[tuple[list[int], list[float]]]:
    """Ids and log-probabilities of each line by plain steps."""
    start, found = tokenizer.start, []
    logits, state = None, model.initial_state(1)
    for line in lines:
        if not carry:
            logits, state = None, model.initial_state(1)
        if start is not None and (not carry or not found):
            logits, state = model.step(np.array([start]), state)
        ids, values = [], []
        for token in tokenizer.encode(line).tolist():
            if logits is not None:
                ids.append(token)
                values.append(float(logits[0, token] - np.logaddexp.reduce(logits[0])))
            logits, state = model.step(np.array([token]), state)
        if start is not None:
            if eos:
                ids.append(start)
                values.append(float(logits[0, start] - np.logaddexp.reduce(logits[0])))
            logits, state = model.step(np.array([start]), state)
        found.append((ids, values))
    return found


def check(got: list[Score], expected: list[tuple[list[int], list[float]]], tokenizer: Tokenizer) -> None:
    assert len(got) == len(expected)
    for one, (ids, values) in zip(got, expected, strict=True):
        assert one.tokens == [tokenizer.token(i) for i in ids]
        assert one.unknown == sum(i == tokenizer.unknown for i in ids)
        np.testing.assert_allclose(one.log_probs, values, rtol=1e-9, atol=1e-12)
        assert one.total == pytest.approx(sum(values), rel=1e-9)


texts = st.lists(st.text(st.sampled_from("abcdez ,月"), max_size=12), max_size=9)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=20)
@given(
    lines=texts, eos=st.booleans(), carry=st.booleans(), ahead=st.integers(1, 5), tokens=st.integers(1, 30),
    rows=st.integers(1, 4), steps=st.integers(1, 7), cores=st.integers(1, 3),
)  # fmt: skip
def test_lines_are_what_each_is_alone(
    kind: str, lines: list[str], eos: bool, carry: bool, ahead: int, tokens: int, rows: int, steps: int,
    cores: int,
) -> None:  # fmt: skip
    """Whatever is read ahead, side by side, at once, and by how many threads."""
    tokenizer = KINDS[kind]
    model = network(tokenizer)
    expected = plainly(model, tokenizer, lines, eos=eos, carry=carry)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LINES, "LINES", ahead)
        patch.setattr(LINES, "TOKENS", tokens)
        patch.setattr(LINES, "STEPS", steps)
        patch.setattr(sequences, "STEPS", steps)
        patch.setattr(sequences, "ROWS", rows)
        patch.setattr(sequences, "usable_cores", lambda: cores)
        got = list(score_lines(model, tokenizer, lines, eos=eos, carry=carry))
    check(got, expected, tokenizer)


def test_more_lines_than_are_read_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    tokenizer = CharTokenizer.from_text(sentences(50))
    model = network(tokenizer, cell="lstm")
    lines = sentences(120, seed=2).splitlines()
    alone = [score(model, tokenizer, line + "\n") for line in lines]
    monkeypatch.setattr(LINES, "LINES", 50)
    for got in (score_lines(model, tokenizer, lines), score_lines(model, tokenizer, iter(lines))):
        for one, expected in zip(got, alone, strict=True):
            np.testing.assert_allclose(one.log_probs, expected.log_probs, rtol=1e-9)
            assert one.tokens == expected.tokens


def test_carried_lines_are_the_text_as_a_whole(tmp_path: Path) -> None:
    text = sentences(40)
    for tokenizer in (CharTokenizer.from_text(text), WordTokenizer.from_text(text)):
        model = network(tokenizer)
        corpus = encode_corpus({"test": Text(text)}, tmp_path / tokenizer.name, tokenizer=tokenizer)
        found = evaluate(model, corpus.parts["test"], tokenizer)
        scores = list(score_lines(model, tokenizer, text.splitlines(), carry=True))
        assert -sum(one.total for one in scores) == pytest.approx(found.nats, rel=1e-9)
        assert sum(len(one.tokens) for one in scores) == found.tokens


def test_float32_is_as_near_as_it_can_be() -> None:
    tokenizer = CharTokenizer.from_text(sentences(50))
    models = [network(tokenizer, dtype=dtype) for dtype in ("float32", "float64")]
    lines = sentences(100, seed=1).splitlines()
    for one, other in zip(*(score_lines(model, tokenizer, lines) for model in models), strict=True):
        assert one.log_probs.dtype == np.float64
        assert one.total == pytest.approx(other.total, rel=1e-5)


def test_lines_are_read_no_further_ahead_than_they_must(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LINES, "LINES", 4)
    taken = []

    def lines() -> Iterator[str]:
        for number in range(20):
            taken.append(number)
            yield "ab"

    scores = score_lines(network(KINDS["char"]), KINDS["char"], lines())
    assert taken == []
    next(scores)
    assert len(taken) == 4


def test_lines_that_cannot_be_scored() -> None:
    tokenizer = KINDS["char"]
    model = network(tokenizer)
    with pytest.raises(ConfigError, match="a line must be a string, not 3"):
        list(score_lines(model, tokenizer, ["ab", 3]))  # type: ignore[list-item]
    with pytest.raises(ConfigError, match="reads forward alone"):
        score_lines(network(tokenizer, direction="bidirectional"), tokenizer, [])
    listed = ListedCharTokenizer(list("ab"))
    with pytest.raises(DataError, match="'c' is not in the vocabulary"):
        list(score_lines(network(listed), listed, ["ab", "abc"]))
    model.params["output.c"][3] = np.nan
    for carry in (False, True):
        with pytest.raises(DivergenceError, match="not finite"):
            list(score_lines(model, tokenizer, ["ab"], carry=carry))
    with pytest.raises(DivergenceError, match="not finite"):
        score(model, tokenizer, "ab")


def test_cores_are_counted() -> None:
    assert 1 <= usable_cores() <= (os.cpu_count() or 1)
