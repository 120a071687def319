"""Scratch memory, reused from window to window."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any, TypeVar

import numpy as np

from elman.network.clock import Clock
from elman.typing import Floats

Built = TypeVar("Built")

ALIGNMENT = 64  # bytes: a cache line, and one vector of AVX-512


def aligned(size: int, dtype: np.dtype[Any]) -> Floats:
    """Return an uninitialised vector whose memory begins at a cache line.

    NumPy promises 16 bytes. Weights that straddle cache lines cost a small product up to half as much
    again, as measured.
    """
    raw = np.empty(size * dtype.itemsize + ALIGNMENT, np.uint8)
    start = -raw.ctypes.data % ALIGNMENT
    return raw[start : start + size * dtype.itemsize].view(dtype)


class Workspace:
    """Named scratch arrays, the views cut from them, and the clock of what is done in them.

    It holds nothing that one call of the model needs from another: dropping it changes no result. One
    workspace serves one thread.
    """

    def __init__(self) -> None:
        self.clock = Clock()
        self._blocks: dict[str, Floats] = {}
        self._views: dict[str, Floats] = {}
        self._built: dict[str, tuple[tuple[Any, ...], Any]] = {}

    def take(self, name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Floats:
        """Return an uninitialised C-contiguous array, aligned; the block behind a name only ever grows."""
        view = self._views.get(name)
        if view is not None and view.shape == shape and view.dtype == dtype:
            return view
        size = prod(shape)
        block = self._blocks.get(name)
        if block is None or block.size < size or block.dtype != dtype:
            block = view = None  # before there is another: both would be more than is ever needed
            self._blocks.pop(name, None)
            self._views.pop(name, None)
            block = self._blocks[name] = aligned(size, dtype)
        view = self._views[name] = block[:size].reshape(shape)
        return view

    def ones(self, size: int, dtype: np.dtype[Any]) -> Floats:
        """Return a vector of ones, to be read."""
        # Of so many ones that vectors of all sizes are pieces of few.
        room = 1 << (size - 1).bit_length()
        return self.build(f"ones {room}", (dtype,), lambda: np.ones(room, dtype))[:size]

    def build(self, name: str, key: tuple[Any, ...], make: Callable[[], Built]) -> Built:
        """Return what `make` made the last time `name` was asked for with this key, or make it now.

        Cutting a window into the views of its steps costs as much as a fifth of a small step; windows of
        one size share them.
        """
        found = self._built.get(name)
        if found is None or found[0] != key:
            found = self._built[name] = (key, make())
        built: Built = found[1]
        return built
