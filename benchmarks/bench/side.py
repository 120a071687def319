"""A side of a comparison: a process of its own that does a number of steps when it is told to."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any

from bench.environment import BENCHMARKS, free_environment
from bench.procfs import cpu_seconds, family

PAUSE = 0.05  # seconds between turns; a side whose threads have not come to rest by then is waited for
RESTLESS = 0.1  # a side at rest spends less than this share of the time on a core
PATIENCE = 10.0  # seconds; ONNX Runtime's threads spin for more than one after a turn


class SideFailed(RuntimeError):
    """A side ended, or answered with something else than figures."""


class Side:
    """One side, started and driven.

    Parameters
    ----------
    name : str
        What it is compared as, such as "elman" or "PyTorch".
    module : str
        Its module in the package ``sides``.
    settings : dict
        What it is told at its start.
    label : str
        How this variant of the side differs from others of it.
    command : sequence of str, optional
        Another program that speaks as ``python -m sides`` does.
    """

    def __init__(
        self, name: str, module: str, settings: dict[str, Any], label: str = "",
        command: Sequence[str] | None = None,
    ) -> None:  # fmt: skip
        self.name, self.label, self.settings = name, label, settings
        command = command or [sys.executable, "-m", "sides", module]
        self._process = subprocess.Popen(
            [*command, json.dumps(settings)], cwd=BENCHMARKS, env=free_environment(), text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        self.hello: dict[str, Any] = {}

    def __enter__(self) -> Side:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    @property
    def title(self) -> str:
        """What tells it from the others of its contest."""
        return f"{self.name}, {self.label}" if self.label else self.name

    @property
    def pid(self) -> int:
        """The process that was started; it may have children."""
        return self._process.pid

    @property
    def threads(self) -> int:
        """The threads it says it uses."""
        return int(self.hello["threads"])

    @property
    def check(self) -> list[float]:
        """What it computed from the common start: the same for all sides."""
        return [float(number) for number in self.hello["check"]]

    def ready(self) -> Side:
        """Wait until the side has been built."""
        if not self.hello:
            self.hello = self._answer()
        return self

    def begin(self, method: str, argument: int) -> None:
        """Give the side its turn, without waiting for the end of it."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(f"{method} {argument}\n")
            self._process.stdin.flush()
        except BrokenPipeError as error:
            raise SideFailed(f"{self.title} has ended") from error

    def finish(self) -> dict[str, Any]:
        """Wait for the end of the turn; return its ``seconds`` and ``value``."""
        return self._answer()

    def turn(self, method: str, argument: int) -> dict[str, Any]:
        """Let the side do its turn."""
        self.ready()
        self.begin(method, argument)
        return self.finish()

    def cpu_seconds(self) -> float:
        """Return the time on a core of the process and its children."""
        return cpu_seconds(family(self.pid))

    def rest(self) -> None:
        """Wait until no thread of the side is busy any more, so that the next side has the machine."""
        deadline = time.monotonic() + PATIENCE
        while True:
            before = self.cpu_seconds()
            time.sleep(PAUSE)
            if self.cpu_seconds() - before < RESTLESS * PAUSE:
                return
            if time.monotonic() > deadline:
                raise SideFailed(f"{self.title} keeps a core busy while it waits")

    def close(self) -> None:
        """End the side."""
        process = self._process
        if process.stdin is not None:
            process.stdin.close()
        try:
            process.wait(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SideFailed(f"{self.title} has ended; what it said stands above")
        try:
            answer = json.loads(line)
        except json.JSONDecodeError as error:
            raise SideFailed(f"{self.title} answered {line!r:.80}") from error
        if not isinstance(answer, dict):
            raise SideFailed(f"{self.title} answered {line!r:.80}")
        return answer
