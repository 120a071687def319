"""Normalised layers, connections past them, learnt states: equal to the plain versions, gradients exact."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elman import ConfigError, LanguageModel, Truncation, gradcheck
from elman.decoding import Decoder
from elman.network import CELLS
from elman.network.connections import TRANSFER_BIAS

from . import plain_noise
from .building import CELLS as PLAIN
from .building import (
    assert_close,
    draw_masks,
    draw_model,
    draw_reset,
    draw_window,
    fast,
    plain,
)
from .test_regularisers import EACH, draw

ALL = {"layer_norm": True, "connections": "highway", "learn_state": True}
OPTIONS = (
    {"layer_norm": True},
    {"connections": "residual", "learn_state": True, "tied": True},
    {**ALL, "tied": True},
)
"""Of three layers; with tied embeddings the first is as wide as its input, and connected too."""

SMALL, LARGE = 6, 120
"""Words, few enough for a table of their products, and too many for one."""


@pytest.mark.parametrize("options", OPTIONS, ids=["normalised", "residual and learnt", "all"])
@pytest.mark.parametrize("cell", PLAIN)
def test_equal_to_the_plain_implementation(cell, options):
    """Loss, state, gradients of all parameters and of the state; with resets, masks and truncation."""
    reset = draw_reset(5, 3)
    for classes in (SMALL, LARGE):
        model = draw_model(cell, classes=classes, **options)
        window = draw_window(model)
        assert_close(fast(model, *window), plain(model, *window))
        assert_close(fast(model, *window, reset=reset, skip=2), plain(model, *window, reset=reset, skip=2))
        cut = {"reset": reset, "truncation": Truncation(2, 3)}
        assert_close(fast(model, *window, **cut), plain(model, *window, **cut))
    model = draw_model(cell, dropout=0.4, **options)
    window = draw_window(model)
    found = fast(model, *window, rng=np.random.default_rng(8), reset=reset)
    masks = draw_masks(model, 5, 3, np.random.default_rng(8))
    assert_close(found, plain(model, *window, masks=masks, reset=reset))


@st.composite
def problems(draw_from):
    """A model with any of these and any of the regularisers, and how a window of it is run."""
    cell = draw_from(st.sampled_from(["rnn", "lstm", "lstm-peephole", "gru", "gru-before", "lstm-coupled"]))
    options = {name: value for name, value in EACH.items() if draw_from(st.integers(0, 3)) == 0}
    options |= {"layer_norm": draw_from(st.booleans()), "learn_state": draw_from(st.booleans())}
    options["connections"] = draw_from(st.sampled_from(["none", "residual", "highway"]))
    if cell in ("rnn", "lstm", "lstm-peephole") and draw_from(st.booleans()):
        options["projection"] = 3
    options["direction"] = draw_from(
        st.sampled_from(["forward", "forward", "reverse", "bidirectional", "reverse,forward"])
    )
    run = {"skip": draw_from(st.sampled_from([0, 0, 2]))}
    if draw_from(st.booleans()):
        run["reset"] = draw_reset(5, 3, seed=draw_from(st.integers(0, 9)))
    if draw_from(st.booleans()):
        run["lengths"] = np.random.default_rng(draw_from(st.integers(0, 9))).random((5, 3)) < 0.7
    seed = draw_from(st.sampled_from([None, 3, 4]))
    return draw(cell, layers=2, tied=draw_from(st.booleans()), **options), seed, run


@settings(max_examples=50, deadline=None, derandomize=True)
@given(problems())
def test_any_of_them_together_are_the_plain_loop(problem):
    """With all that is dropped, held and penalised, in every direction, of rows that begin anew or end."""
    model, seed, run = problem
    x, y, state = draw_window(model)
    rng = None if seed is None else np.random.default_rng(seed)
    loss, after, _ = model.loss_and_grads(x, y, state, rng=rng, **run)
    written = {"live" if name == "lengths" else name: value for name, value in run.items()}
    expected, leaving = plain_noise.objective(model, x, y, state, seed=seed, **written)
    assert loss == pytest.approx(expected, abs=1e-11)
    for found, array in zip((f for layer in after for f in layer), leaving, strict=True):
        np.testing.assert_allclose(found, array, rtol=0, atol=1e-11)


@settings(max_examples=8, deadline=None, derandomize=True)
@given(problems())
def test_gradients_of_any_of_them_together(problem):
    model, seed, run = problem
    model.params["output.c"][...] = 0.3
    report = gradcheck(
        model, noise=seed, projections=1, order=2, step=1e-5, tolerance=1e-5, reset=run.get("reset"),
        lengths=run.get("lengths"),
    )  # fmt: skip
    assert report.passed, (report, model.settings, seed, run)


@pytest.mark.parametrize("cell", CELLS)
def test_gradients_of_all_of_them_in_every_cell(cell):
    """Depth 3, several rows and steps, rows that begin anew; with masks, and without."""
    model = draw(cell, **ALL, **EACH)
    for noise in (6, None):
        # Shorter steps than by default: where W is dropped, products may be short, and bend within epsilon.
        report = gradcheck(model, noise=noise, projections=1, order=4, step=1e-5)
        assert report.passed, report


@pytest.mark.parametrize(
    ("cell", "options"),
    [
        ("lstm-peephole", {"layer_norm": True}),
        ("gru-before", {"connections": "highway", "tied": True}),
        ("lstm", {"learn_state": True}),
        ("lstm[softsign,elu,softplus;peepholes;coupled]", {"layer_norm": True, "learn_state": True}),
        ("gru[sigmoid,elu]", {"layer_norm": True, "connections": "residual"}),
    ],
)
def test_gradients_element_by_element(cell, options):
    """Of activations whose slope is of what went in, too; of learnt states none is zero."""
    report = gradcheck(draw(cell, hidden=3, **options), order=2, max_elements=6)
    assert report.passed, report
    assert not [array.name for array in report.arrays if array.note and array.name.endswith("0")], report


@pytest.mark.parametrize("cell", CELLS)
def test_generation_computes_what_evaluation_does(cell):
    """Of one row and of two, with a table of words and without, from the learnt state on."""
    for classes, tied in ((SMALL, False), (SMALL, True), (LARGE, True)):
        model = draw_model(cell, classes=classes, **ALL, tied=tied)
        for name, array in model.params.items():
            array *= 0.4 if name.endswith((".W", ".T")) else 1.0
        ids = np.random.default_rng(0).integers(0, classes, 7)
        logits, state = model.logits(ids[:, None], model.initial_state(1))
        for rows in (1, 2):
            decoder = Decoder(model, ids[:3], rows=rows)
            for t, token in enumerate(ids[3:], start=3):
                found = decoder.feed(np.full(rows, token))
                np.testing.assert_allclose(found, np.repeat(logits[t], rows, 0), rtol=0, atol=1e-11)
        for layer, other in zip(state, decoder.state, strict=True):
            for field, reached in zip(layer, other, strict=True):
                np.testing.assert_allclose(reached, np.repeat(field, rows, 0), rtol=0, atol=1e-11)


@pytest.mark.parametrize("cell", ["rnn", "lstm-peephole", "gru-before"])
def test_gradients_in_float32_are_near_those_in_float64(cell):
    wide, narrow = (draw(cell, hidden=16, seed=2, dtype=dtype, **ALL) for dtype in ("float64", "float32"))
    for name, array in narrow.params.items():
        array *= 0.3
        wide.params[name][...] = array
    x, y, _ = draw_window(wide, steps=20, batch=5)
    reset = draw_reset(20, 5)
    loss, _, grads = wide.loss_and_grads(x, y, wide.initial_state(5), reset=reset)
    loss32, state, grads32 = narrow.loss_and_grads(x, y, narrow.initial_state(5), reset=reset)
    assert abs(loss32 - loss) < 1e-5 * loss
    assert {field.dtype for layer in state for field in layer} == {np.dtype("float32")}
    for name, grad in grads.items():
        assert np.linalg.norm(grads32[name] - grad) <= 1e-3 * np.linalg.norm(grad), name


def test_products_are_normalised_to_the_gains():
    """Mean 0 and variance 1 over the units of each gate, whatever the size of the weights."""
    model = LanguageModel(
        vocab_size=5, cell="rnn", embedding=3, hidden=50, layers=1, dtype="float64", layer_norm=True
    )
    params, x = model.params, np.arange(5)[:, None]
    for letter in "UW":
        params[f"layers.0.{letter}"] *= 100.0  # so that epsilon is little
    _, state = model.logits(x, model.initial_state(1))
    params["layers.0.W"] *= 7.0
    _, again = model.logits(x, model.initial_state(1))
    np.testing.assert_allclose(again[0].h, state[0].h, rtol=0, atol=1e-6)
    params["layers.0.gamma_h"][...] = 0.0
    params["layers.0.gamma_x"][...] = 0.5
    for token in range(5):
        _, (after,) = model.logits(np.array([[token]]), model.initial_state(1))
        of_word = np.arctanh(after.h)
        assert abs(of_word.mean()) < 1e-12
        assert of_word.var() == pytest.approx(0.25, rel=1e-5)


def test_the_initial_state_is_what_is_learnt_and_a_copy():
    model = draw_model("lstm", layers=2, learn_state=True)
    before = {name: array.copy() for name, array in model.params.items()}
    state = model.initial_state(3)
    for l, layer in enumerate(state):
        for field in ("h", "c"):
            np.testing.assert_array_equal(
                getattr(layer, field), np.repeat(before[f"layers.{l}.{field}0"][None], 3, 0)
            )
            getattr(layer, field)[...] = 7.0
    assert all((model.params[name] == array).all() for name, array in before.items())


def test_a_row_that_is_reset_begins_as_a_text_does():
    """Whatever its state was, NaN too; and only of rows that begin anew has the learnt state a gradient."""
    model = draw_model("lstm", learn_state=True)
    x, y, state = draw_window(model)
    reset = np.zeros(x.shape, np.bool_)
    reset[2, 1] = True
    for layer in state:
        for field in layer:
            field[1] = np.nan
    with np.errstate(invalid="ignore"):
        nll, _, after = model.nll(x, y, state, reset=reset)
    alone, _, expected = model.nll(x[2:, 1:2], y[2:, 1:2], model.initial_state(1))
    np.testing.assert_allclose(nll[2:, 1:2], alone, rtol=0, atol=1e-12)
    for layer, other in zip(after, expected, strict=True):
        np.testing.assert_allclose(layer.c[1:2], other.c, rtol=0, atol=1e-12)
    x, y, state = draw_window(model)
    _, _, grads = model.loss_and_grads(x, y, state)
    _, _, begun = model.loss_and_grads(x, y, state, reset=reset)
    firsts = [name for name in grads if name.endswith("0")]
    assert len(firsts) == 6
    assert not any(grads[name].any() for name in firsts)
    assert all(begun[name].all() for name in firsts)


def test_where_parameters_begin():
    sizes = {"vocab_size": 5, "embedding": 6, "hidden": 6, "layers": 2, **ALL}
    for more in ({}, {"init_scale": 0.1}, {"init": "glorot"}):
        params = LanguageModel(**sizes, **more).params
        for letter, value in {
            "gamma_x": 1.0, "gamma_h": 1.0, "gamma_c": 1.0, "beta_c": 0.0, "h0": 0.0, "c0": 0.0,
            "b_T": TRANSFER_BIAS,
        }.items():  # fmt: skip
            assert (params[f"layers.1.{letter}"] == value).all(), letter
        assert params["layers.0.T"].std() > 0.01
    assert TRANSFER_BIAS < 0
    plain, learnt = (LanguageModel(**{**sizes, "learn_state": on}).params for on in (False, True))
    assert all((learnt[name] == array).all() for name, array in plain.items())


def test_layers_of_other_widths_than_their_inputs_are_not_connected():
    model = LanguageModel(vocab_size=5, embedding=4, hidden=6, layers=4, hidden_last=4, connections="highway")
    assert [name for name in model.params if name.endswith(".T")] == ["layers.1.T", "layers.2.T"]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"connections": "resdual"}, "connections must be one of none, residual, highway, not 'resdual'"),
        ({"connections": None}, "connections must be one of none, residual, highway, not None"),
        ({"connections": "residual", "layers": 1}, "need a layer whose output is as wide as its input, and"),
        ({"connections": "highway", "layers": 2, "hidden_last": 3}, "4 in and 5 out, 5 in and 3 out. Give"),
        ({"layer_norm": 1}, "layer_norm must be True or False, not 1"),
        ({"learn_state": "yes"}, "learn_state must be True or False, not 'yes'"),
        ({"cell": "mingru", "layer_norm": True}, "layer_norm is not there for mingru"),
        ({"layer_norm": True, "hidden": 1}, "layers of one unit would make every product zero"),
    ],
)
def test_what_cannot_be_is_refused(options, says):
    with pytest.raises(ConfigError, match=says):
        LanguageModel(**{"vocab_size": 5, "embedding": 4, "hidden": 5, "layers": 3, **options})


def test_settings_make_the_model_again():
    model = draw_model("gru", **ALL, layers=2)
    again = LanguageModel(**model.settings)
    assert again.settings == model.settings
    assert again.shapes() == model.shapes()
    assert repr(model).endswith("connections='highway', learn_state=True, layer_norm=True)")
