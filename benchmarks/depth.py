"""What do normalisation, connections and learnt states cost a training step? With each and without, in turns.

    python benchmarks/depth.py [--quick]

One core computes loss and gradients of a window. The ratio is that of the times, with over without, the
median of rounds in which both sides take turns. Keeps benchmarks/results/depth.json.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from bench import script
from bench.figures import times_better
from bench.kept import keep, lines

BATCH, WINDOW, CLASSES = 50, 50, 65
SIZES: dict[str, dict[str, Any]] = {
    "lstm 2 x 128": {"cell": "lstm", "hidden": 128, "layers": 2},
    "gru 2 x 128": {"cell": "gru", "hidden": 128, "layers": 2},
    "rnn 2 x 128": {"cell": "rnn", "hidden": 128, "layers": 2},
    "lstm 2 x 512": {"cell": "lstm", "hidden": 512, "layers": 2},
    "lstm 6 x 128": {"cell": "lstm", "hidden": 128, "layers": 6},
}
EACH: dict[str, dict[str, Any]] = {
    "layer_norm": {"layer_norm": True},
    "residual": {"connections": "residual"},
    "highway": {"connections": "highway"},
    "learn_state": {"learn_state": True},
    "all, highway": {"layer_norm": True, "connections": "highway", "learn_state": True},
}


class Stepper:
    """A model, and the time of a window of it in which every row begins anew once."""

    def __init__(self, sizes: dict[str, Any], options: dict[str, Any]) -> None:
        from elman.network import LanguageModel

        self.model = LanguageModel(vocab_size=CLASSES, embedding=sizes["hidden"], **sizes, **options)
        self.out, self.state = self.model.new_grads(), self.model.initial_state(BATCH)
        rng = np.random.default_rng(0)
        self.x, self.y = rng.integers(0, CLASSES, (2, WINDOW, BATCH))
        self.reset = np.zeros((WINDOW, BATCH), np.bool_)
        self.reset[rng.integers(0, WINDOW, BATCH), np.arange(BATCH)] = True

    def seconds(self, steps: int) -> float:
        """Return the time of so many windows."""
        began = time.perf_counter()
        for _ in range(steps):
            self.model.loss_and_grads(self.x, self.y, self.state, reset=self.reset, out=self.out)
        return time.perf_counter() - began


def ratio(sizes: dict[str, Any], options: dict[str, Any], rounds: int, steps: int) -> dict[str, float]:
    """Return how many times as long a step takes with these options."""
    plain, other = Stepper(sizes, {}), Stepper(sizes, options)
    times: tuple[list[float], list[float]] = [], []
    for number in range(rounds + 1):
        for side in (0, 1) if number % 2 else (1, 0):
            spent = (plain, other)[side].seconds(steps)
            if number:  # the first round lays out the memory
                times[side].append(spent)
    return times_better(*times, higher=False)


def main() -> None:
    """Measure, print and keep."""
    arguments = script.arguments(__doc__).parse_args()
    rounds, steps = (2, 1) if arguments.quick else (11, 3)
    from threadpoolctl import threadpool_limits

    table: dict[str, dict[str, dict[str, float]]] = {}
    with threadpool_limits(1):
        for size, sizes in SIZES.items():
            table[size] = {name: ratio(sizes, options, rounds, steps) for name, options in EACH.items()}
    for size, row in table.items():
        lines(
            f"{size}: time of a step, with over without",
            [[name, f"{found['median']:.3f}"] for name, found in row.items()],
        )
    keep("depth", {"batch": BATCH, "window": WINDOW, "ratios": table}, arguments.quick)


if __name__ == "__main__":
    script.run(main)
