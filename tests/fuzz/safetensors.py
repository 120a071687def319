"""Reading safetensors files: listing, guess, every array, and the whole import."""

from __future__ import annotations

from pathlib import Path

from elman.errors import ElmanError
from elman.interop import torch
from elman.interop.files.guess import guess
from elman.interop.files.opened import open_tensors

VECTORS = Path(__file__).parents[1] / "vectors"


def seeds() -> list[bytes]:
    """Return the stored models, whole and without the first eight bytes."""
    files = [path.read_bytes() for path in sorted((VECTORS / "torch_interop").glob("*.safetensors"))]
    files = [data for data in files if len(data) < 20_000]
    files += [path.read_bytes() for path in sorted(VECTORS.glob("torch_recurrent_rnn*.safetensors"))]
    return [*files, *(data[8:] for data in files)]


def read(data: bytes, folder: Path) -> None:
    """Read a file; of one that begins with its header, the length is put before it."""
    if data.startswith(b"{"):
        length = data.find(b"}}") + 2
        while length < len(data) and data[length] == 32:
            length += 1
        data = length.to_bytes(8, "little") + data
    path = folder / "file.safetensors"
    path.write_bytes(data)
    read_all(path)


def read_all(path: Path) -> None:
    """Do all that can be done with a file of tensors."""
    file = open_tensors(path)
    shapes = {name: tensor.shape for name, tensor in file.listing.tensors.items()}
    guess(shapes).text(shapes)
    for name in shapes:
        try:
            array = file.arrays([name])[name]
        except ElmanError:
            continue
        assert array.shape == shapes[name]
        assert array.dtype.name in ("float32", "float64")
        assert array.nbytes <= 4 * path.stat().st_size
    torch.read(path)
