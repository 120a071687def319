"""Schedules: PyTorch's rates, the shape of warm-up and decay, purity, and bad arguments."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elman.errors import ConfigError
from elman.training.schedules import SCHEDULES, constant, cosine, exponential, plateau, step_decay

TORCH = json.loads((Path(__file__).parents[1] / "vectors" / "torch_optimizers.json").read_text())["schedules"]
LOSSES = TORCH["losses"]
EVALUATIONS = [(made, loss) for made, loss in enumerate(LOSSES, start=1)]


@pytest.mark.parametrize("name", list(TORCH["rates"]))
def test_rates_equal_pytorch(name):
    schedule = {
        "step": step_decay(0.5, every=3, factor=0.3),
        "exponential": exponential(0.5, factor=0.8),
        "cosine": cosine(0.5, total=len(LOSSES), floor=0.05),
        "plateau": plateau(0.5, factor=0.5, patience=1, min_lr=0.1),
    }[name]
    rates = [schedule(step, EVALUATIONS[:step]) for step in range(len(LOSSES))]
    np.testing.assert_allclose(rates, TORCH["rates"][name], rtol=1e-12)


rates = st.floats(1e-8, 10.0)
counts = st.integers(1, 200)
factors = st.floats(0.01, 1.0)
warmups = st.integers(0, 100)
shares = st.floats(0.0, 1.0)


@st.composite
def schedules(draw):
    """A schedule of any kind, with its full rate, its warm-up and its lowest rate thereafter."""
    lr, warmup, low = draw(rates), draw(warmups), 0.0
    name = draw(st.sampled_from(sorted(SCHEDULES)))
    if name == "constant":
        arguments = {}
    elif name in ("step", "exponential"):
        arguments = {"every": draw(counts), "factor": draw(factors)}
    elif name == "cosine":
        low = lr * draw(shares)
        arguments = {"total": warmup + draw(counts), "floor": low}
    else:
        low = lr * draw(shares)
        arguments = {"factor": draw(factors), "patience": draw(st.integers(0, 3)), "min_lr": low}
    return SCHEDULES[name](lr, warmup=warmup, **arguments), lr, warmup, low


@st.composite
def records(draw):
    steps = draw(st.lists(st.integers(0, 400), max_size=12, unique=True).map(sorted))
    return [(step, draw(st.floats(0.01, 10.0))) for step in steps]


@given(schedules(), records(), st.integers(0, 500))
def test_rate_is_positive_or_zero_and_at_most_the_full_rate(case, record, step):
    schedule, lr, warmup, low = case
    rate = schedule(step, record)
    assert type(rate) is float
    assert 0.0 <= rate <= lr
    if step >= warmup:
        assert rate >= low


@given(schedules(), records())
def test_warmup_climbs_in_equal_steps_up_to_the_full_rate(case, record):
    schedule, lr, warmup, _ = case
    record = [(step, loss) for step, loss in record if step > warmup]
    climb = [schedule(step, record) for step in range(warmup + 1)]
    assert climb[-1] == lr
    np.testing.assert_allclose(np.diff([0.0, *climb]), lr / (warmup + 1), rtol=1e-9)


@given(schedules(), records(), st.lists(st.integers(0, 500), max_size=10))
def test_the_same_question_has_the_same_answer(case, record, steps):
    schedule, *_ = case
    before = list(record)
    first = [schedule(step, record) for step in steps]
    assert [schedule(step, tuple(record)) for step in reversed(steps)] == first[::-1]
    assert record == before


@given(schedules(), records(), st.integers(0, 500))
def test_evaluations_that_come_later_do_not_matter(case, record, step):
    schedule, *_ = case
    assert schedule(step, record) == schedule(step, [pair for pair in record if pair[0] <= step])


@given(schedules(), records(), st.integers(0, 500))
def test_after_warmup_the_rate_never_rises(case, record, step):
    schedule, _, warmup, _ = case
    assert schedule(warmup + step + 1, record) <= schedule(warmup + step, record)


def test_constant_stays():
    assert {constant(0.3)(step) for step in (0, 1, 10**9)} == {0.3}


def test_step_decay_falls_at_the_multiples_only():
    schedule = step_decay(1.0, every=10, factor=0.5, warmup=5)
    assert [schedule(step) for step in (5, 14, 15, 24, 25)] == [1.0, 1.0, 0.5, 0.5, 0.25]


@given(counts, counts, st.integers(0, 2000))
def test_step_decay_waits_for_its_first_fall(every, first, n):
    """Counted out: one fall after the first updates, and one more after every so many."""
    falls = sum(1 for at in range(first, n + 1, every))
    assert step_decay(1.0, every, 0.5, first=first, warmup=3)(3 + n) == 0.5**falls
    assert step_decay(1.0, every, 0.5)(n) == step_decay(1.0, every, 0.5, first=every)(n)


def test_exponential_falls_by_the_factor_in_every_so_many_updates():
    schedule = exponential(2.0, factor=0.1, every=7, warmup=3)
    for step in range(3, 30):
        assert schedule(step + 7) == pytest.approx(0.1 * schedule(step), rel=1e-12)


def test_far_decay_ends_at_zero_and_does_not_fail():
    assert step_decay(1.0, every=1, factor=0.01)(10**6) == 0.0
    assert exponential(1.0, factor=0.01)(10**6) == 0.0


@given(rates, warmups, counts, shares)
def test_cosine_touches_both_ends_exactly_and_is_symmetric(lr, warmup, span, share):
    low = lr * share
    schedule = cosine(lr, warmup + span, warmup=warmup, floor=low)
    assert schedule(warmup) == lr
    assert schedule(warmup + span) == schedule(warmup + span + 1000) == low
    for n in range(0, span + 1, 7):
        pair = schedule(warmup + n) + schedule(warmup + span - n)
        assert pair == pytest.approx(lr + low, rel=1e-12)


def test_cosine_changes_by_no_more_than_its_steepest_slope():
    schedule = cosine(1.0, total=1000, warmup=100, floor=0.1)
    values = [schedule(step) for step in range(100, 1200)]
    assert np.abs(np.diff(values)).max() <= 0.5 * math.pi * 0.9 / 900


def test_plateau_waits_for_its_patience_and_starts_to_count_again():
    record = [(step, 1.0) for step in range(10, 100, 10)]  # one improvement, then none
    schedule = plateau(8.0, patience=2)
    assert [schedule(step, record) for step in (39, 40, 69, 70)] == [8.0, 4.0, 4.0, 2.0]


def test_plateau_counts_small_improvements_only_past_the_threshold():
    record = [(10, 1.0), (20, 0.995)]
    assert plateau(1.0, threshold=0.01)(20, record) == 0.5
    assert plateau(1.0, threshold=0.001)(20, record) == 1.0
    # The best is what was better, so creeping improvements add up.
    creeping = [(10, 1.0), (20, 0.996), (30, 0.992), (40, 0.989)]
    assert plateau(1.0, patience=2, threshold=0.01)(40, creeping) == 1.0


def test_plateau_counts_evaluations_in_a_row():
    record = [(10, 4.0), (20, 5.0), (30, 3.0), (40, 5.0), (50, 2.0), (60, 5.0)]
    assert plateau(1.0, patience=1)(60, record) == 1.0
    assert plateau(1.0, patience=1)(70, [*record, (70, 5.0)]) == 0.5


def test_plateau_takes_nan_for_no_improvement_and_skips_the_warmup():
    assert plateau(1.0)(10, [(10, math.nan)]) == 0.5
    record = [(2, 1.0), (4, 2.0), (8, 3.0), (16, 4.0)]
    assert plateau(1.0, warmup=8)(8, record) == 1.0
    assert plateau(1.0, warmup=8)(16, record) == 0.5


def test_plateau_without_a_record_is_constant():
    assert plateau(0.7)(10**6) == 0.7


def test_numpy_numbers_are_numbers():
    schedule = cosine(np.float32(0.5), np.int64(10), warmup=np.int32(2))
    assert type(schedule(np.int64(3))) is float


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: constant(0.0), r"lr is 0\.0: give a number in \(0, inf\)"),
        (lambda: constant(-1.0), "lr is"),
        (lambda: constant(math.nan), "lr is nan"),
        (lambda: constant(math.inf), "lr is inf"),
        (lambda: constant("0.1"), "lr is '0.1'"),
        (lambda: constant(0.1, warmup=-1), "warmup is -1: give a whole number of 0 or more"),
        (lambda: constant(0.1, warmup=1.5), r"warmup is 1\.5"),
        (lambda: step_decay(0.1, every=0), "every is 0: give a whole number of 1 or more"),
        (lambda: step_decay(0.1, every=1, first=0), "first is 0: give a whole number of 1 or more"),
        (lambda: step_decay(0.1, every=1, factor=0.0), r"factor is 0\.0: give a number in \(0, 1\]"),
        (lambda: exponential(0.1, factor=1.1), r"factor is 1\.1"),
        (lambda: exponential(0.1, factor=0.5, every=2.5), r"every is 2\.5"),
        (lambda: cosine(0.1, total=0), "total is 0: give a whole number of 1 or more"),
        (lambda: cosine(0.1, total=10, warmup=10), "total is 10: give a whole number of 11 or more"),
        (lambda: cosine(0.1, total=10, floor=0.2), r"floor is 0\.2: give a number in \[0, 0\.1\]"),
        (lambda: plateau(0.1, factor=2.0), r"factor is 2\.0"),
        (lambda: plateau(0.1, patience=-1), "patience is -1"),
        (lambda: plateau(0.1, min_lr=0.2), r"min_lr is 0\.2: give a number in \[0, 0\.1\]"),
        (lambda: plateau(0.1, threshold=1.0), r"threshold is 1\.0"),
        (lambda: constant(0.1)(-1), "step is -1: give a whole number of 0 or more"),
        (lambda: cosine(0.1, total=10)(0.5), r"step is 0\.5"),
    ],
)
def test_bad_arguments(make, message):
    with pytest.raises(ConfigError, match=message):
        make()


def test_registry_holds_the_names_of_the_command_line():
    assert set(SCHEDULES) == {"constant", "step", "exponential", "cosine", "plateau"}
