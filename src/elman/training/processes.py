"""The rows of a batch, split over processes that share memory.

Threads hand the interpreter's lock back and forth at every small operation; processes do not, and see each
other's numbers in shared memory all the same. What passes through pipes is a byte at every meeting.
"""

from __future__ import annotations

import json
import mmap
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from elman.errors import ElmanError
from elman.network import LanguageModel
from elman.network.backprop import Backprop
from elman.network.threads import usable_cores
from elman.training.flat import flat_copy
from elman.training.meeting import Hub, Line
from elman.training.member import Member
from elman.training.optim import OPTIMIZERS, Optimizer
from elman.training.shared import Carver, Shared, take_shared
from elman.training.shares import Task
from elman.training.workers import Workers

ENOUGH_WORK = 1e8  # floating-point operations a step for which a process pays
PATIENCE = 5.0  # seconds that a process is given to end by itself
READY, PASS, UPDATE, DONE = b"r", b"p", b"u", b"d"


class ProcessWorkers(Workers):
    """Loss, gradients and updates of a batch, its rows split over processes.

    While it is open the parameters of the model, the moments and the averages lie in shared memory; closing
    it gives them memory of their own again. A process ends when its standard input does, and so never
    outlives this one.

    Parameters
    ----------
    model, batch, threads, steps, optimizer, moments, average, frozen
        As of :class:`~elman.training.workers.Workers`. The first share is done by the calling process.

    Raises
    ------
    ElmanError
        If a process cannot start or ends too early.
    """

    _children: list[subprocess.Popen[bytes]]
    _lines: list[Line]

    @staticmethod
    def can_serve(model: LanguageModel, batch: int, steps: int, optimizer: Optimizer | None = None) -> bool:
        """Say whether processes pay, and can be had: a fresh process must know the cell and the optimiser."""
        built_in = type(model.stack.layers[0].cell).__module__.startswith("elman.")
        known = optimizer is None or (
            optimizer.name in OPTIMIZERS and optimizer.rule.__module__.startswith("elman.")
        )
        return os.name == "posix" and built_in and known and ProcessWorkers.is_enough(model, batch, steps)

    @staticmethod
    def is_enough(model: LanguageModel, batch: int, steps: int) -> bool:
        """Say whether a step is work enough to be shared by processes, of whatever kind."""
        multiplied = sum(array.size for name, array in model.params.items() if name != "embedding.E")
        return 6 * multiplied * batch * steps >= ENOUGH_WORK

    def close(self) -> None:
        """End the processes, and take parameters, moments and averages back into memory of our own."""
        for child in self._children:
            if child.stdin is not None:
                child.stdin.close()
        for child in self._children:
            child.wait()
            if child.stdout is not None:
                child.stdout.close()
        self.model.params.update(flat_copy(self.model.params))
        for slot in self.slots:
            names = {f"{slot}.{name}": name for name in self.model.params}
            self.moments.update(flat_copy({key: self.moments[key] for key in names}))
        if self.average is not None:
            self.average.update(flat_copy(self.average))

    def _open(self) -> Shared:
        self._children, self._lines = [], []
        model, count = self.model, len(self.rows)
        averaging, slots = self.average is not None, [None] * len(self.slots)
        sizes = (model, self.batch, count, self.steps, self.split, None, slots, averaging)
        measure = Carver()
        take_shared(measure, *sizes)
        with _anonymous_file(measure.size) as file:
            memory = mmap.mmap(file, measure.size)
            shared = take_shared(Carver(memory), *sizes)
            order: dict[str, Any] = {
                "file": file, "size": measure.size, "batch": self.batch, "threads": count,
                "steps": self.steps, "split": self.split, "averaging": averaging, "frozen": self.frozen,
                "every": self.every, "spin": usable_cores() >= count,
                "model": {**model.settings, "init": "zeros"},
                "optimizer": self.optimizer and [self.optimizer.name, dict(self.optimizer.settings)],
            }  # fmt: skip
            try:
                self._move(shared)
                for index in range(1, count):
                    child = _spawn(file)
                    self._children.append(child)
                    self._lines.append(_line_to(child, spin=order["spin"]))
                    _tell(child, {**order, "index": index})
                for line in self._lines:
                    line.expect(READY)
                self.members = [
                    Member(
                        0, model, shared, self.rows, Hub(self._lines), self.optimizer, frozen=self.frozen,
                        every=order["every"],
                    )
                ]  # fmt: skip
            except BaseException as error:
                self.close()
                if isinstance(error, OSError):
                    raise ElmanError(
                        f"a worker process cannot start ({error}); --threads 1 does without"
                    ) from error
                raise
        return shared

    def _move(self, shared: Shared) -> None:
        """Bring parameters, moments and averages into shared memory."""
        for name, array in shared.params.arrays.items():
            np.copyto(array, self.model.params[name])
        self.model.params.update(shared.params.arrays)
        for slot, flat in zip(self.slots, shared.slots, strict=True):
            for name, array in flat.arrays.items():
                np.copyto(array, self.moments[f"{slot}.{name}"])
                self.moments[f"{slot}.{name}"] = array
        if self.average is not None and shared.average is not None:
            for name, array in shared.average.arrays.items():
                np.copyto(array, self.average[name])
            self.average.update(shared.average.arrays)

    def _pass(self, tasks: list[Task]) -> list[tuple[Backprop, float]]:
        areas = self.shared.areas
        for area, task, line in zip(areas, tasks[1:], self._lines, strict=True):
            area.ask(task)
            line.send(PASS)
        first = self.members[0]
        add_up = self.model.clock.timed("sum of gradients", first.add_up)
        results = [(first.perform(tasks[0]), add_up())]
        self._await()
        for area in areas:
            _, nll, penalty, squares = map(float, area.numbers)
            results.append((Backprop(nll, area.leaving, (), penalty), squares))
        return results

    def _update(self) -> None:
        for line in self._lines:
            line.send(UPDATE)
        self.model.clock.timed("update", self.members[0].update)()
        self._await()

    def _await(self) -> None:
        def wait() -> None:
            for line in self._lines:
                line.expect(DONE)

        self.model.clock.timed("waiting", wait)()


