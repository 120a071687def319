"""How fast is generation? elman, PyTorch, ONNX Runtime and the plain implementation, in turns.

    python benchmarks/generate.py [--quick] [--only char-128 ...]

Every side reads a token, takes the most likely next one, and reads that: no side samples. First the variants
of the rivals are tried. Of PyTorch: the layer, with oneDNN and without, and the cells, as they are and
through TorchScript. Of ONNX Runtime: a graph of LSTM operators and one of their parts; threads that spin
while they wait, and threads that do not. Each with every number of threads. All start from the same
parameters, and the first tokens must agree. Keeps benchmarks/results/generate.json.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bench import script
from bench.environment import in_words, thread_counts
from bench.kept import keep, kept_rows, show
from bench.pairs import Contest, Effort, choose, compare, contest, disagreement, started
from bench.preparation import prepared
from bench.side import Side, SideFailed
from bench.targets import row
from bench.workloads import GENERATED, WORKLOADS, Workload

TORCH_FORMS = ("layer", "layer without oneDNN", "cells", "cells, TorchScript")
ROWS = 32  # of the setting with many rows
SETTINGS = {
    **{name: WORKLOADS[name].but(B=1) for name in GENERATED},
    "char-128-rows": WORKLOADS["char-128"].but(B=ROWS),
}


def torch_variants(settings: dict[str, Any]) -> list[Side]:
    """Return PyTorch in every form, with every number of threads."""
    return [
        Side("PyTorch", "torch_generate", {**settings, "threads": threads, "form": form},
             f"{form}, {in_words(threads)}")
        for threads in thread_counts() for form in TORCH_FORMS
    ]  # fmt: skip


def onnx_variants(settings: dict[str, Any]) -> list[Side]:
    """Return ONNX Runtime in both forms; only where there are several threads can they wait."""
    return [
        Side("ONNX Runtime", "onnx_generate", {**settings, "threads": threads, "form": form, "spin": spin},
             f"{form}, {in_words(threads)}{', spinning' if spin else ''}")
        for threads in thread_counts() for form in ("layer", "cell")
        for spin in ([False, True] if threads > 1 else [False])
    ]  # fmt: skip


def plain_variants(settings: dict[str, Any]) -> list[Side]:
    """Return the plain implementation with every number of threads of BLAS."""
    return [
        Side("plain", "plain_generate", {**settings, "threads": threads}, f"{in_words(threads)}")
        for threads in thread_counts()
    ]


VARIANTS: dict[str, tuple[str, Callable[[dict[str, Any]], list[Side]]]] = {
    "PyTorch": ("torch_generate", torch_variants),
    "ONNX Runtime": ("onnx_generate", onnx_variants),
    "plain": ("plain_generate", plain_variants),
}


def measure(name: str, workload: Workload, effort: Effort) -> list[dict[str, Any]]:
    """Measure one workload; return its rows: against all but ONNX Runtime, and against ONNX Runtime."""
    with prepared(workload, "onnx") as settings:
        tried, chosen = {}, []
        for rival, (module, variants) in VARIANTS.items():
            best, tried[rival] = choose(lambda make=variants: make(settings), effort)  # type: ignore[misc]
            chosen.append((rival, module, best))
        with started(
            lambda: [
                Side("elman", "elman_generate", settings),
                *(Side(rival, module, best, best["label"]) for rival, module, best in chosen),
            ]
        ) as sides:
            if apart := disagreement(sides):
                raise SideFailed(f"{name}: {', '.join(apart)} wrote other tokens than elman")
            found = contest(sides, effort.seconds, effort.rounds)
            return rows(name, workload, sides, found, tried)


def rows(
    name: str, workload: Workload, sides: list[Side], found: Contest, tried: dict[str, dict[str, float]]
) -> list[dict[str, Any]]:
    """Return the rows of a contest."""
    setting = f"{workload.model}, B {workload.B}"
    per_second = {
        rival: {label: rate * workload.B for label, rate in rates.items()} for rival, rates in tried.items()
    }
    if workload.B > 1:
        figures = compare(sides, found, workload.B)
        return [row(f"generate/{name}", setting, "tokens/s", figures, variants=per_second)]
    first = compare(sides, found, workload.B, against=["PyTorch", "plain"])
    second = compare(sides, found, workload.B, against=["ONNX Runtime"])
    return [
        row(f"generate/{name}", setting, "tokens/s", first, variants=per_second),
        row(f"generate-onnx/{name}", setting, "tokens/s", second, variants={}),
    ]


def main() -> None:
    """Measure the workloads that were asked for."""
    arguments = script.arguments(__doc__, list(SETTINGS)).parse_args()
    effort = script.effort(arguments.quick)
    measured: list[dict[str, Any]] = []
    for name in arguments.only or SETTINGS:
        new = measure(name, SETTINGS[name], effort)
        show(new)
        measured += new
        kept = kept_rows("generate", measured, arguments.quick)
        keep("generate", {"rows": kept}, arguments.quick)


if __name__ == "__main__":
    script.run(main)
