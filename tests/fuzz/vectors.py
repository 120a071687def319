"""Reading word vectors: the beginning, and all of a file into an embedding."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np

from elman.data import SpaceTokenizer, check_vectors, place_vectors
from elman.errors import ElmanError

FOLDER = Path(__file__).parents[1] / "vectors" / "words"
TOKENS = SpaceTokenizer.from_text("the cat sat . naïve 明月 don't The 🙂 a dog cats\n")


def seeds() -> list[bytes]:
    """Return the stored files, and one that is compressed."""
    files = [path.read_bytes() for path in sorted(FOLDER.iterdir()) if path.suffix != ".json"]
    return [*files, gzip.compress(files[-1])]


def read(data: bytes, folder: Path) -> None:
    """Read a file, which is compressed where it begins so."""
    path = folder / ("vectors.gz" if data.startswith(b"\x1f\x8b") else "vectors")
    path.write_bytes(data)
    E = np.ones((TOKENS.vocab_size, 5), np.float32)
    try:
        check_vectors(path, 5)
    except ElmanError:
        untouched = E.copy()
        try:
            place_vectors(path, TOKENS, E)
        except ElmanError:
            pass
        else:
            raise AssertionError("what is refused before training is refused when it is read")
        np.testing.assert_array_equal(E, untouched)
        raise
    placed = place_vectors(path, TOKENS, E)
    assert np.isfinite(E).all()
    assert 0 < placed.found + placed.composed <= TOKENS.vocab_size
