"""Every registered cell passes every check; so does a new one, and a wrong one does not."""

from contextlib import contextmanager
from typing import ClassVar

import numpy as np
import pytest

from elman import LanguageModel
from elman.decoding import Decoder
from elman.errors import ConfigError
from elman.insight import trace
from elman.network import CELLS, Cell, get_cell, register_cell
from elman.network.cells import LSTMState, ScanCell
from elman.network.layers import DIRECTIONS

from .cells import (
    CHECKS,
    gradients_of_a_layer_whose_rows_are_reset,
    gradients_of_a_stack,
    keeps_the_bytes_it_documents,
    one_window_is_two_halves,
)


def cases():
    """Return a case for every registered cell and every check."""
    return [(name, check) for name in CELLS for check in CHECKS]


@pytest.mark.parametrize(("cell", "check"), cases(), ids=lambda value: getattr(value, "__name__", value))
def test_registered_cell(cell, check):
    check(cell)


LAYERS = (
    "rnn/projected",
    "lstm/projected",
    "lstm/reverse",
    "gru/bidirectional",
    "lstm/projected/bidirectional",
    "lstm-peephole/zoneout",
    "gru/zoneout",
    "rnn/projected/zoneout",
    "rnn/normalised",
    "lstm-peephole/normalised/learnt/zoneout",
    "gru/normalised",
    "gru-before/normalised/learnt",
    "sru/learnt",
    "indrnn/learnt",
    "lstm/normalised/projected",
)
"""Layers that are not the plain one."""

PLAIN_ONLY = {keeps_the_bytes_it_documents}
FORWARD_ONLY = {one_window_is_two_halves, gradients_of_a_layer_whose_rows_are_reset}
"""A layer that reads in reverse meets a reset at another step; tests/network/test_directions.py has those."""


