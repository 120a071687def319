"""Word vectors of fastText's models: those of the words in its list, and of others by their parts."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from elman.errors import ConfigError, DataError
from elman.typing import Floats

MAGIC = b"\xba\x16\x4f\x2f"
"""The first bytes of a model."""

VERSIONS = (11, 12)
LONGEST_WORD = 4096
"""Bytes of the longest word in a list, and of the longest that is made of its parts."""

LONGEST_PART = 64
"""Characters of the longest part that a model may have."""

_ARGS = struct.Struct("<12id")  # dim ws epoch minCount neg wordNgrams loss model bucket minn maxn rate, t
_COUNTS = struct.Struct("<iiiqq")  # entries, words, labels, tokens, pruned
_ENTRY = 9  # bytes behind a word: how often it occurred, and whether it is a label
_SUPERVISED = 3


class Model(NamedTuple):
    """A model's list and where its matrix lies.

    Attributes
    ----------
    ids : dict of bytes to int
        Of the wanted words that are in its list: the row.
    words : int
        Words in its list.
    rows : ndarray of float32, shape (words + buckets, D)
        Mapped from the file: one for each word, and one for each bucket of parts.
    shortest, longest : int
        Characters of a part.
    """

    ids: dict[bytes, int]
    words: int
    rows: NDArray[np.float32]
    shortest: int
    longest: int


def open_model(path: Path, wanted: Mapping[bytes, int], width: int) -> Model:
    """Read the list of a model; the matrix is mapped, and read where it is asked.

    Raises
    ------
    DataError
        Where the file is damaged or cut short.
    ConfigError
        Where the vectors have another width, or the model is of a kind that is not read.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        try:
            return _read(file, path, size, wanted, width)
        except struct.error:
            raise DataError(f"{path} was cut short: fastText's header does not end") from None


def _read(file: BinaryIO, path: Path, size: int, wanted: Mapping[bytes, int], width: int) -> Model:
    (version,) = struct.unpack("<4xi", file.read(8))
    if version not in VERSIONS:
        raise ConfigError(f"{path} is a fastText model of version {version}; those of {VERSIONS} are read")
    args = _ARGS.unpack(file.read(_ARGS.size))
    dim, model, bucket, shortest, longest = args[0], args[7], args[8], args[9], args[10]
    entries, words, labels, _, pruned = _COUNTS.unpack(file.read(_COUNTS.size))
    if version == 11 and model == _SUPERVISED:
        longest = 0
    sound = dim > 0 and bucket >= 0 and labels >= 0 and words > 0 and words + labels == entries
    if not sound or entries * (_ENTRY + 1) > size or not 0 <= longest <= LONGEST_PART:
        raise DataError(f"{path} is damaged: its header has counts that cannot be")
    check_width(dim, width, str(path))
    if pruned > 0:
        raise ConfigError(f"{path} is a fastText model that was pruned: give the .bin or .vec of the whole")
    ids = _list(file, path, entries, words, wanted)
    quantised = file.read(1)
    if quantised == b"\x01":
        raise ConfigError(f"{path} is a quantised fastText model: give its .bin or .vec")
    rows, columns = struct.unpack("<qq", file.read(16))
    begin = file.tell()
    if columns != dim or rows not in (words + bucket, words):
        raise DataError(f"{path} is damaged: its matrix is {rows} x {columns}, which its header contradicts")
    if 4 * rows * columns > size - begin:
        raise DataError(f"{path} was cut short: its vectors end before their {4 * rows * columns:,} bytes")
    matrix = np.memmap(path, "<f4", "r", begin, (rows, columns))
    return Model(ids, words, matrix, max(shortest, 1), longest if rows > words else 0)


def check_width(found: int, width: int, source: str) -> None:
    """Raise ConfigError if vectors have another width than the model's."""
    if found != width:
        raise ConfigError(
            f"{source} has vectors of {found} numbers, where embedding is {width}: give --embedding {found}"
        )


def _list(
    file: BinaryIO, path: Path, entries: int, words: int, wanted: Mapping[bytes, int]
) -> dict[bytes, int]:
    """The rows of the wanted words."""
    ids: dict[bytes, int] = {}
    data, at = b"", 0
    for row in range(entries):
        while (end := data.find(b"\0", at, at + LONGEST_WORD)) < 0 or len(data) < end + 1 + _ENTRY:
            if end < 0 and len(data) - at >= LONGEST_WORD:
                raise DataError(f"{path} is damaged: entry {row + 1:,} of its list does not end")
            more = file.read(1 << 20)
            if not more:
                raise DataError(f"{path} was cut short: its list has {row:,} of {entries:,} entries")
            data, at = data[at:] + more, 0
        if row < words and data[at:end] in wanted:
            ids.setdefault(data[at:end], row)
        at = end + 1 + _ENTRY
    file.seek(at - len(data), 1)
    return ids


def vectors(model: Model, wanted: Mapping[bytes, int]) -> Iterator[tuple[int, Floats, bool]]:
    """Yield the id of each word that has a vector, the vector, and whether the word is in the list."""
    for word, index in wanted.items():
        row = model.ids.get(word)
        rows = [] if row is None else [row]
        if word != b"</s>" and len(word) <= LONGEST_WORD:
            buckets = len(model.rows) - model.words
            parts = _parts(b"<" + word + b">", model.shortest, model.longest)
            rows += [model.words + _hash(part) % buckets for part in parts]
        if rows:
            with np.errstate(all="ignore"):  # what overflows is found not to be finite
                vector = model.rows[rows].mean(axis=0)
            yield index, vector, row is not None


def _parts(word: bytes, shortest: int, longest: int) -> Iterator[bytes]:
    """All parts of a word, by characters of UTF-8; not its first or its last character alone."""
    starts = [i for i, byte in enumerate(word) if byte & 0xC0 != 0x80] + [len(word)]
    last = len(starts) - 1
    for i in range(last):
        for n in range(shortest, min(longest, last - i) + 1):
            if n > 1 or 0 < i < last - 1:
                yield word[starts[i] : starts[i + n]]


def _hash(part: bytes) -> int:
    """FNV-1a in 32 bits, over bytes with a sign as fastText has them."""
    value = 2166136261
    for byte in part:
        value = ((value ^ (byte if byte < 128 else byte | 0xFFFFFF00)) * 16777619) & 0xFFFFFFFF
    return value
