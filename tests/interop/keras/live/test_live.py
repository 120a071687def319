"""Random models: elman's outputs, losses and states are Keras's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from elman.interop import keras as ours
from tests.interop.keras.live.models import ACTIVATIONS, Drawn, K, build, models, states

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Keras's, of NumPy's newer rules

SLOW = settings(
    deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@pytest.fixture(autouse=True)
def _afterwards() -> Any:
    yield
    _precision("float32")


def _precision(dtype: str) -> None:
    keras.config.set_floatx(dtype)
    keras.config.set_dtype_policy(dtype)


def compared(drawn: Drawn, model: Any, path: Path, **told: Any) -> None:
    read, said = ours.read(path, **told)
    x = drawn.tokens.T
    steps = ours.mask(x) if drawn.mask_zero else np.ones(x.shape, bool)
    turned = sum(way in ("backward", "both turned") for way in drawn.ways) % 2 == 1
    expected = keras.ops.convert_to_numpy(model(drawn.tokens)).transpose(1, 0, 2)
    expected = expected[::-1] if turned else expected
    logits, after = read.logits(x, read.initial_state(x.shape[1]), lengths=steps if drawn.mask_zero else None)
    if drawn.ending in ("softmax", "Activation"):
        logits = np.exp(logits - logits.max(-1, keepdims=True))
        logits /= logits.sum(-1, keepdims=True)
    # Keras multiplies in float32 even where all else is float64, and rounds as large as its numbers are.
    close = {"rtol": 0.0, "atol": 2e-6 * max(1.0, np.abs(expected).max())}
    assert read.dtype == drawn.dtype
    assert any("last step first" in sentence for sentence in said) == turned
    np.testing.assert_allclose(logits[steps], expected[steps], **close)
    _same_states(drawn, after, states(model, drawn.tokens), close)
    if not turned and steps.any():
        y = np.roll(x, -1, 0)
        loss = keras.losses.SparseCategoricalCrossentropy(
            from_logits=drawn.ending in ("Dense", "TimeDistributed")
        )(y.T, model(drawn.tokens))
        found, _, _ = read.loss_and_grads(x, y, read.initial_state(x.shape[1]), lengths=steps)
        # Of a softmax Keras takes the logarithm, kept away from 0 by 1e-7.
        np.testing.assert_allclose(found, keras.ops.convert_to_numpy(loss), rtol=0, atol=2 * close["atol"])


def _same_states(drawn: Drawn, after: Any, expected: list[list[Any]], close: dict[str, float]) -> None:
    turned = False
    for way, state, theirs in zip(drawn.ways, after, expected, strict=True):
        backwards = way in ("backward", "both turned")
        half = len(theirs) // 2
        if "both" in way and backwards != turned:  # Keras's first goes from the last step to the first
            theirs = theirs[half:] + theirs[:half]
        turned ^= backwards
        for one, other in zip(state, theirs, strict=True):
            np.testing.assert_allclose(one, other, **close)


@SLOW
@given(drawn=models())
def test_models(drawn: Drawn, tmp_path: Path) -> None:
    _precision(drawn.dtype)
    model = build(drawn)
    model.save(tmp_path / "model.keras")
    compared(drawn, model, tmp_path / "model.keras")


@settings(SLOW, max_examples=20)
@given(drawn=models(weights_only=True))
def test_weights(drawn: Drawn, tmp_path: Path) -> None:
    _precision(drawn.dtype)
    drawn = drawn._replace(reset_after=drawn.reset_after or not drawn.bias)
    model = build(drawn)
    model.save_weights(tmp_path / "model.weights.h5")
    recurrent = None if drawn.kind == "SimpleRNN" else drawn.activations[1]
    compared(
        drawn, model, tmp_path / "model.weights.h5", activation=drawn.activations[0],
        recurrent_activation=recurrent, mask_zero=drawn.mask_zero,
    )  # fmt: skip


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("mask_zero", [False, True])
def test_the_last_step_alone(backwards: bool, mask_zero: bool, tmp_path: Path) -> None:
    embedding = keras.layers.Embedding(K, 3, mask_zero=mask_zero)
    layers = [embedding, keras.layers.GRU(4, go_backwards=backwards), keras.layers.Dense(K)]
    model = keras.Sequential([keras.Input((None,), dtype="int32"), *layers])
    model.save(tmp_path / "model.keras")
    read, said = ours.read(tmp_path / "model.keras")
    assert "the last step that it reads (return_sequences=False)" in said[0]
    assert not any("last step first" in sentence for sentence in said)
    x = np.array([[0, 1, 2, 0], [3, 0, 4, 1]]).T
    steps = ours.mask(x) if mask_zero else np.ones(x.shape, bool)
    logits, _ = read.logits(x, read.initial_state(2), lengths=steps)
    counted = [np.flatnonzero(row)[0 if backwards else -1] for row in steps.T]
    expected = keras.ops.convert_to_numpy(model(x.T))
    np.testing.assert_allclose(logits[counted, [0, 1]], expected, rtol=0, atol=1e-6)


def test_activations_are_those_keras_has() -> None:
    assert set(ACTIVATIONS) == set(ours.activations.ACTIVATIONS)
