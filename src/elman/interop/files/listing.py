"""What a file of tensors says it holds, before any of the numbers are read."""

from __future__ import annotations

import stat
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any, NamedTuple

from elman.errors import DataError

BITS = {
    "bool": 8,
    "float4": 4,
    "float6_e2m3": 6,
    "float6_e3m2": 6,
    "uint8": 8,
    "int8": 8,
    "float8_e5m2": 8,
    "float8_e4m3fn": 8,
    "float8_e8m0": 8,
    "float8_e4m3fnuz": 8,
    "float8_e5m2fnuz": 8,
    "int16": 16,
    "uint16": 16,
    "float16": 16,
    "bfloat16": 16,
    "int32": 32,
    "uint32": 32,
    "float32": 32,
    "complex32": 32,
    "int64": 64,
    "uint64": 64,
    "float64": 64,
    "complex64": 64,
    "complex128": 128,
}
"""Bits of a number of each type, by the names that PyTorch has for them."""

MOST_AXES = 32
"""More axes than this are a mistake, or an attack: PyTorch stops at 64, and weights have two."""

LONGEST_NAME = 300
"""Characters of the longest name of a tensor in a model."""


class Tensor(NamedTuple):
    """A tensor of a file.

    Attributes
    ----------
    dtype : str
        A key of `BITS`.
    shape : tuple of int
        Sizes.
    group : str
        The name of the dictionary it stands in, within the file; "" for the outermost.
    storage : object
        Equal for tensors that are the same numbers of the file; None where that cannot be known.
    """

    dtype: str
    shape: tuple[int, ...]
    group: str = ""
    storage: Any = None

    @property
    def size(self) -> int:
        """How many numbers it has."""
        return prod(self.shape)

    @property
    def nbytes(self) -> int:
        """How many bytes these are."""
        return (self.size * BITS[self.dtype] + 7) // 8


class Listing(NamedTuple):
    """The contents of a file.

    Attributes
    ----------
    kind : str
        The format, as people call it.
    tensors : mapping of str to Tensor
        By name, in the order of the file.
    metadata : mapping of str to str
        What else the file says.
    """

    kind: str
    tensors: Mapping[str, Tensor]
    metadata: Mapping[str, str]


def regular_file(path: str | Path) -> tuple[Path, int]:
    """Return the path and the size of a file that can be read; raise DataError where there is none."""
    path = Path(path)
    try:
        found = path.stat()
        if stat.S_ISDIR(found.st_mode):
            raise DataError(f"{path} is a directory, where a file was expected")
        if not stat.S_ISREG(found.st_mode):
            raise DataError(f"{path} is not a regular file")
        path.open("rb").close()
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from None
    except ValueError as error:  # a null byte in the name
        if isinstance(error, DataError):
            raise
        raise DataError(f"cannot read {str(path)!r}: {error}") from None
    if not found.st_size:
        raise DataError(f"{path} is empty")
    return path, found.st_size


def is_size(value: Any) -> bool:
    """Whether a value from a file can be a size or an offset."""
    return type(value) is int and 0 <= value < 2**63


def by(shape: tuple[int, ...]) -> str:
    """Return a shape as messages have it.

    >>> by((4, 2)), by((3,)), by(())
    ('4 x 2', '3', 'a single number')
    """
    return " x ".join(map(str, shape)) if shape else "a single number"
