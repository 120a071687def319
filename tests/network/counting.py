"""Counts what NumPy is asked to do, instead of timing it: no neighbour on the machine disturbs that."""

from __future__ import annotations

import gc
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import numpy as np
import pytest

from elman.network import CELLS, workspace
from elman.network.workspace import aligned

PRODUCTS = ("matmul", "dot")


class Counted(np.ndarray):
    """Memory of a workspace that counts the operations in which it takes part.

    Counted is what reaches NumPy's own loops, however it is written: ``np.add(a, r, out=a)``, ``a += r``,
    ``np.copyto(a, r)``, ``a[...] = r``, ``a.fill(0.0)``. Views (``a[:3]``, ``a.reshape(-1)``) are not.
    """

    calls: ClassVar[list[str]] = []  # by whatever thread

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        self.calls.append(ufunc.__name__ if method == "__call__" else f"{ufunc.__name__}.{method}")
        into = options.get("out")
        if into is not None:
            options["out"] = tuple(map(_plain, into))
        result = getattr(ufunc, method)(*map(_plain, inputs), **options)
        return into[0] if into is not None else result

    def __array_function__(self, function: Any, types: Any, inputs: Any, options: Any) -> Any:
        self.calls.append(function.__name__)
        options = {name: _plain(value) for name, value in options.items()}
        return function(*map(_plain, inputs), **options)

    def __setitem__(self, key: Any, value: Any) -> None:
        self.calls.append("setitem")
        super().__setitem__(key, value)

    def fill(self, value: Any) -> None:
        self.calls.append("fill")
        super().fill(value)

    def copy(self, *arguments: Any) -> Any:
        self.calls.append("copy")
        return super().copy(*arguments)

    def astype(self, *arguments: Any, **options: Any) -> Any:
        self.calls.append("astype")
        return super().astype(*arguments, **options)


def _plain(value: Any) -> Any:
    if type(value) in (list, tuple):
        return [_plain(part) for part in value]
    return value.view(np.ndarray) if isinstance(value, Counted) else value


@pytest.fixture
def count(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], Any]], Counter[str]]:
    """Return what counts the operations of a call, on workspaces that are filled from now on."""
    monkeypatch.setattr(workspace, "aligned", lambda size, dtype: aligned(size, dtype).view(Counted))

    def count(call: Callable[[], Any]) -> Counter[str]:
        Counted.calls.clear()
        call()
        return Counter(Counted.calls)

    return count


def products(calls: Counter[str]) -> int:
    """Return how many of the calls are matrix products."""
    return sum(calls[name] for name in PRODUCTS)


def walking(cell: str) -> int:
    """Return the bytes that NumPy needs to walk over peepholes, which are the same for every row."""
    return 1500 if CELLS[cell].peepholes else 0


class Memory:
    """Bytes that were taken beside what was there before."""

    peak = stays = 0


@contextmanager
def traced() -> Iterator[Memory]:
    """Measure the memory that is taken meanwhile, of Python and of NumPy's arrays."""
    memory = Memory()
    gc.freeze()  # what was there before is not looked through: a session of tests holds much
    tracemalloc.start()
    try:
        yield memory
        memory.peak = tracemalloc.get_traced_memory()[1]
        gc.collect()  # Python keeps some small objects for later use
        memory.stays = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
        gc.unfreeze()


def least(*calls: Callable[[], Any], tries: int = 3) -> list[Memory]:
    """Measure what each of some calls takes whenever they are made, one after the other.

    Other threads are traced too, such as that in which a process of pytest-xdist listens: what
    they take is there in one try and not in the next.
    """
    found = [Memory() for _ in calls]
    for memory, tried in zip(
        found, zip(*([_once(call) for call in calls] for _ in range(tries)), strict=True), strict=True
    ):
        memory.peak, memory.stays = np.min(tried, axis=0).tolist()
    return found


def _once(call: Callable[[], Any]) -> tuple[int, int]:
    with traced() as memory:
        call()
    return memory.peak, memory.stays


@contextmanager
def small_buffers(numbers: int) -> Iterator[None]:
    """NumPy casts and broadcasts through buffers of 8192 numbers: where they are smaller ours are seen."""
    before = np.setbufsize(numbers)
    try:
        yield
    finally:
        np.setbufsize(before)
