"""Bugs planted in the fast path of normalised, connected and learning layers turn its tests red."""

import numpy as np
import pytest

from elman.network import normalise
from elman.network.cells.lstm_normalised import NormalisedLSTM
from elman.network.connections import Highway, Residual
from elman.network.inputs import Words
from elman.network.layers import normalised
from elman.network.layers.layer import Layer
from elman.network.rows import Rows

from .building import assert_close, draw_model, draw_reset, draw_window, fast, plain
from .test_depth import test_generation_computes_what_evaluation_does as check_generation

NORM, RESIDUAL = {"layer_norm": True}, {"connections": "residual", "tied": True}
HIGHWAY, LEARNT = {"connections": "highway", "tied": True}, {"learn_state": True}


def leaves_the_means_in(monkeypatch):
    for module in (normalise, normalised):
        monkeypatch.setattr(module, "centred", lambda weights, out: np.add(weights, 0.0, out=out))


def leaves_derivatives_by_weights_as_they_are(monkeypatch):
    monkeypatch.setattr(normalised.Normalised, "_window_products", Layer._window_products)


def adds_more_to_the_variance(monkeypatch):
    monkeypatch.setattr(normalised, "EPSILON", 1e-4)


def takes_nothing_off(monkeypatch):
    """The derivative of the length of a product is forgotten on the way back."""
    unnorm, vecdot = normalised._unnorm, np.vecdot

    def without(*arguments, **options):
        np.vecdot = lambda one, other, out: out.fill(0.0)
        try:
            return unnorm(*arguments, **options)  # which takes the function as it finds it
        finally:
            np.vecdot = vecdot

    monkeypatch.setattr(normalised, "_unnorm", without)


def gives_the_memorys_gain_no_derivative(monkeypatch):
    def zero(self, keep, dgamma, dbeta):
        dgamma.fill(0.0)
        dbeta.fill(0.0)

    monkeypatch.setattr(NormalisedLSTM, "exposure_gradients", zero)


def sums_the_memorys_derivatives_where_no_step_is(monkeypatch):
    monkeypatch.setattr(NormalisedLSTM, "derived", None)


def sends_nothing_past_the_layer(monkeypatch):
    for kind in (Residual, Highway):
        part = kind._part

        def without(self, params, tape, dy, space, grads, part=part):
            dh, past = part(self, params, tape, dy, space, grads)
            return dh.copy(), np.zeros_like(past)

        monkeypatch.setattr(kind, "_part", without)


def sends_nothing_past_the_first_layer(monkeypatch):
    replace = Words._replace
    monkeypatch.setattr(Words, "_replace", lambda self, *, more=None, **others: replace(self, **others))


def begins_anew_from_zeros(monkeypatch):
    enter = Rows.enter
    monkeypatch.setattr(Rows, "enter", lambda self, t, tape, first=(): enter(self, t, tape))


def gives_learnt_states_no_derivative(monkeypatch):
    leave = Rows.leave
    monkeypatch.setattr(Rows, "leave", lambda self, t, d, held, dfirst=(): leave(self, t, d, held))


PLANTED = [
    (leaves_the_means_in, "gru-before", NORM),
    (leaves_derivatives_by_weights_as_they_are, "rnn", NORM),
    (adds_more_to_the_variance, "rnn", NORM),
    (takes_nothing_off, "gru", NORM),
    (gives_the_memorys_gain_no_derivative, "lstm", NORM),
    (sends_nothing_past_the_layer, "gru", RESIDUAL),
    (sends_nothing_past_the_layer, "gru", HIGHWAY),
    (sends_nothing_past_the_first_layer, "rnn", RESIDUAL),
    (begins_anew_from_zeros, "lstm", LEARNT),
    (gives_learnt_states_no_derivative, "mgu", LEARNT),
]


@pytest.mark.parametrize(
    ("plant", "cell", "options"), PLANTED, ids=lambda value: getattr(value, "__name__", None)
)
def test_the_comparison_with_the_plain_implementation_finds_it(monkeypatch, plant, cell, options):
    reset = draw_reset(5, 3)

    def check():
        model = draw_model(cell, layers=2, **options)
        window = draw_window(model)
        assert_close(fast(model, *window, reset=reset), plain(model, *window, reset=reset))

    check()
    plant(monkeypatch)
    with pytest.raises(AssertionError):
        check()


def test_rows_that_lack_steps_find_a_memory_that_counts_them(monkeypatch):
    live = np.ones((5, 3), np.bool_)
    live[2, 1] = False

    def gradient():
        model = draw_model("lstm", layers=1, layer_norm=True)
        return model.loss_and_grads(*draw_window(model), lengths=live)[2]["layers.0.gamma_c"]

    whole = gradient()
    sums_the_memorys_derivatives_where_no_step_is(monkeypatch)
    assert np.abs(gradient() - whole).max() > 1e-3


def test_generation_finds_gains_that_are_forgotten(monkeypatch):
    gains = normalise.gains
    check_generation("gru")
    monkeypatch.setattr(normalise, "gains", lambda gamma, out, half=0: gains(np.ones_like(gamma), out, half))
    with pytest.raises(AssertionError):
        check_generation("gru")
