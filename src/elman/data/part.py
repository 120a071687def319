"""One part of an encoded text: training, validation or test."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from elman.data.joined import JoinedArray, JoinedStarts
from elman.data.mapped import MappedArray
from elman.errors import CheckpointError, ShapeError
from elman.typing import Ints


@dataclass(frozen=True, eq=False)
class Part:
    """One part of a corpus: training, validation or test.

    Attributes
    ----------
    name : str
        ``"train"``, ``"valid"`` or ``"test"``.
    ids : ndarray of uint16 or uint32, shape (tokens,), read-only; or JoinedArray
        The token ids. Of a text in shards stretches are taken as of an array, and files mapped as they are.
    chars, bytes : int
        Characters of the text, and bytes of it in UTF-8, as it was encoded: after a byte-order mark was
        dropped and line ends were made one character (with byte tokens neither is done).
    unknown : int
        How many tokens are ``<unk>``.
    written : int or None
        How many of those stand so in the text, and are not in the place of something else; None where that
        is not known.
    starts : ndarray of uint64, shape (documents,), read-only; or JoinedStarts, or None
        Offsets of the first token of every document, ascending; None where documents are not told apart.
    vocab_size : int or None
        How many tokens the ids are of; None where that is not known.
    path : Path or None
        The file that holds the ids, or the folder of the shards; None where they are in memory.
    counts : ndarray of int64, shape (vocab_size,), or None
        How often each id occurs; None where that is known only to those who read them all.

    Examples
    --------
    >>> part = Part.from_ids([3, 1, 2, 1])
    >>> part.tokens, part.starts
    (4, None)
    """

    name: str
    ids: NDArray[np.integer[Any]] | JoinedArray
    chars: int
    bytes: int
    unknown: int
    starts: NDArray[np.uint64] | JoinedStarts | None = None
    vocab_size: int | None = None
    path: Path | None = None
    written: int | None = None
    counts: NDArray[np.int64] | None = field(default=None, repr=False)
    _maps: tuple[MappedArray | JoinedArray, ...] = field(default=(), repr=False)

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
            raise self.damaged(
                "ids",
                f"it holds token id {int(ids.max())}, but the ids of its vocabulary are 0 to "
                f"{self.vocab_size - 1}",
            )

    def damaged(self, suffix: str, how: str) -> CheckpointError:
        """The error that says which file is damaged, as far as that is known, and how.

        Parameters
        ----------
        suffix : {"ids", "starts"}
            What kind of file.
        how : str
            What is wrong with it.
        """
        if isinstance(self.ids, JoinedArray):
            return CheckpointError(
                f"a file {self.name}-*.{suffix} in {self.path} is damaged: {how}; "
                f"elman data check {self.path} says which"
            )
        where = self.path.with_suffix(f".{suffix}") if self.path else self.name
        return CheckpointError(f"{where} is damaged: {how}; encode the text again")

    def require(self, start: int, stop: int) -> None:
        """Raise CheckpointError if a file that holds one of these tokens is missing, or not of its size.

        Of a text in shards no other file is touched.

        Parameters
        ----------
        start, stop : int
            The first token, and the one after the last.
        """
        if isinstance(self.ids, JoinedArray):
            self.ids.open(start, stop)

    def release(self) -> None:
        """Give back the memory that holds the parts of the files read so far. The numbers stay readable."""
        for mapped in self._maps:
            mapped.release()
