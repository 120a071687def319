"""The first layer, time step and batch row with NaN or infinity."""

from __future__ import annotations

import numpy as np
import pytest

from elman.data import Part, Window
from elman.network import LanguageModel
from elman.training.divergence import SEARCHED, explain_divergence, explain_evaluation

K, T, B = 6, 5, 3


@pytest.fixture
def model() -> LanguageModel:
    return LanguageModel(vocab_size=K, cell="rnn-relu", embedding=4, hidden=4, layers=2, dtype="float32")


@pytest.fixture
def window() -> Window:
    """Token 5 occurs once: at time step 3 in row 1."""
    x = np.random.default_rng(0).integers(0, K - 1, (T, B))
    x[3, 1] = K - 1
    return Window(x, x, None)


def quiet_but_for_token_5(model: LanguageModel, size: float) -> None:
    """Let every state be zero until token 5, and large from then on."""
    model.params["embedding.E"][:5] = 0.0
    model.params["embedding.E"][5] = size
    for layer in (0, 1):
        model.params[f"layers.{layer}.U"][...] = 1.0


def explain(model: LanguageModel, window: Window, **wrong: np.ndarray) -> str:
    grads = {name: np.zeros_like(array) for name, array in model.params.items()}
    grads.update({name.replace("__", "."): array for name, array in wrong.items()})
    return str(explain_divergence(model, window, model.initial_state(B), grads, 17))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_parameter(model: LanguageModel, window: Window, value: float) -> None:
    model.params["layers.1.b"][0, 2] = value
    said = explain(model, window)
    assert "diverged at step 17: parameter layers.1.b is not finite, first at index (0, 2)" in said
    assert "--lr" in said


def test_a_state_that_overflows(model: LanguageModel, window: Window) -> None:
    model.params["embedding.E"][5] = 1e30  # finite, until it is multiplied
    model.params["layers.0.U"][...] = 1e30
    assert "state h of layers.0 became NaN or infinite at time step 3, batch row 1" in explain(model, window)


def test_the_second_layer(model: LanguageModel, window: Window) -> None:
    quiet_but_for_token_5(model, 1e15)
    model.params["layers.1.U"][...] = 1e30
    assert "state h of layers.1 became NaN or infinite at time step 3, batch row 1" in explain(model, window)


def test_the_output(model: LanguageModel, window: Window) -> None:
    quiet_but_for_token_5(model, 1e10)
    model.params["output.V"][...] = 1e30
    said = explain(model, window)
    assert "the logits of the output became NaN or infinite at time step 3, batch row 1" in said


def test_the_state_that_entered(model: LanguageModel, window: Window) -> None:
    state = model.initial_state(B)
    state[0].h[2, 0] = np.inf
    grads = {name: np.zeros_like(array) for name, array in model.params.items()}
    said = str(explain_divergence(model, window, state, grads, 1))
    assert "layers.0 became NaN or infinite at time step 0, batch row 2" in said


def test_a_reset_hides_what_came_before(model: LanguageModel, window: Window) -> None:
    state = model.initial_state(B)
    model.params["embedding.E"][5] = 1e30
    model.params["layers.0.U"][...] = 1e30
    reset = np.zeros((T, B), bool)
    reset[4, 1] = True
    grads = {name: np.zeros_like(array) for name, array in model.params.items()}
    said = str(explain_divergence(model, window._replace(reset=reset), state, grads, 1))
    assert "time step 3, batch row 1" in said


def test_a_gradient_alone(model: LanguageModel, window: Window) -> None:
    bad = np.full_like(model.params["layers.0.W"], np.nan)
    said = explain(model, window, layers__0__W=bad)
    assert "the forward pass is finite, but the gradient of layers.0.W is not" in said
    # Backward, the second layer comes before the first.
    said = explain(model, window, layers__0__W=bad, layers__1__W=bad)
    assert "gradient of layers.1.W" in said


def test_the_norm_alone(model: LanguageModel, window: Window) -> None:
    assert "the norm overflowed" in explain(model, window)


def test_a_validation_text_beyond_the_first_stretch(model: LanguageModel) -> None:
    ids = np.zeros(SEARCHED * 2 + 50, int)
    ids[SEARCHED + 9] = 5
    model.params["embedding.E"][5] = 1e30
    model.params["layers.0.U"][...] = 1e30
    said = str(explain_evaluation(model, Part.from_ids(ids), 8))
    assert f"time step {SEARCHED + 9}, batch row 0 of the validation text" in said
    assert "loss at step 8 is not finite" in said
    ids[SEARCHED + 9] = 0
    assert "the sum" in str(explain_evaluation(model, Part.from_ids(ids), 8))
