"""How fast is a scan over time, h = a h + x: a loop over steps, or a tree over a chunk of them?

    python benchmarks/scans.py [--quick]

The loop makes two calls of NumPy a step. The tree composes pairs of steps, pairs of pairs and so on, and then
hands the states down again: two calls for every step become some ten for every doubling of their number, with
two and a half times the arithmetic. Both take turns on one thread. It prints a table, and keeps nothing:
`elman.network.layers.ScanLayer` is the loop.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from bench import script
from bench.figures import figure, times_better
from bench.kept import lines
from bench.turns import seconds_in_turns

Array = NDArray[np.float32]
T = 256
SIZES = [(1, 32), (1, 64), (1, 128), (2, 128), (4, 128), (8, 128), (8, 256), (25, 128), (50, 128)]
CHUNK_BYTES = 2**18
SCANS = 10  # in a turn


def loop(a: Array, x: Array, states: Array) -> Callable[[], None]:
    """Return a scan step by step: of a and x ``(T, ...)``, into states ``(T + 1, ...)`` but for the first."""
    steps = list(zip(a, x, states[:-1], states[1:], strict=True))
    multiply, add = np.multiply, np.add

    def run() -> None:
        for factor, added, before, after in steps:
            multiply(factor, before, after)
            add(after, added, after)

    return run


def tree(a: Array, x: Array, states: Array) -> Callable[[], None]:
    """Return the same scan, chunk by chunk, each up and down a tree."""
    n = max(1, min(len(a), CHUNK_BYTES // (2 * a[0].nbytes)))
    n = 1 << (n.bit_length() - 1)
    factors, spare = np.empty((n, *a.shape[1:]), a.dtype), np.empty((n, *a.shape[1:]), a.dtype)
    chunks = [(a[i : i + n], x[i : i + n], states[i], states[i + 1 : i + 1 + n]) for i in range(0, len(a), n)]

    def run() -> None:
        for factor, added, before, after in chunks:
            np.copyto(factors, factor)
            np.copyto(after, added)
            np.multiply(factors[0], before, spare[0])
            np.add(after[0], spare[0], after[0])
            step = 1
            while step < n:  # up: every second block takes in the one before it
                left, right = slice(step - 1, n - step, 2 * step), slice(2 * step - 1, n, 2 * step)
                some = spare[: len(after[right])]
                np.multiply(factors[right], after[left], some)
                np.add(after[right], some, after[right])
                np.multiply(factors[right], factors[left], factors[right])
                step *= 2
            while step > 1:  # down: the blocks between take in what is complete before them
                step //= 2
                left, right = slice(2 * step - 1, n - step, 2 * step), slice(3 * step - 1, n, 2 * step)
                some = spare[: len(after[right])]
                np.multiply(factors[right], after[left], some)
                np.add(after[right], some, after[right])

    return run


def measure(rows: int, hidden: int, rounds: int) -> list[list[float]]:
    """Return the seconds of `SCANS` scans of both, round by round."""
    rng = np.random.default_rng(0)
    a = rng.random((T, rows, hidden), np.float32)
    x = rng.standard_normal((T, rows, hidden), np.float32)
    one, other = (np.zeros((T + 1, rows, hidden), np.float32) for _ in range(2))
    ways = [loop(a, x, one), tree(a, x, other)]
    for run in ways:
        run()
    if not np.allclose(one, other, atol=1e-4):
        raise SystemExit("the two scans disagree")
    return seconds_in_turns(ways, rounds, SCANS)


def main() -> None:
    """Measure and print."""
    quick = script.arguments(__doc__).parse_args().quick
    table = [["B", "H", "loop, us a step", "tree", "loop times as fast"]]
    for rows, hidden in SIZES[-1:] if quick else SIZES:
        stepwise, treelike = measure(rows, hidden, 1 if quick else 25)
        times = times_better(stepwise, treelike, higher=False)["median"]
        per_step = [figure(1e6 * min(seconds) / SCANS / T) for seconds in (stepwise, treelike)]
        table.append([str(rows), str(hidden), *per_step, f"{times:.2f}"])
    lines(f"a scan over {T} steps", table)


if __name__ == "__main__":
    script.run(main)
