"""Calls within this process, in turns."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from bench.figures import times_better

Call = Callable[[], object]


def seconds_in_turns(calls: Sequence[Call], rounds: int, times: int = 1) -> list[list[float]]:
    """Let calls take turns, so many times each; return the seconds of every turn, of each call.

    The order turns round from one round to the next, so that a machine that grows slower or faster favours
    none. The first round lays out the memory, and is not counted.
    """
    spent: list[list[float]] = [[] for _ in calls]
    for number in range(rounds + 1):
        turns = list(zip(calls, spent, strict=True))
        for call, seconds in turns if number % 2 == 0 else reversed(turns):
            began = time.perf_counter()
            for _ in range(times):
                call()
            if number:
                seconds.append(time.perf_counter() - began)
    return spent


def times_as_long(plain: Call, other: Call, rounds: int, times: int) -> dict[str, float]:
    """Return how many times as long the other call takes."""
    return times_better(*seconds_in_turns((plain, other), rounds, times), higher=False)
