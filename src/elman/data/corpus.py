"""An encoded text on disk: flat files of token ids, mapped into memory, and what is known about them.

A corpus is a folder::

    corpus.json      format, type of the ids, and for each part its counts and sources
    tokenizer.json   the tokenizer that made the ids
    train.ids        raw little-endian uint16 or uint32, one number a token; likewise valid.ids and test.ids
    train.starts     raw little-endian uint64, where documents start; only where documents are told apart
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from elman.data.mapped import MappedArray
from elman.data.registry import load_tokenizer
from elman.data.split import PARTS
from elman.data.tokenize import Tokenizer
from elman.data.versions import check_version
from elman.errors import CheckpointError, ShapeError
from elman.typing import Ints

FORMAT = 1
"""Version of ``corpus.json``. A reader refuses a larger one."""

ID_TYPES: dict[str, "np.dtype[Any]"] = {"uint16": np.dtype("<u2"), "uint32": np.dtype("<u4")}
START_TYPE: "np.dtype[Any]" = np.dtype("<u8")
DOCUMENTS = ("none", "file", "line", "blank")
"""What counts as a document: nothing, a source, a line, or what blank lines separate."""


def id_type(vocab_size: int) -> str:
    """The smaller of ``"uint16"`` and ``"uint32"`` that holds the ids 0 to `vocab_size` - 1."""
    return "uint16" if vocab_size <= 1 << 16 else "uint32"


@dataclass(frozen=True, eq=False)
class Part:
    """One part of a corpus: training, validation or test.

    Attributes
    ----------
    name : str
        ``"train"``, ``"valid"`` or ``"test"``.
    ids : ndarray of uint16 or uint32, shape (tokens,), read-only
        The token ids.
    chars, bytes : int
        Characters of the text, and bytes of it in UTF-8, as it was encoded: after a byte-order mark was
        dropped and line ends were made one character (with byte tokens neither is done).
    unknown : int
        How many tokens are ``<unk>``.
    written : int or None
        How many of those stand so in the text, and are not in the place of something else; None where that
        is not known.
    starts : ndarray of uint64, shape (documents,), read-only, or None
        Offsets of the first token of every document, ascending; None where documents are not told apart.
    vocab_size : int or None
        How many tokens the ids are of; None where that is not known.
    path : Path or None
        The file that holds the ids; None where they are in memory.

    Examples
    --------
    >>> part = Part.from_ids([3, 1, 2, 1])
    >>> part.tokens, part.starts
    (4, None)
    """

    name: str
    ids: NDArray[np.integer[Any]]
    chars: int
    bytes: int
    unknown: int
    starts: NDArray[np.uint64] | None = None
    vocab_size: int | None = None
    path: Path | None = None
    written: int | None = None
    _maps: tuple[MappedArray, ...] = field(default=(), repr=False)

    @property
    def tokens(self) -> int:
        """How many tokens there are."""
        return self.ids.size

    @classmethod
    def from_ids(
        cls, ids: Ints | Sequence[int], starts: Ints | Sequence[int] | None = None, name: str = "train"
    ) -> Self:
        """A part of ids in memory, whose text is not known: it counts one character and one byte a token.

        Parameters
        ----------
        ids : array of integers, shape (tokens,)
        starts : array of integers, shape (documents,), optional
            Offsets of the first token of every document, ascending.
        name : str

        Returns
        -------
        Part

        Raises
        ------
        ShapeError
            Where `ids` is not one-dimensional or not of integers, or `starts` are not ascending offsets in
            it.
        """
        array = np.array(ids)
        if array.ndim != 1 or not np.issubdtype(array.dtype, np.integer):
            raise ShapeError(
                f"ids is of {array.dtype} with shape {array.shape}: give integers of shape (tokens,)"
            )
        offsets = None
        if starts is not None:
            signed = np.array(starts, np.int64)
            if signed.ndim != 1 or (np.diff(signed, prepend=-1) < 1).any() or (signed >= array.size).any():
                raise ShapeError(
                    f"starts are not ascending offsets below {array.size}: give each document's first token"
                )
            offsets = signed.astype(np.uint64)
            offsets.flags.writeable = False
        array.flags.writeable = False
        return cls(name, array, array.size, array.size, 0, offsets)

    def check(self, ids: NDArray[Any]) -> None:
        """Raise CheckpointError if ids that were read from this part are not of its vocabulary.

        A file on disk can be damaged without changing its size, and is too long to be searched when it is
        opened: what reads it checks what it has read.

        Parameters
        ----------
        ids : ndarray of int, of any shape
            Of `ids`, a copy or a view.

        Raises
        ------
        CheckpointError
            If an id is `vocab_size` or more; the message names the file.

        Examples
        --------
        >>> Part.from_ids([3, 1, 2, 1]).check(np.array([3, 1]))  # of no vocabulary known here
        """
        if self.vocab_size is not None and ids.size and int(ids.max()) >= self.vocab_size:
            raise CheckpointError(
                f"{self.path or self.name} is damaged: it holds token id {int(ids.max())}, but the ids of "
                f"its vocabulary are 0 to {self.vocab_size - 1}; encode the text again"
            )

    def release(self) -> None:
        """Give back the memory that holds the parts of the files read so far. The numbers stay readable."""
        for mapped in self._maps:
            mapped.release()


@dataclass(frozen=True, eq=False)
class Corpus:
    """An encoded text, in up to three parts.

    Attributes
    ----------
    folder : Path
        Where it lies.
    tokenizer : Tokenizer
        What its ids mean.
    parts : dict of str to Part
        Of ``"train"``, ``"valid"`` and ``"test"`` those that there are.
    documents : {"none", "file", "line", "blank"}
        What counts as a document.
    notes : tuple of str
        What was done to the text that its owner may want to know, such as a byte-order mark dropped.

    Examples
    --------
    >>> import elman, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = elman.encode_corpus(elman.Text("abcd" * 100), folder, split=(0.5, 0.25, 0.25))
    ...     corpus = elman.Corpus.open(folder)
    ...     corpus.tokenizer, corpus.parts["train"].ids[:5], corpus.parts["test"].tokens
    (<CharTokenizer: 5 tokens>, array([1, 2, 3, 4, 1], dtype=uint16), 100)
    """

    folder: Path
    tokenizer: Tokenizer
    parts: Mapping[str, Part]
    documents: str
    notes: tuple[str, ...] = ()

    @classmethod
    def open(cls, folder: str | Path) -> Self:
        """Open a corpus that `encode_corpus` wrote.

        Parameters
        ----------
        folder : str or Path

        Returns
        -------
        Corpus

        Raises
        ------
        CheckpointError
            Where a file is missing, damaged, of the wrong size, or made by a newer version of elman.
        """
        folder = Path(folder)
        fields = _read_json(folder / "corpus.json")
        try:
            parts = {name: _open_part(folder, name, fields) for name in fields["parts"]}
            documents, notes = fields["documents"], tuple(map(str, fields["notes"]))
            vocab_size = fields["vocab_size"]
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            if isinstance(error, CheckpointError):
                raise
            raise CheckpointError(
                f"{folder / 'corpus.json'} is damaged ({type(error).__name__}: {error}): "
                "encode the text again"
            ) from None
        tokenizer = load_tokenizer(folder / "tokenizer.json")
        if tokenizer.vocab_size != vocab_size:
            raise CheckpointError(
                f"{folder} has ids of {vocab_size} tokens but a tokenizer of {tokenizer.vocab_size}: "
                "encode the text again"
            )
        return cls(folder, tokenizer, parts, documents, notes)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        fields = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise CheckpointError(
            f"{path} is missing, so no text was encoded there to the end: encode it again"
        ) from None
    except OSError as error:
        raise CheckpointError(f"cannot read {path}: {error.strerror or error}") from None
    except ValueError as error:
        raise CheckpointError(f"{path} is not JSON ({error}): encode the text again") from None
    version = fields.get("format") if isinstance(fields, dict) else None
    check_version(version, FORMAT, str(path), "encode the text again")
    return dict(fields)


def _open_part(folder: Path, name: str, fields: dict[str, Any]) -> Part:
    if name not in PARTS or fields["dtype"] not in ID_TYPES:
        raise CheckpointError(
            f"{folder / 'corpus.json'} names a part or type unknown here: encode the text again"
        )
    counts = fields["parts"][name]
    ids = _open_array(folder / f"{name}.ids", ID_TYPES[fields["dtype"]], counts["tokens"])
    if counts["documents"] is None:
        maps: tuple[MappedArray, ...] = (ids,)
        starts = None
    else:
        offsets = _open_array(folder / f"{name}.starts", START_TYPE, counts["documents"])
        maps, starts = (ids, offsets), offsets.array
    return Part(
        name, ids.array, int(counts["chars"]), int(counts["bytes"]), int(counts["unknown"]), starts,
        int(fields["vocab_size"]), folder / f"{name}.ids",
        None if "written" not in counts else int(counts["written"]), maps,
    )  # fmt: skip


def _open_array(path: Path, dtype: "np.dtype[Any]", size: int) -> MappedArray:
    if not isinstance(size, int):
        raise TypeError(f"{size!r} is no size for {path.name}")
    try:
        found = path.stat().st_size
        if found != size * dtype.itemsize:
            raise CheckpointError(
                f"{path} has {found:,} bytes where {size * dtype.itemsize:,} were expected: "
                "encode the text again"
            )
        return MappedArray(path, dtype)
    except OSError as error:
        raise CheckpointError(
            f"cannot read {path} ({error.strerror or error}): encode the text again"
        ) from None
