"""Texts read line by line."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from elman.data.sources import SourceLike, open_sources

_CHUNK = 1 << 18  # bytes of text in memory at a time


class Line(NamedTuple):
    """A line of a text, without its end."""

    source: str
    number: int  # from 1
    text: str


def read_lines(given: SourceLike | Iterable[SourceLike]) -> Iterator[Line]:
    r"""Read texts line by line, in bounded memory but for the longest line.

    A line ends with a line feed, a carriage return, or both. What follows the last of them is a line too,
    where it is not empty. A leading byte-order mark is dropped.

    Parameters
    ----------
    given : path, Text, or iterable of them
        As for `open_sources`.

    Yields
    ------
    Line

    Raises
    ------
    DataError
        Where something is missing, empty, not UTF-8, or cannot be read.

    Examples
    --------
    >>> from elman.data import Text
    >>> [line.text for line in read_lines(Text("one\ntwo\n\nfour"))]
    ['one', 'two', '', 'four']
    """
    with open_sources(given) as sources:
        for source in sources:
            number, held = 0, list[str]()
            for piece, _ in source.read_text(0, source.size, _CHUNK):
                first, *others = piece.split("\n")
                held.append(first)
                for following in others:
                    number += 1
                    yield Line(source.name, number, "".join(held))
                    held = [following]
            if any(held):
                yield Line(source.name, number + 1, "".join(held))
