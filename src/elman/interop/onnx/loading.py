"""An ``.onnx`` file, read with limits."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError

from elman.errors import DataError

MAX_FILE = 2**31 - 1
"""Bytes: a protobuf message cannot be longer."""


def load_model(path: str | os.PathLike[str], max_bytes: int = MAX_FILE) -> onnx.ModelProto:
    """Read a model from one file; no other file is opened, and nothing is run.

    Parameters
    ----------
    path : path-like
        An ``.onnx`` file in the binary form.
    max_bytes : int
        A longer file is refused before it is read.

    Returns
    -------
    onnx.ModelProto
        As it is in the file; ``Backend.prepare`` checks what it says.

    Raises
    ------
    DataError
        If there is no such file, or it is too long, truncated, or not ONNX.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from elman.interop.onnx import load_model
    >>> file = pathlib.Path(tempfile.mkdtemp(), "note.onnx")
    >>> _ = file.write_text("This is no model.")
    >>> load_model(file)
    Traceback (most recent call last):
    elman.errors.DataError: .../note.onnx is not an ONNX model, or is damaged: Error parsing message...
    """
    path = Path(path)
    try:
        with open(path, "rb", opener=_without_waiting) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise DataError(f"{path} is not a file: give an .onnx file")
            if status.st_size > max_bytes:
                raise DataError(f"{path} has {status.st_size:,} bytes, and the limit is {max_bytes:,}")
            data = file.read(max_bytes + 1)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from error
    if len(data) > max_bytes:
        raise DataError(f"{path} has more than {max_bytes:,} bytes, which is the limit")
    model = onnx.ModelProto()
    try:
        model.ParseFromString(data)
    except DecodeError as error:
        raise DataError(f"{path} is not an ONNX model, or is damaged: {error}") from error
    if not model.HasField("graph"):
        raise DataError(f"{path} is not an ONNX model, or is damaged: it has no graph")
    return model


def _without_waiting(name: str, flags: int) -> int:
    """Open even a pipe at once, so that it can be refused."""
    return os.open(name, flags | getattr(os, "O_NONBLOCK", 0))
