"""The text to look at: some tokens of a file, or of a run's own test part."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elman.data import Corpus, Source, Text, Tokenizer, check_given, encode_corpus, open_sources
from elman.errors import ConfigError, DataError

__all__ = ["Sample", "sample_of_corpus", "sample_of_text"]

CHUNK = 1 << 16
"""Bytes that are read of a text at a time."""

SEVERAL = 3
"""Of more files than these only the first is named."""

PARTS = ("test", "valid")
"""Those of a run's own text that it has not learnt from, the one to take first."""


@dataclass(frozen=True, eq=False)
class Sample:
    """The first tokens of a text.

    Attributes
    ----------
    name : str
        Where they come from: the text, or the run.
    part : {"test", "valid"} or None
        Which part of the run's own text they are.
    ids : ndarray of int, (N,)
        The tokens.
    starts : ndarray of int
        Which of them begin a document; empty where documents are not told apart.
    text : str or None
        What they were made from; None where that is not known.
    cut : bool
        Whether the text goes on.
    """

    name: str
    part: str | None
    ids: NDArray[np.integer[Any]]
    starts: NDArray[np.integer[Any]]
    text: str | None
    cut: bool


def sample_of_corpus(corpus: Corpus, length: int, *, name: str) -> Sample:
    """Return the first tokens of what a run has set apart: its test part, or else its validation part.

    Parameters
    ----------
    corpus : Corpus
        The text of the run, in its parts.
    length : int
        How many, at most.
    name : str
        Of the run.

    Returns
    -------
    Sample

    Raises
    ------
    DataError
        If it has neither part.
    CheckpointError
        If the text is damaged.
    ConfigError
        If `length` is less than 2.
    """
    _check(length)
    which = next((which for which in PARTS if which in corpus.parts), None)
    if which is None:
        raise DataError("this run has no test or validation part; say which text to look at")
    part = corpus.parts[which]
    ids = np.array(part.ids[:length], np.intp)
    part.check(ids)
    starts = np.empty(0, np.intp)
    if part.starts is not None:
        starts = part.starts[: int(part.starts.searchsorted(np.uint64(len(ids))))].astype(np.intp)
    return Sample(name, which, ids, starts, None, part.tokens > length)


def sample_of_text(tokenizer: Tokenizer, given: Any, length: int, *, documents: str = "none") -> Sample:
    """Return the first tokens of a text; it is read only as far as they go.

    Parameters
    ----------
    tokenizer : Tokenizer
        That of the model.
    given : path, list of paths, or elman.Text
        The text; "-" is standard input.
    length : int
        How many, at most.
    documents : {"none", "file", "line", "blank"}
        What counts as a document, as in training.

    Returns
    -------
    Sample

    Raises
    ------
    DataError
        If it cannot be read, is empty, or has no tokens.
    ConfigError
        If `length` is less than 2, or `given` is no text.

    Examples
    --------
    >>> import elman
    >>> words = elman.WordTokenizer.from_text("to be or not to be")
    >>> sample = sample_of_text(words, elman.Text("to sleep, perchance to dream"), length=4)
    >>> sample.ids.tolist(), sample.cut  # the words that it does not know are <unk>
    ([3, 0, 0, 0], True)
    """
    _check(length)
    with open_sources(check_given(given)) as sources:
        name, left, cut = _name_of(sources), length, False
        read: list[str | bytes] = []
        for source in sources:
            if left <= 0:
                cut = True
                break
            piece, count, more = _read(tokenizer, source, left)
            read, left, cut = [*read, piece], left - count, more
    with tempfile.TemporaryDirectory(prefix="elman-") as folder:
        corpus = encode_corpus(
            {
                "test": [
                    _as_source(piece, Path(folder, f"{k}.bytes")) for k, piece in enumerate(read) if piece
                ]
            },
            Path(folder, "encoded"),
            tokenizer=tokenizer,
            documents=documents,
        )
        part = corpus.parts["test"]
        ids = np.array(part.ids[:length], np.intp)
        starts = np.array(part.starts if part.starts is not None else [], np.intp)
    text = None if tokenizer.reads_bytes else "".join(map(str, read))
    return Sample(name, None, ids, starts[starts < len(ids)], text, cut)


def _name_of(sources: Sequence[Source]) -> str:
    names = [source.name for source in sources]
    return ", ".join(names) if len(names) <= SEVERAL else f"{names[0]} and {len(names) - 1} more files"


def _check(length: int) -> None:
    if length < 2:
        raise ConfigError(f"length={length}: give at least 2")


def _read(tokenizer: Tokenizer, source: Source, length: int) -> tuple[str | bytes, int, bool]:
    """Return the beginning of a source, how many tokens it has, and whether it goes on."""
    if tokenizer.reads_bytes:
        data = b"".join(source.read(0, min(source.size, length), CHUNK))
        return data, len(data), source.size > length
    texts: Iterator[str] = (text for text, _ in source.read_text(0, source.size, CHUNK))
    found, count = [], 0
    pieces = tokenizer.pieces(texts)
    for piece in pieces:
        found.append(piece)
        count += len(tokenizer.encode(piece))
        if count > length:
            return "".join(found), count, True
    return "".join(found), count, False


def _as_source(piece: str | bytes, path: Path) -> Text | Path:
    if isinstance(piece, str):
        return Text(piece)
    path.write_bytes(piece)
    return path
