"""The decoder: the steps of the model, with weights laid out once."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest

from elman.decoding import Decoder
from elman.network import CELLS, Cell, LanguageModel
from elman.network.cells import RNN

K = 9


def model_of(cell: str, *, classes: int = K, **settings: Any) -> LanguageModel:
    """Return a model whose every parameter is drawn, but for W, with which a rectifier would overflow."""
    sizes = {"embedding": 7, "hidden": 10, "layers": 2, "dtype": "float64", "seed": 3, **settings}
    model, rng = LanguageModel(vocab_size=classes, cell=cell, **sizes), np.random.default_rng(0)
    for name, array in model.params.items():
        if not name.endswith("W"):
            array[...] = rng.standard_normal(array.shape)
    return model


def tabled(decoder: Decoder) -> bool:
    return decoder._lookup.table is not None


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("cell", sorted(CELLS))
def test_equal_to_the_models_steps(cell: str, tied: bool) -> None:
    model = LanguageModel(
        vocab_size=K, cell=cell, embedding=6, hidden=6, layers=3, tied=tied, dtype="float64", seed=3
    )
    rng = np.random.default_rng(0)
    for name, array in model.params.items():
        if not name.endswith("W"):  # a rectifier with large recurrent weights overflows
            array[...] = rng.standard_normal(array.shape)
    ids, state = rng.integers(0, K, 300), model.initial_state(1)  # more than are primed at once
    for token in ids:
        logits, state = model.step(np.array([token]), state)
    decoder = Decoder(model, ids, rows=2)
    np.testing.assert_allclose(decoder.logits, np.repeat(logits, 2, axis=0), rtol=1e-12)
    state = tuple(type(layer)(*(np.repeat(field, 2, axis=0) for field in layer)) for layer in state)
    for _ in range(5):
        tokens = rng.integers(0, K, 2)
        logits, state = model.step(tokens, state)
        np.testing.assert_allclose(decoder.feed(tokens), logits, rtol=1e-12)
    for layer, other in zip(state, decoder.state, strict=True):
        for field, found in zip(layer, other, strict=True):
            np.testing.assert_allclose(found, field, rtol=1e-12)


def test_a_decoder_leaves_the_model_alone() -> None:
    model = LanguageModel(vocab_size=K, embedding=4, hidden=5, layers=2)
    before = {name: array.copy() for name, array in model.params.items()}
    decoder = Decoder(model, np.array([1, 2]))
    for token in range(K):
        decoder.feed(np.array([token]))
    assert all((model.params[name] == array).all() for name, array in before.items())


def test_a_token_allocates_nothing_that_stays() -> None:
    model = LanguageModel(vocab_size=K, embedding=16, hidden=64, layers=2)
    decoder, token = Decoder(model, np.array([1])), np.array([3])
    for _ in range(20):
        decoder.feed(token)
    tracemalloc.start()
    try:
        for _ in range(20):
            decoder.feed(token)
        current, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert current < 2_000  # views and small integers; the state alone is 1,024 bytes a layer
    assert peak < 10_000  # no copy of any weight, of which the smallest is 16 kB


@pytest.fixture(params=[True, False], ids=["table", "no table"])
def table(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Say whether the products of all words are in a table: it must not be larger than the model."""
    monkeypatch.setattr(LanguageModel, "n_params", 10**9 if request.param else 0)
    return bool(request.param)


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("cell", CELLS)
def test_token_by_token_with_and_without_a_table(cell: str, dtype: str, tied: bool, table: bool) -> None:
    model = model_of(cell, dtype=dtype, tied=tied, **({"embedding": 10} if tied else {}))
    rng = np.random.default_rng(1)
    for rows in (1, 2, 5):
        decoder, state = Decoder(model, np.array([4]), rows), model.initial_state(rows)
        assert tabled(decoder) == table
        expected, state = model.step(np.full(rows, 4), state)
        found = decoder.logits
        for _ in range(12):
            scale = np.abs(expected).max()
            error = 1e-12 if dtype == "float64" else 1e-5
            assert (found.dtype, found.shape) == (model.dtype, (rows, K))
            np.testing.assert_allclose(found, expected, rtol=0, atol=error * scale)
            tokens = rng.integers(0, K, rows)
            expected, state = model.step(tokens, state)
            found = decoder.feed(tokens)
        for layer, other in zip(state, decoder.state, strict=True):
            assert type(layer) is type(other)
            for field, copy in zip(layer, other, strict=True):
                np.testing.assert_allclose(copy, field, rtol=0, atol=error * max(1.0, np.abs(field).max()))


