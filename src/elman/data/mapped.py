"""Numbers in a file, mapped into memory."""

import mmap
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elman.errors import CheckpointError


class MappedArray:
    """A one-dimensional array on disk, read through memory that the system fills and takes back.

    Parameters
    ----------
    path : Path
        A file of raw numbers.
    dtype : dtype
        Their type.

    Attributes
    ----------
    array : ndarray, read-only
        The numbers.
    """

    def __init__(self, path: Path, dtype: "np.dtype[Any]") -> None:
        with path.open("rb") as file:
            empty = file.seek(0, 2) == 0  # an empty file cannot be mapped
            self._map = None if empty else mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self.array: NDArray[Any] = np.frombuffer(self._map or b"", dtype)

    def release(self) -> None:
        """Give the pages read so far back to the system, which reads them again on demand."""
        if self._map is not None and hasattr(mmap, "MADV_DONTNEED"):
            self._map.madvise(mmap.MADV_DONTNEED)


def open_array(path: Path, dtype: "np.dtype[Any]", size: int, remedy: str) -> MappedArray:
    """Map a file of so many numbers.

    Parameters
    ----------
    path, dtype
        As for `MappedArray`.
    size : int
        How many numbers it must hold.
    remedy : str
        What to do where it does not, for the message.

    Raises
    ------
    CheckpointError
        Where the file cannot be read, or is of another size.
    """
    try:
        found = path.stat().st_size
        if found != size * dtype.itemsize:
            raise CheckpointError(
                f"{path} has {found:,} bytes where {size * dtype.itemsize:,} were expected: {remedy}"
            )
        return MappedArray(path, dtype)
    except OSError as error:
        raise CheckpointError(f"cannot read {path} ({error.strerror or error}): {remedy}") from None
