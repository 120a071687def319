"""Truncation as a value: where the backward passes lie."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elman import ConfigError, Truncation

from .building import draw_model, draw_window

steps = st.integers(1, 40)


@given(T=steps, every=steps, further=st.integers(0, 40))
def test_passes_count_every_loss_once_and_reach_no_further_than_back(T, every, further):
    truncation = Truncation(every, every + further)
    reaches = list(truncation.reaches(T))
    assert [t for reach in reaches for t in range(reach.counted, reach.stop)] == list(range(T))
    for reach in reaches:
        assert 0 <= reach.start <= reach.counted < reach.stop <= T
        assert reach.stop - reach.start == min(truncation.back, reach.stop)  # as far as it may, no further
        assert reach.stop - reach.counted <= every
        assert reach.stop - reach.counted == every or reach.stop == T


@pytest.mark.parametrize(
    ("every", "back", "T", "expected"),
    [
        (3, 3, 6, [(0, 0, 3), (3, 3, 6)]),
        (3, 3, 7, [(0, 0, 3), (3, 3, 6), (4, 6, 7)]),
        (1, 3, 4, [(0, 0, 1), (0, 1, 2), (0, 2, 3), (1, 3, 4)]),
        (2, 3, 5, [(0, 0, 2), (1, 2, 4), (2, 4, 5)]),
        (9, 9, 4, [(0, 0, 4)]),
        (2, 9, 4, [(0, 0, 2), (0, 2, 4)]),
    ],
)
def test_passes_as_written_by_hand(every, back, T, expected):
    assert [tuple(reach) for reach in Truncation(every, back).reaches(T)] == expected


def test_it_is_a_value():
    assert Truncation(2, 3) == Truncation(every=2, back=3) != Truncation(2, 4)
    assert len({Truncation(2, 3), Truncation(2, 3)}) == 1
    with pytest.raises(AttributeError):
        Truncation(2, 3).every = 1


@pytest.mark.parametrize("bad", [0, -1, True, 1.5, "2", None])
def test_steps_are_whole_numbers_from_one(bad):
    with pytest.raises(ConfigError, match=f"whole steps of at least 1, not every={bad!r}"):
        Truncation(bad, 5)
    with pytest.raises(ConfigError, match=f"whole steps of at least 1, not back={bad!r}"):
        Truncation(1, bad)


def test_back_is_at_least_every():
    with pytest.raises(ConfigError, match=r"every=5 steps cannot reach back only 4: .*; give back=5 or more"):
        Truncation(5, 4)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_every_equal_to_back_is_windows_with_carried_state(cell):
    """The gradient of the mean over two half windows, the state between them held constant."""
    model = draw_model(cell)
    x, y, state = draw_window(model, steps=6)
    loss, last, grads = model.loss_and_grads(x, y, state, truncation=Truncation(3, 3))
    first, middle, first_grads = model.loss_and_grads(x[:3], y[:3], state)
    second, end, second_grads = model.loss_and_grads(x[3:], y[3:], middle)
    assert loss == pytest.approx((first + second) / 2, rel=1e-14)
    for name, grad in grads.items():
        mean = (first_grads[name] + second_grads[name]) / 2
        np.testing.assert_allclose(grad, mean, rtol=0, atol=1e-14, err_msg=name)
    for one, other in zip(last, end, strict=True):
        np.testing.assert_array_equal(one, other)


def test_reaching_further_back_changes_the_gradient_until_nothing_is_cut():
    model = draw_model("rnn", layers=1)
    x, y, state = draw_window(model, steps=6)
    exact = model.loss_and_grads(x, y, state)[2]["layers.0.W"]
    cut = [
        model.loss_and_grads(x, y, state, truncation=Truncation(1, k))[2]["layers.0.W"] for k in range(1, 8)
    ]
    distances = [np.abs(W - exact).max() for W in cut]
    assert min(distances[:5]) > 1e-6
    assert max(distances[5:]) < 1e-14
