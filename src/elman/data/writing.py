"""The files of one part of a corpus while they are written: ids, and where documents start."""

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from elman.data.corpus import ID_TYPES, START_TYPE, id_type
from elman.data.layout import NEWLINE, TEXT
from elman.data.split import Segment
from elman.data.tokenize import Tokenizer
from elman.errors import DataError

_BLOCK = 1 << 16  # ids in memory at a time while a file is rewritten


class DocumentStarts:
    """Finds the first token of every document, piece by piece.

    Parameters
    ----------
    documents : {"file", "line", "blank"}
        What counts as a document.
    continues : bool
        True where the tokens to come continue a source behind a line end, and not known is what came before.

    Attributes
    ----------
    candidate : int or None
        Where it is not known what came before, and documents are what blank lines separate: the start found
        that is one only if there was text before, and if it is 0, a blank line just before. Then it is the
        first of all that were found.
    opens : bool or None
        Whether the first token of all began a source; None while there was none.

    Examples
    --------
    >>> starts = DocumentStarts("line")
    >>> starts.begin_source()
    >>> starts.find(0, np.array([0, 2, 0], np.uint8)), starts.find(3, np.array([2, 0], np.uint8))
    (array([0, 2]), array([4]))
    """

    def __init__(self, documents: str, continues: bool = False) -> None:
        self._documents = documents
        self._last = NEWLINE  # what the token before is to the layout
        self._line_start = 0  # of the line the next token is on
        self._line_has_text = False
        self._after_blank = self._has_text = self._supposed = continues
        self._fresh = not continues
        self.candidate: int | None = None
        self.opens: bool | None = None

    def begin_source(self) -> None:
        """The next token begins a document, whatever it is."""
        self._fresh, self._supposed = True, False

    @property
    def waits(self) -> bool:
        """Whether a source has begun of which no token has come."""
        return self._fresh

    @property
    def after_blank(self) -> bool:
        """Whether the last whole line had no text."""
        return self._after_blank

    @property
    def has_text(self) -> bool:
        """Whether the document had text, of which what was before the first token is not known."""
        return self._has_text and not self._supposed

    def find(self, offset: int, layout: NDArray[np.uint8]) -> NDArray[np.int64]:
        """Offsets of the document starts that a piece makes known, ascending.

        Parameters
        ----------
        offset : int
            Tokens before the piece.
        layout : ndarray of uint8, shape (tokens,)
            As from `Tokenizer.layout`; at least one token.
        """
        fresh, self._fresh = self._fresh, False
        self.opens = fresh if self.opens is None else self.opens
        if self._documents == "line":
            before = np.concatenate([[NEWLINE if fresh else self._last], layout[:-1]])
            self._last = int(layout[-1])
            return offset + np.flatnonzero(before == NEWLINE)
        first = np.array([offset] if fresh else [], np.int64)
        if self._documents == "file":
            return first
        if fresh:
            self._line_start, self._line_has_text, self._after_blank, self._has_text = (
                offset,
                False,
                False,
                False,
            )
        found = np.concatenate([first, self._after_blank_lines(offset, layout)])
        if self._supposed and found.size:
            self.candidate, self._supposed = int(found[0]), False
        return found

    def _after_blank_lines(self, offset: int, layout: NDArray[np.uint8]) -> NDArray[np.int64]:
        """Starts of the lines with text that follow a line without, once the document has text."""
        ends = np.flatnonzero(layout == NEWLINE)
        starts = np.concatenate(
            [[self._line_start], offset + ends + 1]
        )  # (lines,), the last perhaps still empty
        has_text = np.zeros(starts.size, bool)
        has_text[np.searchsorted(ends, np.flatnonzero(layout == TEXT))] = True
        known = self._line_has_text  # the first line had text in an earlier piece, and was dealt with there
        has_text[0] |= known
        after_blank = np.concatenate([[self._after_blank], ~has_text[:-1]])
        new = has_text & after_blank
        new[0] &= not known
        if not self._has_text and has_text.any():
            new[has_text.argmax()] = False  # blank lines at the beginning belong to the first document
        self._has_text |= bool(has_text.any())
        self._line_start = int(starts[-1])
        self._line_has_text, self._after_blank = bool(has_text[-1]), bool(after_blank[-1])
        found: NDArray[np.int64] = starts[new]
        return found


