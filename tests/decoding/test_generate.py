"""Generation: one step a token, seeded, sample by sample, piece by piece."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from elman.data import ByteTokenizer, CharTokenizer, Tokenizer, WordTokenizer
from elman.decoding import Decoder, Sampling, context, draw, generate
from elman.decoding.decoder import PRIMED_AT_ONCE
from elman.decoding.generate import StopFilter
from elman.errors import ConfigError, DataError
from elman.network import LanguageModel
from tests.small import sentences

TEXT = sentences(30)
CHARS, WORDS = CharTokenizer.from_text(TEXT), WordTokenizer.from_text(TEXT)


def model_of(tokenizer: Tokenizer, **settings: Any) -> LanguageModel:
    """A model whose choices are not all alike: weights four times their initial size."""
    sizes = {"embedding": 6, "hidden": 7, "layers": 2, "dtype": "float64", "seed": 5}
    model = LanguageModel(vocab_size=tokenizer.vocab_size, **{**sizes, **settings})
    for array in model.params.values():
        array *= 4
    return model


def write(tokenizer: Tokenizer, prompt: str | None = "the", **settings: Any) -> list[str]:
    """Return the continuations."""
    given = {"length": 25, "sampling": Sampling(), "seed": 0, "samples": 1, **settings}
    model = given.pop("model", None) or model_of(tokenizer)
    texts = [""] * given["samples"]
    for row, piece in generate(model, tokenizer, prompt, **given):
        assert piece, "an empty piece says nothing"
        texts[row] += piece
    return texts


def plainly(tokenizer: Tokenizer, prompt: str, length: int, seed: int, sampling: Sampling) -> list[int]:
    """Ids of a continuation, by model.step from the zero state and one generator."""
    model = model_of(tokenizer)
    state, rng = model.initial_state(1), np.random.default_rng((seed, 0))
    given = context(tokenizer, prompt)
    for token in given:
        logits, state = model.step(np.array([token]), state)
    made: list[int] = []
    for _ in range(length):
        recent = [*given.tolist(), *made][-sampling.repetition_window :]
        made.append(int(draw(logits[0], sampling, rng.random(), recent)))
        logits, state = model.step(np.array([made[-1]]), state)
    return made


@pytest.mark.parametrize(
    "sampling",
    [
        Sampling(0.0), Sampling(), Sampling(0.7, top_k=5), Sampling(1.5, top_p=0.9), Sampling(min_p=0.1),
        Sampling(typical=0.8), Sampling(0.0, repetition_penalty=2.0, repetition_window=4),
        Sampling(repetition_penalty=1.5, repetition_window=12),
    ],
)  # fmt: skip
@pytest.mark.parametrize("tokenizer", [CHARS, WORDS, ByteTokenizer()], ids=lambda t: t.name)
def test_equal_to_plain_steps(tokenizer: Tokenizer, sampling: Sampling) -> None:
    ids = plainly(tokenizer, "the cat", 25, 3, sampling)
    before = tokenizer.decode(context(tokenizer, "the cat"))
    whole = tokenizer.decode([*context(tokenizer, "the cat"), *ids])
    if tokenizer.name == "byte":  # random bytes are rarely UTF-8: compare up to the first that is not
        assert write(tokenizer, "the cat", seed=3, sampling=sampling)[0] == whole[len(before) :]
    else:
        assert before + write(tokenizer, "the cat", seed=3, sampling=sampling)[0] == whole


def test_greedy_takes_the_likeliest_and_no_chance() -> None:
    one, two = (write(CHARS, sampling=Sampling(0.0), seed=seed) for seed in (1, 2))
    assert one == two
    model, state = model_of(CHARS), model_of(CHARS).initial_state(1)
    for token in context(CHARS, "the" + one[0][:-1]):
        logits, state = model.step(np.array([token]), state)
    assert CHARS.token(int(np.argmax(logits))) == one[0][-1]


def test_seeds() -> None:
    texts = [write(CHARS, seed=seed)[0] for seed in range(8)]
    assert len(set(texts)) == 8
    assert write(CHARS, seed=3)[0] == texts[3]


@pytest.mark.parametrize("stop", [(), ("e", "t")])
def test_a_sample_does_not_depend_on_those_beside_it(stop: tuple[str, ...]) -> None:
    seven = write(CHARS, samples=7, stop=stop)
    assert len(set(seven)) > 2
    for count in (1, 2, 3):
        assert write(CHARS, samples=count, stop=stop) == seven[:count]


def test_an_unknown_token_that_is_banned_is_never_written() -> None:
    model = model_of(CHARS)
    model.params["output.c"][CHARS.unknown] = 100.0
    assert set(write(CHARS, model=model)[0]) == {"\ufffd"}
    banned = Sampling(banned=(CHARS.unknown,))
    assert "\ufffd" not in write(CHARS, model=model, sampling=banned, length=200)[0]


def counted_steps(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """Note the shape of the tokens at every step that a decoder takes."""
    steps: list[tuple[int, ...]] = []
    real = Decoder.feed

    def feed(self: Decoder, tokens: Any) -> Any:
        steps.append(tokens.shape)
        return real(self, tokens)

    monkeypatch.setattr(Decoder, "feed", feed)
    return steps


@pytest.mark.parametrize("length", [1, 2, 40])
@pytest.mark.parametrize("prompt", ["the", "the cat sat on a mat. " * 50])
def test_one_step_a_token_whatever_the_length_so_far(
    monkeypatch: pytest.MonkeyPatch, length: int, prompt: str
) -> None:
    model, steps = model_of(CHARS), counted_steps(monkeypatch)
    write(CHARS, prompt, model=model, length=length, samples=3)
    assert steps == [(3,)] * (length - 1)  # the last token is not fed back


def test_length_is_in_tokens() -> None:
    for length in (1, 2, 10):
        assert len(write(CHARS, length=length)[0]) == length
        made = write(WORDS, length=length)[0]
        assert len(WORDS.encode("the" + made)) == length + 1


@pytest.mark.parametrize("size", [1, 2, PRIMED_AT_ONCE, PRIMED_AT_ONCE + 1, 3 * PRIMED_AT_ONCE + 7])
def test_a_prompt_goes_through_as_windows(size: int) -> None:
    model, ids = model_of(CHARS), np.random.default_rng(size).integers(0, CHARS.vocab_size, size)
    state = model.initial_state(1)
    for token in ids:
        logits, state = model.step(np.array([token]), state)
    decoder = Decoder(model, ids, rows=2)
    for row in (0, 1):
        np.testing.assert_allclose(decoder.logits[row], logits[0], rtol=1e-9, atol=1e-9)
        for layer, found in zip(state, decoder.state, strict=True):
            for field, found_field in zip(layer, found, strict=True):
                np.testing.assert_allclose(found_field[row], field[0], rtol=1e-9, atol=1e-9)
    more, state = model.step(np.array([2]), state)
    np.testing.assert_allclose(decoder.feed(np.array([2, 3]))[0], more[0], rtol=1e-9, atol=1e-9)


def test_pieces_are_streamed_as_they_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is computed ahead: after n pieces of one character, n tokens were drawn."""
    model, steps = model_of(CHARS), counted_steps(monkeypatch)
    pieces = generate(model, CHARS, "the", length=50, sampling=Sampling(), seed=0)
    for n in range(10):
        next(pieces)
        assert len(steps) == n


