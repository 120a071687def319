"""Regularisers, alone and together: equal to the plain loop; gradients exact, masks fixed by a seed."""

import copy
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from elman import ConfigError, LanguageModel, Truncation, gradcheck
from elman.decoding import Decoder
from elman.network import CELLS, get_cell, masks, penalties, zoneout
from elman.network.inputs import Words
from elman.network.regularisers import PENALTIES, RATES, Regularisers

from . import plain_noise
from .building import draw_reset, draw_window

EACH = {
    "dropout": 0.4, "dropout_between": 0.25, "dropout_input": 0.3, "dropout_embedding": 0.3,
    "dropout_weights": 0.35, "zoneout": 0.3, "zoneout_cell": 0.45, "activation_reg": 2.0, "temporal_reg": 3.0,
}  # fmt: skip


def draw(cell="lstm", *, layers=3, hidden=4, tied=False, seed=0, dtype="float64", **options):
    """Return a model with large weights; of a cell without a memory what would hold it is left out."""
    if len(get_cell(cell).state_type._fields) == 1:
        options.pop("zoneout_cell", None)
    sizes = {"vocab_size": 6, "embedding": 3, "hidden": hidden, "layers": layers, "dtype": dtype}
    if tied:
        ways = 2 if options.get("direction", "").endswith("bidirectional") else 1
        sizes["embedding"] = ways * (options.get("projection") or hidden)
    model = LanguageModel(cell=cell, tied=tied, **sizes, **options)
    rng = np.random.default_rng([seed, 1])
    for array in model.params.values():
        array[...] = rng.normal(0.0, 0.8, array.shape)
    return model


class WithOptions:
    """A model that is always called with the same options, and masks of the same seed."""

    def __init__(self, model, seed=6, **options):
        self.model, self.options, self.params, self.seed = model, options, model.params, seed
        self.initial_state = model.initial_state

    def loss_and_grads(self, x, y, state):
        rng = None if self.seed is None else np.random.default_rng(self.seed)
        return self.model.loss_and_grads(x, y, state, rng=rng, **self.options)


@st.composite
def problems(draw_from, *, others=False):
    """A model with any of the regularisers, and how a window of it is run; with `others`, of any make."""
    cell = draw_from(st.sampled_from(["rnn", "lstm", "lstm-peephole", "gru", "gru-before", "lstm-coupled"]))
    options = {name: value for name, value in EACH.items() if draw_from(st.booleans())}
    options["variational"] = draw_from(st.booleans())
    if cell in ("rnn", "lstm", "lstm-peephole") and draw_from(st.booleans()):
        options["projection"] = 3
    options["direction"] = draw_from(
        st.sampled_from(["forward", "forward", "reverse", "bidirectional", "bidirectional,forward"])
    )
    run = {"skip": draw_from(st.sampled_from([0, 0, 2]))}
    if draw_from(st.booleans()):
        run["reset"] = draw_reset(5, 3, seed=draw_from(st.integers(0, 9)))
    if draw_from(st.booleans()):
        run["lengths"] = np.random.default_rng(draw_from(st.integers(0, 9))).random((5, 3)) < 0.7
    seed, tied = draw_from(st.sampled_from([None, 3, 4])), draw_from(st.booleans())
    if others:
        options["layer_norm"], options["learn_state"] = draw_from(st.booleans()), draw_from(st.booleans())
        options["connections"] = draw_from(st.sampled_from(["none", "residual", "highway"]))
        options["output"] = draw_from(st.sampled_from(["full", "sampled", "adaptive", "mixture"]))
        options |= {"adaptive": {"cutoffs": "3"}, "sampled": {"samples": 5}}.get(options["output"], {})
    try:
        return draw(cell, layers=2, tied=tied, **options), seed, run
    except ConfigError:  # of a make that there is not
        assume(not others)
        raise


@settings(max_examples=60, deadline=None)
@given(problems())
def test_any_of_them_together_are_the_plain_loop(problem):
    """The loss, of which the gradient is, and the state; of rows that begin anew and that lack steps too."""
    model, seed, run = problem
    x, y, state = draw_window(model)
    rng = None if seed is None else np.random.default_rng(seed)
    loss, after, _ = model.loss_and_grads(x, y, state, rng=rng, **run)
    plain = {"live" if name == "lengths" else name: value for name, value in run.items()}
    expected, leaving = plain_noise.objective(model, x, y, state, seed=seed, **plain)
    assert loss == pytest.approx(expected, abs=1e-11)
    for found, array in zip((f for layer in after for f in layer), leaving, strict=True):
        np.testing.assert_allclose(found, array, rtol=0, atol=1e-11)


