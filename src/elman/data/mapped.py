"""Numbers in a file, mapped into memory."""

import mmap
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


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
