"""How much memory does a training step take? Words, LSTM 2 x 650.

    python benchmarks/step_memory.py [--quick]

Each side trains alone while the memory of all its processes is sampled: their proportional set sizes, so
that what processes share counts once. The highest sum is the figure, libraries and interpreter included.
PyTorch is measured with its usual cross-entropy and with the one that takes the logits in chunks, with one
thread and with all; the smallest counts. Beside it stands what the interpreter and the imports took before
there was a model. A library that other processes use at the same time would count less: run nothing else
meanwhile. Keeps benchmarks/results/step_memory.json.
"""

from __future__ import annotations

from typing import Any

from bench import script
from bench.environment import cores, in_words
from bench.figures import best, summary, times_better
from bench.kept import keep, show
from bench.memory import Peak, peak_memory
from bench.preparation import prepared
from bench.side import Side
from bench.targets import row
from bench.workloads import WORKLOADS, Workload

WORKLOAD = WORKLOADS["words-650"]
VARIANTS: list[tuple[str, str, str, dict[str, Any]]] = [
    ("elman", "elman_train", "", {}),
    *(
        ("PyTorch", "torch_train", f"{what}, {in_words(threads)}", {"threads": threads, "loss": loss})
        for what, loss in (("whole logits", "whole"), ("logits in chunks", "chunked"))
        for threads in sorted({1, cores()})
    ),
    ("plain", "plain_train", "", {"threads": cores()}),
]


def measure(workload: Workload, rounds: int, seconds: float) -> dict[str, list[Peak]]:
    """Return the peaks of every variant, a fresh process each."""
    found: dict[str, list[Peak]] = {}
    with prepared(workload) as settings:
        for _ in range(rounds):
            for name, module, label, more in VARIANTS:
                with Side(name, module, {**settings, **more}, label) as side:
                    found.setdefault(side.title, []).append(peak_memory(side, seconds))
    return found


def figures(found: dict[str, list[Peak]]) -> dict[str, Any]:
    """Return the figures of the row."""
    totals = {name: [peak.total for peak in peaks] for name, peaks in found.items()}
    rivals = {name: values for name, values in totals.items() if name.startswith("PyTorch")}
    rival = best(rivals, higher=False)
    sides = []
    for name, _, label, _ in VARIANTS:
        identity = f"{name}, {label}" if label else name
        peaks = found[identity]
        sides.append({
            "name": name, "label": label, "threads": peaks[0].threads, **summary(totals[identity]),
            "values": totals[identity], "imports": summary([peak.imported for peak in peaks])["median"],
            "processes": peaks[0].processes,
        })  # fmt: skip
    return {
        "sides": sides,
        "rival": {"name": "PyTorch", "label": rival.removeprefix("PyTorch, "), "threads": None},
        "ratio": times_better(totals["elman"], totals[rival], higher=False),
    }


def main() -> None:
    """Measure, print and keep."""
    arguments = script.arguments(__doc__).parse_args()
    found = measure(WORKLOAD, *((1, 1.0) if arguments.quick else (3, 6.0)))
    rows = [row("memory/words-650", WORKLOAD.setting, "MB", figures(found))]
    show(rows)
    for side in rows[0]["sides"]:
        print(f"  {side['name']} {side['label']}: {side['imports']:.0f} MB of it before there was a model")
    keep("step_memory", {"rows": rows}, arguments.quick)


if __name__ == "__main__":
    script.run(main)
