"""How do speed and memory go with the sizes? Curves of elman and PyTorch.

    python benchmarks/curves.py [--quick] [--only H B K threads memory-T memory-K]

Tokens a second in training against the hidden width H, the rows B, the vocabulary K and the threads, and the
peak memory of training against the steps T and the vocabulary K. At each point of a curve of speed the sides
take turns; PyTorch runs with one thread and with all, and the better counts. Keeps
benchmarks/results/curves.json, from which benchmarks/run.py draws the pictures of the page.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bench import script
from bench.environment import cores, in_words, thread_counts
from bench.figures import figure, summary
from bench.kept import keep, lines, load_one
from bench.memory import peak_memory
from bench.pairs import Effort, contest, started
from bench.preparation import prepared
from bench.side import Side
from bench.workloads import WORKLOADS, Workload

SHORT = Effort(seconds=0.6, rounds=3, trial=0.6, trials=3)


@dataclass(frozen=True)
class Curve:
    """One size of a workload that is varied."""

    base: Workload
    size: str
    values: tuple[int, ...]
    memory: bool = False

    @property
    def setting(self) -> str:
        """The workload in words, without what is varied."""
        text = (
            self.base.setting.replace(f" x {self.base.H},", " x H,")
            if self.size == "H"
            else self.base.setting
        )
        return text.replace(f", {self.size} {getattr(self.base, self.size, 0):,}", "")


CHARACTERS, WORDS = WORKLOADS["char-128"], WORKLOADS["words-200"]
VOCABULARIES = (100, 300, 1_000, 3_000, 10_000, 30_000, 100_000)
CURVES = {
    "H": Curve(CHARACTERS, "H", (32, 64, 128, 256, 512, 1024)),
    "B": Curve(CHARACTERS, "B", (1, 2, 5, 10, 20, 50, 100, 200)),
    "K": Curve(WORDS, "K", VOCABULARIES),
    "threads": Curve(CHARACTERS, "threads", tuple(thread_counts())),
    "memory-T": Curve(WORDS, "T", (10, 20, 50, 100, 200, 400), memory=True),
    "memory-K": Curve(WORDS, "K", VOCABULARIES, memory=True),
}


def speed(workload: Workload, effort: Effort, threads: int | None) -> dict[str, float]:
    """Return the tokens a second of elman and of PyTorch at its better number of threads."""
    with prepared(workload) as settings:
        counts = sorted({1, cores()}) if threads is None else [threads]

        def sides() -> list[Side]:
            ours = settings if threads is None else {**settings, "threads": threads}
            return [
                Side("elman", "elman_train", ours),
                *(
                    Side("PyTorch", "torch_train", {**settings, "threads": count}, in_words(count))
                    for count in counts
                ),
            ]

        with started(sides) as running:
            found = contest(running, effort.seconds, effort.rounds)
            point: dict[str, float] = {}
            for side in running:
                rate = summary(found.rates[side.title])["median"] * workload.tokens
                point[side.name] = max(rate, point.get(side.name, 0.0))
            return point


def memory(workload: Workload, seconds: float) -> dict[str, float]:
    """Return the peak of each side, in MB."""
    point = {}
    with prepared(workload) as settings:
        for name, module, more in (
            ("elman", "elman_train", {}),
            ("PyTorch", "torch_train", {"threads": cores(), "loss": "whole"}),
            ("PyTorch, logits in chunks", "torch_train", {"threads": cores(), "loss": "chunked"}),
        ):
            with Side(name, module, {**settings, **more}) as side:
                point[name] = peak_memory(side, seconds).total
    return point


def measure(name: str, curve: Curve, quick: bool) -> dict[str, Any]:
    """Measure a curve, point by point."""
    values = curve.values[:2] if quick else curve.values
    points = []
    for value in values:
        threads = value if curve.size == "threads" else None
        workload = curve.base if threads else curve.base.but(**{curve.size: value})
        if curve.memory:
            found = memory(workload, 0.2 if quick else 1.5)
        else:
            found = speed(workload, script.effort(True) if quick else SHORT, threads)
        points.append({"x": value, **found})
        print(f"{name} {value:>8,}  " + ", ".join(f"{side} {figure(y)}" for side, y in found.items()))
    return {
        "name": name, "size": curve.size, "memory": curve.memory, "base": curve.setting,
        "points": points,
    }  # fmt: skip


def main() -> None:
    """Measure the curves that were asked for."""
    arguments = script.arguments(__doc__, list(CURVES)).parse_args()
    curves = {curve["name"]: curve for curve in load_one("curves", arguments.quick).get("curves", [])}
    for name in arguments.only or CURVES:
        curves[name] = measure(name, CURVES[name], arguments.quick)
        keep("curves", {"curves": [curves[n] for n in CURVES if n in curves]}, arguments.quick)
    for curve in curves.values():
        names = [name for name in curve["points"][0] if name != "x"]
        table = [[curve["size"], *names]]
        table += [[f"{p['x']:,}", *(figure(p[name]) for name in names)] for p in curve["points"]]
        lines(f"{curve['name']}: {curve['base']}, {'MB' if curve['memory'] else 'tokens/s'}", table)


if __name__ == "__main__":
    script.run(main)
