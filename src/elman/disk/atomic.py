"""Files that are either the old or the new, whatever happens in between."""

from __future__ import annotations

import os
from pathlib import Path

from elman.errors import CheckpointError


def write_atomic(path: Path, data: bytes) -> None:
    """Write data to path through a temporary file beside it.

    The bytes reach the disk before the name does, so that a kill, a crash or a full disk leaves the
    previous file.

    Raises
    ------
    CheckpointError
        If the disk is full or the folder cannot be written; the previous file is untouched.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        kept = "; what was saved before is untouched" if path.exists() else ""
        raise CheckpointError(f"cannot save {path}: {error.strerror or error}{kept}") from error
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Make the new name durable too, where the system can (Windows cannot)."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
