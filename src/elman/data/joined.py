"""Numbers in many files, read as one array."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elman.data.mapped import MappedArray, open_array

MOST_OPEN = 256
"""Files of one array that are mapped at a time: each takes a handle, and a process has about a thousand."""


class JoinedArray:
    """Arrays on disk, end to end. A file is mapped when a number of it is asked for, and not before.

    Of the ways of an ndarray it has those that a text is read by.

    Parameters
    ----------
    paths : sequence of Path
        Files of raw numbers.
    sizes : sequence of int
        How many numbers each holds.
    dtype : dtype
        Their type.
    remedy : str
        What to do where a file is damaged, for the message.

    Attributes
    ----------
    size : int
        Numbers in all files.
    dtype : dtype
    itemsize : int
        Bytes of a number.
    """

    def __init__(
        self, paths: Sequence[Path], sizes: Sequence[int], dtype: "np.dtype[Any]", remedy: str
    ) -> None:
        self._paths, self._sizes, self._remedy = list(paths), list(sizes), remedy
        self.dtype, self.itemsize = dtype, dtype.itemsize
        self._ends = np.cumsum(self._sizes, dtype=np.int64)  # (files,)
        self._begins = self._ends - self._sizes  # (files,)
        self.size = sum(self._sizes)
        self._mapped: dict[int, MappedArray] = {}  # in the order in which they were opened

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, key: Any) -> NDArray[Any]:
        """Numbers at a slice without a step, or at indices from 0; a view where one file has them all."""
        if not isinstance(key, slice):
            return self._at(np.asarray(key))
        start, stop, step = key.indices(self.size)
        if step != 1:
            raise IndexError(f"a text in shards is read in stretches, not in steps of {step}")
        found = [
            self._take(n, slice(max(start - int(self._begins[n]), 0), stop - int(self._begins[n])))
            for n in self._files(start, stop)
        ]
        return found[0] if len(found) == 1 else np.concatenate([np.empty(0, self.dtype), *found])

    def open(self, start: int, stop: int) -> None:
        """Map the files that hold the numbers `start` to `stop`.

        Raises
        ------
        CheckpointError
            Where one of them is missing, or not of its size.
        """
        for number in self._files(start, stop):
            self._file(number)

    @property
    def opened(self) -> list[int]:
        """Which files are mapped, by their numbers."""
        return sorted(self._mapped)

    def release(self) -> None:
        """Give the memory that holds what was read back to the system."""
        for mapped in self._mapped.values():
            mapped.release()

    def _files(self, start: int, stop: int) -> Iterator[int]:
        """The files that hold the numbers `start` to `stop`, in order."""
        number = int(np.searchsorted(self._ends, start, "right"))
        while start < stop and number < len(self._sizes) and self._begins[number] < stop:
            if self._sizes[number]:
                yield number
            number += 1

    def _file(self, number: int) -> NDArray[Any]:
        mapped = self._mapped.get(number)
        if mapped is None:
            if len(self._mapped) >= MOST_OPEN:
                self._mapped.pop(next(iter(self._mapped)))
            mapped = open_array(self._paths[number], self.dtype, self._sizes[number], self._remedy)
            self._mapped[number] = mapped
        return mapped.array

    def _take(self, number: int, where: Any) -> NDArray[Any]:
        """Numbers of one file, by their places in it."""
        found: NDArray[Any] = self._file(number)[where]
        return found

    def _at(self, indices: NDArray[np.integer[Any]]) -> NDArray[Any]:
        files = np.searchsorted(self._ends, indices, "right")
        found = np.empty(indices.shape, self.dtype)
        for number in np.unique(files).tolist():
            here = files == number
            found[here] = self._take(number, indices[here] - self._begins[number])
        return found


class JoinedStarts(JoinedArray):
    """Where documents start, in a file a shard, each counted from the first token of its shard.

    Parameters
    ----------
    paths, sizes, dtype, remedy
        As for `JoinedArray`.
    tokens : sequence of int
        How many tokens each shard has.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        sizes: Sequence[int],
        dtype: "np.dtype[Any]",
        remedy: str,
        tokens: Sequence[int],
    ) -> None:
        super().__init__(paths, sizes, dtype, remedy)
        self._first = np.cumsum([0, *tokens[:-1]]).astype(dtype)  # (files,): the first token of each shard

    def searchsorted(self, keys: NDArray[Any] | np.integer[Any]) -> NDArray[np.intp]:
        """How many documents start before each of these tokens, of the shape of `keys`.

        A shard is opened only for a key within it: at its first token it is known without.
        """
        shape = np.shape(keys)
        wanted = np.asarray(keys, self.dtype).reshape(-1)
        shards = np.searchsorted(self._first, wanted, "right") - 1
        found = self._begins[shards].astype(np.intp)
        inside = wanted - self._first[shards]
        for number in np.unique(shards[inside > 0]).tolist():
            here = (shards == number) & (inside > 0)
            found[here] += np.searchsorted(self._file(number), inside[here]) if self._sizes[number] else 0
        return found.reshape(shape)

    def _take(self, number: int, where: Any) -> NDArray[Any]:
        found: NDArray[Any] = super()._take(number, where) + self._first[number]
        return found
