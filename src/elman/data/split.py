"""Which bytes of which source belong to training, validation and test."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from elman.data.sources import Source
from elman.errors import ConfigError, DataError

PARTS = ("train", "valid", "test")
"""The parts of a corpus, in the order in which they lie in a text."""

DEFAULT_SPLIT = (0.9, 0.05, 0.05)

_LINE_SEARCH = 65_536  # bytes to look ahead for a line end


@dataclass(frozen=True)
class Segment:
    """Bytes `start` to `stop` of one source."""

    source: Source
    start: int
    stop: int


def check_split(split: Sequence[float]) -> tuple[float, float, float]:
    """The three fractions, or a `ConfigError` that says what is wrong with them.

    Parameters
    ----------
    split : sequence of 3 floats
        Fractions of the bytes for training, validation and test. They sum to 1 within 1e-6.

    Returns
    -------
    tuple of 3 floats

    Examples
    --------
    >>> check_split([0.8, 0.2, 0])
    (0.8, 0.2, 0.0)
    """
    fractions = [float(f) for f in split]
    if len(fractions) != 3:
        raise ConfigError(f"split has {len(fractions)} numbers: give 3, for training, validation and test")
    if not all(0 <= f <= 1 for f in fractions):
        raise ConfigError(f"split is {tuple(fractions)}: give fractions between 0 and 1")
    if abs(sum(fractions) - 1) > 1e-6:
        raise ConfigError(
            f"split is {tuple(fractions)}, which sums to {sum(fractions):g}: give fractions that sum to 1"
        )
    train, valid, test = fractions
    return train, valid, test


def split_by_fractions(
    sources: Sequence[Source], split: tuple[float, float, float], cut_at: Literal["character", "line"]
) -> dict[str, list[Segment]]:
    """Cut the sources, taken as one text, into contiguous parts.

    Each cut is moved forward, so that it cuts no character, and for ``"line"`` no line: to the next line
    end, or where that is more than 64 KiB away or would leave the next part empty, to the next white space.

    Parameters
    ----------
    sources : sequence of Source
    split : tuple of 3 floats
        Fractions, as from `check_split`. A part whose fraction is 0 is absent.
    cut_at : {"character", "line"}

    Returns
    -------
    dict of str to list of Segment
        Of the parts that are present, in order.

    Raises
    ------
    DataError
        Where a part would be empty.
    """
    names = [name for name, fraction in zip(PARTS, split, strict=True) if fraction > 0]
    total = sum(source.size for source in sources)
    targets = [round(total * math.fsum(split[: PARTS.index(name) + 1])) for name in names[:-1]]
    targets = [0, *targets, total]
    cuts = [0]
    for target, limit in pairwise(targets[1:]):
        cuts.append(_move(sources, target, limit, cut_at))
    cuts.append(total)
    for name, (start, stop) in zip(names, pairwise(cuts), strict=True):
        if start >= stop:
            raise DataError(
                f"the {name} part would have no text, since the whole has only {total:,} bytes: "
                "give a longer text, separate files, or a split with fewer parts"
            )
    return {name: _segments(sources, a, b) for name, (a, b) in zip(names, pairwise(cuts), strict=True)}


def whole(parts: Mapping[str, Sequence[Source]]) -> dict[str, list[Segment]]:
    """Each part from its own sources."""
    return {
        name: [Segment(source, 0, source.size) for source in parts[name]] for name in PARTS if name in parts
    }


def _segments(sources: Sequence[Source], start: int, stop: int) -> list[Segment]:
    """Bytes `start` to `stop` of the sources taken as one."""
    segments, offset = [], 0
    for source in sources:
        a, b = max(start - offset, 0), min(stop - offset, source.size)
        if a < b:
            segments.append(Segment(source, a, b))
        offset += source.size
    return segments


def _move(sources: Sequence[Source], target: int, limit: int, cut_at: Literal["character", "line"]) -> int:
    """The place at or after `target` where the text may be cut; before `limit` wherever possible."""
    offset = 0
    for source in sources:
        if target < offset + source.size:
            break
        offset += source.size
    local = target - offset
    if local == 0:
        return target  # between two sources
    before = b"".join(source.read(local - 1, local, 1))
    ahead = b"".join(source.read(local, min(source.size, local + _LINE_SEARCH), _LINE_SEARCH))
    if cut_at == "line":
        to_line_end = _line_end(before, ahead)
        if to_line_end is None and local + len(ahead) == source.size:
            to_line_end = len(ahead)  # the end of a file ends its line
        to_space = next((i for i, byte in enumerate(before + ahead) if byte in b" \t"), None)
        for moved in (to_line_end, to_space):
            if moved is not None and target + moved < limit:
                return target + moved
    moved = 1 if before == b"\r" and ahead[:1] == b"\n" else 0
    while moved < min(4, len(ahead)) and ahead[moved] & 0xC0 == 0x80:  # inside a character of UTF-8
        moved += 1
    return target + moved


def _line_end(before: bytes, ahead: bytes) -> int | None:
    """Bytes of `ahead` to the end of its first line: 0 where `before` ended one, None where none ends."""
    if before == b"\n" or (before == b"\r" and ahead[:1] != b"\n"):
        return 0
    ends = [end for end in (ahead.find(b"\n"), ahead.find(b"\r")) if end >= 0]
    if not ends:
        return None
    end = min(ends)
    return end + (2 if ahead[end : end + 2] == b"\r\n" else 1)
