"""Meetings: nobody goes on before all have come."""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Protocol

HERE = b"h"
SPIN_SECONDS = 2e-3
"""How long a reader looks again and again before it lets the system wake it, which takes far longer."""


class Meeting(Protocol):
    """Where the members of a team wait for one another."""

    def wait(self) -> None:
        """Return when all members are here."""
        ...


class Alone:
    """A meeting of one."""

    def wait(self) -> None:
        """Return at once."""


class Threads:
    """Threads of one process meet."""

    def __init__(self, members: int) -> None:
        self._barrier = threading.Barrier(members)

    def wait(self) -> None:
        """Return when all members are here; raise BrokenBarrierError if one will not come."""
        self._barrier.wait()

    def abort(self) -> None:
        """Say that one will not come."""
        self._barrier.abort()

    def reset(self) -> None:
        """Begin anew after that."""
        self._barrier.reset()


class Line:
    """Two pipes to another process, a byte at a time.

    Both ends pass through the kernel, which orders memory as well: what was written to shared memory before a
    byte was sent is seen by whoever has read that byte, on any processor.

    Parameters
    ----------
    incoming, outgoing : int
        Descriptors.
    spin : bool
        Look again and again for a while before falling asleep; for those who have a core of their own.
    gone : callable
        Returns what to raise when nobody is at the other end.
    """

    def __init__(
        self, incoming: int, outgoing: int, *, spin: bool, gone: Callable[[], BaseException]
    ) -> None:
        self.incoming, self.outgoing = incoming, outgoing
        self._spin, self._gone = SPIN_SECONDS if spin else 0.0, gone
        self._poll = select.poll()
        self._poll.register(incoming, select.POLLIN)
        os.set_blocking(incoming, False)

    def send(self, word: bytes) -> None:
        """Send a byte."""
        try:
            os.write(self.outgoing, word)
        except BrokenPipeError:
            raise self._gone() from None

    def receive(self) -> bytes:
        """Return the next byte."""
        until = perf_counter() + self._spin
        while True:
            try:
                word = os.read(self.incoming, 1)
            except BlockingIOError:
                if perf_counter() > until:
                    self._poll.poll()
                continue
            if not word:
                raise self._gone()
            return word

    def expect(self, word: bytes) -> None:
        """Take the next byte, which must be this one."""
        if self.receive() != word:
            raise self._gone()


class Hub:
    """The first process of a team meets the others, each at the end of a line."""

    def __init__(self, lines: Sequence[Line]) -> None:
        self._lines = lines

    def wait(self) -> None:
        """Return when all are here."""
        for line in self._lines:
            line.expect(HERE)
        for line in self._lines:
            line.send(HERE)


class Spoke:
    """One of the others meets them through the first."""

    def __init__(self, line: Line) -> None:
        self._line = line

    def wait(self) -> None:
        """Return when all are here."""
        self._line.send(HERE)
        self._line.expect(HERE)