@settings(max_examples=12, deadline=None)
@given(problems(others=True))
def test_gradients_of_any_of_them_together_in_any_model(problem):
    """Also of normalised layers, with connections, learnt states, and outputs that draw samples."""
    model, seed, run = problem
    report = gradcheck(WithOptions(model, seed, **run), projections=1, order=2, step=1e-5, tolerance=1e-5)
    assert report.passed, (report, model.settings, seed, run)


@pytest.mark.parametrize("cell", CELLS)
def test_gradients_of_all_of_them_in_every_cell(cell):
    """Depth 3, several rows and steps; with masks, and without."""
    model = draw(cell, **EACH, variational=cell != "lstm")
    for noise in (6, None):
        report = gradcheck(model, noise=noise, projections=1, order=2)
        assert report.passed, report


def one_pair_a_name():
    """Return each regulariser with the one after it, so that each is also met without the others."""
    return [*pairwise([*EACH, next(iter(EACH))])]


@pytest.mark.parametrize(("one", "other"), one_pair_a_name())
def test_gradients_of_two_of_them_element_by_element(one, other):
    model = draw("lstm-peephole", hidden=3, layers=2, **{name: EACH[name] for name in (one, other)})
    report = gradcheck(model, noise=6, order=2, max_elements=6)
    assert report.passed, report


@pytest.mark.parametrize(
    "options", [{"projection": 3}, {"direction": "bidirectional,reverse,forward"}, {"tied": True}]
)
def test_gradients_with_resets_and_rows_that_lack_steps(options):
    model, lengths = draw("lstm", **EACH, **options), np.array([5, 0, 3])
    report = gradcheck(
        WithOptions(model, reset=draw_reset(5, 3), lengths=lengths, skip=1), projections=2, order=2
    )
    assert report.passed, report


def test_the_gradient_of_a_truncation_is_that_of_its_passes():
    """Each draws its own masks, one after the other, and adds its loss and its penalties as its tokens go."""
    model, truncation, rng = draw(layers=2, **EACH), Truncation(2, 3), np.random.default_rng(7)
    x, y, state = draw_window(model)
    loss, after, grads = model.loss_and_grads(
        x, y, state, rng=np.random.default_rng(7), truncation=truncation
    )
    total, expected, entering = dict.fromkeys(grads, 0.0), 0.0, {0: state}
    reaches = [*truncation.reaches(len(x))]
    for reach, following in zip(reaches, [*reaches[1:], None], strict=True):
        steps = slice(reach.start, reach.stop)
        stop = following.start if following else reach.stop
        value, entering[stop], part = model.loss_and_grads(
            x[steps], y[steps], entering[reach.start], rng=rng, skip=reach.counted - reach.start,
            state_after=stop - reach.start,
        )  # fmt: skip
        share = (reach.stop - reach.counted) / len(x)
        expected += share * value
        total = {name: total[name] + share * array for name, array in part.items()}
    assert loss == pytest.approx(expected, abs=1e-12)
    for name, array in grads.items():
        np.testing.assert_allclose(array, total[name], rtol=0, atol=1e-12)
    for one, other in zip(after, entering[len(x)], strict=True):
        for found, field in zip(one, other, strict=True):
            np.testing.assert_array_equal(found, field)


def forgets_what_passed_by(monkeypatch):
    monkeypatch.setattr(zoneout.ZonedRows, "leave", zoneout.Rows.leave)


def parts_no_derivative(monkeypatch):
    monkeypatch.setattr(zoneout.ZonedRows, "remember", zoneout.Rows.remember)


def gives_dropped_weights_a_gradient(monkeypatch):
    monkeypatch.setattr(masks.Dropped, "complete", lambda self, grads: None)


def forgets_the_mask_of_words_on_the_way_back(monkeypatch):
    masked, calls = Words.masked, []

    def once(self, array):
        calls.append(None)
        return masked(self, array) if len(calls) % 2 else array

    monkeypatch.setattr(Words, "masked", once)


def leaves_the_output_alone(monkeypatch):
    monkeypatch.setattr(penalties._Changes, "add_to", lambda self, dh: None)


def sends_a_change_to_the_later_step_alone(monkeypatch):
    def add_to(self, dh):
        dh[self.first :] += self.of

    monkeypatch.setattr(penalties._Changes, "add_to", add_to)


def counts_steps_that_are_skipped(monkeypatch):
    real = penalties.penalise

    def penalise(given, tape, dh, scale, skip, live, space):
        value = real(given, tape, np.zeros_like(dh), scale, skip, live, space).value
        return real(given, tape, dh, scale, 0, live, space)._replace(value=value)

    monkeypatch.setattr("elman.network.backprop.penalise", penalise)


