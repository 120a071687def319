"""Two or more sides, measured in turns on one machine."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from bench.figures import agree, best, summary, times_better
from bench.procfs import machine_seconds
from bench.side import PAUSE, Side, SideFailed


@dataclass(frozen=True)
class Effort:
    """How long and how often is measured."""

    seconds: float  # of a turn
    rounds: int
    trial: float  # seconds of a turn in which a variant is tried
    trials: int


FULL = Effort(seconds=1.5, rounds=9, trial=0.4, trials=3)
QUICK = Effort(seconds=0.1, rounds=2, trial=0.03, trials=1)


@dataclass
class Contest:
    """What was measured: for each side its rate in each round, and how undisturbed it was."""

    rates: dict[str, list[float]] = field(default_factory=dict)  # steps a second
    idle: float = 0.0  # the largest share of a core that waiting sides took
    others: float = 0.0  # share of a core taken by processes that are not ours, over the whole
    stolen: float = 0.0  # share of a core that a hypervisor took
    seconds: float = 0.0

    def record(self) -> dict[str, Any]:
        """Return how undisturbed it was, for JSON."""
        return {
            "rounds": len(next(iter(self.rates.values()), [])),
            "idle": round(self.idle, 4), "others": round(self.others, 4), "stolen": round(self.stolen, 4),
            "seconds": round(self.seconds, 1),
        }  # fmt: skip


@contextmanager
def started(make: Callable[[], Sequence[Side]]) -> Iterator[list[Side]]:
    """Start sides, wait until all are built, and end them whatever happens."""
    sides: list[Side] = []
    try:
        sides += make()
        for side in sides:
            side.ready()
            side.rest()
        yield sides
    finally:
        for side in sides:
            side.close()


def contest(sides: Sequence[Side], seconds: float, rounds: int) -> Contest:
    """Let the sides take turns; return their rates in steps a second, by the title of each.

    A turn lasts about as long for each side. The order turns round from one round to the next, so that a
    machine that grows slower or faster favours none. The first turns are for warming up.
    """
    steps = {side.title: _steps(side, seconds) for side in sides}
    found = Contest(rates={side.title: [] for side in sides})
    began, (busy, stolen), ours = time.perf_counter(), machine_seconds(), _cpu(sides)
    for number in range(rounds):
        for side in sides if number % 2 == 0 else list(reversed(sides)):
            waiting = [other for other in sides if other is not side]
            before = _cpu(waiting)
            answer = side.turn("run", steps[side.title])
            found.rates[side.title].append(steps[side.title] / answer["seconds"])
            found.idle = max(found.idle, (_cpu(waiting) - before) / max(answer["seconds"], PAUSE))
            side.rest()
    found.seconds = time.perf_counter() - began
    now = machine_seconds()
    found.stolen = (now[1] - stolen) / found.seconds
    found.others = max(0.0, (now[0] - busy - (_cpu(sides) - ours)) / found.seconds)
    return found


def choose(
    candidates: Callable[[], Sequence[Side]], effort: Effort
) -> tuple[dict[str, Any], dict[str, float]]:
    """Try the variants of a side, all at once; return the settings of the fastest, and every rate.

    The settings have ``label`` beside what the side was told.
    """
    with started(candidates) as sides:
        found = contest(sides, effort.trial, effort.trials)
        rates = {side.label: summary(found.rates[side.title])["median"] for side in sides}
        label = max(rates, key=lambda name: rates[name])
        chosen = next(side for side in sides if side.label == label)
        return {**chosen.settings, "label": label}, rates


def disagreement(sides: Sequence[Side]) -> list[str]:
    """Return the sides that computed something else than the first from the same start."""
    first = sides[0]
    return [side.title for side in sides[1:] if not agree(first.check, side.check)]


def compare(
    sides: Sequence[Side], found: Contest, per_step: float, *, against: Sequence[str] | None = None
) -> dict[str, Any]:
    """Return the figures of a contest in which the first side is ours, for JSON.

    Rates are multiplied by `per_step`, such as the tokens in a step. The best rival is the best of those
    whose names are in `against`, or of all.
    """
    ours = sides[0]
    rates = {side.title: [rate * per_step for rate in found.rates[side.title]] for side in sides}
    rivals = [side for side in sides[1:] if against is None or side.name in against]
    if not rivals:
        raise SideFailed("there is no rival to compare with")
    name = best({side.title: rates[side.title] for side in rivals}, higher=True)
    rival = next(side for side in rivals if side.title == name)
    return {
        "sides": [
            {"name": side.name, "label": side.label, "threads": side.threads,
             **summary(rates[side.title]), "values": rates[side.title]}
            for side in sides
        ],
        "rival": {"name": rival.name, "label": rival.label, "threads": rival.threads},
        "ratio": times_better(rates[ours.title], rates[name], higher=True),
        "quiet": found.record(),
    }  # fmt: skip


def _steps(side: Side, seconds: float) -> int:
    """Warm the side up, and return how many steps it does in so many seconds."""
    steps = 1
    while True:
        spent = float(side.turn("run", steps)["seconds"])
        if spent >= 0.3 * seconds or steps >= 1 << 20:
            side.rest()
            return max(1, round(steps * seconds / max(spent, 1e-9)))
        steps = max(steps * 2, round(steps * 0.5 * seconds / max(spent, 1e-9)))


def _cpu(sides: Sequence[Side]) -> float:
    return sum(side.cpu_seconds() for side in sides)
