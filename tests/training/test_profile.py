"""A profile accounts for every second of a session, once."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from elman.network import clock as clock_module
from elman.network.clock import Clock
from elman.training import profile as profile_module
from elman.training.events import Finished
from elman.training.fit import fit
from elman.training.opening import begin, resume
from elman.training.profile import Part, Profile
from tests.small import assert_same_run
from tests.training.test_fit import TEXT, config_of


class Time:
    """Seconds that pass where a test lets them, for the clock and the profile alike."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 500.0
        for module in (clock_module, profile_module):
            monkeypatch.setattr(module, "perf_counter", lambda: self.now)

    def spend(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    return Time(monkeypatch)


def test_parts_and_the_rest_are_all_of_the_time(time: Time) -> None:
    clock = Clock()
    profile = Profile(clock)
    assert clock.on
    time.spend(1.0)
    clock.timed("short", time.spend)(2.0)
    clock.timed("never called", time.spend)
    clock.timed("long", lambda: clock.timed("short", time.spend)(4.0) or time.spend(8.0))()
    time.spend(16.0)
    assert profile.seconds == 31.0
    profile.end(3)
    time.spend(1000.0)
    clock.timed("after the end", time.spend)(1.0)
    assert not clock.on
    assert (profile.steps, profile.seconds) == (3, 31.0)
    parts = list(profile.parts())
    assert parts == [Part("long", 8.0, 1), Part("short", 6.0, 2), Part("the rest", 17.0, 0)]
    assert sum(part.seconds for part in parts) == profile.seconds


def test_what_is_apart_is_one_part_whatever_runs_in_it(time: Time) -> None:
    clock = Clock()
    profile = Profile(clock)

    def evaluate(scale: float, *, more: float = 0.0) -> float:
        assert not clock.on
        clock.timed("softmax", time.spend)(scale)
        time.spend(more)
        return scale + more

    apart = profile.apart("evaluation", evaluate)
    clock.timed("softmax", time.spend)(1.0)
    assert apart(2.0) == 2.0
    assert clock.on
    assert apart(4.0, more=8.0) == 12.0
    clock.timed("softmax", time.spend)(16.0)
    assert clock.seconds == {"evaluation": 14.0, "softmax": 17.0}
    assert clock.calls == {"evaluation": 2, "softmax": 2}


def test_the_clock_goes_on_after_an_error_in_what_is_apart(time: Time) -> None:
    clock = Clock()

    def fails() -> None:
        raise KeyError("planted")

    with pytest.raises(KeyError, match="planted"):
        Profile(clock).apart("evaluation", fails)()
    assert clock.on


def run(out: Path, *, profile: bool, stop_at: int | None = None, **settings: Any) -> Finished:
    with begin(config_of(**settings), out, text=TEXT) as session:
        stop = lambda: session.progress.step == stop_at  # noqa: E731
        *_, finished = fit(session, profile=profile, stop=stop)
    assert isinstance(finished, Finished)
    return finished


def calls_of(finished: Finished) -> Counter[str]:
    assert finished.profile is not None
    return Counter({part.name: part.calls for part in finished.profile.parts()})


@pytest.mark.parametrize("threads", [1, 2])
def test_a_session_is_profiled_and_ends_as_it_would_have(tmp_path: Path, threads: int) -> None:
    settings = {"steps": 20, "threads": threads}
    profiled = run(tmp_path / "one", profile=True, **settings)
    assert run(tmp_path / "two", profile=False, **settings).profile is None
    assert_same_run(tmp_path / "one", tmp_path / "two")
    calls, steps, T, layers = calls_of(profiled), 20, 8, 2
    assert calls == {
        "data": steps,
        "input products": steps * 2 * layers,
        "recurrent products": steps * 2 * layers * T,
        "elementwise": steps * layers * (2 * T + 1),
        "softmax": steps,
        "sum of gradients": steps,
        "waiting": steps,
        "update": steps,
        "evaluation": 2,
        "checkpoints": 2,
        "the rest": 0,
    }
    assert profiled.profile is not None
    parts = list(profiled.profile.parts())
    assert profiled.profile.steps == steps
    assert sum(part.seconds for part in parts) == pytest.approx(profiled.profile.seconds, rel=1e-9)
    assert all(part.seconds >= 0 for part in parts)
    longest = [part.seconds for part in parts[:-1]]
    assert longest == sorted(longest, reverse=True)


def test_a_session_that_is_stopped_and_taken_up_is_profiled_by_itself(tmp_path: Path) -> None:
    """Of each session its own steps and its own seconds, and not those of the run."""
    stopped = run(tmp_path / "run", profile=True, stop_at=7)
    assert (stopped.reason, stopped.profile and stopped.profile.steps) == ("stopped", 7)
    began = monotonic()
    with resume(tmp_path / "run") as session:
        *_, finished = fit(session, profile=True)
    took = monotonic() - began
    assert isinstance(finished, Finished)
    assert calls_of(finished)["update"] == 23
    assert finished.profile is not None
    assert finished.profile.steps == 23
    assert finished.profile.seconds < took
    with resume(tmp_path / "run") as session:  # it is at its end
        *_, again = fit(session, profile=True)
    assert isinstance(again, Finished)
    assert again.profile is not None
    assert again.profile.steps == 0
    assert [part.name for part in again.profile.parts()] == ["the rest"]
