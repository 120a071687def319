"""Slow ranks are named, once."""

from __future__ import annotations

import numpy as np
import pytest

from elman.training.pace import STEPS, Pace, Slow


def told(pace: Pace, seconds: list[float], steps: int = STEPS) -> list[Slow]:
    return [slow for _ in range(steps) for slow in pace.add(np.array(seconds))]


def test_a_slow_rank_is_named_once_until_it_has_recovered() -> None:
    pace = Pace(["a", "b", "c"])
    assert told(pace, [1.0, 1.4, 1.0]) == []
    assert told(pace, [1.0, 3.0, 1.0]) == [Slow(1, "b", 3.0)]
    assert told(pace, [1.0, 4.0, 1.0]) == []
    assert told(pace, [1.0, 1.0, 1.0]) == []
    assert told(pace, [1.0, 2.0, 1.0]) == [Slow(1, "b", 2.0)]


@pytest.mark.parametrize("slow", [0, 1])
def test_of_two_ranks_one_may_be_slow(slow: int) -> None:
    seconds = [1.0, 1.0]
    seconds[slow] = 2.0
    assert told(Pace(["a", "b"]), seconds) == [Slow(slow, "ab"[slow], 2.0)]


def test_one_slow_step_is_nothing() -> None:
    pace = Pace(["a", "b"])
    assert told(pace, [1.0, 20.0], 1) + told(pace, [1.0, 1.0], STEPS - 1) == []
