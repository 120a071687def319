"""The log-probability of a given text."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from elman.data import CharTokenizer, Text, encode_corpus, tokenizer_kind
from elman.decoding import score
from elman.decoding.score import WINDOW
from elman.errors import DataError
from elman.network import LanguageModel
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


@pytest.mark.parametrize("size", [1, 2, WINDOW - 1, WINDOW, WINDOW + 1, 2 * WINDOW + 3])
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
