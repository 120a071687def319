"""Named arrays with a JSON note, as one safetensors file."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from elman.disk.atomic import write_atomic
from elman.errors import CheckpointError
from elman.typing import Floats

FORMAT = 1
"""Version of the files of a run. A reader refuses what is newer."""


def check_format(found: Any, path: Path) -> None:
    """Raise CheckpointError if path was written in a format this version cannot know."""
    if not isinstance(found, int) or isinstance(found, bool) or found < 1:
        raise CheckpointError(f"{path} does not say its format; it is damaged, or not elman's")
    if found > FORMAT:
        raise CheckpointError(
            f"{path} has format {found}, made by a newer elman; this one reads up to {FORMAT}: upgrade elman"
        )


def write_tensors(path: Path, arrays: Mapping[str, Any], note: Mapping[str, Any]) -> None:
    """Write arrays and note to path, atomically."""
    # safetensors writes a non-contiguous array's memory as it lies, which is not what it means.
    # (np.ascontiguousarray would also turn a scalar into an array of one.)
    tensors = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    metadata = {"elman": json.dumps({"format": FORMAT, **note}, ensure_ascii=False)}
    write_atomic(path, save(tensors, metadata))


def read_tensors(path: Path) -> tuple[dict[str, Floats], dict[str, Any]]:
    """Read arrays and note from path.

    Raises
    ------
    CheckpointError
        If the file is missing, truncated, not safetensors, without elman's note, or newer.
    """
    with _opened(path) as (file, note):
        return {name: file.get_tensor(name) for name in file.keys()}, note  # noqa: SIM118


def read_note(path: Path) -> dict[str, Any]:
    """Read the note alone; errors are those of :func:`read_tensors`."""
    with _opened(path) as (_, note):
        return note


@contextmanager
def _opened(path: Path) -> Iterator[tuple[Any, dict[str, Any]]]:
    try:
        with safe_open(path, framework="numpy") as file:
            note = json.loads((file.metadata() or {}).get("elman", "{}"))
            if not isinstance(note, dict):
                raise CheckpointError(f"{path} is damaged: its note is not a JSON object")
            check_format(note.get("format"), path)
            yield file, note
    except FileNotFoundError as error:
        raise CheckpointError(f"{path} is missing") from error
    except (OSError, SafetensorError, ValueError) as error:
        if isinstance(error, CheckpointError):
            raise
        raise CheckpointError(f"{path} is damaged or truncated: {error}") from error
