"""Where does the time of a training step go? Every workload, part by part.

    python benchmarks/parts.py [--quick] [--only char-128 ...]

What `elman train --profile` prints, for the workloads that are compared: medians of several turns, in the
first of the workers. Keeps benchmarks/results/profile.json.
"""

from __future__ import annotations

import statistics
from typing import Any

from bench import script
from bench.kept import keep_profile, lines
from bench.pairs import Effort
from bench.preparation import prepared
from bench.side import Side
from bench.workloads import WORKLOADS, Workload

COLUMNS = ("part", "ms a step", "share", "calls a step")


def measure(workload: Workload, effort: Effort) -> tuple[list[list[Any]], str]:
    """Return a line a part, and how many workers there were."""
    with prepared(workload) as settings, Side("elman", "elman_parts", settings) as side:
        side.ready()
        warm = side.turn("run", 3)
        steps = max(1, round(3 * effort.seconds / warm["seconds"]))
        turns = [side.turn("run", steps) for _ in range(effort.rounds)]
        threads = side.threads
    whole = statistics.median(turn["seconds"] for turn in turns)
    parts = {name: statistics.median(turn["value"][name][0] for turn in turns) for name in turns[0]["value"]}
    calls = {name: turns[0]["value"][name][1] / steps for name in parts}
    found = [
        [name, f"{1000 * parts[name] / steps:.3f}", f"{parts[name] / whole:.0%}", f"{calls[name]:.0f}"]
        for name in sorted(parts, key=lambda name: -parts[name])
    ]
    rest = whole - sum(parts.values())
    found.append(["the rest", f"{1000 * rest / steps:.3f}", f"{rest / whole:.0%}", ""])
    return found, "one worker" if threads == 1 else f"the first of {threads} workers"


def main() -> None:
    """Measure the workloads that were asked for."""
    arguments = script.arguments(__doc__, list(WORKLOADS)).parse_args()
    effort = script.effort(arguments.quick)
    for name in arguments.only or WORKLOADS:
        found, whose = measure(WORKLOADS[name], effort)
        lines(f"{name}, {whose}", found)
        if not arguments.quick:
            title = f"{WORKLOADS[name].setting}, {whose}"
            keep_profile(title, f"python benchmarks/parts.py --only {name}", COLUMNS, found)


if __name__ == "__main__":
    script.run(main)