class PartWriter:
    """Writes one part of a corpus, piece by piece.

    Parameters
    ----------
    folder : Path
        Where to write.
    name : str
        Name of the part.
    documents : str
        As for `encode_corpus`.
    tokenizer : Tokenizer or None
        Whose ids will come; None where they are provisional and `renumber` will be called.
    continues : bool
        As for `DocumentStarts`.
    """

    def __init__(
        self,
        folder: Path,
        name: str,
        documents: str,
        tokenizer: Tokenizer | None,
        *,
        continues: bool = False,
    ) -> None:
        self._folder, self._name = folder, name
        self._unknown_id = None if tokenizer is None else tokenizer.unknown
        self._type = id_type(0 if tokenizer is None else tokenizer.vocab_size)
        self._ids = self._path.open("w+b")
        self._starts = None if documents == "none" else (folder / f"{name}.starts").open("wb")
        self.finder = DocumentStarts(documents, continues)
        self.tokens = self.chars = self.bytes = self.unknown = self.written = self._found = 0
        self.low, self.high = np.iinfo(np.int64).max, -1  # the smallest and largest id so far

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ids.close()
        if self._starts is not None:
            self._starts.close()
        if error is None:
            self._path.replace(self._folder / f"{self._name}.ids")

    @property
    def _path(self) -> Path:
        return self._folder / f"{self._name}.{self._type}"

    @property
    def dtype(self) -> str:
        """The type of the ids written, a key of `ID_TYPES`."""
        return self._type

    @property
    def documents(self) -> int | None:
        """How many documents were found to start; None where they are not told apart."""
        return self._found if self.wants_layout else None

    @property
    def wants_layout(self) -> bool:
        """Whether `add` needs a layout."""
        return self._starts is not None

    def begin_source(self) -> None:
        """Say that a new source begins, and with it a document."""
        self.finder.begin_source()

    def count_text(self, chars: int, size: int) -> None:
        """Add to the characters and bytes read."""
        self.chars += chars
        self.bytes += size

    def add(self, ids: NDArray[np.uint32], layout: NDArray[np.uint8] | None) -> None:
        """Append a piece. `layout`, shape (tokens,), is not used where documents are not told apart."""
        if not ids.size:
            return
        if self._starts is not None and layout is not None:
            starts = self.finder.find(self.tokens, layout)
            self._found += starts.size
            self._starts.write(starts.astype(START_TYPE).data)
        if self._unknown_id is not None:
            self.unknown += int(np.count_nonzero(ids == self._unknown_id))
        self.low, self.high = min(self.low, int(ids.min())), max(self.high, int(ids.max()))
        if self._type == "uint16" and id_type(self.high + 1) == "uint32":
            self._rewrite("uint32", None)
        self._ids.write(ids.astype(ID_TYPES[self._type]).data)
        self.tokens += ids.size

    def renumber(self, tokenizer: Tokenizer, table: NDArray[np.uint32], counts: NDArray[np.int64]) -> None:
        """Turn provisional ids into final ones.

        Parameters
        ----------
        tokenizer : Tokenizer
            Whose ids the final ones are.
        table : ndarray of uint32, shape (provisional ids,)
            The final id of each provisional one.
        counts : ndarray of int64, shape (provisional ids,)
            How often each occurs.
        """
        self._rewrite(id_type(tokenizer.vocab_size), table)
        if tokenizer.unknown is not None:
            self.unknown = int(counts[table == tokenizer.unknown].sum())
        used = table[counts > 0]
        self.low, self.high = int(used.min()), int(used.max())

    def _rewrite(self, kind: str, table: NDArray[np.uint32] | None) -> None:
        """Turn the ids written so far into another type, or in place, each looked up in the table."""
        source, old_path, old_type, new_type = self._ids, self._path, ID_TYPES[self._type], ID_TYPES[kind]
        if kind != self._type:
            self._type = kind
            self._ids = self._path.open("w+b")
        for start in range(0, self.tokens, _BLOCK):
            source.seek(start * old_type.itemsize)
            ids = np.frombuffer(source.read(_BLOCK * old_type.itemsize), old_type)
            self._ids.seek(start * new_type.itemsize)
            self._ids.write((ids if table is None else table.take(ids)).astype(new_type).data)
        if self._ids is not source:
            source.close()
            old_path.unlink()

    def summary(self, segments: Sequence[Segment]) -> dict[str, Any]:
        """What ``corpus.json`` says about the part."""
        if not self.tokens:
            raise no_tokens(self._name, segments)
        return {
            "tokens": self.tokens,
            "chars": self.chars,
            "bytes": self.bytes,
            "unknown": self.unknown,
            "written": self.written,
            "documents": self.documents,
            "sources": [{"name": s.source.name, "start": s.start, "stop": s.stop} for s in segments],
        }


def no_tokens(part: str, segments: Sequence[Segment]) -> DataError:
    """The error for a part of these segments in which nothing is a token."""
    names = ", ".join(dict.fromkeys(segment.source.name for segment in segments))
    return DataError(f"the {part} part of {names} has no tokens: give a text with more than white space")
