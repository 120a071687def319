"""Sums over ranks, the same to the bit whatever the engine, the network, and the kind of sum."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Protocol, TypeAlias

import numpy as np

from elman.errors import ConfigError
from elman.network.functional import squares
from elman.ranks.base import Ranks, add_in_order, stretches
from elman.ranks.compressed import OneBit, TopK
from elman.ranks.overlapped import Overlapped
from elman.typing import Floats


class Summation(Protocol):
    """Adds up the gradients of all ranks."""

    @property
    def sent(self) -> int:
        """Bytes that a rank sends in a step."""
        ...

    def __call__(self) -> float:
        """Put the sums in the place of one's own; return the squares of one's stretch of them, added up.

        The norm is of those of all ranks, so that it is the same for all to the bit, whatever their machines.
        """
        ...


class Flat:
    """All gradients as one vector: each rank adds up its own stretch of it, and the stretches are collected.

    What a rank sends and what it receives are ``2 (n - 1) / n`` times the vector, as with a ring, in two
    calls whatever the number of parameters.

    Parameters
    ----------
    ranks : Ranks
        Who adds up.
    vector : ndarray of shape (N,)
        One's own gradients, end to end; overwritten by the sums.
    """

    name: ClassVar[str] = "flat"

    def __init__(
        self, ranks: Ranks, vector: Floats, arrays: Mapping[str, Floats], ratio: float = 1.0
    ) -> None:
        self._ranks, self._vector = ranks, vector
        self._bounds = stretches(vector.size, ranks.size)
        own = slice(self._bounds[ranks.rank], self._bounds[ranks.rank + 1])
        self._own = vector[own]
        self._parts = np.empty((ranks.size, self._own.size), vector.dtype)  # (n, stretch)

    @property
    def sent(self) -> int:
        """Bytes that a rank sends in a step."""
        return 2 * self._vector.nbytes * (self._ranks.size - 1) // self._ranks.size

    def __call__(self) -> float:
        self._ranks.deal(self._vector, self._bounds, self._parts)
        with np.errstate(all="ignore"):  # what overflows shows in the norm
            add_in_order(self._parts, self._own)
            total = squares(self._own)
        self._ranks.collect(self._vector, self._bounds)
        return total


class Naive:
    """Each parameter by itself: all ranks are sent all of it, and add up in the order of the ranks.

    What `Flat` is checked by; it sends ``n - 1`` times the vector, in as many calls as there are parameters.

    Parameters
    ----------
    ranks, vector
        As of :class:`Flat`.
    arrays : mapping of str to ndarray
        The gradients by name, views of the vector.
    """

    name: ClassVar[str] = "naive"

    def __init__(
        self, ranks: Ranks, vector: Floats, arrays: Mapping[str, Floats], ratio: float = 1.0
    ) -> None:
        self._ranks, self._vector, self._arrays = ranks, vector, arrays

    @property
    def sent(self) -> int:
        """Bytes that a rank sends in a step."""
        return self._vector.nbytes * (self._ranks.size - 1)

    def __call__(self) -> float:
        with np.errstate(all="ignore"):
            for array in self._arrays.values():
                total, *others = self._ranks.gather(np.array(array))
                for other in others:
                    total = total + other
                np.copyto(array, total)
            start, stop = stretches(self._vector.size, self._ranks.size)[self._ranks.rank :][:2]
            own = self._vector[start:stop]
            return squares(own)


Kind: TypeAlias = type[Flat] | type[Overlapped] | type[Naive] | type[TopK] | type[OneBit]

SUMS: dict[str, Kind] = {"flat": Flat, "overlap": Overlapped, "naive": Naive, "topk": TopK, "onebit": OneBit}
"""The kinds of sum by their names."""


def get_sum(name: str) -> Kind:
    """Return a kind of sum by its name.

    Raises
    ------
    ConfigError
        If there is none of that name.
    """
    if name not in SUMS:
        raise ConfigError(f"unknown communicator {name!r}: give {', '.join(SUMS)}")
    return SUMS[name]
