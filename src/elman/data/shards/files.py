"""The files of a large text: which there are, and how one is read without being kept open."""

import gzip
import os
import stat
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from elman.data.sources import Source, SourceLike, Text, items_of, texts_in, unreadable, without_text
from elman.errors import DataError

WANTED = "a text file or a folder"
"""What can be given, in words."""


@dataclass(frozen=True)
class Listed:
    """A file of a text, as it was when it was listed.

    Attributes
    ----------
    name : str
        The path as it was given, for messages.
    path : str
        The same from the root, so that it is found from any folder.
    size, changed : int
        Bytes, and when it was last changed, in nanoseconds: by these it is known again.
    part : str or None
        Of which part it is, where the parts are separate texts.
    named : bool
        Whether it was named itself, and not a folder that it is in.
    """

    name: str
    path: str
    size: int
    changed: int
    part: str | None = None
    named: bool = True

    @property
    def packed(self) -> bool:
        """Whether the text in it is compressed."""
        return self.name.endswith(".gz")

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> Self:
        """Rebuild from its fields; raise TypeError or ValueError where they are none."""
        found = cls(**fields)
        texts = (found.name, found.path, "" if found.part is None else found.part)
        if not all(isinstance(text, str) for text in texts):
            raise TypeError("a file has a name that is no text")
        if not all(type(number) is int for number in (found.size, found.changed)):
            raise TypeError("a file has a size that is no number")
        return found


class FileSource(Source):
    """A text in a file that is opened when it is read, and closed again.

    Parameters
    ----------
    name : str
        What messages call it.
    path : Path
    number : int
        Which of the files of the text it is.
    """

    def __init__(self, name: str, path: Path, number: int) -> None:
        self.name, self.path, self.number = name, path, number
        try:
            self.size = path.stat().st_size
        except OSError as error:
            raise DataError(f"cannot read {name}: {error.strerror or error}") from None
        self.forget()

    def read(self, start: int, stop: int, chunk: int) -> Iterator[bytes]:
        """As `Source.read`."""
        try:
            file = self.path.open("rb")
        except OSError as error:
            raise DataError(f"cannot read {self.name}: {error.strerror or error}") from None
        with file:
            yield from Source(self.name, file).read(start, stop, chunk)


def list_files(given: SourceLike | Iterable[SourceLike], part: str | None = None) -> list[Listed]:
    """The files behind what was given, in order; the empty ones of a folder are left out.

    Parameters
    ----------
    given : path, or iterable of them
        Files, and folders as for `open_sources`.
    part : str, optional
        Of which part they are.

    Raises
    ------
    DataError
        Where one is missing, empty or unreadable, or can be read only once.
    """
    found: list[Listed] = []
    for item in items_of(given):
        if item == "-" or isinstance(item, Text):
            what = "standard input" if item == "-" else "a text in memory"
            raise DataError(
                f"{what} cannot be prepared, since preparing goes on from files after an interruption: "
                "write it to a file first"
            )
        path = Path(item)
        try:
            folder = path.is_dir()
        except OSError as error:  # such as a name that is too long
            raise unreadable(path, error, WANTED) from None
        if folder:
            files = [_listed(inner, part, named=False) for inner in texts_in(path)]
            if not any(file.size for file in files):
                raise without_text(path, bool(files))
            found += [file for file in files if file.size]
        else:
            file = _listed(path, part, named=True)
            if not file.size:
                raise empty(file)
            found.append(file)
    return found


def empty(file: Listed) -> DataError:
    """The error for a file without a text."""
    return DataError(f"{file.name} is empty: give a text to read")


def _listed(path: Path, part: str | None, *, named: bool) -> Listed:
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):  # to open a pipe is to wait for who writes to it
            raise DataError(f"{path} is no file on disk, and can be read only once: write it to a file first")
        path.open("rb").close()
    except DataError:
        raise
    except (OSError, ValueError) as error:
        raise unreadable(path, error, WANTED) from None
    whole = os.path.abspath(path)  # noqa: PTH100 - what is a link stays one
    return Listed(str(path), whole, status.st_size, status.st_mtime_ns, part, named)


def unpack(name: str, path: Path, target: Path) -> int:
    """Write the text in a compressed file to another; return how many bytes it has.

    Raises
    ------
    DataError
        Where the file cannot be read, or is damaged.
    OSError
        Where the other cannot be written.
    """
    with target.open("wb") as out:
        for data in _unpacked(name, path):
            out.write(data)
        return out.tell()


def _unpacked(name: str, path: Path) -> Iterator[bytes]:
    try:
        with gzip.open(path, "rb") as packed:
            while data := packed.read(1 << 20):
                yield data
    except (EOFError, OSError, zlib.error) as error:  # gzip raises all three for damaged files
        raise DataError(f"cannot read {name}: {getattr(error, 'strerror', None) or error}") from None
