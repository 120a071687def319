"""What does each regulariser cost a training step? With it and without it, in turns.

    python benchmarks/regularisers.py [--quick]

One core computes loss and gradients of a window of words. The ratio is that of the times, with over without,
the median of rounds in which both sides take turns. Keeps benchmarks/results/regularisers.json.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from bench import script
from bench.figures import times_better
from bench.kept import keep, lines

SIZES = {"vocab_size": 10_000, "embedding": 200, "hidden": 200, "layers": 2}  # Zaremba et al. (2014), small
BATCH, WINDOW = 20, 35
EACH: dict[str, dict[str, Any]] = {
    "dropout": {"dropout": 0.5},
    "dropout, variational": {"dropout": 0.5, "variational": True},
    "dropout_input": {"dropout_input": 0.4},
    "dropout_embedding": {"dropout_embedding": 0.1},
    "dropout_weights": {"dropout_weights": 0.5},
    "zoneout": {"zoneout": 0.05},
    "zoneout, zoneout_cell": {"zoneout": 0.05, "zoneout_cell": 0.5},
    "activation_reg": {"activation_reg": 2.0},
    "temporal_reg": {"temporal_reg": 1.0},
    "all of AWD-LSTM": {
        "dropout": 0.4, "dropout_between": 0.25, "dropout_input": 0.4, "dropout_embedding": 0.1,
        "dropout_weights": 0.5, "variational": True, "activation_reg": 2.0, "temporal_reg": 1.0,
    },
}  # fmt: skip


class Stepper:
    """A model, and the time of a window of it."""

    def __init__(self, options: dict[str, Any]) -> None:
        from elman.network import LanguageModel

        self.model = LanguageModel(**SIZES, **options)
        self.out, self.state = self.model.new_grads(), self.model.initial_state(BATCH)
        self.x, self.y = np.random.default_rng(0).integers(0, SIZES["vocab_size"], (2, WINDOW, BATCH))

    def seconds(self, steps: int) -> float:
        """Return the time of so many windows."""
        rng, began = np.random.default_rng(1), time.perf_counter()
        for _ in range(steps):
            self.model.loss_and_grads(self.x, self.y, self.state, rng=rng, out=self.out)
        return time.perf_counter() - began


def ratio(options: dict[str, Any], rounds: int, steps: int) -> dict[str, float]:
    """Return how many times as long a step takes with these options."""
    plain, other = Stepper({}), Stepper(options)
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
    rounds, steps = (2, 1) if arguments.quick else (15, 6)
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        table = {name: ratio(options, rounds, steps) for name, options in EACH.items()}
    lines(
        "time of a step, with over without", [[name, f"{row['median']:.3f}"] for name, row in table.items()]
    )
    sizes = {**SIZES, "batch": BATCH, "window": WINDOW}
    keep("regularisers", {"sizes": sizes, "ratios": table}, arguments.quick)


if __name__ == "__main__":
    script.run(main)
