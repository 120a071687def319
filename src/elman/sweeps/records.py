"""What a study knows of a trial, without Optuna."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

ATTEMPTS = 3
"""How often a trial may take its process with it before it counts as failed."""

COUNTED = ("complete", "pruned", "failed", "running")
"""The states of trials that have a place in the sweep; what was broken off is done again by another."""


@dataclass(frozen=True)
class Record:
    """A trial.

    Attributes
    ----------
    number : int
        Of the trial in its study.
    state : str
        ``complete``, ``pruned``, ``failed`` or ``running``; ``interrupted`` (by a signal, or since time was
        over), ``killed`` (its process has gone), ``surplus`` (more than were asked for, and never begun) or
        ``waiting`` (to be done again).
    losses : tuple of float
        Of the evaluations, in their order.
    settings : dict
        Those that were searched.
    seconds : float
        Spent on the run; 0 where that is not known.
    run : str
        Directory of the run, on the machine `host`.
    host : str
        Name of that machine.
    error : str
        Why it failed.
    again : int or None
        Number of the trial that this one goes on with.
    attempt : int
        How many processes began it.
    worker : str
        The folder that its process holds the lock of.
    alive : float
        When its process last said that it was at work, in seconds since 1970.
    params : dict
        What Optuna chose, by its own names.
    """

    number: int
    state: str
    losses: tuple[float, ...] = ()
    settings: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    run: str = ""
    host: str = ""
    error: str = ""
    again: int | None = None
    attempt: int = 1
    worker: str = ""
    alive: float = 0.0
    params: dict[str, Any] = field(default_factory=dict)

    @property
    def loss(self) -> float | None:
        """The best validation loss; None where there was no evaluation."""
        return min(self.losses, default=None)

    @property
    def counted(self) -> bool:
        """Whether it has a place in the sweep."""
        return self.state in COUNTED


def count(records: Sequence[Record], below: int | None = None) -> int:
    """Return how many trials have a place in the sweep, of all or of those with smaller numbers.

    >>> count([Record(0, "complete"), Record(1, "killed"), Record(2, "running")])
    2
    """
    return sum(record.counted for record in records if below is None or record.number < below)


def place(records: Sequence[Record], number: int) -> int:
    """Return how many have been chosen before a trial, from which its own choice follows.

    What is done again was chosen once. A trial that was broken off before that has no choice, and leaves its
    place to the next; if others have been chosen after it the place stays empty, or two would be the same.

    >>> drawn = {"lr": 0.1}
    >>> found = [Record(0, "complete", params=drawn), Record(1, "killed", params=drawn), Record(2, "killed")]
    >>> place(found, 3), place([*found, Record(3, "complete", params=drawn, again=1)], 4)
    (2, 2)
    >>> place([*found, Record(3, "running")], 4)
    4
    """
    first = [r for r in records if r.number < number and r.again is None and r.state != "surplus"]
    while first and not (first[-1].params or first[-1].state == "running"):
        first.pop()
    return len(first)


def ranked(records: Sequence[Record]) -> list[Record]:
    """Return the trials that count, the best first: complete ones, then pruned ones, then the rest.

    >>> found = ranked(
    ...     [Record(0, "failed"), Record(1, "complete", (3.0, 2.5)), Record(2, "complete", (2.0,))]
    ... )
    >>> [record.number for record in found]
    [2, 1, 0]
    """
    order = {state: place for place, state in enumerate(("complete", "pruned", "running", "failed"))}
    seen = [record for record in records if record.state not in ("surplus", "waiting")]
    return sorted(
        seen, key=lambda r: (order.get(r.state, 4), float("inf") if r.loss is None else r.loss, r.number)
    )


def best(records: Sequence[Record]) -> Record | None:
    """Return the complete trial with the lowest loss, the earliest of several."""
    complete = [record for record in ranked(records) if record.state == "complete"]
    return complete[0] if complete else None
