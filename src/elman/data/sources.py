"""Where text comes from: files, folders, gzip, standard input, and strings in memory."""

import errno
import gzip
import io
import os
import stat
import sys
import tempfile
import zlib
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE, utf_8_decode
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypeAlias

from elman.errors import DataError

SUFFIXES = (".txt", ".text", ".md", ".txt.gz", ".text.gz", ".md.gz")
"""Endings of the file names that are taken from a folder. A file given by name may have any."""


@dataclass(frozen=True)
class Text:
    """A text in memory, where the path of a file could stand.

    Parameters
    ----------
    text : str
        The text.
    name : str
        What messages call it.

    Examples
    --------
    >>> with open_sources(Text("naïve")) as [source]:
    ...     source.size
    6
    """

    text: str
    name: str = "<text>"


SourceLike: TypeAlias = str | os.PathLike[str] | Text
"""A path of a file or folder, ``"-"`` for standard input, or a `Text`."""


def default_text() -> str:
    """The text that every Python carries: its own reference, about 465,000 characters.

    Returns
    -------
    str
        The topics of ``help()`` in the order of their names, a blank line between two.

    Examples
    --------
    >>> len(default_text()) > 300_000
    True
    """
    from pydoc_data.topics import topics  # 0.7 MB of literals, of use only here

    return "\n\n".join(topics[name] for name in sorted(topics))


class Source:
    """One text of known size, read in parts.

    Attributes
    ----------
    name : str
        The path, ``<stdin>``, or the name of a `Text`.
    size : int
        Bytes; of a compressed file, those of the text in it.
    dropped_mark, changed_ends : int
        After reading as text: bytes of a leading byte-order mark that was dropped, and how many carriage
        returns were dropped or turned into line ends.
    """

    def __init__(self, name: str, file: BinaryIO) -> None:
        self.name, self._file = name, file
        self.size = file.seek(0, os.SEEK_END)
        self.forget()

    def forget(self) -> None:
        """Count anew what is dropped and changed, as before the first reading."""
        self.dropped_mark = self.changed_ends = 0

    def read(self, start: int, stop: int, chunk: int) -> Iterator[bytes]:
        """Bytes `start` to `stop`, at most `chunk` at a time.

        Raises
        ------
        DataError
            Where the file cannot be read to there.
        """
        while start < stop:
            try:
                self._file.seek(start)
                data = self._file.read(min(chunk, stop - start))
            except OSError as error:
                raise DataError(f"cannot read {self.name}: {error.strerror or error}") from None
            if not data:
                raise DataError(
                    f"{self.name} became shorter while it was read: start again when it is complete"
                )
            start += len(data)
            yield data

    def read_text(self, start: int, stop: int, chunk: int) -> Iterator[tuple[str, int]]:
        """Text from byte `start` to `stop`, as pairs of a piece and the bytes it has in UTF-8.

        A leading byte-order mark is dropped. Line ends become line feeds, also where they were carriage
        returns or both.

        Raises
        ------
        DataError
            Where the bytes are not UTF-8, with the offset of the first that is not.
        """
        for text, size, _, _ in self.read_placed(start, stop, chunk):
            yield text, size

    def read_placed(self, start: int, stop: int, chunk: int) -> Iterator[tuple[str, int, int, int]]:
        """As `read_text`; with each piece also the bytes of the file that it was, from and to."""
        held, position = b"", start  # bytes that wait for the next chunk, and the offset of the first
        for data in self.read(start, stop, chunk):
            held += data
            final = position + len(held) == stop
            if position == 0 and len(held) < len(BOM_UTF8) and not final:
                continue
            mark = len(BOM_UTF8) if position == 0 and held.startswith(BOM_UTF8) else 0
            self.dropped_mark += mark
            try:
                text, used = utf_8_decode(held[mark:], "strict", final)
            except UnicodeDecodeError as error:
                raise DataError(self._not_utf8(held[mark:], position + mark + error.start)) from None
            if text.endswith("\r") and not final:  # a line feed may follow
                text, used = text[:-1], used - 1
            pairs = text.count("\r\n") if "\r" in text else 0
            if "\r" in text:
                self.changed_ends += text.count("\r")
                text = text.replace("\r\n", "\n").replace("\r", "\n")
            first = position + mark
            held, position = held[mark + used :], first + used
            if text:
                yield text, used - pairs, first, position

    def _not_utf8(self, held: bytes, offset: int) -> str:
        if offset < 2 and held.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
            hint = "it looks like UTF-16: save it as UTF-8"
        elif self.name.endswith(".gz"):
            hint = "save the text in it as UTF-8, or read it as bytes with --tokens byte"
        else:
            hint = "save it as UTF-8, or read it as bytes with --tokens byte (in Python tokens='byte')"
        return f"{self.name} is not UTF-8 at byte {offset}: {hint}"


def notes_of(name: str, dropped_mark: int, changed_ends: int) -> list[str]:
    """What is said of a source that was not taken as it stands."""
    notes = [f"{name}: dropped the byte-order mark at its beginning"] if dropped_mark else []
    if changed_ends:
        notes.append(f"{name}: wrote {changed_ends:,} line ends with carriage returns as line feeds")
    return notes


