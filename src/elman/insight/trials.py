"""What a change of the environment would bring: the same measurements in a process that starts with it.

A library reads its settings when it is loaded. What a variable of the environment costs can therefore only
be seen in a second process that starts without it.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from elman.insight.rates import Bench, Rates, Sizes, middle

Changes = Mapping[str, str | None]
"""Variables of the environment to set, or with None to take away."""


class Elsewhere(AbstractContextManager["Elsewhere"]):
    """Measures in a second process, whose environment differs.

    Parameters
    ----------
    sizes : Sizes
        What to measure.
    changes : mapping of str to str or None
        How the environment differs.
    """

    def __init__(self, sizes: Sizes, changes: Changes) -> None:
        # What we can import it can: our path, and not the folder it happens to start in before all others.
        path = os.pathsep.join(entry or str(Path.cwd()) for entry in sys.path)
        code = "from elman.insight.trials import serve; serve()"
        self._child = subprocess.Popen(
            [sys.executable, "-P", "-c", code, json.dumps(asdict(sizes))],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            env={**changed(os.environ, changes), "PYTHONPATH": path},
        )  # fmt: skip
        self.kernel = ""

    def wait(self) -> None:
        """Wait until it is ready, so that its start disturbs no measurement."""
        self.kernel = self._answer().get("kernel", "")

    def round(self) -> Rates | None:
        """Measure everything once; None if the process has failed."""
        assert self._child.stdin is not None
        try:
            self._child.stdin.write("\n")
            self._child.stdin.flush()
        except OSError:
            return None
        answer = self._answer()
        return Rates(**answer) if answer else None

    def _answer(self) -> dict[str, Any]:
        """Return the next line as a dictionary, empty if the process has ended."""
        assert self._child.stdout is not None
        try:
            answer = json.loads(self._child.stdout.readline())
        except ValueError:
            return {}
        return answer if isinstance(answer, dict) else {}

    def __exit__(self, *_: object) -> None:
        self._child.kill()
        self._child.communicate()


def serve() -> None:
    """Measure a round for each line of standard input; what :class:`Elsewhere` starts."""
    from elman.insight.machine import this_machine

    bench, blas = Bench(Sizes(**json.loads(sys.argv[1]))), this_machine().blas
    print(json.dumps({"kernel": blas.kernel if blas else ""}), flush=True)
    for _ in sys.stdin:
        print(json.dumps(asdict(bench.round())), flush=True)


@dataclass(frozen=True)
class Comparison:
    """The rates of another process against those of this one.

    Attributes
    ----------
    ratios : dict of str to float
        For each rate, how many times as fast the other is.
    kernel : str
        The kernels that its BLAS uses.
    """

    ratios: dict[str, float]
    kernel: str


def measure(sizes: Sizes, trials: Sequence[Changes] = ()) -> tuple[Rates, list[Comparison | None]]:
    """Measure here, and in processes with other environments.

    The sides take turns, and each round is compared by itself: what else the machine does changes from
    second to second, and would otherwise be taken for a difference between them.

    Parameters
    ----------
    sizes : Sizes
        What to measure.
    trials : sequence of mapping
        How the environments differ.

    Returns
    -------
    rates : Rates
        Those of this process, medians over the rounds.
    comparisons : list of Comparison or None
        For each trial; None where its process failed.
    """
    with ExitStack() as stack:
        others = [stack.enter_context(Elsewhere(sizes, changes)) for changes in trials]
        bench = Bench(sizes)
        for other in others:
            other.wait()
        here: list[Rates] = []
        there: list[list[Rates | None]] = [[] for _ in others]
        for _ in range(sizes.rounds):
            here.append(bench.round())
            for other, found in zip(others, there, strict=True):
                found.append(other.round())
        return middle(here), [
            compare(here, found, other.kernel) for found, other in zip(there, others, strict=True)
        ]


def compare(here: Sequence[Rates], there: Sequence[Rates | None], kernel: str) -> Comparison | None:
    """Compare two sides round by round; the median over the rounds counts."""
    pairs = [(one, other) for one, other in zip(here, there, strict=True) if other is not None]
    if len(pairs) < len(here):
        return None
    ratios = {
        name: statistics.median(getattr(other, name) / getattr(one, name) for one, other in pairs)
        for name in (field.name for field in fields(Rates) if field.name != "running")
    }
    return Comparison(ratios, kernel)


def changed(environment: Mapping[str, str], changes: Changes) -> dict[str, str]:
    """Return an environment with the changes made."""
    kept = {name: value for name, value in environment.items() if name not in changes}
    return {**kept, **{name: value for name, value in changes.items() if value is not None}}
