"""How a vocabulary is built from a training text."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from elman.data.layout import code_points, layout_of

if TYPE_CHECKING:
    from elman.data.tokenize import Tokenizer


class Builder(ABC):
    """Reads the training text once, hands out provisional ids, and then says which symbols become tokens.

    Provisional ids number the symbols in order of first appearance, so that ids can be written to disk before
    the vocabulary is known; a table then turns them into final ones.

    Attributes
    ----------
    learns : bool
        True where the text is read twice: `learn` is then called before all else.
    """

    learns: ClassVar[bool] = False

    def learn(self, texts: Iterable[Iterable[str]]) -> None:  # noqa: B027 - most have nothing to learn
        """Read the training text, each source of it in pieces, before it is fed."""

    @property
    @abstractmethod
    def seen(self) -> int:
        """How many provisional ids have been handed out: all are smaller than this."""

    def pieces(self, texts: Iterable[str]) -> Iterator[str]:
        """As `Tokenizer.pieces`."""
        return iter(texts)

    @abstractmethod
    def feed(self, piece: str) -> NDArray[np.uint32]:
        """Provisional ids of a piece of text, shape (tokens,), its symbols counted."""

    def layout(self, piece: str, ids: NDArray[np.uint32]) -> NDArray[np.uint8]:
        """As `Tokenizer.layout`, for provisional ids."""
        return layout_of(code_points(piece))

    def written_unknown(self, piece: str) -> int:
        """As `Tokenizer.written_unknown`."""
        return 0

    @abstractmethod
    def finish(self) -> "tuple[Tokenizer, NDArray[np.uint32], NDArray[np.int64]]":
        """The tokenizer; the table from provisional to final id; how often each provisional id occurred."""