PLANTED = [
    (forgets_what_passed_by, {"zoneout": 0.4}),
    (forgets_what_passed_by, {"zoneout_cell": 0.4}),
    (parts_no_derivative, {"zoneout": 0.4}),
    (gives_dropped_weights_a_gradient, {"dropout_weights": 0.4}),
    (forgets_the_mask_of_words_on_the_way_back, {"dropout_input": 0.4}),
    (forgets_the_mask_of_words_on_the_way_back, {"dropout_embedding": 0.4}),
    (leaves_the_output_alone, {"temporal_reg": 2.0}),
    (sends_a_change_to_the_later_step_alone, {"temporal_reg": 2.0}),
    (counts_steps_that_are_skipped, {"activation_reg": 2.0}),
]


@pytest.mark.parametrize(("plant", "options"), PLANTED, ids=lambda value: getattr(value, "__name__", None))
def test_a_planted_bug_is_caught(monkeypatch, plant, options):
    model = WithOptions(draw(layers=2, **options), skip=1)
    assert gradcheck(model, projections=1).passed
    plant(monkeypatch)
    assert not gradcheck(model, projections=1).passed


def test_a_unit_that_is_held_keeps_its_value_to_the_bit_and_others_are_the_cells():
    for dtype in ("float32", "float64"):
        model = draw(layers=1, hidden=50, zoneout=0.3, zoneout_cell=0.6, dtype=dtype)
        x, y, state = draw_window(model, steps=1, batch=20)
        _, (after,), _ = model.loss_and_grads(x, y, state, rng=np.random.default_rng(0))
        plain = draw(layers=1, hidden=50, dtype=dtype)
        _, (made,), _ = plain.loss_and_grads(x, y, state)
        for rate, old, new, cell in zip((0.3, 0.6), state[0], after, made, strict=True):
            held = new == old
            assert abs(held.mean() - rate) < 0.05
            np.testing.assert_array_equal(new[~held], cell[~held])


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn", "gru-before", "lstm-peephole", "lstm/projected"])
def test_generation_is_evaluation_with_zoneout_too(cell):
    name, _, projected = cell.partition("/")
    model = draw(name, layers=2, **EACH, projection=3 if projected else None)
    x = np.random.default_rng(0).integers(6, size=(7, 3))
    logits, after = model.logits(x, model.initial_state(3))
    nll, _, _ = model.nll(x[:-1], x[1:], model.initial_state(3))
    log_p = logits - np.log(np.exp(logits).sum(axis=2, keepdims=True))
    np.testing.assert_allclose(-nll, np.take_along_axis(log_p[:-1], x[1:, :, None], 2)[..., 0], atol=1e-12)
    state = model.initial_state(3)
    for t in range(len(x)):
        step, state = model.step(x[t], state)
        np.testing.assert_allclose(step, logits[t], rtol=0, atol=1e-12)
    for rows in (1, 3):
        decoder = Decoder(model, x[:2, 0], rows=rows)
        for t in range(2, len(x)):
            found = decoder.feed(np.full(rows, x[t, 0]))
        np.testing.assert_allclose(found, np.repeat(logits[-1:, 0], rows, axis=0), rtol=0, atol=1e-12)
        for one, other in zip(decoder.state, after, strict=True):
            for a, b in zip(one, other, strict=True):
                np.testing.assert_allclose(a, np.repeat(b[:1], rows, axis=0), rtol=0, atol=1e-12)


def test_without_a_generator_nothing_is_dropped_and_penalties_stay():
    model, plain = (draw(layers=2, **options) for options in ({**EACH, "zoneout": 0, "zoneout_cell": 0}, {}))
    x, y, state = draw_window(model)
    nll, _, _ = plain.nll(x, y, state)
    loss, _, _ = model.loss_and_grads(x, y, state)
    done = model.backprop(x, y, state, model.new_grads(), 1 / x.size)
    assert done.penalty > 0.1
    assert loss == pytest.approx(nll.mean() + done.penalty, abs=1e-12)
    np.testing.assert_array_equal(model.nll(x, y, state)[0], nll)
    assert loss > model.loss_and_grads(x[:1], y[:1], state)[0] - nll[0].mean() > 0  # one step has no change


def test_masks_are_of_the_generator_alone_and_variational_ones_of_all_steps():
    model = draw(layers=2, dropout=0.5, dropout_input=0.5, variational=True)
    x, _, state = draw_window(model, steps=4)
    for locked in (True, False):
        other = draw(layers=2, dropout=0.5, dropout_input=0.5, variational=locked)
        space = copy.deepcopy(other)._space
        words = masks.drop_words(
            Words(other.params["embedding.E"], x), other.regularisers, space, np.random.default_rng(0)
        )
        tape = other.stack.forward(other.params, words, state, space, rng=np.random.default_rng(1))
        drawn = [words.mask, *tape.masks]
        assert [len(mask) for mask in drawn] == ([1] * 3 if locked else [4] * 3)
        assert all(0 < (mask == 0).mean() < 1 for mask in drawn)
    losses = {
        seed: [model.loss_and_grads(x, x, state, rng=np.random.default_rng(seed))[0] for _ in range(2)]
        for seed in (0, 1)
    }
    assert losses[0][0] == losses[0][1] != losses[1][0] == losses[1][1]


