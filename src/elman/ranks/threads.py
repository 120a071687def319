"""Ranks that are threads of one process: what a test has in place of an engine."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from elman.ranks.base import Later, Pending, Ranks
from elman.typing import Floats

T = TypeVar("T")


class ThreadRanks(Ranks):
    """One of some threads that act as ranks; `together` makes them."""

    def __init__(self, rank: int, size: int, barrier: threading.Barrier, table: list[Any]) -> None:
        self.rank, self.size, self._barrier, self._table = rank, size, barrier, table

    def broadcast(self, value: T) -> T:
        return self.gather(value)[0]

    def gather(self, value: T) -> list[T]:
        self._table[self.rank] = value
        self._barrier.wait()
        found = list(self._table)
        self._barrier.wait()  # nobody writes before all have read
        return found

    def share(self, array: NDArray[Any]) -> NDArray[Any]:
        return np.array(self.gather(array.copy()))

    def deal(self, vector: NDArray[Any], bounds: Sequence[int], out: NDArray[Any]) -> None:
        mine = slice(bounds[self.rank], bounds[self.rank + 1])
        self._table[self.rank] = vector
        self._barrier.wait()
        for row, whole in zip(out, self._table, strict=True):
            row[...] = whole[mine]
        self._barrier.wait()

    def collect(self, vector: NDArray[Any], bounds: Sequence[int]) -> None:
        self._table[self.rank] = vector
        self._barrier.wait()
        for other, whole in enumerate(self._table):
            if other != self.rank:
                theirs = slice(bounds[other], bounds[other + 1])
                vector[theirs] = whole[theirs]
        self._barrier.wait()

    def begin_deal(self, vector: Floats, bounds: Sequence[int], out: Floats) -> Pending:
        given = vector.copy()  # as it is now: an engine may send it at once
        return Later(lambda: self.deal(given, bounds, out))

    def abort(self, status: int) -> None:
        self._barrier.abort()


def together(size: int, work: Callable[[Ranks], T]) -> list[T]:
    """Let so many ranks do the same work, each in a thread; return what each returned.

    Where one fails the others are freed from their waiting, and its error is raised.

    Examples
    --------
    >>> together(3, lambda ranks: ranks.agree([ranks.rank]).sum().item())
    [3.0, 3.0, 3.0]
    """
    barrier, table = threading.Barrier(size), [None] * size
    ranks = [ThreadRanks(rank, size, barrier, table) for rank in range(size)]

    def guarded(one: ThreadRanks) -> T:
        try:
            return work(one)
        except BaseException:
            barrier.abort()
            raise

    with ThreadPoolExecutor(size) as pool:
        futures = [pool.submit(guarded, one) for one in ranks]
    errors = [future.exception() for future in futures]
    first = next((e for e in errors if e and not isinstance(e, threading.BrokenBarrierError)), None)
    if first is not None:
        raise first
    return [future.result() for future in futures]
