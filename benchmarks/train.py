"""How fast is a training step? elman, PyTorch and the plain implementation, in turns.

    python benchmarks/train.py [--quick] [--only char-128 ...]

For each workload the variants of the rivals are tried first: threads, and how the optimiser updates. The best
of each rival then takes turns with elman, which chooses its threads itself. All start from the same
parameters, and their first losses must agree. Keeps benchmarks/results/train.json.
"""

from __future__ import annotations

from typing import Any

from bench import script
from bench.ceiling import ceiling
from bench.environment import in_words, thread_counts
from bench.kept import keep, kept_rows, show
from bench.pairs import Effort, choose, compare, contest, disagreement, started
from bench.preparation import prepared
from bench.side import Side, SideFailed
from bench.targets import row
from bench.workloads import WORKLOADS, Workload


def torch_variants(settings: dict[str, Any]) -> list[Side]:
    """Return PyTorch with every number of threads, and both of its fast ways to update."""
    return [
        Side("PyTorch", "torch_train", {**settings, "threads": threads, "update": update},
             f"{update} {settings['optimizer']}, {in_words(threads)}")
        for threads in thread_counts() for update in ("fused", "foreach")
    ]  # fmt: skip


def plain_variants(settings: dict[str, Any]) -> list[Side]:
    """Return the plain implementation with every number of threads of BLAS."""
    return [
        Side("plain", "plain_train", {**settings, "threads": threads}, f"{in_words(threads)}")
        for threads in thread_counts()
    ]


def measure(workload: Workload, effort: Effort, peak: dict[str, Any]) -> dict[str, Any]:
    """Measure one workload; return its row."""
    with prepared(workload) as settings:
        torch, torch_rates = choose(lambda: torch_variants(settings), effort)
        plain, plain_rates = choose(lambda: plain_variants(settings), effort)
        with started(
            lambda: [
                Side("elman", "elman_train", settings),
                Side("PyTorch", "torch_train", torch, torch["label"]),
                Side("plain", "plain_train", plain, plain["label"]),
            ]
        ) as sides:
            if apart := disagreement(sides):
                raise SideFailed(f"{workload.name}: {', '.join(apart)} computed another loss than elman")
            found = contest(sides, effort.seconds, effort.rounds)
            figures = compare(sides, found, workload.tokens)
    tried = {"PyTorch": torch_rates, "plain": plain_rates}
    for side in figures["sides"]:
        side["gflops"] = side["median"] * workload.training_flops / 1e9
        side["ceiling"] = side["gflops"] / peak["all"]
    return row(
        f"train/{workload.name}", workload.setting, "tokens/s", figures,
        variants={
            name: {label: rate * workload.tokens for label, rate in rates.items()}
            for name, rates in tried.items()
        },
    )  # fmt: skip


def main() -> None:
    """Measure the workloads that were asked for."""
    arguments = script.arguments(__doc__, list(WORKLOADS)).parse_args()
    effort = script.effort(arguments.quick)
    peak = ceiling(effort, quick=arguments.quick)
    print(f"sgemm: {peak['1']:.0f} GFLOP/s with one thread, {peak['all']:.0f} with all")
    rows = []
    for name in arguments.only or WORKLOADS:
        rows.append(measure(WORKLOADS[name], effort, peak))
        show(rows[-1:])
        print(f"  of the machine's sgemm: {rows[-1]['sides'][0]['ceiling']:.0%}")
        keep("train", {"rows": kept_rows("train", rows, arguments.quick), "ceiling": peak}, arguments.quick)


if __name__ == "__main__":
    script.run(main)
