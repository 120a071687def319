"""Sums that begin while the backward pass goes on, a layer at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from elman.network.functional import squares
from elman.ranks.base import Pending, Ranks, add_in_order, stretches
from elman.typing import Floats


class Overlapped:
    """The sums of :class:`elman.ranks.Flat`, of each layer as soon as its gradients are there.

    An engine goes on with what was begun when it is asked how far it is, which is at the end of every layer.

    Parameters
    ----------
    ranks, vector, arrays, ratio
        As of :class:`elman.ranks.Flat`, and the gradients by name: views of the vector, or of what lies
        before it and is not added up.
    """

    name: ClassVar[str] = "overlap"

    def __init__(
        self, ranks: Ranks, vector: Floats, arrays: Mapping[str, Floats], ratio: float = 1.0
    ) -> None:
        self._ranks, self._vector = ranks, vector
        self._rooms = [_Room(ranks, vector[some], name) for name, some in rooms_of(vector, arrays).items()]
        self._begun: list[_Room] = []

    @property
    def sent(self) -> int:
        """Bytes that a rank sends in a step."""
        return 2 * self._vector.nbytes * (self._ranks.size - 1) // self._ranks.size

    def ready(self, name: str) -> None:
        """Begin to add up the gradients of a layer, or of the output, which are all there."""
        for room in self._rooms:
            if room.name == name and room not in self._begun:
                self._begin(room)
        self._go_on()

    def __call__(self) -> float:
        for room in self._rooms:
            if room not in self._begun:
                self._begin(room)
        self._go_on(wait=True)
        total = sum(room.end() for room in self._begun)
        self._begun.clear()
        return total

    def _begin(self, room: _Room) -> None:
        room.deal()
        self._begun.append(room)

    def _go_on(self, *, wait: bool = False) -> None:
        """Add up and collect what has come, in the order in which it was begun: that of all ranks."""
        for room in self._begun:
            if not room.collect(wait=wait):
                return


class _Room:
    """The gradients of one layer, of the output, or of the word vectors."""

    def __init__(self, ranks: Ranks, vector: Floats, name: str) -> None:
        self.name, self._ranks, self._vector = name, ranks, vector
        self._bounds = stretches(vector.size, ranks.size)
        start, stop = self._bounds[ranks.rank :][:2]
        self._own = vector[start:stop]
        self._parts = np.empty((ranks.size, stop - start), vector.dtype)  # (n, stretch)
        self._dealt: Pending | None = None
        self._collected: Pending | None = None
        self._squares = 0.0

    def deal(self) -> None:
        self._dealt, self._collected = self._ranks.begin_deal(self._vector, self._bounds, self._parts), None

    def collect(self, *, wait: bool) -> bool:
        """Begin to collect, if all stretches are here; say whether that is so."""
        if self._collected is not None:
            self._collected.done()
            return True
        assert self._dealt is not None
        if wait:
            self._dealt.wait()
        elif not self._dealt.done():
            return False
        with np.errstate(all="ignore"):  # what overflows shows in the norm
            add_in_order(self._parts, self._own)
            self._squares = squares(self._own)
        self._collected = self._ranks.begin_collect(self._vector, self._bounds)
        return True

    def end(self) -> float:
        """Wait for the sums; return the squares of one's own, added up."""
        assert self._collected is not None
        self._collected.wait()
        return self._squares


def rooms_of(vector: Floats, arrays: Mapping[str, Floats]) -> dict[str, slice]:
    """Return where the gradients of each layer, of the output and of the word vectors lie in the vector."""
    found: dict[str, slice] = {}
    begins = vector.__array_interface__["data"][0]
    for name, array in arrays.items():
        start = (array.__array_interface__["data"][0] - begins) // vector.itemsize
        if start < 0:  # frozen
            continue
        room = ".".join(name.split(".")[: 2 if name.startswith("layers.") else 1])
        before = found.get(room, slice(start, start))
        found[room] = slice(min(before.start, start), max(before.stop, start + array.size))
    return found
