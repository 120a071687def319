"""Which rank keeps the others waiting."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

STEPS = 50
"""Over which times are added up before they are compared: a single step may be slow for any reason."""

SLOW = 1.5
"""Times the median of the others that a rank may take before it is named."""


class Slow(NamedTuple):
    """A rank that is slow.

    Attributes
    ----------
    rank : int
        Which.
    host : str
        The machine it is on.
    times : float
        Its time for a step, without waiting, over the median of the others'.
    """

    rank: int
    host: str
    times: float


class Pace:
    """Adds up what each rank takes for its part of a step.

    Parameters
    ----------
    hosts : list of str
        The machine of every rank.

    Examples
    --------
    >>> pace = Pace(["a", "b", "c"])
    >>> [slow for _ in range(50) for slow in pace.add(np.array([1.0, 1.0, 2.5]))]
    [Slow(rank=2, host='c', times=2.5)]
    """

    def __init__(self, hosts: list[str]) -> None:
        self._hosts, self._steps = hosts, 0
        self._seconds = np.zeros(len(hosts))  # (ranks,)
        self._named: set[int] = set()

    def add(self, seconds: NDArray[np.float64]) -> list[Slow]:
        """Add the times ``(ranks,)`` of a step; return who is found slow, and was not the last time."""
        self._seconds += seconds
        self._steps += 1
        if self._steps < STEPS:
            return []
        others = [np.median(np.delete(self._seconds, rank)) for rank in range(len(self._seconds))]
        times = self._seconds / np.maximum(others, 1e-9)
        slow, before = set(np.flatnonzero(times > SLOW).tolist()), self._named
        self._steps, self._named = 0, slow
        self._seconds[:] = 0.0
        return [Slow(rank, self._hosts[rank], float(times[rank])) for rank in sorted(slow - before)]
