"""Bytes of a file as arrays of float32 or float64."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elman.errors import DataError

HALVES = ("float16", "bfloat16")
"""Types that are read as float32, which holds each of their numbers."""

_FLOATS = {"float32": "f4", "float64": "f8", "float16": "f2"}


def decoded(data: bytes | memoryview, dtype: str, what: str, byteorder: str = "little") -> NDArray[Any]:
    """Return the numbers that bytes stand for, shape (numbers,), float32 or float64.

    Parameters
    ----------
    data : bytes
        As many as a whole number of numbers takes.
    dtype : str
        The type, by PyTorch's name.
    what : str
        What the numbers are, for messages.
    byteorder : str
        ``little`` or ``big``.

    Raises
    ------
    DataError
        If the type is none of 16, 32 or 64 bit floating-point numbers.

    Examples
    --------
    >>> decoded(bytes([0x80, 0x3F]), "bfloat16", "w")
    array([1.], dtype=float32)
    """
    order = "<" if byteorder == "little" else ">"
    if dtype == "bfloat16":  # the upper half of a float32
        halves = np.frombuffer(data, f"{order}u2")
        return (halves.astype(np.uint32) << 16).view(np.float32)
    if dtype not in _FLOATS:
        raise DataError(
            f"{what} is of type {dtype}: weights are float16, bfloat16, float32 or float64 numbers"
        )
    array = np.frombuffer(data, order + _FLOATS[dtype])
    if dtype == "float16":
        return array.astype(np.float32)
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def converted(dtypes: Iterable[str]) -> tuple[str, ...]:
    """Say which types were converted, if any were."""
    found = set(dtypes)
    return tuple(f"{half} weights were converted to float32" for half in HALVES if half in found)