@pytest.mark.parametrize("cell", CELLS)
def test_rows_are_what_they_are_alone(cell: str, table: bool) -> None:
    """The layouts for one row and for several multiply in another order, and agree to rounding."""
    model, rows = model_of(cell, hidden=70), 5  # strips, and columns left over
    texts = np.random.default_rng(2).integers(0, K, (6, rows))
    together = Decoder(model, np.array([1, 2]), rows)
    alone = [Decoder(model, np.array([1, 2])) for _ in range(rows)]
    for tokens in texts:
        found = together.feed(tokens)
        for row, decoder in enumerate(alone):
            logits = decoder.feed(tokens[row : row + 1])
            np.testing.assert_allclose(found[row], logits[0], rtol=0, atol=1e-12 * np.abs(logits).max())


def test_a_table_is_never_larger_than_the_model() -> None:
    """Four gates of ten units a word, beside the seven and ten and one numbers that the model has of it."""
    layers = model_of("lstm", classes=1).n_params - 18
    most = layers // (40 - 18)
    for classes, expected in ((2, True), (most, True), (most + 1, False), (600, False)):
        model = model_of("lstm", classes=classes)
        decoder, state = Decoder(model, np.array([0]), 2), model.initial_state(2)
        assert tabled(decoder) == expected
        _, state = model.step(np.array([0, 0]), state)
        tokens = np.array([classes - 1, 1])
        expected_logits, _ = model.step(tokens, state)
        np.testing.assert_allclose(decoder.feed(tokens), expected_logits, rtol=0, atol=1e-11)


def test_a_prompt_is_read_in_windows_of_any_number(monkeypatch: pytest.MonkeyPatch) -> None:
    model, ids = model_of("gru"), np.random.default_rng(0).integers(0, K, 7)
    whole = Decoder(model, ids)
    for at_once in (1, 2, 3, 6, 7):
        monkeypatch.setattr("elman.decoding.decoder.PRIMED_AT_ONCE", at_once)
        parts = Decoder(model, ids)
        np.testing.assert_allclose(parts.logits, whole.logits, rtol=0, atol=1e-12)
        for layer, other in zip(parts.state, whole.state, strict=True):
            for field, expected in zip(layer, other, strict=True):
                np.testing.assert_allclose(field, expected, rtol=0, atol=1e-12)


def test_the_state_that_is_given_is_a_copy() -> None:
    decoder = Decoder(model_of("lstm"), np.array([1]), 3)
    before = decoder.state
    kept = [field.copy() for layer in before for field in layer]
    for token in range(4):
        decoder.feed(np.full(3, token))
    assert all((a == b).all() for a, b in zip(kept, (f for layer in before for f in layer), strict=True))


class ByTheContract(RNN):
    """A simple recurrent network of someone who knows that `(B, H)` is contiguous, and says so."""

    name = "by-the-contract"

    def forward(self, a: Any, r: Any, prev: Any, new: Any, keep: Any, work: Any) -> None:
        for array in (a, r, *prev, *new, keep, work):
            assert array.flags.c_contiguous
        np.add(a, r, out=a)
        np.tanh(a.reshape(-1), out=new[0].reshape(-1))  # of a strided array this would be a copy


@pytest.mark.parametrize("rows", [1, 2, 5])
def test_a_cell_finds_its_arrays_contiguous(monkeypatch: pytest.MonkeyPatch, rows: int) -> None:
    """As the contract of a cell promises, whoever calls it."""
    cell: Cell = ByTheContract()
    monkeypatch.setitem(CELLS, cell.name, cell)
    model = model_of(cell.name)
    decoder, state = Decoder(model, np.array([2]), rows), model.initial_state(rows)
    _, state = model.step(np.full(rows, 2), state)
    for token in range(K):
        expected, state = model.step(np.full(rows, token), state)
        np.testing.assert_allclose(decoder.feed(np.full(rows, token)), expected, rtol=0, atol=1e-12)
