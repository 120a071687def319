"""Parts of sources, read in pieces, as ids to a writer."""

from collections.abc import Callable, Iterator

import numpy as np

from elman.data.builder import Builder
from elman.data.split import Segment
from elman.data.tokenize import Tokenizer
from elman.data.writing import PartWriter

CHUNK = 1 << 18
"""Bytes of text in memory at a time: large enough for speed, small enough for a processor's cache."""


def texts_of(segment: Segment, chunk: int, writer: PartWriter | None = None) -> Iterator[str]:
    """The text of a segment in pieces; a writer is told how many characters and bytes they have."""
    for text, size in segment.source.read_text(segment.start, segment.stop, chunk):
        if writer is not None:
            writer.count_text(len(text), size)
        yield text


def feed(
    segment: Segment,
    maker: Builder | Tokenizer,
    writer: PartWriter,
    reads_bytes: bool,
    chunk: int,
    after: Callable[[], None] | None = None,
) -> None:
    """Encode a segment, which begins where tokens may begin.

    Parameters
    ----------
    segment : Segment
    maker : Builder or Tokenizer
        What makes ids of text, provisional or final.
    writer : PartWriter
        What takes them.
    reads_bytes : bool
        Whether `maker` takes the bytes of files as they are.
    chunk : int
        Bytes read at a time.
    after : callable, optional
        Called when a piece has been written.
    """
    if reads_bytes:
        for data in segment.source.read(segment.start, segment.stop, chunk):
            ids = np.frombuffer(data, np.uint8).astype(np.uint32)
            # Every byte of UTF-8 but those that continue a character begins one.
            writer.count_text(int(np.count_nonzero((ids & 0xC0) != 0x80)), len(data))
            writer.add(ids, maker.layout("", ids) if writer.wants_layout else None)
            if after is not None:
                after()
        return
    for piece in maker.pieces(texts_of(segment, chunk, writer)):
        ids = maker.feed(piece) if isinstance(maker, Builder) else maker.encode(piece)
        writer.written += maker.written_unknown(piece)
        writer.add(ids, maker.layout(piece, ids) if writer.wants_layout else None)
        if after is not None:
            after()
