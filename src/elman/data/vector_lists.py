"""Word vectors in files that are lists: the texts of word2vec, GloVe and fastText, and word2vec's binary."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import BinaryIO, NamedTuple

import numpy as np

from elman.errors import DataError
from elman.typing import Floats

LOOKED_AT = 1 << 18
"""Bytes at the beginning from which the format is told; a first line is not longer."""

LONGEST_WORD = 4096
"""Bytes of the longest word."""

LONGEST_NUMBER = 64
"""Bytes of the longest number in a text, with what separates it from the next."""

_DIGITS = 12  # of the longest count; more are no count


class Format(NamedTuple):
    """What the beginning of a file says.

    Attributes
    ----------
    name : str
        As messages have it.
    binary : bool
        Whether the numbers are bytes of float32.
    words : int or None
        How many words the header promises; None without a header.
    width : int
        Numbers of a vector, D.
    """

    name: str
    binary: bool
    words: int | None
    width: int


def format_of(head: bytes, source: str) -> Format:
    """Tell the format of a list of vectors from the first bytes of the file.

    Raises
    ------
    DataError
        Where it is none.
    """
    line, _, rest = head.partition(b"\n")
    fields = line.split()
    if len(fields) == 2 and all(field.isdigit() and len(field) <= _DIGITS for field in fields):
        words, width = map(int, fields)
        if words and 0 < width <= len(head):
            text = len(_numbers(rest.partition(b"\n")[0], width)) == width
            name = "text with a header" if text else "word2vec's binary format"
            return Format(name, not text, words, width)
    elif len(fields) > 1 and len(_numbers(line, len(fields) - 1)) == len(fields) - 1:
        return Format("text without a header", False, None, len(fields) - 1)
    if not head:
        raise DataError(f"{source} is empty: give a file of word vectors")
    raise DataError(
        f"{source} has no word vectors: its first line is neither two counts nor a word and its numbers"
    )


def _numbers(line: bytes, width: int) -> list[float]:
    """The last numbers of a line, at most so many; none where one is no number, or no word stands before."""
    fields = line.rsplit(None, width)
    try:
        return [float(field) for field in fields[1:]]
    except ValueError:
        return []


def read_text(
    file: BinaryIO, found: Format, wanted: Mapping[bytes, int], source: str
) -> Iterator[tuple[int, Floats]]:
    """Yield the id and the vector of each wanted word of a text, a line at a time.

    Raises
    ------
    DataError
        From the iterator, where a line is no vector, or the file ends before the words that it promises.
    """
    width, limit = found.width, LONGEST_WORD + LONGEST_NUMBER * found.width
    if found.words is not None:
        file.readline(limit)
    read = 0
    while line := file.readline(limit):
        if len(line) == limit and not line.endswith(b"\n"):
            raise DataError(f"{source} is no text of word vectors: entry {read + 1:,} does not end")
        end = line.find(b" ")
        word = line[:end] if end > 0 else line[: max(0, line.find(b"\t"))]
        read += not line.isspace()
        index = wanted.get(word)
        if index is None:
            continue
        fields = line.rsplit(None, width)
        if len(fields) == width + 1 and fields[0] != word:
            continue  # a word with spaces in it
        numbers = _numbers(line, width)
        if len(numbers) != width:
            raise DataError(f"{source} is damaged: entry {read:,} is not a word and {width} numbers")
        yield index, np.array(numbers)
    if found.words is not None and read < found.words:
        raise DataError(f"{source} was cut short: it promises {found.words:,} words and has {read:,}")


def read_binary(
    file: BinaryIO, found: Format, wanted: Mapping[bytes, int], source: str
) -> Iterator[tuple[int, Floats]]:
    """Yield the id and the vector of each wanted word of word2vec's binary format.

    Raises
    ------
    DataError
        From the iterator, where a word does not end, or the file does too early.
    """
    size, data, at = 4 * found.width, b"", 0
    file.readline(LONGEST_WORD)
    for read in range(found.words or 0):
        while (space := data.find(b" ", at, at + LONGEST_WORD)) < 0 or len(data) <= space + size:
            if space < 0 and len(data) - at >= LONGEST_WORD:
                raise DataError(f"{source} is damaged: entry {read + 1:,} does not begin with a word")
            more = file.read(LOOKED_AT)
            if not more:
                raise DataError(f"{source} was cut short: it promises {found.words:,} words and has {read:,}")
            data, at = data[at:] + more, 0
        index = wanted.get(data[at:space].lstrip(b"\n"))
        if index is not None:
            yield index, np.frombuffer(data, "<f4", found.width, space + 1)
        at = space + 1 + size
