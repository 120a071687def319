"""Does torch.compile help the rival? PyTorch against itself, compiled.

    python benchmarks/torch_compile.py [--quick]

It needs a C++ compiler on the machine and compiles for seconds to minutes, and so is no part of the rows
that the page compares. Trains a workload of characters and one of words with and without it, and generates
with the cells. Keeps benchmarks/results/torch_compile.json.
"""

from __future__ import annotations

import shutil
import time
from typing import Any

from bench import script
from bench.environment import cores
from bench.kept import keep, lines
from bench.pairs import Effort, compare, contest, started
from bench.preparation import prepared
from bench.side import Side
from bench.workloads import WORKLOADS, Workload

COMPILERS = ("c++", "g++", "clang++", "cl")


def measure(
    what: str, workload: Workload, usual: dict[str, Any], compiled: dict[str, Any], effort: Effort
) -> list[Any]:
    """Measure a side with and without; return a row of the table."""
    module = f"torch_{what}"
    with prepared(workload) as settings:
        began = time.monotonic()
        with Side("PyTorch", module, {**settings, **usual}) as side:
            side.ready()
        usually = time.monotonic() - began
        began = time.monotonic()
        with started(
            lambda: [
                Side("PyTorch", module, {**settings, **compiled}, "compiled"),
                Side("PyTorch", module, {**settings, **usual}, "as it is"),
            ]
        ) as sides:
            compiling = time.monotonic() - began - usually
            found = compare(sides, contest(sides, effort.seconds, effort.rounds), workload.tokens)
    ours, theirs = (side["median"] for side in found["sides"])
    return [what, workload.setting, theirs, ours, found["ratio"]["median"], max(0.0, compiling)]


def main() -> None:
    """Measure, print and keep."""
    arguments = script.arguments(__doc__).parse_args()
    if not any(shutil.which(compiler) for compiler in COMPILERS):
        print("there is no C++ compiler on this machine: torch.compile cannot be tried")
        return
    effort = script.effort(arguments.quick)
    training = {"threads": cores(), "update": "fused"}
    table = [
        measure("train", WORKLOADS[name], training, {**training, "compile": True}, effort)
        for name in ("char-128", "words-200")
    ]
    one = WORKLOADS["char-128"].but(B=1, T=1)
    usual, compiled = ({"threads": 1, "form": f"cells, {how}"} for how in ("TorchScript", "torch.compile"))
    table.append(measure("generate", one, usual, compiled, effort))
    lines("PyTorch, and compiled", [[*row[:2], *(f"{n:,.2f}" for n in row[2:])] for row in table])
    keep("torch_compile", {"table": table}, arguments.quick)


if __name__ == "__main__":
    script.run(main)
