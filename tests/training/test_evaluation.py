"""Evaluation: every token once, one state from the first to the last, whatever the batch and window."""

from __future__ import annotations

import math
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elman.data import BpeTokenizer, ByteTokenizer, CharTokenizer, Part, Text, Tokenizer, encode_corpus
from elman.errors import ConfigError, DataError
from elman.network import CELLS, LanguageModel
from elman.training.evaluation import evaluate, unigram_loss
from elman.training.figures import Evaluation
from tests.small import DEEP, sentences

MODULE = sys.modules["elman.training.evaluation"]  # that name in the package is the function
K = 9
LETTERS = CharTokenizer("abcdefgh")  # eight letters and <unk>; no line end, so that a first token is context
LINES = CharTokenizer("\nabcdefg")  # with a line end


@pytest.fixture(autouse=True)
def short_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let small texts be cut into many rows too."""
    monkeypatch.setattr(MODULE, "SHORTEST_ROW", 3)


def model_of(
    cell: str = "lstm", *, scale: float = 1.0, dtype: str = "float64", init_recurrent: str | None = None,
    **options: Any,
) -> LanguageModel:  # fmt: skip
    model = LanguageModel(
        vocab_size=K, cell=cell, embedding=4, hidden=5, layers=2, dtype=dtype, seed=3,
        init_recurrent=init_recurrent, **options,
    )  # fmt: skip
    for array in model.params.values():
        array *= scale
    return model


def ids_of(tokens: int, seed: int = 0) -> list[int]:
    return list(map(int, np.random.default_rng(seed).integers(0, K, tokens)))


def token_by_token(
    model: LanguageModel, ids: list[int], tokenizer: Tokenizer, starts: list[int] | None = None
) -> tuple[float, int, int]:
    """Step through the text; return nats, tokens that were the likeliest, tokens predicted."""
    context = [] if tokenizer.start is None else [tokenizer.start]
    led, state, nats, hits = len(context), model.initial_state(1), 0.0, 0
    sequence = [*context, *ids]
    for place, (token, target) in enumerate(pairwise(sequence)):
        if starts is not None and place - led in starts:
            state = model.initial_state(1)
        logits, state = model.step(np.array([token]), state)
        row = logits[0].astype(np.float64)
        nats += float(np.logaddexp.reduce(row) - row[target])
        hits += int(np.argmax(row) == target)
    return nats, hits, len(sequence) - 1


@pytest.mark.parametrize("tokenizer", [LETTERS, LINES], ids=["no line end", "line end"])
@pytest.mark.parametrize("cell", list(CELLS))
def test_equal_to_stepping_token_by_token(cell: str, tokenizer: Tokenizer) -> None:
    model, ids = model_of(cell), ids_of(61)
    nats, hits, tokens = token_by_token(model, ids, tokenizer)
    for batch in (1, 2, 3, 7, 50, 1000):
        for window in (1, 4, 5, 60, 61, 62, 1000):
            found = evaluate(model, Part.from_ids(ids), tokenizer, batch=batch, window=window)
            assert (found.tokens, found.correct) == (tokens, hits)
            assert found.nats == pytest.approx(nats, rel=1e-9)


def test_a_text_begins_with_what_is_learnt_and_so_does_each_document() -> None:
    model, ids, starts = model_of("lstm", **DEEP), ids_of(61), [0, 9, 40]
    for name, array in model.params.items():
        if name.endswith("0"):
            array[...] = np.random.default_rng(1).normal(0, 2, array.shape)
    for documents in (None, starts):
        nats, hits, tokens = token_by_token(model, ids, LINES, documents)
        for batch, window in ((1, 61), (3, 7), (50, 5)):
            found = evaluate(model, Part.from_ids(ids, documents), LINES, batch=batch, window=window)
            assert (found.tokens, found.correct) == (tokens, hits)
            assert found.nats == pytest.approx(nats, rel=1e-9)


@settings(max_examples=60, deadline=None)
@given(
    tokens=st.integers(2, 120),
    batch=st.integers(1, 130),
    window=st.integers(1, 130),
    starts=st.none() | st.sets(st.integers(0, 119)),
    led=st.booleans(),
    scale=st.sampled_from([0.3, 1.0, 6.0]),
    compared=st.sampled_from([1, 2, 256]),
)
def test_any_batch_and_window_give_one_result(
    tokens: int, batch: int, window: int, starts: set[int] | None, led: bool, scale: float, compared: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(MODULE, "SHORTEST_ROW", 1)
        patch.setattr(MODULE, "COMPARED", compared)
        model, ids, tokenizer = model_of(scale=scale), ids_of(tokens), LINES if led else LETTERS
        kept = None if starts is None else sorted(start for start in starts if start < tokens)
        part = Part.from_ids(ids, kept)
        nats, hits, predicted = token_by_token(model, ids, tokenizer, kept)
        found = evaluate(model, part, tokenizer, batch=batch, window=window)
    assert (found.tokens, found.correct) == (predicted, hits)
    assert found.nats == pytest.approx(nats, rel=1e-8)


@pytest.mark.parametrize("compared", [1, 3, 256])
@pytest.mark.parametrize(
    ("cell", "init", "scale"), [("rnn-relu", "identity", 1.0), ("rnn", None, 12.0), ("lstm", None, 20.0)]
)
def test_states_that_never_meet(
    monkeypatch: pytest.MonkeyPatch, cell: str, init: str | None, scale: float, compared: int
) -> None:
    """A network that does not forget, or is chaotic, is run row after row; the result is exact."""
    monkeypatch.setattr(MODULE, "COMPARED", compared)
    model, ids = model_of(cell, scale=scale, init_recurrent=init), ids_of(90)
    if init == "identity":
        for name, array in model.params.items():
            if name.endswith(".W"):
                array[...] = np.eye(5)
            elif "layers" in name:
                array[...] = np.abs(array) * 0.01  # never negative, so that all is kept for ever
    nats, hits, _ = token_by_token(model, ids, LINES)
    for batch, window in ((2, 7), (9, 3), (30, 2), (90, 1)):
        found = evaluate(model, Part.from_ids(ids), LINES, batch=batch, window=window)
        assert found.correct == hits
        assert found.nats == pytest.approx(nats, rel=1e-9)


def test_one_run_more_is_enough_where_states_meet(monkeypatch: pytest.MonkeyPatch) -> None:
    """A network that forgets costs one run and a few windows; running rows in turn would cost them all."""
    model, calls = model_of(scale=0.5), []
    true_nll = model.nll

    def nll(*arguments: object, **named: object) -> object:
        calls.append(1)
        return true_nll(*arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(model, "nll", nll)
    evaluate(model, Part.from_ids(ids_of(4000)), LINES, batch=40, window=10)
    assert len(calls) < 10 + 12


def test_float32_agrees_over_batches_and_windows() -> None:
    model, part = model_of(dtype="float32", scale=2.0), Part.from_ids(ids_of(3000))
    losses = [
        evaluate(model, part, LINES, batch=batch, window=window).nats
        for batch, window in ((1, 3000), (1, 7), (50, 50), (13, 11), (400, 3))
    ]
    assert max(losses) / min(losses) - 1 < 1e-6


def test_states_kept_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long the text, no more than COMPARED windows' states are kept."""
    monkeypatch.setattr(MODULE, "COMPARED", 5)
    from elman.training.evaluation import _Rows

    rows = _Rows(model_of(), Part.from_ids(ids_of(2000)), LINES, 2, 10)
    rows.run(rows.model.initial_state(rows.batch))
    assert (len(rows.met), len(rows.sums)) == (5, 5)


