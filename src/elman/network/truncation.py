"""Truncated backpropagation through time, as a value."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from elman.errors import ConfigError


class Reach(NamedTuple):
    """One backward pass: steps ``start`` to ``stop``, counting the losses from ``counted`` on."""

    start: int
    counted: int
    stop: int


@dataclass(frozen=True)
class Truncation:
    """After every `every` steps one backward pass reaches `back` steps back.

    The losses of the last `every` steps are counted in that pass; the state that enters `back` steps
    before its end is held constant. ``every == back`` is the usual window with carried state;
    ``every=1`` is the ``bptt_truncate`` of tutorials: each loss looks `back` steps back. With `back` at
    least the length of the window nothing is cut.

    Parameters
    ----------
    every : int
        Steps between backward passes, ``k1``.
    back : int
        Steps each of them reaches, ``k2``; at least `every`, lest a loss that is counted is not learnt
        from.

    Raises
    ------
    ConfigError
        If either is not a whole number of at least 1, or `back` is less than `every`.

    Notes
    -----
    Steps that several passes reach are computed again by each, and under dropout each pass draws masks of
    its own: the gradient is that of the passes' mean losses, whose states entering are constants.

    References
    ----------
    Williams, R. J. & Peng, J. (1990). An efficient gradient-based algorithm for on-line training of
    recurrent network trajectories. *Neural Computation* 2, 490-501.

    Examples
    --------
    >>> import elman
    >>> [tuple(reach) for reach in elman.Truncation(every=2, back=3).reaches(5)]
    [(0, 0, 2), (1, 2, 4), (2, 4, 5)]
    """

    every: int
    back: int

    def __post_init__(self) -> None:
        for name, steps in (("every", self.every), ("back", self.back)):
            if isinstance(steps, bool) or not isinstance(steps, (int, np.integer)) or steps < 1:
                raise ConfigError(f"truncation needs whole steps of at least 1, not {name}={steps!r}")
        if self.back < self.every:
            raise ConfigError(
                f"truncation every={self.every} steps cannot reach back only {self.back}: "
                f"losses further back would never be learnt from; give back={self.every} or more"
            )

    def reaches(self, T: int) -> Iterator[Reach]:
        """Yield the backward passes over a window of T steps; each step's loss is counted once.

        The last pass may count fewer than `every` steps. It still reaches `back` steps from its end.

        Parameters
        ----------
        T : int
            Steps of the window.

        Yields
        ------
        Reach
            In the order of the window.

        Examples
        --------
        >>> from elman import Truncation
        >>> for reach in Truncation(every=1, back=2).reaches(3):
        ...     print(reach)
        Reach(start=0, counted=0, stop=1)
        Reach(start=0, counted=1, stop=2)
        Reach(start=1, counted=2, stop=3)
        """
        for counted in range(0, T, self.every):
            stop = min(counted + self.every, T)
            yield Reach(max(0, stop - self.back), counted, stop)
