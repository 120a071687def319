"""What does each regulariser cost a training step? With it and without it, in turns.

    python benchmarks/regularisers.py [--quick]

One core computes loss and gradients of a window of words. The ratio is that of the times, with over without,
the median of rounds in which both sides take turns. Keeps benchmarks/results/regularisers.json.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from bench import script
from bench.kept import keep, lines
from bench.turns import Call, times_as_long

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


def window(options: dict[str, Any]) -> Call:
    """Return what computes a window of a model."""
    from elman.network import LanguageModel

    model, rng = LanguageModel(**SIZES, **options), np.random.default_rng(1)
    out, state = model.new_grads(), model.initial_state(BATCH)
    x, y = np.random.default_rng(0).integers(0, SIZES["vocab_size"], (2, WINDOW, BATCH))
    return lambda: model.loss_and_grads(x, y, state, rng=rng, out=out)


def main() -> None:
    """Measure, print and keep."""
    arguments = script.arguments(__doc__).parse_args()
    rounds, steps = (2, 1) if arguments.quick else (15, 6)
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        table = {
            name: times_as_long(window({}), window(options), rounds, steps) for name, options in EACH.items()
        }
    lines(
        "time of a step, with over without", [[name, f"{row['median']:.3f}"] for name, row in table.items()]
    )
    sizes = {**SIZES, "batch": BATCH, "window": WINDOW}
    keep("regularisers", {"sizes": sizes, "ratios": table}, arguments.quick)


if __name__ == "__main__":
    script.run(main)
