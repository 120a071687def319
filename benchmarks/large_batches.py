"""What do large batches, ranks by themselves and gradients sent in part cost in loss, and save in bytes?

    python benchmarks/large_batches.py [--quick]

Eight ranks, as threads of this process, train one model on as many tokens in every way; what each would
send is counted, not sent. Loss is that of the validation text, of three seeds. Keeps
benchmarks/results/large_batches.json.
"""

from __future__ import annotations

import math
import statistics
import tempfile
from pathlib import Path
from typing import Any

from bench import script
from bench.kept import keep, lines

RANKS = 8
SEEDS = (0, 1, 2)
BASE: dict[str, Any] = {
    "hidden": 64, "embedding": 32, "layers": 1, "batch": 32, "window": 32, "threads": 1, "sample": 0,
    "optimizer": "adam", "lr": 0.004, "warmup": 40, "schedule": "cosine", "clip": 5.0,
}  # fmt: skip
STEPS = 600
"""Of the base; an update of more rows is one of fewer."""

WAYS: dict[str, dict[str, Any]] = {
    "gradients added up (flat)": {},
    "4 windows an update": {"accumulate": 4},
    "4 windows, rate x 2 (sqrt)": {"accumulate": 4, "lr_scaling": "sqrt", "base_batch": 32},
    "4 windows, rate x 4 (linear)": {"accumulate": 4, "lr_scaling": "linear", "base_batch": 32},
    "4 times the rows, rate x 2 (sqrt)": {"batch": 128, "lr_scaling": "sqrt", "base_batch": 32},
    "parameters averaged every 4": {"sync_every": 4},
    "parameters averaged every 16": {"sync_every": 16},
    "parameters averaged every 64": {"sync_every": 64},
    "the largest 10 % (topk)": {"communicator": "topk", "topk_ratio": 0.1},
    "the largest 1 % (topk)": {"communicator": "topk", "topk_ratio": 0.01},
    "one bit each (onebit)": {"communicator": "onebit"},
}


def train(settings: dict[str, Any], seed: int, steps: int) -> tuple[float, int, int]:
    """Train by ranks; return the validation loss, the bytes that one sends in all, and the updates."""
    from elman.data import Text, default_text
    from elman.ranks.threads import together
    from elman.storage.config import TrainConfig
    from elman.training.events import Evaluated
    from elman.training.fit import fit
    from elman.training.opening import begin

    given = {**BASE, **settings}
    rows = given["batch"] * given.get("accumulate", 1)
    updates = steps * BASE["batch"] // rows
    warmup = BASE["warmup"] * BASE["batch"] // rows
    config = TrainConfig.from_mapping(
        {**given, "seed": seed, "steps": updates, "eval_every": updates, "warmup": warmup}
    )
    text = Text(default_text())
    with tempfile.TemporaryDirectory() as name:

        def work(ranks: Any) -> tuple[float, int]:
            with begin(config, Path(name) / "run", text=text, ranks=ranks) as session:
                events = list(fit(session))
                loss = [e.valid.nats_per_token for e in events if isinstance(e, Evaluated) and e.valid][-1]
                return loss, sent(session, updates)

        loss, number = together(RANKS, work)[0]
    return loss, number, updates


def sent(session: Any, updates: int) -> int:
    """Return the bytes that a rank sends for gradients, or parameters and moments in their place."""
    import numpy as np

    from elman.ranks import get_sum

    how, model = session.together, session.model
    size = sum(array.size for array in model.params.values())
    vector = np.zeros(size, model.dtype)
    if how.apart:
        arrays = 1 + len(session.optimizer.slots)
        return get_sum("flat")(how.ranks, vector, {}).sent * arrays * math.ceil(updates / how.sync_every)
    return get_sum(how.communicator)(how.ranks, vector, {}, how.ratio).sent * updates


def main() -> None:
    """Measure, print and keep."""
    arguments = script.arguments(__doc__).parse_args()
    seeds, steps = (SEEDS[:1], 60) if arguments.quick else (SEEDS, STEPS)
    rows = []
    for way, settings in WAYS.items():
        found = [train(settings, seed, steps) for seed in seeds]
        losses = [loss for loss, _, _ in found]
        spread = statistics.stdev(losses) if len(losses) > 1 else 0.0
        rows.append(
            {
                "way": way,
                "settings": settings,
                "loss": statistics.mean(losses),
                "spread": spread,
                "sent": found[0][1],
                "updates": found[0][2],
            }
        )
        lines(
            way, [[f"{rows[-1]['loss']:.4f}", f"{spread:.4f}", f"{found[0][1] / 1e6:,.1f} MB", found[0][2]]]
        )
    keep("large_batches", {"ranks": RANKS, "rows": rows, "steps": steps}, arguments.quick)
    if not arguments.quick:
        from render_ranks import write

        write()


if __name__ == "__main__":
    script.run(main)
