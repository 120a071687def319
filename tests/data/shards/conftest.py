"""Texts in files, prepared and encoded, and what is held equal of both."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from elman.data import Corpus, encode_corpus
from tests.small import sentences

Write = Callable[[Sequence[bytes | str]], Path]


@pytest.fixture(autouse=True, scope="module")
def _no_waiting() -> Iterator[None]:
    """A test does not wait for the disk; what is asked of it is seen elsewhere."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda handle: None)
        yield


@pytest.fixture(scope="session")
def write(tmp_path_factory: pytest.TempPathFactory) -> Write:
    """Write texts to files of a new folder, which is where to look for them."""

    def written(texts: Sequence[bytes | str]) -> Path:
        folder = tmp_path_factory.mktemp("texts")
        (folder / "in").mkdir()
        for number, text in enumerate(texts):
            data = text if isinstance(text, bytes) else text.encode()
            (folder / "in" / f"{number:02d}.txt").write_bytes(data)
        return folder

    return written


def assert_same_corpus(prepared: Corpus, encoded: Corpus) -> None:
    """What readers see of a prepared text is what they see of the same texts encoded to one file a part."""
    assert prepared.tokenizer == encoded.tokenizer
    assert (prepared.notes, prepared.documents) == (encoded.notes, encoded.documents)
    assert list(prepared.parts) == list(encoded.parts)
    for name, one in encoded.parts.items():
        part = prepared.parts[name]
        assert part.ids.dtype == one.ids.dtype
        assert np.array_equal(part.ids[:], one.ids)
        for count in ("name", "tokens", "chars", "bytes", "unknown", "written", "vocab_size"):
            assert getattr(part, count) == getattr(one, count), (name, count)
        assert (part.starts is None) == (one.starts is None)
        if one.starts is not None and part.starts is not None:
            assert part.starts[:].tolist() == one.starts.tolist()
        counts = np.bincount(one.ids, minlength=encoded.tokenizer.vocab_size)
        assert part.counts is None if name != "train" else np.array_equal(part.counts, counts)


def encoded(folder: Path, **settings: Any) -> Corpus:
    """The texts of a folder, encoded as elman train encodes them."""
    return encode_corpus(folder / "in", folder / "encoded", **settings)


def files_in(folder: Path) -> dict[str, bytes]:
    """The files of a folder, but for its lock."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*")) if path.is_file() and path.name != ".lock"
    }  # fmt: skip


OPTIONS = {"tokens": "word", "documents": "blank", "shards": 3, "split": (0.7, 0.15, 0.15)}


@pytest.fixture(scope="module")
def texts(tmp_path_factory):
    """Two texts, one of them compressed."""
    folder = tmp_path_factory.mktemp("texts")
    (folder / "a.txt").write_text(sentences(40).replace(".\n", ".\n\n"))
    with gzip.open(folder / "b.txt.gz", "wb") as file:
        file.write(sentences(30, seed=1).encode())
    return folder


class Stopped(Exception):
    """An interruption, wherever it comes."""


def stopping(after):
    """What is told how far it has come, and interrupts the work when it has been told so often."""
    told = []

    def report(what, done, of):
        told.append((what, done, of))
        if len(told) > after:
            raise Stopped(what)

    return report, told