def test_a_dropped_word_is_dropped_everywhere_it_is_read_and_still_predicted():
    model = draw(layers=1, tied=True, dropout_embedding=0.6)
    x, y, state = draw_window(model, steps=9)
    space = copy.deepcopy(model)._space
    words = masks.drop_words(
        Words(model.params["embedding.E"], x), model.regularisers, space, np.random.default_rng(0)
    )
    by_word = {word: {float(v) for v in words.mask[x == word].ravel()} for word in np.unique(x)}
    assert {len(values) for values in by_word.values()} == {1}  # the same at every place
    assert {value for values in by_word.values() for value in values} == {0.0, 2.5}
    _, _, grads = model.loss_and_grads(x, y, state, rng=np.random.default_rng(0))
    assert grads["embedding.E"].any(axis=1).all()  # as output weights all are there


def test_dropped_weights_are_the_same_at_every_step_and_have_no_gradient():
    model = draw(layers=2, dropout_weights=0.5)
    x, y, state = draw_window(model)
    _, _, grads = model.loss_and_grads(x, y, state, rng=np.random.default_rng(0))
    zero = grads["layers.0.W"] == 0.0
    assert 0.3 < zero.mean() < 0.7
    twin = draw(layers=2)
    rng = np.random.default_rng(0)
    for l in range(2):
        W = twin.params[f"layers.{l}.W"]
        W *= masks.dropout_mask(np.empty_like(W), 0.5, rng)
    np.testing.assert_array_equal(twin.params["layers.0.W"] == 0.0, zero)
    loss, _, again = twin.loss_and_grads(x, y, state)
    assert loss == model.loss_and_grads(x, y, state, rng=np.random.default_rng(0))[0]
    np.testing.assert_array_equal(again["layers.1.U"], grads["layers.1.U"])


def test_penalties_are_those_of_awd_lstm():
    """alpha * dropped.pow(2).mean() + beta * (raw[1:] - raw[:-1]).pow(2).mean(), of the last layer."""
    model = draw("gru", layers=2, dropout=0.5, activation_reg=2.0, temporal_reg=3.0)
    x, y, state = draw_window(model)
    space = copy.deepcopy(model)._space
    words = Words(model.params["embedding.E"], x)
    tape = model.stack.forward(model.params, words, state, space, rng=np.random.default_rng(0))
    raw, dropped = tape.tapes[-1].h, tape.inputs[-1]
    expected = 2.0 * (dropped**2).mean() + 3.0 * ((raw[1:] - raw[:-1]) ** 2).mean()
    rng = np.random.default_rng(0)
    done = model.backprop(x, y, state, model.new_grads(), 1 / x.size, rng=rng)
    assert done.penalty == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("name", RATES)
@pytest.mark.parametrize("value", [-0.1, 1.0, float("nan"), "half", True, None])
def test_a_rate_is_a_probability(name, value):
    if name == "dropout_between" and value is None:
        return
    with pytest.raises(ConfigError, match=f"^{name} must be "):
        LanguageModel(vocab_size=3, **{name: value})


@pytest.mark.parametrize("name", PENALTIES)
def test_a_coefficient_is_not_negative(name):
    with pytest.raises(ConfigError, match=f"^{name} must be at least 0, not -1.0"):
        LanguageModel(vocab_size=3, **{name: -1})
    with pytest.raises(ConfigError, match="variational must be True or False, not 1"):
        LanguageModel(vocab_size=3, variational=1)


@pytest.mark.parametrize("cell", ["gru", "rnn", "mgu", "gru-before"])
def test_a_cell_without_a_memory_has_none_to_hold(cell):
    with pytest.raises(ConfigError, match=rf"zoneout_cell \(0.1\) has no effect with cell {cell}: it has no"):
        LanguageModel(vocab_size=3, cell=cell, zoneout_cell=0.1)


def test_settings_make_the_model_again():
    model = draw(**EACH, variational=True)
    twin = LanguageModel(**model.settings)
    assert twin.regularisers == model.regularisers == Regularisers(**EACH, variational=True)
    assert twin.settings == model.settings
    assert twin.stochastic
    assert not draw(activation_reg=1.0).stochastic
    assert [draw(**{name: EACH[name]}).stochastic for name in RATES] == [True] * len(RATES)
