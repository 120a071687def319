"""What was counted of a text, on disk, sorted, so that many counts are added up in little memory.

A tally is a file of lines in the order of the bytes of their symbols: how often one occurred, its provisional
id, and the symbol, with one space between.
"""

import heapq
from array import array
from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

WAYS = 128
"""Tallies that are added up at a time: each takes a handle."""


class Line(NamedTuple):
    """A line of a tally; `symbol` is as it is written there."""

    symbol: bytes
    times: int
    provisional: int


def write_tally(path: Path, symbols: Sequence[str], counts: NDArray[np.int64]) -> None:
    """Write how often each symbol occurred.

    Parameters
    ----------
    path : Path
        File to write.
    symbols : sequence of str
        Distinct ones, in the order of their provisional ids.
    counts : ndarray of int64, shape (symbols,)
    """
    written = [_written(symbol) for symbol in symbols]
    numbers = counts.tolist()
    with path.open("wb") as file:
        for index in sorted(range(len(written)), key=written.__getitem__):
            file.write(b"%d %d %b\n" % (numbers[index], index, written[index]))


def read_tally(path: Path) -> Iterator[Line]:
    """The lines of a tally, in their order."""
    with path.open("rb") as file:
        for line in file:
            count, provisional, symbol = line[:-1].split(b" ", 2)
            yield Line(symbol, int(count), int(provisional))


def symbols_of(path: Path) -> tuple[list[str], NDArray[np.int64]]:
    """What `write_tally` was given."""
    symbols, numbers = list[str](), array("q")  # no more objects than symbols: there are half a million
    for line in read_tally(path):
        symbols.append(_meant(line.symbol))
        numbers.extend((line.provisional, line.times))
    places, counts = np.array(numbers, np.int64).reshape(-1, 2).T  # (symbols,) each
    order = np.argsort(places)
    return [symbols[index] for index in order.tolist()], counts[order]


def add_up(paths: Sequence[Path], scratch: Path) -> Iterator[tuple[str, int]]:
    """Every symbol of some tallies once, and how often it occurred in all of them.

    Parameters
    ----------
    paths : sequence of Path
        Tallies.
    scratch : Path
        Folder for sums of some of them, where they are many.

    Yields
    ------
    str, int
    """
    paths, rounds = list(paths), 0
    while len(paths) > WAYS:
        sums = []
        for start in range(0, len(paths), WAYS):
            sums.append(scratch / f"sums-{rounds}-{start}")
            with sums[-1].open("wb") as file:
                file.writelines(
                    b"%d 0 %b\n" % (n, symbol) for symbol, n in _sums(paths[start : start + WAYS])
                )
        paths, rounds = sums, rounds + 1
    for symbol, count in _sums(paths):
        yield _meant(symbol), count


def _sums(paths: Sequence[Path]) -> Iterator[tuple[bytes, int]]:
    merged = heapq.merge(*map(read_tally, paths), key=itemgetter(0))
    for symbol, lines in groupby(merged, key=itemgetter(0)):
        yield symbol, sum(line.times for line in lines)


def _written(symbol: str) -> bytes:
    r"""A symbol without a line end in it: "\n" is written so, and a backslash twice."""
    if "\\" in symbol or "\n" in symbol:
        symbol = symbol.replace("\\", "\\\\").replace("\n", "\\n")
    return symbol.encode("utf-8", "surrogatepass")


def _meant(written: bytes) -> str:
    symbol = written.decode("utf-8", "surrogatepass")
    if "\\" not in symbol:
        return symbol
    return "\\".join(part.replace("\\n", "\n") for part in symbol.split("\\\\"))