@pytest.mark.parametrize("tokens", [1, 2, 3])
@pytest.mark.parametrize("tokenizer", [LETTERS, LINES], ids=["no line end", "line end"])
def test_the_shortest_texts(tokens: int, tokenizer: Tokenizer) -> None:
    model, ids = model_of(), ids_of(tokens)
    if tokens == 1 and tokenizer.start is None:
        with pytest.raises(DataError, match="a token to predict"):
            evaluate(model, Part.from_ids(ids), tokenizer)
        return
    found = evaluate(model, Part.from_ids(ids), tokenizer)
    nats, hits, predicted = token_by_token(model, ids, tokenizer)
    assert (found.tokens, found.correct, found.nats) == (predicted, hits, pytest.approx(nats, rel=1e-12))


@pytest.mark.parametrize(("batch", "window"), [(0, 1), (1, 0), (-1, 5)])
def test_sizes_below_one(batch: int, window: int) -> None:
    with pytest.raises(ConfigError, match="at least 1"):
        evaluate(model_of(), Part.from_ids(ids_of(9)), LINES, batch=batch, window=window)


TEXTS = {
    "english": sentences(30),
    "chinese": "床前明月光，疑是地上霜。\n举头望明月，低头思故乡。\n" * 9,
    "mixed": "naïve Ω — 月\n" * 20,
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
@pytest.mark.parametrize("tokens", ["char", "byte", "word", "space", "bpe"])
def test_bits_a_character_and_a_byte(tmp_path: Path, text: str, tokens: str) -> None:
    corpus = encode_corpus({"train": Text(text), "test": Text(text)}, tmp_path, tokens=tokens)
    part, tokenizer = corpus.parts["test"], corpus.tokenizer
    model = LanguageModel(vocab_size=tokenizer.vocab_size, embedding=4, hidden=5, dtype="float64")
    found = evaluate(model, part, tokenizer)
    nats, _, predicted = token_by_token(model, part.ids.tolist(), tokenizer)
    assert tokenizer.start is not None  # so that all is predicted
    assert found.tokens == predicted == part.tokens
    bits = nats / math.log(2)
    assert found.bits_per_char == pytest.approx(bits / len(text))
    assert found.bits_per_byte == pytest.approx(bits / len(text.encode()))
    assert found.perplexity == pytest.approx(math.exp(nats / part.tokens))
    assert found.unknown == 0


def test_a_first_token_without_context_counts_nowhere(tmp_path: Path) -> None:
    text = "月ab" * 20
    corpus = encode_corpus({"train": Text(text), "test": Text(text)}, tmp_path)
    model = LanguageModel(vocab_size=corpus.tokenizer.vocab_size, embedding=4, hidden=5, dtype="float64")
    found = evaluate(model, corpus.parts["test"], corpus.tokenizer)
    assert (found.tokens, found.chars, found.bytes) == (59, 59, 97)  # 月 has three bytes


def test_a_first_subword_counts_with_all_its_bytes(tmp_path: Path) -> None:
    fields = BpeTokenizer.from_text("月月ab" * 20, max_vocab=260).to_json()["tokenizer"]
    vocab = fields["model"]["vocab"]
    vocab["unused"] = vocab.pop("Ċ")  # so that nothing can stand before the text
    tokenizer = BpeTokenizer(fields)
    assert (tokenizer.start, tokenizer.line_end) == (None, None)
    text = "月月ab月"
    part = encode_corpus({"test": Text(text)}, tmp_path, tokenizer=tokenizer).parts["test"]
    model = LanguageModel(vocab_size=tokenizer.vocab_size, embedding=4, hidden=5, dtype="float64")
    found = evaluate(model, part, tokenizer)
    first = len(tokenizer.decode(part.ids[:1]).encode())
    assert first > 1
    assert found.bytes == len(text.encode()) - first
    assert found.chars == len(text) - first // 3


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
@pytest.mark.parametrize("tokens", ["char", "byte", "word", "space", "bpe"])
def test_line_ends_that_are_not_counted_are_left_out_and_nothing_else(
    tmp_path: Path, text: str, tokens: str
) -> None:
    corpus = encode_corpus({"train": Text(text), "test": Text(text)}, tmp_path, tokens=tokens)
    part, tokenizer = corpus.parts["test"], corpus.tokenizer
    model = LanguageModel(vocab_size=tokenizer.vocab_size, embedding=4, hidden=5, dtype="float64", seed=2)
    assert tokenizer.start is not None
    x = np.array([tokenizer.start, *part.ids[:-1]], np.intp)[:, None]
    y = np.array(part.ids, np.intp)[:, None]
    nll, best, _ = model.nll(x, y, model.initial_state(1))
    kept = y != tokenizer.line_end
    for batch, window in ((1, 50), (3, 7)):
        found = evaluate(model, part, tokenizer, batch=batch, window=window, eos=False)
        assert found.nats == pytest.approx(float(nll[kept].sum()))
        assert found.correct == int((best == y)[kept].sum())
        assert (found.tokens, found.eos) == (int(kept.sum()), False)
        assert found.chars == len(text) - text.count("\n")
        assert found.bytes == len(text.encode()) - text.count("\n")


def test_a_text_of_line_ends_alone_has_nothing_to_count_without_them(tmp_path: Path) -> None:
    corpus = encode_corpus({"train": Text("a\nb"), "test": Text("\n\n")}, tmp_path)
    model = LanguageModel(vocab_size=corpus.tokenizer.vocab_size, embedding=4, hidden=5)
    with pytest.raises(DataError, match=r"no token but line ends"):
        evaluate(model, corpus.parts["test"], corpus.tokenizer, eos=False)


def test_unknown_tokens_are_counted(tmp_path: Path) -> None:
    parts = {"train": Text("abab\n" * 9), "test": Text("abxyb\nz\n")}
    corpus = encode_corpus(parts, tmp_path / "led")
    model = LanguageModel(vocab_size=corpus.tokenizer.vocab_size, embedding=4, hidden=5, dtype="float64")
    assert evaluate(model, corpus.parts["test"], corpus.tokenizer).unknown == 3
    # A first token that is not predicted is not counted as unknown either, but as the character it is.
    parts = {"train": Text("abab" * 9), "test": Text("xab")}
    corpus = encode_corpus(parts, tmp_path / "bare")
    model = LanguageModel(vocab_size=corpus.tokenizer.vocab_size, embedding=4, hidden=5, dtype="float64")
    found = evaluate(model, corpus.parts["test"], corpus.tokenizer)
    assert (found.unknown, found.tokens, found.chars, found.bytes) == (0, 2, 2, 2)


def test_document_resets_on_disk(tmp_path: Path) -> None:
    text = sentences(40)
    given = {"train": Text(text), "test": Text(text)}
    corpus = encode_corpus(given, tmp_path, documents="line")
    part, tokenizer = corpus.parts["test"], corpus.tokenizer
    assert part.starts is not None
    model = LanguageModel(vocab_size=tokenizer.vocab_size, embedding=4, hidden=5, dtype="float64", seed=1)
    nats, _, _ = token_by_token(model, part.ids.tolist(), tokenizer, part.starts.tolist())
    unreset, _, _ = token_by_token(model, part.ids.tolist(), tokenizer)
    for batch, window in ((1, 50), (7, 13), (100, 5)):
        found = evaluate(model, part, tokenizer, batch=batch, window=window)
        assert found.nats == pytest.approx(nats, rel=1e-9)
        assert found.nats != pytest.approx(unreset, rel=1e-6)


def test_the_figures_of_an_evaluation() -> None:
    found = Evaluation(nats=math.log(2) * 30, tokens=10, correct=4, unknown=1, chars=15, bytes=20)
    figures = found.as_dict()
    method = {name: figures.pop(name) for name in ("dynamic", "cache", "tuned")}
    assert method == {"dynamic": None, "cache": None, "tuned": 0}
    assert figures == pytest.approx(
        {
            "nats_per_token": 3 * math.log(2), "perplexity": 8.0, "bits_per_char": 2.0, "bits_per_byte": 1.5,
            "accuracy": 0.4, "tokens": 10, "unknown": 1, "replaced": None, "chars": 15, "bytes": 20,
            "eos": True,
        }
    )  # fmt: skip
    assert Evaluation(1e9, 1, 0, 0, 1, 1).perplexity == math.inf


def test_the_loss_of_frequencies_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    train, text = Part.from_ids([0, 0, 0, 1]), Part.from_ids([0, 1, 2])
    expected = -(math.log(4 / 7) + math.log(2 / 7) + math.log(1 / 7)) / 3
    assert unigram_loss(train, text, 3) == pytest.approx(expected)
    model = model_of(scale=0.0)
    uniform = evaluate(model, Part.from_ids(ids_of(50)), LINES)
    assert uniform.nats_per_token == pytest.approx(math.log(K))


def test_bytes_begin_after_a_line_end() -> None:
    model = LanguageModel(vocab_size=256, embedding=3, hidden=4, dtype="float64")
    ids = list(b"hello")
    nats, _, predicted = token_by_token(model, ids, ByteTokenizer())
    found = evaluate(model, Part.from_ids(ids), ByteTokenizer())
    assert (found.tokens, predicted) == (5, 5)
    assert found.nats == pytest.approx(nats)


def test_the_loss_without_the_guesses() -> None:
    part = Part.from_ids(ids_of(60))
    full, loss = (evaluate(model_of(), part, LETTERS, guesses=guesses) for guesses in (True, False))
    assert (loss.nats, loss.tokens) == (full.nats, full.tokens)
    assert loss.correct is None
    assert math.isnan(loss.accuracy)
    assert loss.as_dict()["accuracy"] is None
    assert full.as_dict()["accuracy"] == full.accuracy
