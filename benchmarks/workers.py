"""What should share a batch: nobody, threads, or processes? elman against itself.

    python benchmarks/workers.py [--quick]

One worker, two threads and two processes take turns on windows of many sizes. `ENOUGH_WORK` in
elman.training.processes, from which on a run chooses processes, is taken from this. Keeps
benchmarks/results/workers.json.
"""

from __future__ import annotations

from typing import Any

from bench import script
from bench.figures import summary
from bench.kept import keep, lines
from bench.pairs import Effort, contest, started
from bench.preparation import prepared
from bench.side import Side
from bench.workloads import WORKLOADS, Workload

KINDS = ("alone", "threads", "processes")
SIZES = (
    (16, 65, 16, 16), (32, 65, 16, 16), (64, 65, 16, 16), (64, 65, 16, 32), (64, 65, 32, 32),
    (128, 65, 16, 16), (128, 65, 16, 64), (128, 65, 32, 32), (256, 65, 16, 16), (256, 65, 32, 32),
    (512, 65, 32, 32), (128, 1_000, 20, 20), (128, 2_000, 20, 20), (128, 4_000, 20, 20),
    (128, 10_000, 20, 20),
)  # fmt: skip
"""Hidden width, classes, rows, steps."""


def measure(workload: Workload, effort: Effort) -> list[Any]:
    """Return the setting, millions of operations a step, and the milliseconds of a step of each kind."""
    with (
        prepared(workload) as settings,
        started(lambda: [Side(kind, "elman_train", {**settings, "kind": kind}) for kind in KINDS]) as sides,
    ):
        found = contest(sides, effort.trial, effort.trials + 2)
        rates = [summary(found.rates[side.title])["median"] for side in sides]
    operations = workload.training_flops * workload.tokens / 1e6
    return [workload.setting, operations, *(1000 / rate for rate in rates)]


def main() -> None:
    """Measure, print and keep."""
    arguments = script.arguments(__doc__).parse_args()
    effort = script.effort(arguments.quick)
    sizes = SIZES[:2] if arguments.quick else SIZES
    table = [
        measure(WORKLOADS["char-128"].but(layers=1, H=H, E=H, K=K, B=B, T=T), effort) for H, K, B, T in sizes
    ]
    lines(
        "ms a step: alone, threads, processes", [[row[0], *(f"{n:,.2f}" for n in row[1:])] for row in table]
    )
    keep("workers", {"table": table}, arguments.quick)


if __name__ == "__main__":
    script.run(main)
