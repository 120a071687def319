"""Beam search against all texts there are, and against a beam of plain steps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from elman.data import ByteTokenizer, CharTokenizer, Tokenizer, WordTokenizer
from elman.decoding import Decoder, Hypothesis, Sampling, beam_search, context, generate, score
from elman.errors import ConfigError, DataError, DivergenceError
from elman.network import CELLS, LanguageModel
from tests.small import sentences

LETTERS = CharTokenizer("\nab")  # <unk>, a line end, two letters
CHARS, WORDS = (kind.from_text(sentences(30)) for kind in (CharTokenizer, WordTokenizer))


def model_of(tokenizer: Tokenizer, *, seed: int = 5, scale: float = 4.0, **settings: Any) -> LanguageModel:
    """A model whose choices are not all alike."""
    sizes = {"embedding": 6, "hidden": 7, "layers": 2, "dtype": "float64"}
    model = LanguageModel(vocab_size=tokenizer.vocab_size, seed=seed, **{**sizes, **settings})
    for name, array in model.params.items():
        if not name.endswith("W"):  # with which a rectifier would overflow
            array *= scale
    return model


def log_probs(model: LanguageModel, ids: Sequence[int]) -> np.ndarray:
    """Of the next token, (K,), by plain steps."""
    state = model.initial_state(1)
    for token in ids:
        logits, state = model.step(np.array([token]), state)
    row: np.ndarray = logits[0].astype(np.float64)
    return row - np.logaddexp.reduce(row)


Found = tuple[float, tuple[int, ...], float]  # score, ids, log-probability


def exhaustive(model: LanguageModel, given: Sequence[int], length: int, power: float) -> list[Found]:
    """All texts that a line end ends, or the length does; the best first."""
    found: list[Found] = []

    def grow(ids: tuple[int, ...], total: float) -> None:
        if ids and (ids[-1] == LETTERS.start or len(ids) == length):
            found.append((total / len(ids) ** power, ids, total))
            return
        for token, more in enumerate(log_probs(model, [*given, *ids])):
            grow((*ids, token), total + float(more))

    grow((), 0.0)
    return sorted(found, reverse=True)


def plain_beam(
    model: LanguageModel, given: Sequence[int], width: int, length: int, power: float, ends: int | None
) -> list[Found]:
    """A beam by plain steps, that never ends before its time."""
    rows: list[tuple[float, tuple[int, ...]]] = [(0.0, ())]
    found: list[Found] = []
    for _ in range(length):
        grown = [
            (total + float(more), (*ids, token))
            for total, ids in rows
            for token, more in enumerate(log_probs(model, [*given, *ids]))
        ]
        grown.sort(key=lambda row: -row[0])
        found += [(t / len(ids) ** power, ids, t) for t, ids in grown[:width] if ids[-1] == ends]
        rows = [row for row in grown if row[1][-1] != ends][:width]
    found += [(total / len(ids) ** power, ids, total) for total, ids in rows]
    return sorted(found, reverse=True)


def check(got: list[Hypothesis], expected: list[Found]) -> None:
    assert [hypothesis.ids for hypothesis in got] == [ids for _, ids, _ in expected]
    for hypothesis, (value, _, total) in zip(got, expected, strict=True):
        assert hypothesis.score == pytest.approx(value, rel=1e-9)
        assert hypothesis.log_prob == pytest.approx(total, rel=1e-9)


@pytest.mark.parametrize("power", [0.0, 0.6, 1.0, 2.5])
@pytest.mark.parametrize("seed", range(3))
def test_a_beam_that_holds_all_finds_the_best_of_all(seed: int, power: float) -> None:
    model = model_of(LETTERS, seed=seed)
    expected = exhaustive(model, context(LETTERS, "ab").tolist(), 4, power)
    for n in (1, 2, 10, 81):
        got = beam_search(model, LETTERS, "ab", width=81, length=4, n=n, length_penalty=power)
        check(got, expected[:n])
    assert [h.ended for h in got] == [h.ids[-1] == LETTERS.start for h in got]


@pytest.mark.parametrize("width", [1, 2, 5])
@pytest.mark.parametrize("tokenizer", [CHARS, WORDS], ids=lambda t: t.name)
def test_equal_to_a_beam_of_plain_steps(tokenizer: Tokenizer, width: int) -> None:
    ends = []
    for seed, power in ((1, 0.0), (2, 0.7), (3, 1.0), (4, 2.0)):
        model = model_of(tokenizer, seed=seed, scale=3.0)
        model.params["output.c"][tokenizer.start] += 1.5
        given = context(tokenizer, "the cat").tolist()
        expected = plain_beam(model, given, width, 9, power, tokenizer.start)[:width]
        got = beam_search(model, tokenizer, "the cat", width=width, length=9, n=width, length_penalty=power)
        check(got, expected)
        ends.append(sum(h.ended for h in got))
    assert 0 < sum(ends) < 4 * width, "or the search says nothing of ends"


@pytest.mark.parametrize("cell", CELLS)
def test_states_follow_their_rows(cell: str) -> None:
    """Of every kind, with a projected output where it can have one."""
    settings = {"projection": 5} if CELLS[cell].lone else {}
    model = model_of(CHARS, cell=cell, scale=2.0, **settings)
    expected = plain_beam(model, context(CHARS, "the").tolist(), 4, 6, 1.0, None)[:4]
    check(beam_search(model, CHARS, "the", width=4, length=6, n=4, stop=()), expected)


def test_rows_of_a_decoder_change_places() -> None:
    model = model_of(CHARS, cell="lstm")
    for rows in (1, 4):
        decoder = Decoder(model, np.array([1]), rows)
        decoder.feed(np.arange(rows))
        before = decoder.state
        parents = np.array([2, 2, 0, 3])[:rows] % rows
        decoder.reorder(parents)
        for layer, other in zip(before, decoder.state, strict=True):
            for field, found in zip(layer, other, strict=True):
                np.testing.assert_array_equal(found, field[parents])
        logits, _ = model.step(np.arange(rows), tuple(
            type(layer)(*(field[parents] for field in layer)) for layer in before
        ))  # fmt: skip
        np.testing.assert_allclose(decoder.feed(np.arange(rows)), logits, rtol=1e-10)


@pytest.mark.parametrize("tokenizer", [CHARS, WORDS, ByteTokenizer()], ids=lambda t: t.name)
def test_a_beam_of_one_is_greedy(tokenizer: Tokenizer) -> None:
    model = model_of(tokenizer)
    greedy = "".join(
        piece for _, piece in generate(model, tokenizer, "the", length=30, sampling=Sampling(0.0), seed=0)
    )
    (found,) = beam_search(model, tokenizer, "the", width=1, length=30, length_penalty=0.0, stop=())
    assert (found.text, found.ended, len(found.ids)) == (greedy, False, 30)


def test_the_log_probability_is_that_of_the_text() -> None:
    model = model_of(CHARS)
    for found in beam_search(model, CHARS, "the", width=6, length=20, n=6, banned=(CHARS.unknown,)):
        assert CHARS.unknown not in found.ids
        scored = score(model, CHARS, "the" + CHARS.decode(found.ids))
        assert found.log_prob == pytest.approx(scored.log_probs[3:].sum(), rel=1e-9)
        assert found.score == pytest.approx(found.log_prob / len(found.ids))


def spelling(text: str) -> tuple[LanguageModel, CharTokenizer]:
    """A model that writes these characters one after the other."""
    tokenizer = CharTokenizer(sorted(set(text)))
    K = tokenizer.vocab_size
    model = LanguageModel(vocab_size=K, embedding=K, hidden=K, cell="rnn", layers=1, init="zeros")
    np.fill_diagonal(model.params["embedding.E"], 5.0)
    np.fill_diagonal(model.params["layers.0.U"][0], 1.0)
    for before, after in pairwise(tokenizer.encode(text).tolist()):
        model.params["output.V"][before, after] = 50.0
    return model, tokenizer


@pytest.mark.parametrize(
    ("stop", "text", "ended"),
    [
        (None, "bcde", True),
        ((), "bcde\nfghi", False),
        (("fg",), "bcde\n", True),
        (("d", "c"), "b", True),
        (("hix",), "bcde\nfghi", False),
        (("hij",), "bcde\nfghi", False),
        (("b",), "", True),
    ],
)
def test_where_a_hypothesis_ends(stop: tuple[str, ...] | None, text: str, ended: bool) -> None:
    """Also what looked like a stop string and was none belongs to the text."""
    model, tokenizer = spelling("abcde\nfghij")
    found = beam_search(model, tokenizer, "a", width=3, length=9, stop=stop)[0]
    assert (found.text, found.ended) == (text, ended)


def test_words_are_spaced_after_the_prompt_and_within_each_row() -> None:
    model = model_of(WORDS, scale=2.0)
    for prompt in ("the", "the cat sat.", None):
        for found in beam_search(model, WORDS, prompt, width=8, length=6, n=8, stop=()):
            given = context(WORDS, prompt).tolist()
            whole = WORDS.decode([*given, *found.ids])
            assert WORDS.decode(given) + found.text == whole


def test_bytes_of_a_character_stay_together_in_each_row() -> None:
    model = model_of(ByteTokenizer(), scale=1.0)
    model.params["output.c"][list("é月".encode())] += 30.0
    found = beam_search(model, ByteTokenizer(), "x", width=9, length=7, n=9, stop=())
    texts = [ByteTokenizer().decode(list(h.ids)) for h in found]
    assert [h.text for h in found] == texts
    assert len(set(texts)) > 3


def test_the_search_ends_when_nothing_can_overtake(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = []
    true_feed = Decoder.feed
    monkeypatch.setattr(Decoder, "feed", lambda self, tokens: steps.append(1) or true_feed(self, tokens))
    model, tokenizer = spelling("abcde\nfghij")
    beam_search(model, tokenizer, "a", width=3, length=400, length_penalty=0.0)
    assert len(steps) == 4
    # With two wanted, a second is waited for; it will never be as good.
    beam_search(model, tokenizer, "a", width=3, length=10, n=2, length_penalty=0.0)
    assert len(steps) > 6


@pytest.mark.parametrize("width", [1, 2, 3])
def test_beginnings_far_down_the_list_fill_the_beam(width: int) -> None:
    """All characters but a few end a text: those that go on are mostly not among the most probable."""
    model = model_of(CHARS, scale=2.0)
    letters = [CHARS.token(i) for i in range(1, CHARS.vocab_size)]
    given, found = context(CHARS, "the").tolist(), []
    goes_on = set(CHARS.encode("xzé" + "".join(letters[5:8])).tolist())
    rows: list[tuple[float, tuple[int, ...]]] = [(0.0, ())]
    for _ in range(3):
        grown = sorted(
            (-total - float(more), (*ids, token))
            for total, ids in rows
            for token, more in enumerate(log_probs(model, [*given, *ids]))
        )
        found += [(-t, ids) for t, ids in grown[:width] if ids[-1] not in goes_on]
        rows = [(-t, ids) for t, ids in grown if ids[-1] in goes_on][:width]
    expected = sorted([*found, *rows], reverse=True)[:width]
    stop = [letter for letter in letters if int(CHARS.encode(letter)[0]) not in goes_on]
    got = beam_search(model, CHARS, "the", width=width, length=3, n=width, length_penalty=0.0, stop=stop)
    check(got, [(total, ids, total) for total, ids in expected])


def test_no_beginning_is_taken_twice() -> None:
    """One goes on, six end, one goes on: the beam of two looks at more than twice as many."""
    tokenizer = CharTokenizer("abcdefgx")
    model = LanguageModel(vocab_size=9, embedding=2, hidden=2, init="zeros")
    model.params["output.c"][...] = [-9, *range(8, 0, -1)]
    found = beam_search(model, tokenizer, "a", width=2, length=1, n=2, stop=list("bcdefg"))
    assert [h.ids for h in found] == [(1,), (2,)]
    found = beam_search(model, tokenizer, "a", width=2, length=2, n=2, stop=list("bcdefg"), length_penalty=9)
    assert [h.ids for h in found] == [(1, 1), (1, 2)]


def test_of_equals_the_first_found_comes_first() -> None:
    model = model_of(LETTERS, scale=0.0)
    for _ in range(3):
        found = beam_search(model, LETTERS, "a", width=4, length=1, n=4)
        assert [h.ids for h in found] == [(1,), (0,), (2,), (3,)]  # the line end was found on the way
        found = beam_search(model, LETTERS, "a", width=3, length=2, n=3, stop=())
        assert [h.ids for h in found] == [(0, 0), (0, 1), (0, 2)]


def test_fewer_than_asked_where_there_are_no_more() -> None:
    model = model_of(LETTERS)
    found = beam_search(model, LETTERS, "a", width=9, length=1, n=9)
    assert len(found) == 4
    found = beam_search(model, LETTERS, "a", width=9, length=1, n=9, banned=(0, 2, 3))
    assert [h.ids for h in found] == [(1,)]
    assert beam_search(model, LETTERS, "a", width=2, length=3, banned=(0, 1, 2, 3)) == []


@pytest.mark.parametrize(
    ("settings", "error", "says"),
    [
        ({"width": 0}, ConfigError, "width must be"),
        ({"length": 0}, ConfigError, "length must be"),
        ({"n": 0}, ConfigError, "n must be"),
        ({"n": 4}, ConfigError, "widen the beam"),
        ({"length_penalty": -1}, ConfigError, "length_penalty is -1"),
        ({"length_penalty": 17}, ConfigError, "a number from 0 to 16"),
        ({"length_penalty": math.nan}, ConfigError, "length_penalty is nan"),
        ({"stop": [""]}, ConfigError, "stop must be"),
        ({"stop": "end"}, ConfigError, "stop must be"),
        ({"banned": (4,)}, ConfigError, "outside the vocabulary"),
        ({"prompt": ""}, DataError, "prompt is empty"),
        ({"prompt": 3}, ConfigError, "prompt must be"),
    ],
)
def test_bad_settings(settings: dict[str, Any], error: type[Exception], says: str) -> None:
    given = {"prompt": "ab", "width": 3, "length": 2, **settings}
    with pytest.raises(error, match=says):
        beam_search(model_of(LETTERS), LETTERS, given.pop("prompt"), **given)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_model_that_has_diverged(bad: float) -> None:
    model = model_of(LETTERS)
    model.params["output.c"][2] = bad
    with pytest.raises(DivergenceError, match="not finite"):
        beam_search(model, LETTERS, "ab", width=3, length=2)
