"""One process at a time at work in a folder."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from elman.errors import CheckpointError

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

LOCK = ".lock"
"""The file in a folder that is locked; it holds the number of the process."""


@contextmanager
def exclusive(folder: Path, work: str = "trained") -> Iterator[None]:
    """Hold the folder's lock; the system releases it however the process ends.

    Parameters
    ----------
    folder : Path
        A folder that is there.
    work : str
        What is done in it, for the message of those who come later: it "is being" this.

    Raises
    ------
    CheckpointError
        If another process holds it.
    """
    path = folder / LOCK
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise CheckpointError(f"cannot write in {folder}: {error.strerror or error}") from error
    try:
        if not _acquire(handle):
            holder = os.read(handle, 32).decode("ascii", "replace").strip() or "unknown"
            raise CheckpointError(
                f"{folder} is being {work} by another process ({holder}); wait for it, or give another --out"
            )
        os.ftruncate(handle, 0)
        os.write(handle, str(os.getpid()).encode())
        yield
    finally:
        os.close(handle)


def _acquire(handle: int) -> bool:
    try:
        if sys.platform == "win32":
            # One byte far past the process id, so that others can still read who holds it.
            os.lseek(handle, 1 << 20, os.SEEK_SET)
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
            os.lseek(handle, 0, os.SEEK_SET)
        else:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
