"""How long the window of each update is, where that is drawn: a pure function of the seed and the step."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from elman.storage.settings.training import FEWEST

FULL = 0.95
"""How likely the mean of the length drawn is the window; else it is half of that."""

SPREAD = 5.0
"""Standard deviation of the lengths."""

BEYOND = 25
"""Steps by which a window may be longer, five standard deviations: memory is laid out for it."""

DRAWN = 1024  # lengths drawn with one generator, which takes longer to make than they do
STREAM = 2**32 - 1  # beside the seed, so that no share's dropout is drawn from the same numbers


@dataclass(frozen=True)
class RandomWindows:
    """Windows of random length, so that their bounds do not fall on the same tokens in every epoch.

    With probability 0.95 the mean is `window`, else half of it; the length is drawn from a normal
    distribution of that mean and a standard deviation of 5, rounded down, at least 5 and at most 25 more than
    the window.

    Parameters
    ----------
    window : int
        The usual length, ``T``.
    seed : int
        Of the run.

    References
    ----------
    S. Merity, N. S. Keskar, R. Socher (2018), Regularizing and optimizing LSTM language models, ICLR, section
    4.1.

    Examples
    --------
    >>> windows = RandomWindows(window=70, seed=0)
    >>> [windows.length(step) for step in range(8)]
    [62, 71, 73, 80, 30, 64, 71, 64]
    >>> windows.longest
    95
    """

    window: int
    seed: int

    @property
    def longest(self) -> int:
        """The most steps that a window can have."""
        return self.window + BEYOND

    @property
    def mean(self) -> float:
        """The mean length, but for the cuts at both ends; rounding down takes half a step."""
        return self.window * (FULL + (1 - FULL) / 2) - 0.5

    def length(self, step: int) -> int:
        """Return the length of the window of update number `step`, from 0."""
        chunk, place = divmod(step, DRAWN)
        return int(_drawn(self.window, self.seed, chunk)[place])

    def updates(self, steps: int, epochs: int) -> int:
        """Return how many updates so many epochs take, of `steps` steps each.

        A window ends where the epoch does, whatever was drawn.
        """
        return _updates(self, steps, epochs)

    def _from(self, first: int, count: int) -> NDArray[np.intp]:
        """Return the lengths of at least `count` updates from the first."""
        chunks = range(first // DRAWN, (first + count) // DRAWN + 1)
        drawn = np.concatenate([_drawn(self.window, self.seed, chunk) for chunk in chunks])
        return drawn[first % DRAWN :]


@lru_cache(maxsize=64)
def _drawn(window: int, seed: int, chunk: int) -> NDArray[np.intp]:
    rng = np.random.default_rng((seed, chunk, STREAM))
    means = np.where(rng.random(DRAWN) < FULL, window, window / 2)
    return np.clip(np.floor(rng.normal(means, SPREAD)), FEWEST, window + BEYOND).astype(np.intp)


@lru_cache(maxsize=64)
def _updates(windows: RandomWindows, steps: int, epochs: int) -> int:
    done = 0
    for _ in range(epochs):
        count = math.ceil(1.1 * steps / windows.mean) + 10
        while (ends := np.cumsum(windows._from(done, count)))[-1] < steps:
            count *= 2
        done += int(np.searchsorted(ends, steps)) + 1
    return done
