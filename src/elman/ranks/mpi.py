"""Ranks over MPI, by mpi4py."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from elman.ranks.base import Pending, Ranks
from elman.typing import Floats

T = TypeVar("T")

LAST_WORDS = 0.3
"""Seconds that the engine is given to pass on what a rank has said, before it ends all."""


class _Request:
    """What MPI has begun."""

    def __init__(self, request: Any) -> None:
        self._request = request

    def done(self) -> bool:
        return bool(self._request.Test())

    def wait(self) -> None:
        self._request.Wait()


class MpiRanks(Ranks):
    """The processes of an MPI communicator.

    Parameters
    ----------
    world : mpi4py.MPI.Comm, optional
        By default all that were started together.

    Notes
    -----
    Sums are not left to the engine, whose order may depend on the message's size, on the number of machines
    and on its version: stretches are exchanged, and each rank adds up its own.
    """

    def __init__(self, world: Any = None) -> None:
        from mpi4py import MPI

        self._world = MPI.COMM_WORLD if world is None else world
        self.rank, self.size = self._world.rank, self._world.size
        self.local = self._world.Split_type(MPI.COMM_TYPE_SHARED).size

    @property
    def host(self) -> str:
        from mpi4py import MPI

        return MPI.Get_processor_name()

    def broadcast(self, value: T) -> T:
        found: T = self._world.bcast(value)
        return found

    def gather(self, value: T) -> list[T]:
        found: list[T] = self._world.allgather(value)
        return found

    def share(self, array: NDArray[Any]) -> NDArray[Any]:
        found = np.empty((self.size, *array.shape), array.dtype)
        self._world.Allgather(np.ascontiguousarray(array), found)
        return found

    def deal(self, vector: NDArray[Any], bounds: Sequence[int], out: NDArray[Any]) -> None:
        counts, mine = np.diff(bounds), out.shape[1]
        given = [vector, (counts, bounds[:-1])]
        taken = [out, (np.full(self.size, mine), np.arange(self.size) * mine)]
        self._world.Alltoallv(given, taken)

    def collect(self, vector: NDArray[Any], bounds: Sequence[int]) -> None:
        from mpi4py import MPI

        self._world.Allgatherv(MPI.IN_PLACE, [vector, (np.diff(bounds), bounds[:-1])])

    def begin_deal(self, vector: Floats, bounds: Sequence[int], out: Floats) -> Pending:
        counts, mine = np.diff(bounds), out.shape[1]
        given = [vector, (counts, bounds[:-1])]
        taken = [out, (np.full(self.size, mine), np.arange(self.size) * mine)]
        return _Request(self._apart[0].Ialltoallv(given, taken))

    def begin_collect(self, vector: Floats, bounds: Sequence[int]) -> Pending:
        from mpi4py import MPI

        return _Request(self._apart[1].Iallgatherv(MPI.IN_PLACE, [vector, (np.diff(bounds), bounds[:-1])]))

    @cached_property
    def _apart(self) -> tuple[Any, Any]:
        """Communicators for what is begun: within each, all ranks begin in one order."""
        return self._world.Dup(), self._world.Dup()

    def abort(self, status: int) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        time.sleep(LAST_WORDS)
        self._world.Abort(status)
