"""The public gradient check on models of every cell, full and by projections, and float32 beside float64."""

import numpy as np
import pytest

from elman import LanguageModel, gradcheck

from .building import CELLS, draw_model, draw_reset, draw_window


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("cell", CELLS)
def test_every_element_of_a_model_of_depth_three(cell, tied, capsys):
    model = draw_model(cell, hidden=3, classes=5, tied=tied, seed=1)
    report = gradcheck(model, order=2, tolerance=1e-6)
    assert report.passed, report
    assert {entry.name for entry in report.arrays} >= model.params.keys()
    assert max(entry.error for entry in report.arrays) < 1e-6
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("cell", CELLS)
def test_projections_at_the_initial_values_of_training(cell, capsys):
    model = LanguageModel(vocab_size=17, cell=cell, embedding=12, hidden=16, layers=3, dtype="float64")
    report = gradcheck(model, projections=4, order=2 if cell == "rnn-relu" else 4)
    assert report.passed, report
    assert max(entry.error for entry in report.arrays) < 1e-6
    assert capsys.readouterr() == ("", "")


class WithOptions:
    """A model that is always called with the same options."""

    def __init__(self, model, **options):
        self.model, self.options, self.params = model, options, model.params
        self.initial_state = model.initial_state

    def loss_and_grads(self, x, y, state):
        rng = np.random.default_rng(6)
        return self.model.loss_and_grads(x, y, state, rng=rng, **self.options)


@pytest.mark.parametrize("cell", CELLS)
def test_projections_with_dropout_resets_and_skipped_losses(cell):
    model = WithOptions(draw_model(cell, dropout=0.3), reset=draw_reset(5, 3), skip=2)
    report = gradcheck(model, projections=3, order=2)
    assert report.passed, report


@pytest.mark.parametrize("cell", CELLS)
def test_every_gradient_in_float32_is_within_a_thousandth(cell):
    wide, narrow = (draw_model(cell, hidden=16, classes=23, dtype=d) for d in ("float64", "float32"))
    for name, array in wide.params.items():
        array[...] = 0.3 * narrow.params[name]
        narrow.params[name][...] = array  # the same numbers in both
        array[...] = narrow.params[name]
    x, y, state = draw_window(wide, steps=20, batch=5)
    narrowed = tuple(type(s)(*(f.astype("f4") for f in s)) for s in state)
    loss, _, grads = wide.loss_and_grads(x, y, state)
    loss32, state32, grads32 = narrow.loss_and_grads(x, y, narrowed)
    assert abs(loss32 - loss) < 1e-5 * loss
    assert {field.dtype for layer in state32 for field in layer} == {np.dtype("float32")}
    for name, grad in grads.items():
        assert grads32[name].dtype == np.float32
        assert np.linalg.norm(grads32[name] - grad) < 1e-3 * np.linalg.norm(grad), name