@contextmanager
def _anonymous_file(size: int) -> Iterator[int]:
    """Make a file of that size without a name, which no kill can leave behind; give its descriptor."""
    if hasattr(os, "memfd_create"):
        handle = os.memfd_create("elman")
    else:
        with tempfile.TemporaryFile() as file:
            handle = os.dup(file.fileno())
    try:
        os.ftruncate(handle, size)
        yield handle
    finally:
        os.close(handle)


def _spawn(file: int) -> subprocess.Popen[bytes]:
    libraries = ("OPENBLAS", "MKL", "OMP", "BLIS")
    one = dict.fromkeys((*(f"{name}_NUM_THREADS" for name in libraries), "VECLIB_MAXIMUM_THREADS"), "1")
    # What we can import it can: our path, and not the folder it happens to start in before all others.
    path = os.pathsep.join(entry or str(Path.cwd()) for entry in sys.path)
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "elman.training.process"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0, pass_fds=(file,),
        env={**os.environ, **one, "PYTHONPATH": path},
        start_new_session=True,  # Ctrl-C is for us; we end it by closing its input
    )  # fmt: skip


def _tell(child: subprocess.Popen[bytes], order: dict[str, Any]) -> None:
    assert child.stdin is not None
    try:
        child.stdin.write(json.dumps(order).encode() + b"\n")
    except BrokenPipeError:
        raise _ended(child) from None


def _line_to(child: subprocess.Popen[bytes], *, spin: bool) -> Line:
    assert child.stdin is not None
    assert child.stdout is not None
    return Line(child.stdout.fileno(), child.stdin.fileno(), spin=spin, gone=lambda: _ended(child))


def _ended(child: subprocess.Popen[bytes]) -> ElmanError:
    # One that said something else than was expected is alive, and ends when there is nothing left to read.
    if child.stdin is not None:
        child.stdin.close()
    try:
        status = child.wait(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        child.kill()
        status = child.wait()
    return ElmanError(
        f"a worker process ended with status {status}; what it said is above. "
        "The last checkpoint is as it was; --threads 1 does without processes"
    )
