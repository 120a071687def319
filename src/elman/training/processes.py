"""The rows of a batch, split over processes that share memory.

Threads hand the interpreter's lock back and forth at every small operation; processes do not, and see each
other's numbers in shared memory all the same. A step passes one byte to each process and one back.
"""

from __future__ import annotations

import json
import mmap
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from elman.errors import ElmanError
from elman.network import LanguageModel, ModelState
from elman.network.backprop import Backprop
from elman.training.shares import Task, split_rows, usable_cores
from elman.training.workers import Workers
from elman.typing import Params

ALIGNMENT = 64  # bytes; of arrays in shared memory, a cache line
ENOUGH_WORK = 2e8  # floating-point operations a step for which a process pays
FEWEST_ROWS = 8  # in a share, where nobody has said how many shares; fewer make products too thin
SEEDS = 4  # the most numbers a seed may have
READY, GO, DONE = b"r", b"g", b"d"


class Area(NamedTuple):
    """The shared arrays of one process: what it is asked, and what it answers."""

    x: NDArray[np.intp]  # (steps, rows)
    y: NDArray[np.intp]  # (steps, rows)
    reset: NDArray[np.bool_]  # (steps, rows)
    entering: ModelState  # (rows, H) each
    leaving: ModelState  # (rows, H) each
    counts: NDArray[
        np.int64
    ]  # T, skip, state_after or -1, whether there are resets, length of the seed, seed
    numbers: NDArray[np.float64]  # scale; summed loss
    grads: Params

    def ask(self, task: Task) -> None:
        """Write a task."""
        T, seed = len(task.x), task.seed or ()
        self.x[:T], self.y[:T] = task.x, task.y
        if task.reset is not None:
            self.reset[:T] = task.reset
        copy_state(task.state, self.entering)
        after = -1 if task.state_after is None else task.state_after
        self.counts[:5] = T, task.skip, after, task.reset is not None, len(seed)
        self.counts[5 : 5 + len(seed)] = seed
        self.numbers[0] = task.scale

    def asked(self) -> Task:
        """Read the task."""
        T, skip, after, resets, seeds = (int(count) for count in self.counts[:5])
        seed = tuple(int(number) for number in self.counts[5 : 5 + seeds])
        return Task(
            self.x[:T], self.y[:T], self.entering, float(self.numbers[0]), seed or None,
            self.reset[:T] if resets else None, skip, None if after < 0 else after,
        )  # fmt: skip


def copy_state(source: ModelState, target: ModelState) -> None:
    """Copy the arrays of one state into another."""
    for one, other in zip(source, target, strict=True):
        for array, copy in zip(one, other, strict=True):
            np.copyto(copy, array)


