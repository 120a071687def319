"""Reading files of torch.save: the archive, the pickle within, every array, and the whole import."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

from elman.errors import ElmanError
from elman.interop.files.listing import BITS
from elman.interop.files.pickled import unpickle
from elman.interop.files.pt import _tensors_of
from tests.fuzz.safetensors import VECTORS, read_all


def seeds() -> list[bytes]:
    """Return the stored models, and their pickles alone."""
    files = [path.read_bytes() for path in sorted((VECTORS / "torch_interop").glob("*.pt"))]
    return [*files, *(pickle_of(data) for data in files)]


def pickle_of(data: bytes) -> bytes:
    """Return the pickle within an archive."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return archive.read(next(name for name in archive.namelist() if name.endswith("/data.pkl")))


def read(data: bytes, folder: Path) -> None:
    """Read a file; a pickle alone is put into an archive with the storages that it speaks of."""
    path = folder / "file.pt"
    if data.startswith(b"PK"):
        path.write_bytes(data)
    else:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("archive/data.pkl", data)
            for key, size in storages(data, path).items():
                archive.writestr(f"archive/data/{key}", bytes(min(size, 4096)))
    read_all(path)


def storages(data: bytes, path: Path) -> dict[str, int]:
    """Return the bytes of each storage that a pickle speaks of; none where it cannot be read."""
    try:
        views = _tensors_of(path, unpickle(data)).values()
    except ElmanError:
        return {}
    return {
        view.storage.key: view.storage.numbers * (BITS[view.storage.dtype] // 8 if view.storage.dtype else 1)
        for _, view in views
        if view.storage.key.isprintable()
    }
