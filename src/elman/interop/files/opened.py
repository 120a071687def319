"""A file of tensors, whatever its format; which it is, its first bytes say."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Protocol

from numpy.typing import NDArray

from elman.errors import DataError
from elman.interop.files.listing import Listing, regular_file

PROTOCOLS = (b"\x02", b"\x03", b"\x04", b"\x05")
"""Versions of pickles that begin with their version."""


class TensorFile(Protocol):
    """What a file of tensors can be asked, of any format."""

    path: Path
    listing: Listing

    def arrays(self, names: Iterable[str]) -> dict[str, NDArray[Any]]:
        """Read tensors by their names, as float32 or float64."""


def open_tensors(path: str | Path) -> TensorFile:
    """Open a safetensors file or a PyTorch file.

    Parameters
    ----------
    path : path-like
        The file. Its name says nothing here.

    Returns
    -------
    TensorFile

    Raises
    ------
    DataError
        If it is neither, or damaged.
    """
    path, _ = regular_file(path)
    with path.open("rb") as file:
        first = file.read(16)
    if first.startswith((b"PK\x03\x04", b"PK\x05\x06")) or is_pickle(first):
        from elman.interop.files.pt import PtFile

        return PtFile(path)
    if first.startswith(b"\x89HDF"):
        raise DataError(f"{path} is an HDF5 file, such as Keras writes: elman import keras reads those")
    if path.suffix.lower() != ".safetensors" and first[8:9] != b"{":
        raise DataError(
            f"{path} is neither a safetensors file nor one that torch.save wrote"
            + ("" if path.suffix.lower() == ".onnx" else "; an ONNX model must be called .onnx")
        )
    from elman.interop.files.safetensors import SafetensorsFile

    return SafetensorsFile(path)


def is_pickle(first: bytes) -> bool:
    """Whether a file with these first bytes is a pickle on its own, as torch wrote them before 1.6."""
    # The header of a safetensors file can be 640 bytes long, which begins the same and goes on with zeros.
    return first[:1] == b"\x80" and first[1:2] in PROTOCOLS and first[2:8] != bytes(6)
