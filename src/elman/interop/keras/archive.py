"""The members of a ``.keras`` file: a zip archive of config.json, metadata.json and model.weights.h5."""

from __future__ import annotations

import json
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from elman.errors import DataError, ElmanError
from elman.interop.files.archive import check_directory

MEMBERS = ("metadata.json", "config.json", "model.weights.h5")
JSON_BYTES = 16 << 20
DIRECTORY_BYTES = 1 << 20  # of three members it has a few hundred; files of others are named
EXPANSION = 100  # as in Keras: real weights hardly shrink, and Keras does not compress them at all
FREE = 1 << 20  # bytes that may expand as they like


@contextmanager
def opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """Open an archive whose members are those of a Keras model; errors of reading it become DataError."""
    try:
        check_directory(path, path.stat().st_size, DIRECTORY_BYTES)
        with zipfile.ZipFile(path) as archive:
            _check(archive, path)
            yield archive
    except ElmanError:
        raise
    except (  # all that zipfile raises at bytes that it does not understand
        zipfile.BadZipFile, zlib.error, OSError, EOFError, NotImplementedError, RuntimeError, ValueError,
        OverflowError, IndexError,
    ) as error:  # fmt: skip
        raise DataError(f"{path} is damaged, or no .keras archive: {error}") from None


def _check(archive: zipfile.ZipFile, path: Path) -> None:
    names = [info.filename for info in archive.infolist()]
    if any(name.endswith("/data.pkl") for name in names):
        raise DataError(f"{path} is a file of PyTorch: elman import torch reads those")
    for name in MEMBERS[1:]:
        if names.count(name) != 1:
            raise DataError(f"{path} has {names.count(name)} members named {name}; a .keras archive has one")
    size = path.stat().st_size
    for info in archive.infolist():
        if info.filename not in MEMBERS:
            shown = info.filename[:80].encode("unicode_escape").decode()
            raise DataError(f"{path} has a member {shown}; a model that elman has needs {', '.join(MEMBERS)}")
        if info.flag_bits & 1:
            raise DataError(f"{info.filename} of {path} is encrypted")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise DataError(f"{info.filename} of {path} is compressed in a way that Keras does not use")
        stored = info.compress_type == zipfile.ZIP_STORED
        if info.compress_size > size or (stored and info.file_size != info.compress_size):
            raise DataError(f"{info.filename} of {path} says that it has more bytes than the archive")
        if info.file_size > max(FREE, EXPANSION * info.compress_size):
            raise DataError(
                f"{info.filename} of {path} would grow from {info.compress_size:,} to {info.file_size:,} "
                "bytes: that is no model"
            )


def read_json(archive: zipfile.ZipFile, path: Path) -> dict[str, Any]:
    """Return config.json, an object; of its depth and size no more is read than Python's stack bears."""
    if archive.getinfo("config.json").file_size > JSON_BYTES:
        raise DataError(f"config.json of {path} has more than {JSON_BYTES >> 20} MiB")
    with archive.open("config.json") as member:
        text = member.read(JSON_BYTES)
    try:
        config = json.loads(text.decode())
    except RecursionError:
        raise DataError(f"config.json of {path} is nested too deeply") from None
    except ValueError as error:
        raise DataError(f"config.json of {path} is not JSON: {error}") from None
    if not isinstance(config, dict):
        raise DataError(f"config.json of {path} is not an object")
    return config


@contextmanager
def unpacked(archive: zipfile.ZipFile) -> Iterator[Path]:
    """Give the weights as a file, for as long as the context lasts."""
    with tempfile.TemporaryDirectory(prefix="elman-") as folder:
        path = Path(folder) / "model.weights.h5"
        with archive.open("model.weights.h5") as member, path.open("wb") as out:
            shutil.copyfileobj(member, out)  # no more than the directory says
        yield path
