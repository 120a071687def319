"""A ZIP archive of uncompressed members, each read at the place where it lies."""

from __future__ import annotations

import zipfile
import zlib
from itertools import pairwise
from pathlib import Path
from typing import Any

from elman.errors import DataError

_LOCAL = 30
"""Bytes of the fixed part of a member's own header."""

_END = 22
"""Bytes of the end of an archive."""

_LOCATOR, _SECOND = 20, 56
"""Bytes of what says where the second end of a large archive is, and of that end."""

LARGEST_DIRECTORY = 16 * 2**20
"""Bytes of the largest directory that is read: enough for 200,000 members."""


class Archive:
    """An archive whose directory has been found to fit the file.

    Parameters
    ----------
    path : Path
        The file.
    size : int
        Its size in bytes.

    Raises
    ------
    DataError
        If it is no ZIP archive, two members have one name, or their places overlap or lie outside the file.
    """

    def __init__(self, path: Path, size: int) -> None:
        self.path = path
        check_directory(path, size, LARGEST_DIRECTORY)
        try:
            with zipfile.ZipFile(path) as archive:
                members = archive.infolist()
        # zipfile lets struct.error and others through where a directory is damaged.
        except Exception as error:
            reason = str(error) or type(error).__name__
            raise DataError(f"{path} is cut short, damaged, or not a PyTorch file ({reason:.100})") from None
        self._places: dict[str, tuple[int, zipfile.ZipInfo]] = {}  # by name; the first is where it begins
        spans = []
        with path.open("rb") as file:
            for member in members:
                start = self._start(file, member)
                end = start + member.compress_size
                if end > size:
                    raise DataError(f"{path} is cut short: {member.filename!r:.80} ends after the file")
                if member.filename in self._places:
                    raise DataError(f"{path} is damaged: it has two members {member.filename!r:.80}")
                self._places[member.filename] = (start, member)
                spans.append((member.header_offset, end, member.filename))
        spans.sort()
        for (_, end, one), (start, _, other) in pairwise(spans):
            if start < end:
                raise DataError(f"{path} is damaged: its members {one!r:.60} and {other!r:.60} overlap")

    def _start(self, file: Any, member: zipfile.ZipInfo) -> int:
        """Return where the bytes of a member begin, after its own header."""
        name = f"{member.filename!r:.80}"
        if member.header_offset < 0:  # as where the directory says that it begins after its place
            raise DataError(f"{self.path} is damaged: the place of {name} is before the file")
        file.seek(member.header_offset)
        head = file.read(_LOCAL)
        if len(head) != _LOCAL or not head.startswith(b"PK\x03\x04"):
            raise DataError(f"{self.path} is damaged: there is no member at the place of {name}")
        length, extra = int.from_bytes(head[26:28], "little"), int.from_bytes(head[28:30], "little")
        own = file.read(length)
        if own != member.orig_filename.encode("utf-8" if member.flag_bits & 0x800 else "cp437", "replace"):
            raise DataError(f"{self.path} is damaged: the member at the place of {name} has another name")
        return int(member.header_offset) + _LOCAL + length + extra

    @property
    def names(self) -> frozenset[str]:
        """The names of the members."""
        return frozenset(self._places)

    def size_of(self, name: str) -> int:
        """Return the bytes of a member; raise DataError if there is none."""
        if name not in self._places:
            raise DataError(f"{self.path} is damaged: the member {name!r:.80} is missing")
        return int(self._places[name][1].file_size)

    def small(self, name: str, most: int) -> bytes:
        """Return a member that has at most so many bytes."""
        if self.size_of(name) > most:
            raise DataError(
                f"{self.path} is refused: {name!r:.80} has {self.size_of(name):,} bytes, "
                f"of which at most {most:,} are read"
            )
        return self.read(name)

    def read(self, name: str) -> bytes:
        """Return the bytes of a member.

        Raises
        ------
        DataError
            If there is none, it is compressed or encrypted, or its checksum is wrong.
        """
        size = self.size_of(name)
        start, member = self._places[name]
        plain = member.compress_type == zipfile.ZIP_STORED and member.compress_size == size
        if not plain or member.flag_bits & 1:
            raise DataError(
                f"{self.path} is refused: {name!r:.60} is compressed or encrypted, unlike torch's own: "
                "save it anew"
            )
        with self.path.open("rb") as file:
            file.seek(start)
            data = file.read(size)
        if len(data) != size or zlib.crc32(data) != member.CRC:
            raise DataError(f"{self.path} is damaged: the checksum of {name!r:.80} is wrong")
        return data


def check_directory(path: Path, size: int, most: int) -> None:
    """Raise DataError if the directory of an archive is too large to be read into memory.

    The end of the archive says how large it is, or of a large archive a second end before it. These are found
    as zipfile finds them; what is no archive, it will say.

    Parameters
    ----------
    path : Path
        The file.
    size : int
        Its size in bytes.
    most : int
        Bytes of the largest directory that may be read.
    """
    with path.open("rb") as file:
        file.seek(max(0, size - _END - 65_535 - _LOCATOR - _SECOND))
        tail = file.read()
    exact = tail[-_END:]
    sound = exact.startswith(b"PK\x05\x06") and exact.endswith(b"\0\0")
    place = len(tail) - _END if sound else tail.rfind(b"PK\x05\x06")
    if place < 0:
        return
    claims = [int.from_bytes(tail[place + 12 : place + 16], "little")]
    locator = tail[max(0, place - _LOCATOR) : place]
    if locator.startswith(b"PK\x06\x07"):
        second = tail[: place - _LOCATOR][-_SECOND:]
        there = size - len(tail) + place - _LOCATOR - _SECOND
        # Some versions of Python look for it right before, some where the locator says.
        if not second.startswith(b"PK\x06\x06") or int.from_bytes(locator[8:16], "little") != there:
            raise DataError(f"{path} is damaged: the end of its archive is not where it says")
        claims = [int.from_bytes(second[40:48], "little")]
    if claims[0] > most:
        raise DataError(
            f"{path} is refused: the directory of its archive has {claims[0]:,} bytes, of which at most "
            f"{most:,} are read"
        )
