"""What do normalisation, connections and learnt states cost a training step? With each and without, in turns.

    python benchmarks/depth.py [--quick]

One core computes loss and gradients of a window. The ratio is that of the times, with over without, the
median of rounds in which both sides take turns. Keeps benchmarks/results/depth.json.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from bench import script
from bench.kept import keep, lines
from bench.turns import Call, times_as_long

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


def window(sizes: dict[str, Any], options: dict[str, Any]) -> Call:
    """Return what computes a window of a model in which every row begins anew once."""
    from elman.network import LanguageModel

    model = LanguageModel(vocab_size=CLASSES, embedding=sizes["hidden"], **sizes, **options)
    out, state = model.new_grads(), model.initial_state(BATCH)
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, CLASSES, (2, WINDOW, BATCH))
    reset = np.zeros((WINDOW, BATCH), np.bool_)
    reset[rng.integers(0, WINDOW, BATCH), np.arange(BATCH)] = True
    return lambda: model.loss_and_grads(x, y, state, reset=reset, out=out)


def main() -> None:
    """Measure, print and keep."""
    arguments = script.arguments(__doc__).parse_args()
    rounds, steps = (2, 1) if arguments.quick else (11, 3)
    from threadpoolctl import threadpool_limits

    table: dict[str, dict[str, dict[str, float]]] = {}
    with threadpool_limits(1):
        for size, sizes in SIZES.items():
            table[size] = {
                name: times_as_long(window(sizes, {}), window(sizes, options), rounds, steps)
                for name, options in EACH.items()
            }
    for size, row in table.items():
        lines(
            f"{size}: time of a step, with over without",
            [[name, f"{found['median']:.3f}"] for name, found in row.items()],
        )
    keep("depth", {"batch": BATCH, "window": WINDOW, "ratios": table}, arguments.quick)


if __name__ == "__main__":
    script.run(main)