def test_words_are_spaced_as_the_prompt_and_the_language_demand() -> None:
    model = model_of(WORDS)
    for prompt in ("the", "the cat sat", "the cat sat.", None):
        for seed in range(5):
            made = write(WORDS, prompt, model=model, seed=seed)[0]
            whole = (prompt or "") + made
            known = WORDS.decode(WORDS.encode(whole))
            assert whole == known, "spaced as the tokenizer writes it"
            assert " ." not in whole
            assert "  " not in whole
    # A word after a word is set off by a space; a full stop is not.
    ids = {WORDS.token(i): i for i in range(WORDS.vocab_size)}
    for token, piece in (("cat", " cat"), (".", "."), ("<eos>", "\n")):
        model.params["output.c"][...] = 0.0
        model.params["output.c"][ids[token]] = 1000.0
        assert write(WORDS, "the", model=model, length=1) == [piece]


def test_bytes_wait_until_their_character_is_whole() -> None:
    """A model that says "é" for ever, a byte at a time."""
    tokens = ByteTokenizer()
    first, second = "é".encode()
    model = follower(256, [(ord("x"), first), (first, second), (second, first)])
    pieces = list(generate(model, tokens, "x", length=6, sampling=Sampling(0.0), seed=0))
    assert pieces == [(0, "é")] * 3
    # Broken off within a character, what is there is shown as what it is.
    pieces = list(generate(model, tokens, "x", length=5, sampling=Sampling(0.0), seed=0))
    assert "".join(piece for _, piece in pieces) == "éé\ufffd"


