"""Reading config.json of ``.keras`` files, which is data whatever stands in it."""

from __future__ import annotations

import zipfile
from pathlib import Path

from elman.interop.keras.archive import opened, read_json
from elman.interop.keras.config import plan_of

HERE = Path(__file__).parents[1] / "vectors" / "keras"


def seeds() -> list[bytes]:
    """Return the configs of the stored models."""
    found = []
    for path in sorted(HERE.glob("*.keras")):
        with zipfile.ZipFile(path) as archive:
            found.append(archive.read("config.json"))
    return found


def read(data: bytes, folder: Path) -> None:
    """Read a config out of an archive."""
    path = folder / "file.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", data)
        archive.writestr("model.weights.h5", b"")
    with opened(path) as archive:
        plan_of("a file", read_json(archive, path))