class Carver:
    """Cuts arrays from a buffer, one after the other; without a buffer it only measures.

    Both sides cut the same arrays in the same order, so that nothing need be said about where they lie.
    """

    def __init__(self, buffer: Any = None) -> None:
        self.buffer, self.size = buffer, 0

    def take(self, shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:
        """Return the next array, aligned."""
        start = self.size
        self.size += -(-prod(shape) * np.dtype(dtype).itemsize // ALIGNMENT) * ALIGNMENT
        if self.buffer is None:
            return np.empty(0, dtype)
        return np.ndarray(shape, dtype, self.buffer, start)

    def params(self, model: LanguageModel) -> Params:
        """Return arrays like the parameters, end to end in one block."""
        flat = self.take((model.n_params,), model.dtype)
        ends = np.cumsum([array.size for array in model.params.values()])
        return {
            name: flat[end - array.size : end].reshape(array.shape) if self.buffer is not None else flat
            for (name, array), end in zip(model.params.items(), ends, strict=True)
        }

    def area(self, model: LanguageModel, rows: int, steps: int) -> Area:
        """Return the arrays of a process with so many rows, for windows of so many steps at most."""

        def state() -> ModelState:
            layers = model.initial_state(rows)
            return tuple(type(s)(*(self.take(field.shape, field.dtype) for field in s)) for s in layers)

        return Area(
            self.take((steps, rows), np.intp), self.take((steps, rows), np.intp),
            self.take((steps, rows), np.bool_), state(), state(),
            self.take((5 + SEEDS,), np.int64), self.take((2,), np.float64), self.params(model),
        )  # fmt: skip


def carve(
    model: LanguageModel, batch: int, threads: int, steps: int, buffer: Any = None
) -> tuple[Params, list[Area], int]:
    """Return the shared parameters, the area of every share after the first, and the bytes of it all."""
    carver = Carver(buffer)
    params = carver.params(model)
    areas = [carver.area(model, rows.stop - rows.start, steps) for rows in split_rows(batch, threads)[1:]]
    return params, areas, carver.size


class ProcessWorkers(Workers):
    """Loss and gradients of a batch, its rows split over processes.

    While it is open the parameters of the model lie in shared memory; closing it gives them memory of
    their own again. A process ends when its standard input does, and so never outlives this one.

    Parameters
    ----------
    model : LanguageModel
        Its parameters are moved to shared memory.
    batch : int
        Rows, ``B``.
    threads : int
        At most this many shares; the first is done by the calling process.
    steps : int
        The longest window that will be asked for.

    Raises
    ------
    ElmanError
        If a process cannot start or ends too early.
    """

    def __init__(self, model: LanguageModel, batch: int, threads: int, steps: int) -> None:
        self._threads, self._steps = threads, steps
        self._children: list[subprocess.Popen[bytes]] = []
        super().__init__(model, batch, threads)

    @staticmethod
    def can_serve(model: LanguageModel, batch: int, steps: int) -> bool:
        """Say whether processes pay, and can be had: the cell must be one that a fresh process knows."""
        built_in = type(model.stack.layers[0].cell).__module__.startswith("elman.")
        recurrent = sum(array.size for name, array in model.params.items() if name != "embedding.E")
        return os.name == "posix" and built_in and 6 * recurrent * batch * steps >= ENOUGH_WORK

    def close(self) -> None:
        """End the processes, and take the parameters back into memory of our own."""
        for child in self._children:
            if child.stdin is not None:
                child.stdin.close()
        for child in self._children:
            child.wait()
            if child.stdout is not None:
                child.stdout.close()
        own = self.model.new_grads()
        for name, array in own.items():
            np.copyto(array, self.model.params[name])
        self.model.params.update(own)

    def _open(self) -> None:
        model = self.model
        size = carve(model, self.batch, self._threads, self._steps)[2]
        with _anonymous_file(size) as file:
            memory = mmap.mmap(file, size)
            params, self._areas, _ = carve(model, self.batch, self._threads, self._steps, memory)
            for name, array in params.items():
                np.copyto(array, model.params[name])
            model.params.update(params)
            self.grads += [area.grads for area in self._areas]
            layer = model.stack.layers[0]
            order = {
                "batch": self.batch, "threads": self._threads, "steps": self._steps, "file": file,
                "size": size, "model": {
                    "vocab_size": model.vocab_size, "cell": model.cell, "embedding": layer.inputs,
                    "hidden": layer.hidden, "layers": len(model.stack.layers),
                    "dropout": model.stack.dropout, "tied": model.output.tied, "dtype": model.dtype.name,
                },
            }  # fmt: skip
            try:
                for index in range(len(self._areas)):
                    self._children.append(_spawn({**order, "index": index}, file))
                for child in self._children:
                    _expect(child, READY)
            except BaseException:
                self.close()
                raise

    def _start(self, tasks: list[Task]) -> Callable[[], list[Backprop]]:
        for area, task, child in zip(self._areas, tasks, self._children, strict=True):
            area.ask(task)
            assert child.stdin is not None
            try:
                child.stdin.write(GO)
            except BrokenPipeError as error:
                raise _ended(child) from error
        return lambda: list(self._finish())

    def _finish(self) -> Iterator[Backprop]:
        for area, child in zip(self._areas, self._children, strict=True):
            _expect(child, DONE)
            yield Backprop(float(area.numbers[1]), area.leaving, ())


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


def _spawn(order: dict[str, Any], file: int) -> subprocess.Popen[bytes]:
    one = dict.fromkeys(("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"), "1")
    # What we can import it can: our path, and not the folder it happens to start in before all others.
    path = os.pathsep.join(entry or str(Path.cwd()) for entry in sys.path)
    child = subprocess.Popen(
        [sys.executable, "-P", "-m", "elman.training.process"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0, pass_fds=(file,),
        env={**os.environ, **one, "PYTHONPATH": path},
        start_new_session=True,  # Ctrl-C is for us; we end it by closing its input
    )  # fmt: skip
    assert child.stdin is not None
    child.stdin.write(json.dumps(order).encode() + b"\n")
    return child


def _expect(child: subprocess.Popen[bytes], word: bytes) -> None:
    assert child.stdout is not None
    if child.stdout.read(1) != word:
        raise _ended(child)


def _ended(child: subprocess.Popen[bytes]) -> ElmanError:
    return ElmanError(
        f"a worker process ended with status {child.wait()}; what it said is above. "
        "The last checkpoint is as it was; --threads 1 does without processes"
    )


def best_threads(model: LanguageModel, batch: int, steps: int) -> int:
    """Return how many shares to cut a batch into where nobody has said: one a core, if processes pay."""
    if not ProcessWorkers.can_serve(model, batch, steps):
        return 1
    return max(1, min(usable_cores(), batch // FEWEST_ROWS))


def make_workers(model: LanguageModel, batch: int, threads: int, steps: int) -> Workers:
    """Return what splits a batch best: processes where a step is work enough, threads elsewhere."""
    if threads > 1 and batch > 1 and ProcessWorkers.can_serve(model, batch, steps):
        return ProcessWorkers(model, batch, threads, steps)
    return Workers(model, batch, threads)
