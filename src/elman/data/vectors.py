"""Pretrained word vectors: read from the files of word2vec, GloVe and fastText into an embedding."""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

import numpy as np

from elman.data import fasttext
from elman.data.given import check_sources
from elman.data.tokenize import Tokenizer
from elman.data.vector_lists import LOOKED_AT, format_of, read_binary, read_text
from elman.data.vocabulary import LINE_END
from elman.errors import ConfigError, DataError
from elman.typing import Floats

WORD2VEC_END = b"</s>"
"""How these files write the line end."""


class Placed(NamedTuple):
    """What came of a file of vectors.

    Attributes
    ----------
    format : str
        Of the file, as people call it.
    words : int
        Tokens of the vocabulary, K.
    found : int
        Tokens that have a vector in the file.
    composed : int
        Tokens whose vector fastText makes of their parts.
    """

    format: str
    words: int
    found: int
    composed: int

    @property
    def said(self) -> str:
        """A sentence for people."""
        made = f", and {self.composed:,} made of their parts" if self.composed else ""
        share = (self.found + self.composed) / self.words
        return (
            f"vectors ({self.format}): {self.found:,} of {self.words:,} tokens found{made}, {share:.1%}; "
            "the others keep those drawn at random"
        )


def check_vectors(path: str | os.PathLike[str], width: int) -> None:
    """Raise the error of `place_vectors` for what the beginning of a file says.

    Parameters
    ----------
    path : path-like
        The file.
    width : int
        Numbers of a vector that the model has, D.

    Raises
    ------
    DataError, ConfigError
        As there.
    """
    path = _regular(Path(path))
    with _opened(path) as file:
        head = file.read(LOOKED_AT)
    if head.startswith(fasttext.MAGIC):
        fasttext.open_model(path, {}, width)
    else:
        fasttext.check_width(format_of(head, str(path)).width, width, str(path))


def place_vectors(path: str | os.PathLike[str], tokenizer: Tokenizer, E: Floats) -> Placed:
    """Write the vectors of a file into the rows of the tokens that it has.

    The format is told from the file: text as word2vec (a header of two counts), GloVe (none) or fastText
    (``.vec``) write it, word2vec's binary, and fastText's models (``.bin``), which also have vectors for
    words that they do not list. The file is read in pieces, and only vectors of the vocabulary are kept.
    A token is looked up as it is, without a second try in lower case; ``</s>`` is the line end, where no
    token is written so.

    Parameters
    ----------
    path : path-like
        The file; all but a fastText model may be compressed, as ``.gz``.
    tokenizer : Tokenizer
        Of the vocabulary.
    E : ndarray, shape (K, D)
        Word vectors, of which those are overwritten that are found.

    Returns
    -------
    Placed

    Raises
    ------
    DataError
        Where the file cannot be read, or is damaged, or has none of the tokens.
    ConfigError
        Where the vectors have another width than `E`, or a fastText model is of a kind that is not read.

    References
    ----------
    Mikolov et al. (2013), Distributed representations of words and phrases and their compositionality.

    Pennington, Socher & Manning (2014), GloVe: global vectors for word representation.

    Bojanowski et al. (2017), Enriching word vectors with subword information.

    Examples
    --------
    >>> import tempfile
    >>> from elman.data import WordTokenizer
    >>> with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
    ...     _ = file.write("2 3\\ncat 1 2 3\\ndog 4 5 6\\n")
    ...     file.flush()
    ...     E = np.zeros((4, 3))
    ...     place_vectors(file.name, WordTokenizer.from_text("the cat"), E).found, E[2].tolist()
    (1, [1.0, 2.0, 3.0])
    """
    path = _regular(Path(path))
    wanted = _wanted(tokenizer)
    with _opened(path) as file:
        head = file.read(LOOKED_AT)
    if head.startswith(fasttext.MAGIC):
        return _place_model(path, wanted, E, {tokenizer.unknown, tokenizer.line_end})
    found = format_of(head, str(path))
    fasttext.check_width(found.width, E.shape[1], str(path))
    packed = path.name.endswith(".gz")
    if found.binary and not packed and (found.words or 0) * 4 * found.width > path.stat().st_size:
        raise DataError(f"{path} was cut short: {found.words:,} words would take more bytes")
    with _opened(path) as file:
        read = read_binary if found.binary else read_text
        placed = np.zeros(len(E), bool)
        for index, vector in read(file, found, wanted, str(path)):
            if not placed[index]:
                _place(vector, E, index, path)
                placed[index] = True
    return _counted(Placed(found.name, len(E), int(placed.sum()), 0), path)


def _place_model(
    path: Path, wanted: dict[bytes, int], E: Floats, no_words: AbstractSet[int | None]
) -> Placed:
    if path.name.endswith(".gz"):
        raise ConfigError(f"{path} is a fastText model, which is not read in order: unpack it first")
    model = fasttext.open_model(path, wanted, E.shape[1])
    placed = np.zeros((2, len(E)), bool)  # made of parts, listed
    for index, vector, listed in fasttext.vectors(model, wanted):
        if placed[:, index].any() or (not listed and index in no_words):  # the letters of "<unk>" say nothing
            continue
        _place(vector, E, index, path)
        placed[int(listed), index] = True
    composed, found = (int(count) for count in placed.sum(axis=1))
    return _counted(Placed("a fastText model", len(E), found, composed), path)


def _place(vector: Floats, E: Floats, index: int, path: Path) -> None:
    with np.errstate(all="ignore"):  # what is too large for the model's type shows in the check
        E[index] = vector
    if not np.isfinite(E[index]).all():
        raise DataError(f"{path} is damaged: the vector of token {index:,} has a number that is not finite")


def _counted(placed: Placed, path: Path) -> Placed:
    if not placed.found + placed.composed:
        raise DataError(f"{path} has none of the {placed.words:,} tokens: give vectors of this kind of token")
    return placed


def _wanted(tokenizer: Tokenizer) -> dict[bytes, int]:
    """The ids of the tokens, as a file of vectors writes them."""
    names = (tokenizer.token(index) for index in range(tokenizer.vocab_size))
    wanted = {name.encode("utf-8", "surrogatepass"): index for index, name in enumerate(names)}
    if tokenizer.line_end is not None and LINE_END.encode() in wanted:
        wanted.setdefault(WORD2VEC_END, tokenizer.line_end)
    return wanted


def _regular(path: Path) -> Path:
    check_sources(path, "a file of word vectors")
    if not path.is_file():
        raise DataError(f"{path} is no regular file: give a file of word vectors")
    return path


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """Open a file, unpacked where its name ends in .gz."""
    try:
        with path.open("rb") as file:
            yield cast(BinaryIO, gzip.GzipFile(fileobj=file)) if path.name.endswith(".gz") else file
    except (EOFError, OSError, zlib.error) as error:  # gzip raises all three for damaged files
        raise DataError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from None
