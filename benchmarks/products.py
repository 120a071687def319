"""What do the small products of a time step cost? Weights whole and in panels, in turns.

    python benchmarks/products.py [--quick]

One core multiplies the rows of its share with the recurrent weights of all gates, as every time step does,
the weights lying whole in memory or in panels (`elman.network.panels`). The last line is what a worker would
do that had all rows and half of the hidden units. Keeps benchmarks/results/products.json.
"""

from __future__ import annotations

from typing import Any

from bench import script
from bench.figures import summary, times_better
from bench.kept import keep, lines
from bench.pairs import Effort, contest, started
from bench.side import Side

SIZES = (
    (4, 25, 128, 128), (3, 16, 256, 256), (4, 32, 512, 512), (4, 10, 200, 200), (4, 10, 650, 650),
    (4, 20, 650, 325),
)  # fmt: skip
"""Gates, rows, hidden width, columns of a gate."""


def measure(G: int, B: int, H: int, n: int, effort: Effort) -> list[Any]:
    """Return what was multiplied, microseconds and rate of both, and how many times as fast panels are."""
    settings = {"G": G, "B": B, "H": H, "columns": n}
    with started(
        lambda: [Side(how, "product", {**settings, "how": how}) for how in ("panels", "whole")]
    ) as sides:
        found = contest(sides, effort.trial, effort.trials + 4)
        panels, whole = (found.rates[side.title] for side in sides)
    flops = 2 * G * B * H * n
    columns = [f"{B} x {H} by {H} x {G * n:,}"]
    for rates in (whole, panels):
        median = summary(rates)["median"]
        columns += [1e6 / median, flops * median / 1e9]
    return [*columns, times_better(panels, whole, higher=True)["median"]]


def main() -> None:
    """Measure, print and keep."""
    arguments = script.arguments(__doc__).parse_args()
    effort = script.effort(arguments.quick)
    table = [measure(*sizes, effort) for sizes in (SIZES[:1] if arguments.quick else SIZES)]
    lines(
        "us and GFLOP/s: whole, in panels; ratio",
        [[row[0], *(f"{n:,.2f}" for n in row[1:])] for row in table],
    )
    keep("products", {"table": table}, arguments.quick)


if __name__ == "__main__":
    script.run(main)
