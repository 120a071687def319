"""gradcheck of a model: on its own parameters, in place, and put back bit for bit."""

from typing import NamedTuple

import numpy as np
import pytest

from elman.errors import ConfigError, ShapeError
from elman.insight import reference
from elman.insight.gradcheck import gradcheck


class LSTMState(NamedTuple):
    h: np.ndarray
    c: np.ndarray


class PlainModel:
    """The plain implementation with the face of a language model."""

    def __init__(self, dtype="float64", wrong=1.0):
        drawn = reference.draw_params(
            "lstm", np.random.default_rng(0), classes=5, embedding=2, hidden=3, layers=2
        )
        self.params = {name: array.astype(dtype) for name, array in drawn.items()}
        self.wrong = wrong
        self.seen = []

    def initial_state(self, batch):
        return tuple(LSTMState(np.zeros((batch, 3)), np.zeros((batch, 3))) for _ in range(2))

    def loss_and_grads(self, x, y, state):
        self.seen.append((x, y, state))
        value, new_state, grads, _ = reference.loss_and_grads(self.params, x, y, state, cell="lstm")
        grads["layers.1.W"] *= self.wrong
        return value, new_state, grads


@pytest.mark.parametrize("how", [{"max_elements": 3}, {"projections": 1}])
def test_a_model_passes_on_drawn_tokens_and_states(how):
    model = PlainModel()
    before = {name: array.tobytes() for name, array in model.params.items()}
    places = {name: id(array) for name, array in model.params.items()}
    report = gradcheck(model, **how)
    assert report.passed, report
    assert [entry.name for entry in report.arrays][: len(model.params)] == list(model.params)
    assert {name: array.tobytes() for name, array in model.params.items()} == before
    assert {name: id(array) for name, array in model.params.items()} == places
    x, y, state = model.seen[0]
    assert x.shape == y.shape == (5, 3)
    assert {type(layer) for layer in state} == {LSTMState}
    assert all(np.abs(array).min() > 0 and array.shape == (3, 3) for layer in state for array in layer)


def test_a_wrong_model_fails_by_name():
    assert gradcheck(PlainModel(wrong=1.001), max_elements=2).failed == ("layers.1.W",)


def test_given_tokens_and_state_are_used_and_left_alone():
    model = PlainModel()
    x, y = np.random.default_rng(1).integers(5, size=(2, 3, 2))
    x.setflags(write=False)
    state = model.initial_state(batch=2)
    assert gradcheck(model, x=x, y=y, state=state, projections=1).passed
    assert all(seen[0] is x and seen[1] is y and seen[2] is state for seen in model.seen)
    gradcheck(model, x=x, y=y, projections=1)
    assert model.seen[-1][2][0].h.shape == (2, 3)  # drawn for the batch of the tokens


def test_a_model_that_changes_its_state_argument_fails():
    class Writes(PlainModel):
        def loss_and_grads(self, x, y, state):
            answer = super().loss_and_grads(x, y, state)
            state[0].h[...] = answer[1][0]["h"]
            return answer

    model = Writes()
    state = model.initial_state(batch=3)
    report = gradcheck(model, state=state, x=np.ones((2, 3), int), y=np.ones((2, 3), int), projections=1)
    assert not state[0].h.any()
    assert "changes the tokens or the state it is given" in report.problems
    assert not report.passed


def test_a_model_that_changes_its_parameters_fails_and_they_are_put_back():
    class Decays(PlainModel):
        def loss_and_grads(self, x, y, state):
            answer = super().loss_and_grads(x, y, state)
            self.params["output.c"] *= 0.9
            return answer

    model = Decays()
    before = {name: array.tobytes() for name, array in model.params.items()}
    report = gradcheck(model, projections=1)
    assert "changes its argument 'output.c'" in report.problems
    assert {name: array.tobytes() for name, array in model.params.items()} == before


def test_parameters_are_put_back_when_a_call_raises():
    class Breaks(PlainModel):
        def loss_and_grads(self, x, y, state):
            if len(self.seen) == 7:
                raise RuntimeError("the seventh call")
            return super().loss_and_grads(x, y, state)

    model = Breaks()
    before = {name: array.tobytes() for name, array in model.params.items()}
    with pytest.raises(RuntimeError, match="seventh"):
        gradcheck(model)
    assert {name: array.tobytes() for name, array in model.params.items()} == before


def test_what_is_refused():
    with pytest.raises(ShapeError, match=r"float32.*dtype='float64'"):
        gradcheck(PlainModel("float32"))
    with pytest.raises(ConfigError, match="x and y belong together"):
        gradcheck(PlainModel(), x=np.zeros((2, 2), int))
    with pytest.raises(ConfigError, match="belong to a function"):
        gradcheck(PlainModel(), {"w": np.zeros(2)})
