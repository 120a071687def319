"""Where the time goes: seconds by part, measured around the calls that do the work."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


class Clock:
    """Seconds and calls by part. A clock that is off measures nothing, and costs nothing.

    Where one part runs within another, its time counts for itself alone.

    Attributes
    ----------
    seconds, calls : dict of str to float and int
        By part, in the order in which the parts first ran.

    Examples
    --------
    >>> from elman.network.clock import Clock
    >>> clock = Clock(on=True)
    >>> clock.timed("sums", sum)([1, 2])
    3
    >>> clock.calls
    {'sums': 1}
    """

    def __init__(self, *, on: bool = False) -> None:
        self.on = on
        self.seconds: dict[str, float] = {}
        self.calls: dict[str, int] = {}
        self._within = 0.0  # seconds of the parts within the part that runs

    def reset(self) -> None:
        """Forget what was measured."""
        self.seconds.clear()
        self.calls.clear()
        self._within = 0.0

    def timed(self, part: str, function: Callable[P, R]) -> Callable[P, R]:
        """Return the function, or one that does the same and adds its time to the part."""
        if not self.on:
            return function
        self.seconds.setdefault(part, 0.0)
        self.calls.setdefault(part, 0)

        def timed(*args: P.args, **kwargs: P.kwargs) -> R:
            outside, self._within = self._within, 0.0
            began = perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                spent = perf_counter() - began
                self.seconds[part] += spent - self._within
                self.calls[part] += 1
                self._within = outside + spent

        return timed
