"""How long until the model is good? Tiny Shakespeare to 1.55 nats a character, the same recipe on both sides.

    python benchmarks/time_to_loss.py --text input.txt [--quick] [--seeds 3] [--steps 6000]

LSTM 2 x 128 on the first 90 % of the text: Adam, 200 updates of warm-up to 0.004 and a cosine down to zero at
the last of a fixed number of updates, dropout 0.1 on the output of each layer, clipping at 5, 50 rows and 50
steps, the state carried. Both sides start from the same parameters and read the same windows; they take turns
of some updates each, so that the machine's moods meet both. After each turn the loss on the last 10 % of the
text is measured, the state carried, which does not count as time. The figure is the training time of a side
when that loss is first at most 1.55. Keeps benchmarks/results/time_to_loss.json.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bench import script
from bench.environment import in_words, thread_counts
from bench.figures import summary, times_better
from bench.kept import keep, show
from bench.pairs import Effort, choose, disagreement, started
from bench.preparation import prepared
from bench.side import Side, SideFailed
from bench.targets import row
from bench.workloads import WORKLOADS
from sides.recipe import vocabulary

GOAL = 1.55
RECIPE = {"lr": 0.004, "warmup": 200, "dropout": 0.1}
Curve = list[tuple[int, float, float]]
"""Updates made, seconds of training, validation loss."""


def torch_variants(settings: dict[str, Any]) -> list[Side]:
    """Return PyTorch with every number of threads, and both of its fast ways to update."""
    return [
        Side("PyTorch", "torch_text", {**settings, "threads": threads, "update": update},
             f"{update} adam, {in_words(threads)}")
        for threads in thread_counts() for update in ("fused", "foreach")
    ]  # fmt: skip


def race(sides: list[Side], steps: int, every: int, goal: float) -> list[Curve]:
    """Train in turns of `every` updates until each side has reached the goal, or the end of its recipe."""
    curves: list[Curve] = [[] for _ in sides]
    seconds, running = [0.0] * len(sides), set(range(len(sides)))
    for turn, done in enumerate(range(every, steps + every, every)):
        for i in sorted(running, reverse=turn % 2 == 1):
            count = min(done, steps) - (done - every)
            seconds[i] += sides[i].turn("run", count)["seconds"]
            loss = sides[i].turn("evaluate", 0)["value"]
            curves[i].append((min(done, steps), seconds[i], loss))
            sides[i].rest()
            if loss <= goal:
                running.remove(i)
    return curves


def reached(curve: Curve, goal: float) -> tuple[int, float] | None:
    """Return the updates and the seconds after which the loss was first at most the goal."""
    return next(((step, seconds) for step, seconds, loss in curve if loss <= goal), None)


def measure(
    text: Path, seed: int, steps: int, every: int, goal: float, effort: Effort
) -> list[tuple[Side, Curve]]:
    """Run both sides once; return them, ended, with their curves."""
    workload = WORKLOADS["char-128"].but(K=len(vocabulary(str(text))))
    more = {**RECIPE, "seed": seed, "steps": steps, "text": str(text.resolve())}
    with prepared(workload, more=more) as settings:
        torch, _ = choose(lambda: torch_variants(settings), effort)
        with started(
            lambda: [
                Side("elman", "elman_text", settings),
                Side("PyTorch", "torch_text", torch, torch["label"]),
            ]
        ) as sides:
            if disagreement(sides):
                raise SideFailed("the sides begin with different losses")
            return list(zip(sides, race(sides, steps, every, goal), strict=True))


def figures(runs: list[list[tuple[Side, Curve]]], goal: float) -> dict[str, Any]:
    """Return the figures of the row: a value for each seed."""
    seconds: list[list[float]] = [[], []]
    found = []
    for run in runs:
        for i, (side, curve) in enumerate(run):
            arrived = reached(curve, goal)
            if arrived is None:
                lowest = min(loss for _, _, loss in curve)
                raise SideFailed(f"{side.name} came to {lowest:.4f} nats and no lower: give more --steps")
            seconds[i].append(arrived[1])
    for i, (side, _) in enumerate(runs[0]):
        curves = [run[i][1] for run in runs]
        arrivals = [arrived[0] for arrived in (reached(curve, goal) for curve in curves) if arrived]
        found.append({
            "name": side.name, "label": side.label, "threads": side.threads, **summary(seconds[i]),
            "values": seconds[i], "updates": arrivals, "curves": curves,
        })  # fmt: skip
    rival = {"name": "PyTorch", "label": found[1]["label"], "threads": found[1]["threads"]}
    return {"sides": found, "rival": rival, "ratio": times_better(*seconds, higher=False), "goal": goal}


def main() -> None:
    """Run every seed, print and keep."""
    parser = script.arguments(__doc__)
    parser.add_argument("--text", type=Path, required=True, help="Tiny Shakespeare")
    parser.add_argument("--steps", type=int, default=6000, help="updates of the recipe (default 6000)")
    parser.add_argument("--every", type=int, default=100, help="updates of a turn (default 100)")
    parser.add_argument("--seeds", type=int, default=3, help="how often it is run (default 3)")
    arguments = parser.parse_args()
    steps, every, seeds, goal = arguments.steps, arguments.every, arguments.seeds, GOAL
    if arguments.quick:
        steps, every, seeds, goal = 300, 100, 1, 2.7
    effort = script.effort(arguments.quick)
    runs = [measure(arguments.text, seed, steps, every, goal, effort) for seed in range(seeds)]
    setting = f"{WORKLOADS['char-128'].setting}, {goal} nats, {steps:,} updates"
    rows = [row("time-to-loss/char-128", setting, "s", figures(runs, goal))]
    show(rows)
    for side in rows[0]["sides"]:
        print(f"  {side['name']}: {', '.join(f'{n:,}' for n in side['updates'])} updates")
    keep("time_to_loss", {"rows": rows, "steps": steps}, arguments.quick)


if __name__ == "__main__":
    script.run(main)