def follower(vocab_size: int, pairs: Iterable[tuple[int, int]]) -> LanguageModel:
    """A model that lets the second of each pair follow the first, and remembers nothing else."""
    sizes = {"vocab_size": vocab_size, "embedding": vocab_size, "hidden": vocab_size}
    model = LanguageModel(**sizes, cell="rnn", layers=1)
    for array in model.params.values():
        array[...] = 0.0
    np.fill_diagonal(model.params["embedding.E"], 5.0)
    np.fill_diagonal(model.params["layers.0.U"][0], 1.0)
    for before, after in pairs:
        model.params["output.V"][before, after] = 50.0
    return model


def spelling(text: str) -> tuple[LanguageModel, CharTokenizer]:
    """A model that writes these characters one after the other."""
    tokenizer = CharTokenizer(sorted(set(text)))
    return follower(tokenizer.vocab_size, pairwise(tokenizer.encode(text).tolist())), tokenizer


@pytest.mark.parametrize(
    ("stop", "expected"),
    [
        ((), "bcdefghij"),
        (("e",), "bcd"),
        (("efg",), "bcd"),
        (("efx",), "bcdefghij"),
        (("gh", "ef"), "bcd"),
        (("defghij", "fg"), "bcde"),
        (("defghijk", "ij"), "bcdefgh"),
        (("b",), ""),
        (("ij",), "bcdefgh"),
        (("j",), "bcdefghi"),
        (("jk",), "bcdefghij"),
        (("ab",), "bcdefghij"),
    ],
)
def test_stop_strings_across_pieces(stop: tuple[str, ...], expected: str) -> None:
    """Also what looked like a stop string and was none is written, at the latest at the end."""
    model, tokenizer = spelling("abcdefghijk")
    found = write(tokenizer, "a", model=model, sampling=Sampling(0.0), length=9, stop=stop)
    assert found == [expected]


def test_the_overlap_of_a_stop_string_with_itself() -> None:
    passed = StopFilter(["aab"])
    assert [passed.feed(piece) for piece in "aaab"] == ["", "", "a", ""]
    assert passed.done
    assert (passed.feed("more"), passed.flush()) == ("", "")
    passed = StopFilter(["abac", "ba"])
    assert [passed.feed(piece) for piece in ("ab", "a")] == ["", "a"]
    assert passed.done


def test_no_work_after_every_sample_has_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    model, tokenizer = spelling("abcdefghijk")
    steps = counted_steps(monkeypatch)
    write(tokenizer, "a", model=model, sampling=Sampling(0.0), length=100, stop=["c"], samples=3)
    assert len(steps) == 1


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ({"length": 0}, ConfigError),
        ({"samples": 0}, ConfigError),
        ({"stop": [""]}, ConfigError),
        ({"stop": "end"}, ConfigError),
        ({"stop": [3]}, ConfigError),
        ({"prompt": ""}, DataError),
        ({"sampling": Sampling(banned=tuple(range(CHARS.vocab_size)))}, ConfigError),
        ({"sampling": Sampling(banned=(10_000,))}, ConfigError),
    ],
)
def test_bad_settings(settings: dict[str, Any], error: type[Exception]) -> None:
    given = {"prompt": "the", "length": 3, "sampling": Sampling(), "seed": 0, **settings}
    with pytest.raises(error):
        list(generate(model_of(CHARS), CHARS, **given))


def test_contexts() -> None:
    line_end = CHARS.start
    assert line_end is not None
    assert context(CHARS, None).tolist() == [line_end]
    assert context(CHARS, "the").tolist() == [line_end, *CHARS.encode("the")]
    bare = CharTokenizer("abc")
    assert context(bare, "ab").tolist() == [1, 2]
    with pytest.raises(DataError, match="give a prompt"):
        context(bare, None)
    for tokenizer in (CHARS, bare, WORDS):
        with pytest.raises(DataError, match="prompt is empty"):
            context(tokenizer, "")
    with pytest.raises(DataError, match="prompt is empty"):
        context(WORDS, "   ")  # no word in it
