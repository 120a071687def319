"""Reading safetensors: what a file lists, and its floating-point numbers.

The header is checked here, in full, before a number is read: the package's own reader takes the last of two
equal names, accepts headers of 100 MB, and has no NumPy type for bfloat16. It is asked besides, so that no
file passes here that it refuses.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from elman.errors import DataError
from elman.interop.files.listing import BITS, MOST_AXES, Listing, Tensor, is_size, regular_file
from elman.interop.files.numbers import decoded

LONGEST_HEADER = 16 * 2**20
"""Bytes of the longest header that is read: enough for 150,000 tensors."""

_TYPES = {
    "BOOL": "bool", "F4": "float4", "F6_E2M3": "float6_e2m3", "F6_E3M2": "float6_e3m2", "U8": "uint8",
    "I8": "int8", "F8_E5M2": "float8_e5m2", "F8_E4M3": "float8_e4m3fn", "F8_E8M0": "float8_e8m0",
    "F8_E4M3FNUZ": "float8_e4m3fnuz", "F8_E5M2FNUZ": "float8_e5m2fnuz", "I16": "int16", "U16": "uint16",
    "F16": "float16", "BF16": "bfloat16", "I32": "int32", "U32": "uint32", "F32": "float32",
    "C64": "complex64", "F64": "float64", "I64": "int64", "U64": "uint64",
}  # fmt: skip


class SafetensorsFile:
    """The tensors of a safetensors file, listed; their numbers are read when they are asked for.

    Parameters
    ----------
    path : path-like
        The file.

    Raises
    ------
    DataError
        If it cannot be read, is no safetensors file, is cut short, or says of itself what cannot be.

    Examples
    --------
    >>> import numpy as np, tempfile
    >>> from safetensors.numpy import save_file
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_file({"w": np.ones((1, 2), np.float16)}, f"{folder}/file")
    ...     file = SafetensorsFile(f"{folder}/file")
    ...     file.listing.tensors["w"].dtype, file.arrays(["w"])
    ('float16', {'w': array([[1., 1.]], dtype=float32)})
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.listing, self._start, self._offsets = _header(path)

    def arrays(self, names: Iterable[str]) -> dict[str, NDArray[Any]]:
        """Read tensors, float16 and bfloat16 as float32.

        Parameters
        ----------
        names : iterable of str
            As the listing has them.

        Returns
        -------
        dict of str to ndarray
            float32 or float64.

        Raises
        ------
        DataError
            If a tensor is missing, or not of floating-point numbers.
        """
        found = {}
        with self.path.open("rb") as file:
            for name in names:
                if name not in self.listing.tensors:
                    raise DataError(f"{self.path} has no {name}")
                tensor, (first, last) = self.listing.tensors[name], self._offsets[name]
                file.seek(self._start + first)
                data = file.read(last - first)
                if len(data) != last - first or not data:
                    raise DataError(f"{name} of {self.path} has no numbers")
                found[name] = decoded(data, tensor.dtype, f"{name} of {self.path}").reshape(tensor.shape)
        return found


def _header(path: str | Path) -> tuple[Listing, int, dict[str, tuple[int, int]]]:
    """Return the listing, where the numbers begin, and from there the beginning and end of each tensor's."""
    path, size = regular_file(path)
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if size < 8 or not file.peek(1).startswith(b"{"):
            raise DataError(f"{path} is not a safetensors file: it does not begin with a header")
        if length > size - 8:
            raise DataError(
                f"{path} is cut short or damaged: its header says {length:,} bytes, but {size - 8:,} follow"
            )
        if length > LONGEST_HEADER:
            raise DataError(f"{path} has a header of {length:,} bytes: at most {LONGEST_HEADER:,} are read")
        fields = _parsed(path, file.read(length))
    metadata = fields.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(text, str) for text in metadata.values()):
        raise DataError(f"{path} is damaged: __metadata__ is not an object of strings")
    tensors, offsets = {}, {}
    for name, entry in fields.items():
        tensors[name], offsets[name] = _tensor(path, name, entry)
    _check_places(path, offsets, size - 8 - length)
    _ask_the_package(path)
    return Listing("safetensors", tensors, metadata), 8 + length, offsets


def _parsed(path: Path, data: bytes) -> dict[str, Any]:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            twice = next(a for a, b in pairwise(sorted(name for name, _ in pairs)) if a == b)
            raise DataError(f"{path} is damaged: its header has {twice!r:.60} twice")
        return found

    try:
        fields = json.loads(data.decode("utf-8"), object_pairs_hook=unique)
    except DataError:
        raise
    except (ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise DataError(f"{path} is damaged: its header is not JSON ({reason:.100})") from None
    assert isinstance(fields, dict)  # as it begins with a brace
    return fields


def _tensor(path: Path, name: str, entry: Any) -> tuple[Tensor, tuple[int, int]]:
    def damaged(what: str) -> DataError:
        return DataError(f"{path} is damaged: {what} of {name!r:.80}")

    if not isinstance(entry, dict) or entry.keys() != {"dtype", "shape", "data_offsets"}:
        raise damaged("not dtype, shape and data_offsets alone are said")
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(dtype, str) or dtype not in _TYPES:
        raise damaged(f"{dtype!r:.20} is no known type, but that")
    if not isinstance(shape, list) or len(shape) > MOST_AXES or not all(map(is_size, shape)):
        raise damaged("no list of sizes is the shape")
    if not isinstance(offsets, list) or len(offsets) != 2 or not all(map(is_size, offsets)):
        raise damaged("no two offsets are the data_offsets")
    tensor = Tensor(_TYPES[dtype], tuple(shape))
    if tensor.size * BITS[tensor.dtype] % 8 or tensor.nbytes != offsets[1] - offsets[0]:
        shown = " x ".join(map(str, shape))
        raise damaged(f"{offsets[1] - offsets[0]:,} bytes stand for {shown:.60} numbers of type {dtype}")
    return tensor, (offsets[0], offsets[1])


def _check_places(path: Path, offsets: dict[str, tuple[int, int]], size: int) -> None:
    """Raise DataError unless the tensors fill the file, each beginning where another ends."""
    end = 0
    for name, (first, last) in sorted(offsets.items(), key=lambda item: item[1]):
        if last > size:
            raise DataError(f"{path} is cut short or damaged: {name!r:.80} ends at byte {last:,} of {size:,}")
        if first != end:
            what = "overlaps the one before it" if first < end else "leaves a hole before it"
            raise DataError(f"{path} is damaged: {name!r:.80} {what}")
        end = last
    if end != size:
        raise DataError(f"{path} is damaged: {size - end:,} bytes at its end belong to no tensor")


def _ask_the_package(path: Path) -> None:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy"):
            pass
    except (OSError, SafetensorError, ValueError) as error:
        raise DataError(f"{path} is damaged: {error!s:.200}") from None
