"""The decoder: the steps of the model, with weights laid out once."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from elman.decoding import Decoder
from elman.network import CELLS, LanguageModel

K = 9


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
