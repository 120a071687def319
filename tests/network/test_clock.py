"""The clock of the parts: exclusive times, on a clock that only moves when it is told to."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from elman.network import CELLS, LanguageModel, clock
from elman.network.cells import ScanCell
from elman.network.clock import Clock


class Time:
    """Seconds that pass where a test lets them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr(clock, "perf_counter", lambda: self.now)

    def spend(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    return Time(monkeypatch)


def test_a_clock_that_is_off_returns_the_function_itself() -> None:
    quiet = Clock()
    assert not quiet.on
    assert quiet.timed("sums", sum) is sum
    assert quiet.timed("sums", np.add) is np.add
    assert (quiet.seconds, quiet.calls) == ({}, {})
    quiet.on = True
    assert quiet.timed("sums", sum) is not sum


def test_arguments_and_results_pass_through(time: Time) -> None:
    def function(*given: Any, **named: Any) -> Any:
        return given, named

    assert Clock(on=True).timed("part", function)(1, 2, three=4) == ((1, 2), {"three": 4})


def test_seconds_and_calls_add_up_by_part(time: Time) -> None:
    watch = Clock(on=True)
    one, other = watch.timed("one", time.spend), watch.timed("other", time.spend)
    again = watch.timed("one", time.spend)
    assert watch.seconds == {"one": 0.0, "other": 0.0}  # known, though none has run
    for seconds in (1.0, 2.0):
        one(seconds)
        time.spend(100.0)  # nobody's
        other(10 * seconds)
    again(5.0)
    assert watch.seconds == {"one": 8.0, "other": 30.0}
    assert watch.calls == {"one": 3, "other": 2}
    assert list(watch.seconds) == ["one", "other"]


def test_a_part_within_another_counts_for_itself_alone(time: Time) -> None:
    watch = Clock(on=True)
    inner = watch.timed("inner", time.spend)

    def work() -> None:
        time.spend(1.0)
        inner(2.0)
        time.spend(4.0)
        inner(8.0)
        time.spend(16.0)

    outer = watch.timed("outer", work)
    outer()
    outer()
    assert watch.seconds == {"inner": 20.0, "outer": 42.0}
    assert watch.calls == {"inner": 4, "outer": 2}


def test_parts_within_parts_within_parts(time: Time) -> None:
    """Three deep, beside one another, and one within itself; all seconds are somebody's, once."""
    watch = Clock(on=True)
    third = watch.timed("third", time.spend)

    def middle(depth: int = 0) -> None:
        time.spend(10.0)
        third(1.0)
        if depth:
            watch.timed("second", middle)(depth - 1)
        time.spend(20.0)

    def work() -> None:
        time.spend(100.0)
        watch.timed("second", middle)(2)
        third(3.0)
        time.spend(200.0)
        watch.timed("second", middle)()

    began = time.now
    watch.timed("first", work)()
    assert watch.seconds == {"third": 7.0, "first": 300.0, "second": 120.0}
    assert watch.calls == {"third": 5, "first": 1, "second": 4}
    assert sum(watch.seconds.values()) == time.now - began


def test_what_was_measured_outside_is_not_taken_from_what_follows(time: Time) -> None:
    watch = Clock(on=True)
    watch.timed("long", time.spend)(50.0)
    watch.timed("short", time.spend)(1.0)
    watch.timed("outer", lambda: watch.timed("short", time.spend)(2.0))()
    assert watch.seconds == {"long": 50.0, "short": 3.0, "outer": 0.0}


def test_an_error_passes_through_and_leaves_the_clock_in_order(time: Time) -> None:
    watch = Clock(on=True)

    def fails() -> None:
        time.spend(7.0)
        raise KeyError("planted")

    with pytest.raises(KeyError, match="planted"):
        watch.timed("outer", watch.timed("inner", fails))()
    before = dict(watch.seconds)
    watch.timed("next", time.spend)(1.0)
    assert watch.seconds == {**before, "next": 1.0}


def test_one_clock_for_each_model_and_replica() -> None:
    model = LanguageModel(vocab_size=5, hidden=4, embedding=3)
    twin = model.replica()
    model.clock.on = True
    assert not twin.clock.on
    assert model.clock is model.clock


@pytest.mark.parametrize("cell", CELLS)
def test_the_parts_of_a_pass(cell: str, time: Time, monkeypatch: pytest.MonkeyPatch) -> None:
    """What runs how often in a window of T steps and L layers, and that results are those without a clock."""
    T, layers = 7, 2
    sizes = {"vocab_size": 9, "cell": cell, "hidden": 5, "embedding": 4, "layers": layers}
    quiet, watched = LanguageModel(**sizes), LanguageModel(**sizes)
    x, y = np.random.default_rng(0).integers(0, 9, (2, T, 3))
    watched.clock.on = True
    plain = quiet.loss_and_grads(x, y, quiet.initial_state(3))
    found = watched.loss_and_grads(x, y, watched.initial_state(3))
    assert found[0] == plain[0]
    assert all((found[2][name] == grad).all() for name, grad in plain[2].items())
    kind = CELLS[cell]
    assert quiet.clock.calls == {}
    if isinstance(kind, ScanCell):  # one chunk: before its steps, they, and after them, each way
        parts = {"input products": 2 * layers, "elementwise": 2 * 3 * layers, "softmax": 1}
        assert watched.clock.calls == parts
        return
    forward, backward = 1 + kind.staged, 1 + (kind.gated or kind.staged)
    halves = 1 + kind.staged  # elementwise calls of a step, each way
    assert watched.clock.calls == {
        "input products": 2 * layers,
        "recurrent products": T * layers * (forward + backward),
        "elementwise": T * layers * 2 * halves + layers,  # forward, backward, and the slopes of all at once
        "softmax": 1,
    }
