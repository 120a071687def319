"""An encoded text on disk: flat files of token ids, mapped into memory, and what is known about them.

A corpus is a folder::

    corpus.json      format, type of the ids, and for each part its counts and sources
    tokenizer.json   the tokenizer that made the ids
    train.ids        raw little-endian uint16 or uint32, one number a token; likewise valid.ids and test.ids
    train.starts     raw little-endian uint64, where documents start; only where documents are told apart
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, cast

import numpy as np

from elman.data.mapped import MappedArray, open_array
from elman.data.part import Part
from elman.data.registry import load_tokenizer
from elman.data.split import PARTS
from elman.data.tokenize import Tokenizer
from elman.data.versions import check_version
from elman.errors import CheckpointError

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
    given : bool
        Whether it is known that the tokenizer was given, and not made of the text.

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
    given: bool = False

    @classmethod
    def open(cls, folder: str | Path) -> Self:
        """Open a corpus that `encode_corpus` or `prepare_corpus` wrote.

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
        if (folder / "index.json").exists():
            from elman.data.shards import open_prepared

            return cast(Self, open_prepared(folder))
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
        None if "written" not in counts else int(counts["written"]), None, maps,
    )  # fmt: skip


def _open_array(path: Path, dtype: "np.dtype[Any]", size: int) -> MappedArray:
    if not isinstance(size, int):
        raise TypeError(f"{size!r} is no size for {path.name}")
    return open_array(path, dtype, size, "encode the text again")