@contextmanager
def open_sources(
    given: SourceLike | Iterable[SourceLike], spool: str | Path | None = None
) -> Iterator[list[Source]]:
    """Open what was given, and close it at the end of the ``with`` block.

    Plain files are read where they are. Compressed files, standard input, pipes and strings are first
    written to a temporary file, so that sizes are known and memory does not grow with them.

    Parameters
    ----------
    given : path, Text, or iterable of them
        A file; a folder, of which every file with one of `SUFFIXES` is taken that is not hidden or empty,
        at any depth, in the order of their paths; any file that ends in ``.gz``; ``"-"`` for standard
        input; a `Text`.
    spool : path, optional
        Folder for temporary files; the system's where not given.

    Yields
    ------
    list of Source

    Raises
    ------
    DataError
        Where something is missing, empty, or cannot be read.
    """
    items = items_of(given)
    with ExitStack() as stack:
        yield [source for item in items for source in _open(item, stack, spool)]


def items_of(given: SourceLike | Iterable[SourceLike]) -> list[SourceLike]:
    """Return what was given as a list; raise DataError for nothing, or for standard input given twice."""
    items = [given] if isinstance(given, str | os.PathLike | Text) else list(given)
    if not items:
        raise DataError("no text was given: give a file, a folder, or - for standard input")
    if items.count("-") > 1:
        raise DataError("standard input was given twice: it can be read only once")
    return items


def _open(item: SourceLike, stack: ExitStack, spool: str | Path | None) -> list[Source]:
    """The sources behind one item: several for a folder, one for anything else."""
    if isinstance(item, Text):
        name, data = item.name, item.text.encode("utf-8", "surrogatepass")
        source = Source(name, _spool(io.BytesIO(data), name, stack, spool))
    elif item == "-":
        source = Source("<stdin>", _spool(sys.stdin.buffer, "<stdin>", stack, spool))
    elif _is_dir(Path(item)):
        found = [source for path in texts_in(Path(item)) for source in _open_file(path, stack, spool)]
        if not any(source.size for source in found):
            raise without_text(Path(item), bool(found))
        return [source for source in found if source.size]
    else:
        (source,) = _open_file(Path(item), stack, spool)
    if not source.size:
        raise DataError(f"{source.name} is empty: give a text to read")
    return [source]


def without_text(folder: Path, some: bool) -> DataError:
    """Say that a folder has no text, or `some` that are all empty."""
    what = "only empty texts" if some else "no text"
    if (folder / "index.json").exists():
        return DataError(f"{folder} holds a prepared text, not texts: train on it by --data {folder}")
    return DataError(f"{folder} is a folder with {what}: put in files that end in {', '.join(SUFFIXES)}")


def texts_in(folder: Path) -> list[Path]:
    """The texts in a folder, at any depth, in the order of their paths; DataError where one is unreadable."""

    def refuse(error: OSError) -> None:
        raise DataError(f"cannot read the folder {error.filename}: {error.strerror}")

    found = []
    for parent, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [Path(parent, n) for n in names if n.lower().endswith(SUFFIXES) and not n.startswith(".")]
    return sorted(found)


def _is_dir(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError as error:  # such as a name that is too long
        raise unreadable(path, error) from None


TEXTS = "a text file, a folder, or - for standard input"
"""What can be given as a text, in words."""


def unreadable(path: Path, error: OSError | ValueError, wanted: str = TEXTS) -> DataError:
    """Say why a path cannot be read; a text where a path should stand is told from a wrong path."""
    name = str(path)
    too_long = isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG
    if too_long or isinstance(error, FileNotFoundError):
        shown = f"{name[:40]!r}..." if too_long or "\n" in name else name
        hint = "; in Python, a string that is the text itself is wrapped: elman.Text(...)"
        a_text = wanted is TEXTS and (too_long or any(character.isspace() for character in name))
        return DataError(f"there is no file {shown}: give {wanted}{hint if a_text else ''}")
    # ValueError: a null character in the path
    return DataError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}")


def _open_file(path: Path, stack: ExitStack, spool: str | Path | None) -> list[Source]:
    try:
        file = stack.enter_context(path.open("rb"))
        plain = stat.S_ISREG(os.fstat(file.fileno()).st_mode)
    except (OSError, ValueError) as error:
        raise unreadable(path, error) from None
    if path.name.endswith(".gz"):
        packed = stack.enter_context(gzip.GzipFile(fileobj=file))
        return [Source(str(path), _spool(packed, str(path), stack, spool))]
    return [Source(str(path), file if plain else _spool(file, str(path), stack, spool))]


def _spool(
    reader: BinaryIO | gzip.GzipFile, name: str, stack: ExitStack, spool: str | Path | None
) -> BinaryIO:
    """Copy to a temporary file, which is gone when the stack closes."""
    file = stack.enter_context(tempfile.TemporaryFile(dir=spool))  # noqa: SIM115 - the stack closes it
    while True:
        try:
            data = reader.read(1 << 20)
        except (EOFError, OSError, zlib.error) as error:  # gzip raises all three for damaged files
            raise DataError(f"cannot read {name}: {getattr(error, 'strerror', None) or error}") from None
        if not data:
            return file
        file.write(data)
