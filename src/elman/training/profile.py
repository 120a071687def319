"""Where the time of a training session went."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from time import perf_counter
from typing import NamedTuple, ParamSpec, TypeVar

from elman.network.clock import Clock

P = ParamSpec("P")
R = TypeVar("R")


class Part(NamedTuple):
    """A line of the table.

    Attributes
    ----------
    name : str
        What was done.
    seconds : float
        Of the whole session; what runs within it and is a part of its own is left out.
    calls : int
        How often; 0 for what nobody counted.
    """

    name: str
    seconds: float
    calls: int


class Profile:
    """Measures a session by part, with the clock of the model that its first worker uses.

    Parameters
    ----------
    clock : Clock
        Of the model; is switched on.
    """

    def __init__(self, clock: Clock) -> None:
        self.steps, self._clock, self._began = 0, clock, perf_counter()
        self._ended = 0.0
        clock.reset()
        clock.on = True

    def apart(self, name: str, function: Callable[P, R]) -> Callable[P, R]:
        """Return a function that is one part, whatever it is made of."""
        timed = self._clock.timed(name, function)

        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            self._clock.on = False
            try:
                return timed(*args, **kwargs)
            finally:
                self._clock.on = True

        return call

    def end(self, steps: int) -> None:
        """Stop measuring, after so many steps."""
        self.steps, self._ended, self._clock.on = steps, perf_counter(), False

    @property
    def seconds(self) -> float:
        """Of the whole session, so far."""
        return (self._ended or perf_counter()) - self._began

    def parts(self) -> Iterator[Part]:
        """Yield the parts, the longest first, and then what is none of them."""
        seconds, calls = self._clock.seconds, self._clock.calls
        for name in sorted(seconds, key=lambda name: -seconds[name]):
            if calls[name]:
                yield Part(name, seconds[name], calls[name])
        yield Part("the rest", self.seconds - sum(seconds.values()), 0)
