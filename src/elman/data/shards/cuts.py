"""Where a text may be cut, so that its shards, encoded by themselves, give the ids of the whole."""

import re
from bisect import bisect_right
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate, pairwise
from typing import Literal, NamedTuple

from elman.data.builder import Builder
from elman.data.sources import Source
from elman.data.split import Segment
from elman.data.tokenize import Tokenizer

_BLOCK = 1 << 16  # bytes looked through at a time


class Place(NamedTuple):
    """A place in a part of a text: which of its segments, and the byte of that one's source."""

    segment: int
    byte: int


class Range(NamedTuple):
    """A stretch of a segment; `begins` says whether it is the beginning of the segment."""

    segment: int
    start: int
    stop: int
    begins: bool


def aims(segments: Sequence[Segment], shards: int) -> list[Place]:
    """Where shards of the same number of bytes would begin, but for the first; each place once.

    Examples
    --------
    >>> from elman.data import Text, open_sources
    >>> with open_sources([Text("abcdef"), Text("ghij")]) as sources:
    ...     segments = [Segment(source, 0, source.size) for source in sources]
    ...     [tuple(place) for place in aims(segments, 4)]
    [(0, 2), (0, 5), (1, 1)]
    """
    begins = list(accumulate((s.stop - s.start for s in segments), initial=0))
    wanted = sorted({begins[-1] * i // shards for i in range(1, shards)} - {0})
    found = []
    for byte in wanted:
        index = bisect_right(begins, byte) - 1
        found.append(Place(index, segments[index].start + byte - begins[index]))
    return found


def settle(
    segments: Sequence[Segment], aimed: Sequence[Place], cuts: Mapping[Place, int | None]
) -> list[Place]:
    """Where shards begin: at the cuts found for what was aimed at, or where those are None, the next segment.

    Parameters
    ----------
    segments : sequence of Segment
    aimed : sequence of Place
        From `aims`.
    cuts : mapping of Place to int or None
        The first byte of the same segment, from the one aimed at, where it may be cut. It may always be cut
        before its first.
    """
    found = set()
    for place in aimed:
        byte = place.byte if place.byte == segments[place.segment].start else cuts[place]
        if byte is not None:
            found.add(Place(place.segment, byte))
        elif place.segment + 1 < len(segments):
            found.add(Place(place.segment + 1, segments[place.segment + 1].start))
    return sorted(found)


def deal(segments: Sequence[Segment], places: Sequence[Place]) -> list[list[Range]]:
    """The ranges of each shard, the first before the first place.

    Examples
    --------
    >>> from elman.data import Text, open_sources
    >>> with open_sources([Text("abcdef"), Text("ghij")]) as sources:
    ...     segments = [Segment(source, 0, source.size) for source in sources]
    >>> for shard in deal(segments, [Place(0, 2), Place(0, 5)]):
    ...     print(*shard)
    Range(segment=0, start=0, stop=2, begins=True)
    Range(segment=0, start=2, stop=5, begins=False)
    Range(segment=0, start=5, stop=6, begins=False) Range(segment=1, start=0, stop=4, begins=True)
    """
    last = len(segments) - 1
    bounds = [Place(0, segments[0].start), *places, Place(last, segments[last].stop)]
    shards = []
    for begin, end in pairwise(bounds):
        ranges = []
        for index in range(begin.segment, end.segment + 1):
            segment = segments[index]
            start = begin.byte if index == begin.segment else segment.start
            stop = end.byte if index == end.segment else segment.stop
            if start < stop:
                ranges.append(Range(index, start, stop, start == segment.start))
        shards.append(ranges)
    return shards


def cuts_by_bytes(
    segment: Segment, aimed: Sequence[int], restarts: Literal["character", "space"], lines_only: bool
) -> list[int | None]:
    """The first byte, from each of those aimed at, where a segment may be cut; None where there is none.

    Parameters
    ----------
    segment : Segment
    aimed : sequence of int
        Bytes of it but its first, ascending.
    restarts : {"character", "space"}
        As of `Tokenizer`.
    lines_only : bool
        Cut behind line ends alone.
    """
    found: list[int | None] = []
    for byte in aimed:
        before = found[-1] if found else 0
        if before is None or before >= byte:  # what was looked through is not looked through again
            found.append(before)
        elif restarts == "character" and not lines_only:
            found.append(_character(segment, byte))
        else:
            found.append(_behind(segment, byte, b"\n" if lines_only else b"\n "))
    return found


def _character(segment: Segment, byte: int) -> int | None:
    near = b"".join(segment.source.read(byte - 1, min(byte + 4, segment.stop), 5))
    place = 2 if near[:2] == b"\r\n" else 1
    while place < len(near) and near[place] & 0xC0 == 0x80:  # inside a character of UTF-8
        place += 1
    return byte - 1 + place if byte - 1 + place < segment.stop else None


def _behind(segment: Segment, byte: int, ends: bytes) -> int | None:
    """The first place from `byte` on that stands behind one of some bytes."""
    position, pattern = byte - 1, re.compile(b"[" + ends + b"]")
    for block in segment.source.read(position, segment.stop, _BLOCK):
        match = pattern.search(block)
        if match:
            place = position + match.end()
            return place if place < segment.stop else None
        position += len(block)
    return None


def cuts_by_pieces(
    segment: Segment, aimed: Sequence[int], maker: Tokenizer | Builder, lines_only: bool, chunk: int
) -> list[int | None]:
    """As `cuts_by_bytes`, for tokenizers that alone know where a text may be cut: it is read to the last cut.

    A cut is where a piece ends that would have the same ids if the text ended there.

    Parameters
    ----------
    segment, aimed, lines_only
        As for `cuts_by_bytes`.
    maker : Tokenizer or Builder
        Whose `pieces` are between the cuts.
    chunk : int
        Bytes read at a time.
    """
    read: deque[tuple[int, str, int, int]] = deque()  # the first character of each, the text, its bytes

    def texts() -> Iterator[str]:
        first = 0
        for text, _, start, stop in segment.source.read_placed(segment.start, segment.stop, chunk):
            read.append((first, text, start, stop))
            first += len(text)
            yield text

    found: list[int | None] = []
    done, last = 0, ""  # characters in the pieces so far, and the last of those
    for piece in maker.pieces(texts()):
        done += len(piece)
        before, last = last, piece
        while read[0][0] + len(read[0][1]) < done:
            read.popleft()
        if read[0][3] < aimed[len(found)] or (lines_only and not piece.endswith("\n")):
            continue
        if before and not _ends(maker, before, piece):
            continue
        first, text, start, stop = read[0]
        byte = start + _bytes_of(segment.source, text, done - first, start, stop)
        while len(found) < len(aimed) and aimed[len(found)] <= byte < segment.stop:
            found.append(byte)
        if len(found) == len(aimed):
            return found
    return found + [None] * (len(aimed) - len(found))


def _ends(maker: Tokenizer | Builder, before: str, piece: str) -> bool:
    """Whether two pieces, the last ones of a text, have the ids that they have where more follows."""
    whole = before + piece
    if next(iter(maker.pieces([whole]))) == before:
        return True
    known = maker.known if isinstance(maker, Builder) else maker  # here they are one piece
    return known is not None and [
        *known.encode(before).tolist(), *known.encode(piece).tolist()
    ] == known.encode(whole).tolist()  # fmt: skip


def _bytes_of(source: Source, text: str, count: int, start: int, stop: int) -> int:
    """How many bytes of a file are the first characters of a text that was read from it."""
    if len(text.encode()) == stop - start:
        return len(text[:count].encode())
    raw = b"".join(source.read(start, stop, stop - start)).decode()
    dropped = 0  # carriage returns before a line feed
    for pair in re.finditer("\r\n", raw):
        if pair.start() - dropped >= count:
            break
        dropped += 1
    return len(raw[: count + dropped].encode())
