"""What processes that train together can do: say who they are, meet, and pass one another numbers."""

from __future__ import annotations

import sys
import traceback
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from elman.errors import ElmanError, LeaderError
from elman.typing import Floats

T = TypeVar("T")


class Pending(Protocol):
    """What was begun, and goes on when it is asked for."""

    def done(self) -> bool:
        """Say whether it has ended."""
        ...

    def wait(self) -> None:
        """Return when it has ended."""
        ...


class Later:
    """What is begun where nothing can go on by itself: it is done when it is waited for."""

    def __init__(self, work: Callable[[], None]) -> None:
        self._work: Callable[[], None] | None = work

    def done(self) -> bool:
        """Say whether it was waited for."""
        return self._work is None

    def wait(self) -> None:
        """Do it."""
        if self._work is not None:
            self._work()
            self._work = None


class Ranks(ABC):
    """One of the processes that train together, as it sees them all.

    Every method but `abort` is called by all of them, in the same order, or those that do wait for ever.

    Attributes
    ----------
    rank : int
        Which of them this is, from 0.
    size : int
        How many there are.
    """

    rank: int
    size: int
    local: int = 1  # ranks on this machine

    @property
    def leads(self) -> bool:
        """Whether this is the one that prints and writes."""
        return self.rank == 0

    @property
    def host(self) -> str:
        """The name of the machine it is on."""
        import platform

        return platform.node() or "this machine"

    @abstractmethod
    def broadcast(self, value: T) -> T:
        """Return what the first was given; what the others give is ignored."""

    @abstractmethod
    def gather(self, value: T) -> list[T]:
        """Return what all were given, in their order."""

    @abstractmethod
    def share(self, array: NDArray[Any]) -> NDArray[Any]:
        """Return the arrays of all, ``(size, ...)``: of one shape and type, with the same bytes for all."""

    def first(self, work: Callable[[], T]) -> T:
        """Let the first do something alone, while the others wait; return to all what came of it.

        Raises
        ------
        LeaderError
            On the others, if the first has raised.
        """
        told: tuple[T] | None = None
        try:
            if self.leads:
                told = (work(),)
        finally:
            told = self.broadcast(told)
        if told is None:
            raise LeaderError("the first rank says why")
        return told[0]

    def alike(self, error: ElmanError) -> ElmanError:
        """Return what the first is to raise of an error that all have come to, and what the others are to."""
        return error if self.leads else LeaderError("the first rank says why")

    def agree(self, numbers: Sequence[float]) -> NDArray[np.float64]:
        """Return the numbers of all, ``(size, n)``."""
        return self.share(np.array(numbers, np.float64))

    @abstractmethod
    def deal(self, vector: NDArray[Any], bounds: Sequence[int], out: NDArray[Any]) -> None:
        """Give each its stretch of one's vector ``(N,)``; write what one is given to out, ``(size, n)``.

        Rank i has the stretch from ``bounds[i]`` to ``bounds[i + 1]``, of ``n`` numbers.
        """

    @abstractmethod
    def collect(self, vector: NDArray[Any], bounds: Sequence[int]) -> None:
        """Fill the vector ``(N,)`` of which one has one's own stretch with those of the others."""

    def begin_deal(self, vector: Floats, bounds: Sequence[int], out: Floats) -> Pending:
        """Begin to `deal`, in the same order on all ranks; the arrays must stay until it is done."""
        return Later(lambda: self.deal(vector, bounds, out))

    def begin_collect(self, vector: Floats, bounds: Sequence[int]) -> Pending:
        """Begin to `collect`, in the same order on all ranks; this order and that of `begin_deal` are two."""
        return Later(lambda: self.collect(vector, bounds))

    @abstractmethod
    def abort(self, status: int) -> None:
        """End all of them, this one too."""

    def fail(self, error: BaseException) -> None:
        """Say what this one failed of, and end all of them, which would wait for it for ever."""
        who = f"rank {self.rank} of {self.size}, on {self.host}"
        if not isinstance(error, (ElmanError, KeyboardInterrupt)):
            traceback.print_exception(error)
        what = "interrupted" if isinstance(error, KeyboardInterrupt) else str(error) or type(error).__name__
        print(f"elman: {who}: {' '.join(what.split())}", file=sys.stderr, flush=True)
        self.abort(130 if isinstance(error, KeyboardInterrupt) else 2)


class Alone(Ranks):
    """A process that trains by itself.

    Examples
    --------
    >>> ranks = Alone()
    >>> ranks.leads, ranks.gather("a"), ranks.agree([1.0, 2.0])
    (True, ['a'], array([[1., 2.]]))
    """

    rank: ClassVar[int] = 0  # type: ignore[misc]
    size: ClassVar[int] = 1  # type: ignore[misc]

    def broadcast(self, value: T) -> T:
        return value

    def gather(self, value: T) -> list[T]:
        return [value]

    def share(self, array: NDArray[Any]) -> NDArray[Any]:
        return array[None].copy()

    def deal(self, vector: NDArray[Any], bounds: Sequence[int], out: NDArray[Any]) -> None:
        out[0] = vector

    def collect(self, vector: NDArray[Any], bounds: Sequence[int]) -> None:
        pass

    def abort(self, status: int) -> Any:
        raise SystemExit(status)


ALONE = Alone()
"""A process by itself, which needs nothing of its own."""


def add_in_order(parts: Floats, out: Floats) -> None:
    """Write the sum of rows ``(n, N)``, taken from the first to the last, to out ``(N,)``.

    NumPy's own reduction takes another order where rows are short.
    """
    np.copyto(out, parts[0])
    for part in parts[1:]:
        np.add(out, part, out=out)


def stretches(numbers: int, size: int, unit: int = 16) -> list[int]:
    """Return the bounds ``(size + 1,)`` of one stretch a rank, of whole units of so many numbers.

    Examples
    --------
    >>> stretches(100, 3)
    [0, 32, 64, 100]
    """
    units = -(-numbers // unit)
    return [min(units * i // size * unit, numbers) for i in range(size)] + [numbers]
