"""How long until the model is good? Tiny Shakespeare to 1.55 nats a character, the same recipe on both sides.

    python benchmarks/time_to_loss.py --text input.txt [--quick] [--seeds 3] [--steps 10000]

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


def best_torch(settings: dict[str, Any], effort: Effort) -> dict[str, Any]:
    """Return what makes PyTorch the fastest: threads, update, and both in words."""
    best, _ = choose(lambda: torch_variants(settings), effort)
    return {name: best[name] for name in ("threads", "update", "label")}


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


def measure(settings: dict[str, Any], torch: dict[str, Any], every: int, goal: float) -> list[dict[str, Any]]:
    """Run both sides once; return what each is, its curve, and where it arrived."""
    with started(
        lambda: [
            Side("elman", "elman_text", settings),
            Side("PyTorch", "torch_text", {**settings, **torch}, torch["label"]),
        ]
    ) as sides:
        if disagreement(sides):
            raise SideFailed("the sides begin with different losses")
        found = []
        for side, curve in zip(sides, race(sides, settings["steps"], every, goal), strict=True):
            arrived = reached(curve, goal)
            if arrived is None:
                lowest = min(loss for _, _, loss in curve)
                raise SideFailed(f"{side.name} came to {lowest:.4f} nats and no lower: give more --steps")
            found.append({
                "name": side.name, "label": side.label, "threads": side.threads, "curve": curve,
                "updates": arrived[0], "seconds": arrived[1],
            })  # fmt: skip
        return found


def figures(runs: list[list[dict[str, Any]]], goal: float) -> dict[str, Any]:
    """Return the figures of the row: a value for each seed."""
    sides = []
    for attempts in zip(*runs, strict=True):
        seconds = [attempt["seconds"] for attempt in attempts]
        sides.append({
            **{name: attempts[0][name] for name in ("name", "label", "threads")}, **summary(seconds),
            "values": seconds, "updates": [attempt["updates"] for attempt in attempts],
            "curves": [attempt["curve"] for attempt in attempts],
        })  # fmt: skip
    ours, theirs = sides
    return {
        "sides": sides,
        "rival": {name: theirs[name] for name in ("name", "label", "threads")},
        "ratio": times_better(ours["values"], theirs["values"], higher=False),
        "goal": goal,
    }


def main() -> None:
    """Run every seed, print and keep."""
    parser = script.arguments(__doc__)
    parser.add_argument("--text", type=Path, required=True, help="Tiny Shakespeare")
    parser.add_argument("--steps", type=int, default=10_000, help="updates of the recipe")
    parser.add_argument("--every", type=int, default=100, help="updates of a turn")
    parser.add_argument("--seeds", type=int, default=3, help="how often it is run")
    arguments = parser.parse_args()
    steps, every, seeds, goal = arguments.steps, arguments.every, arguments.seeds, GOAL
    if arguments.quick:
        steps, every, seeds, goal = 300, 100, 1, 2.7
    workload = WORKLOADS["char-128"].but(K=len(vocabulary(str(arguments.text))))
    more = {**RECIPE, "steps": steps, "text": str(arguments.text.resolve())}
    runs: list[list[dict[str, Any]]] = []
    torch: dict[str, Any] = {}
    for seed in range(seeds):
        with prepared(workload, more={**more, "seed": seed}) as settings:
            if not torch:
                torch = best_torch(settings, script.effort(arguments.quick))
            runs.append(measure(settings, torch, every, goal))
    setting = f"{workload.setting}, {goal} nats, {steps:,} updates"
    rows = [row("time-to-loss/char-128", setting, "s", figures(runs, goal))]
    show(rows)
    for side in rows[0]["sides"]:
        print(f"  {side['name']}: {', '.join(f'{n:,}' for n in side['updates'])} updates")
    keep("time_to_loss", {"rows": rows, "steps": steps}, arguments.quick)


if __name__ == "__main__":
    script.run(main)