@pytest.mark.parametrize(
    ("layer", "check"),
    [
        (layer, check)
        for layer in LAYERS
        for check in CHECKS
        if check not in PLAIN_ONLY
        and (check is not gradients_of_a_stack or "normalised" not in layer)  # tests/network/test_depth.py
        and (check not in FORWARD_ONLY or not set(DIRECTIONS) & set(layer.split("/")))
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_layer(layer, check):
    check(layer)


class Leaky(Cell):
    """A leaky integrator, h' = h / 2 + tanh(x U + h W + b) / 2: a cell as a researcher writes one.

    Per step, row and hidden unit it keeps 1 gate and 1 state: 8 bytes in float32.
    """

    name: ClassVar[str] = "leaky"
    gates = 1
    direct = True

    def forward(self, a, r, prev, new, keep, work):
        np.tanh(a + r, out=a)
        new[0][...] = 0.5 * prev[0] + 0.5 * a[0]

    def backward(self, a, d, prev, new, keep, work):
        a[0][...] = 0.5 * d[0] * (1.0 - a[0] ** 2)
        d[0][...] *= 0.5


@contextmanager
def registered(cell):
    register_cell(cell)
    try:
        yield cell.name
    finally:
        del CELLS[cell.name]


def test_a_new_cell_is_checked_by_being_registered():
    before = cases()
    with registered(Leaky()) as name:
        assert get_cell(name).gates == 1
        assert [check for case, check in cases() if case == name] == CHECKS
        for check in CHECKS:
            check(name)
    assert cases() == before


class Selective(Cell):
    """A cell of one's own that has all there is: staged, with a peephole, and h no part of the next h.

    s = sigmoid(x U + h W + p c), c' = c / 2 + tanh(x U + (s h) W + b), h' = tanh(c').

    Per step, row and hidden unit it keeps 2 gates, s h and 2 states: 20 bytes in float32.
    """

    name: ClassVar[str] = "selective"
    gates = 2
    sigmoids = 1
    staged = True
    keeps = 1
    state_type = LSTMState
    sees = ((0, "c_prev"),)

    def prepare(self, a, r, prev, keep, work, p):
        a[0][...] = 0.5 * np.tanh(a[0] + r[0] + 0.5 * p[0] * prev.c) + 0.5
        keep[0][...] = a[0] * prev.h

    def forward(self, a, r, prev, new, keep, work, p):
        a[1][...] = np.tanh(a[1] + r[1])
        new.c[...] = 0.5 * prev.c + a[1]
        new.h[...] = np.tanh(new.c)

    def backward(self, a, d, prev, new, keep, work, p):
        d.c[...] += d.h * (1.0 - new.h**2)
        a[1][...] = d.c * (1.0 - a[1] ** 2)
        d.c[...] *= 0.5
        d.h[...] = 7.0  # nobody reads it, as h passes through W alone

    def unstage(self, a, d, dk, prev, keep, work, p):
        d.h[...] += dk * a[0]
        a[0][...] = dk * prev.h * a[0] * (1.0 - a[0])
        d.c[...] += a[0] * p[0]


def test_a_new_cell_may_be_staged_and_have_peepholes():
    with registered(Selective()) as name:
        for check in CHECKS:
            check(name)
        model = LanguageModel(vocab_size=5, cell=name, embedding=3, hidden=4, dtype="float64")
        x, y = np.random.default_rng(0).integers(5, size=(2, 4, 2))
        traced = trace(model, x[:, 0], y[:, 0])
        loss, _, grads = model.loss_and_grads(x[:, :1], y[:, :1], model.initial_state(1))
        assert abs(traced.loss - loss) < 1e-12
        for key, array in grads.items():
            np.testing.assert_allclose(traced.dparams[key], array, rtol=0, atol=1e-12)
        decoder, state = Decoder(model, x[:1, 0]), model.initial_state(1)
        for token in x[:, 0]:
            logits, state = model.step(np.array([token]), state)
        for token in x[1:, 0]:
            found = decoder.feed(np.array([token]))
        np.testing.assert_allclose(found, logits, rtol=0, atol=1e-12)


class Clockwork(ScanCell):
    """A scan of one's own that has all there is: c' = tanh(x U + p c + b), h' = c' + s^2 c.

    Per step, row and hidden unit it keeps 1 gate, s and 2 states: 16 bytes in float32.
    """

    name: ClassVar[str] = "clockwork"
    gates = keeps = 1
    scratch = 2
    sees = ((0, "c_prev"),)
    carried: ClassVar[str] = "c"
    passes: ClassVar[bool] = True
    skip: ClassVar[bool] = True
    state_type = LSTMState

    def step(self, a, prev, new, work, p):
        new.c[...] = np.tanh(a[0] + p[0] * prev.c)

    def finish(self, a, prev, new, keep, work, p):
        new.h[...] = new.c + keep[0] ** 2 * prev.c

    def gather(self, a, dh, prev, new, keep, work, p):
        work[0][...] = dh
        work[1][...] = dh * keep[0] ** 2
        keep[0][...] *= 2 * dh * prev.c
        a[0][...] = p[0] * (1 - new.c**2)

    def spread(self, a, prev, new, keep, work, p):
        a[0][...] = work[0] * (1 - new.c**2)


def test_a_new_cell_may_have_no_recurrent_product():
    with registered(Clockwork()) as name:
        for check in CHECKS:
            check(name)
        model = LanguageModel(vocab_size=5, cell=name, embedding=3, hidden=4, dtype="float64")
        x, y = np.random.default_rng(0).integers(5, size=(2, 4, 2))
        traced = trace(model, x[:, 0], y[:, 0])
        loss, _, grads = model.loss_and_grads(x[:, :1], y[:, :1], model.initial_state(1))
        assert abs(traced.loss - loss) < 1e-12
        for key, array in grads.items():
            np.testing.assert_allclose(traced.dparams[key], array, rtol=0, atol=1e-12)
        decoder, state = Decoder(model, x[:1, 0]), model.initial_state(1)
        for token in x[:, 0]:
            logits, state = model.step(np.array([token]), state)
        for token in x[1:, 0]:
            found = decoder.feed(np.array([token]))
        np.testing.assert_allclose(found, logits, rtol=0, atol=1e-12)


class ForgetsWhatPasses(Clockwork):
    def gather(self, a, dh, prev, new, keep, work, p):
        super().gather(a, dh, prev, new, keep, work, p)
        work[1][...] = 0.0


class ForgetsWhatIsSkipped(Clockwork):
    def gather(self, a, dh, prev, new, keep, work, p):
        super().gather(a, dh, prev, new, keep, work, p)
        keep[0][...] = 0.0


class TakesTheNextMemoryForItsOwn(Clockwork):
    def gather(self, a, dh, prev, new, keep, work, p):
        super().gather(a, dh, prev, new, keep, work, p)
        a[0][...] = p[0] * (1 - prev.c**2)


class ForgetsTheLeak(Leaky):
    def backward(self, a, d, prev, new, keep, work):
        super().backward(a, d, prev, new, keep, work)
        d[0][...] = 0.0


class HasAMemory(Leaky):
    seen = 0.0

    def forward(self, a, r, prev, new, keep, work):
        super().forward(a, r, prev, new, keep, work)
        new[0][...] += 1e-3 * HasAMemory.seen
        HasAMemory.seen = float(prev[0][0, 0])


class MixesRows(Leaky):
    def forward(self, a, r, prev, new, keep, work):
        super().forward(a - a.mean(axis=1, keepdims=True), r, prev, new, keep, work)


class WritesIntoTheStateBefore(Leaky):
    def forward(self, a, r, prev, new, keep, work):
        super().forward(a, r, prev, new, keep, work)
        prev[0][...] = 0.0


class KeepsMoreThanItSays(Leaky):
    """8 bytes in float32, it says."""

    keeps = 1


class LeavesAConstant(Leaky):
    def backward(self, a, d, prev, new, keep, work):
        super().backward(a, d, prev, new, keep, work)
        a[0][...] += 1e-9


@pytest.mark.parametrize(
    ("wrong", "caught"),
    [
        (ForgetsTheLeak, {"gradients_of_a_layer", "gradients_of_a_stack"}),
        (HasAMemory, {"nothing_is_left_in_the_workspace"}),
        (MixesRows, {"rows_do_not_see_each_other"}),
        (WritesIntoTheStateBefore, {"gradients_of_a_layer"}),
        (KeepsMoreThanItSays, {"keeps_the_bytes_it_documents"}),
        (LeavesAConstant, {"zero_upstream_gives_exactly_zero"}),
        (ForgetsWhatPasses, {"gradients_of_a_layer", "gradients_of_a_stack"}),
        (ForgetsWhatIsSkipped, {"gradients_of_a_layer", "gradients_of_a_stack"}),
        (TakesTheNextMemoryForItsOwn, {"gradients_of_a_layer"}),
    ],
)
def test_a_wrong_cell_is_caught(wrong, caught):
    with registered(wrong()) as name:
        for check in CHECKS:
            if check.__name__ in caught:
                with pytest.raises(AssertionError):
                    check(name)


def test_a_name_is_registered_once_and_as_an_instance():
    with pytest.raises(ConfigError, match="a cell named 'lstm' is registered already; give yours another"):
        register_cell(CELLS["lstm"])
    with pytest.raises(ConfigError, match=r"registered as an instance, such as MyCell\(\), not as <class"):
        register_cell(Leaky)
    assert "leaky" not in CELLS


def test_a_product_is_gated_or_staged():
    class Both(Leaky):
        name, gated, staged = "both", True, True

    with pytest.raises(ConfigError, match="the last product of 'both' cannot be gated and staged"):
        register_cell(Both())
    assert "both" not in CELLS


@pytest.mark.parametrize(("name", "hint"), [("ltsm", "did you mean 'lstm'"), ("grru", "did you mean 'gru'")])
def test_an_unknown_cell_names_the_nearest(name, hint):
    with pytest.raises(ConfigError, match=f"unknown cell '{name}': expected one of gru, .*; {hint}"):
        get_cell(name)


@pytest.mark.parametrize("name", [None, [], 3, "transformer"])
def test_what_is_no_cell_is_refused_without_a_hint(name):
    with pytest.raises(ConfigError, match=r"unknown cell .*: expected one of [a-z, -]+$"):
        get_cell(name)
