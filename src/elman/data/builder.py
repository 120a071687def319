"""How a vocabulary is built from a training text."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from elman.data.layout import code_points, layout_of

if TYPE_CHECKING:
    from elman.data.tokenize import Tokenizer


class Builder(ABC):
    """Reads the training text once, hands out provisional ids, and then says which symbols become tokens.

    Provisional ids number the symbols in order of first appearance, so that ids can be written to disk before
    the vocabulary is known; a table then turns them into final ones. Of a text that several builders read,
    each some of it, what they have counted is added up by symbols, and any of them chooses from the sums: the
    vocabulary does not depend on who read what.

    Attributes
    ----------
    learns : bool
        True where the text is read twice: `learn` is then called before all else.
    """

    learns: ClassVar[bool] = False

    def learn(self, texts: Iterable[Iterable[str]]) -> None:  # noqa: B027 - most have nothing to learn
        """Read the training text, each source of it in pieces, before it is fed."""

    @property
    def known(self) -> "Tokenizer | None":
        """What `learn` has learnt, for `know` of another builder; None where there is nothing to learn."""
        return None

    def know(self, tokenizer: "Tokenizer") -> None:  # noqa: B027
        """Take what another builder of the same settings has learnt, in place of `learn`."""

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
    def counted(self) -> tuple[list[str], NDArray[np.int64]]:
        """The symbol behind each provisional id, and how often each occurred, shape (seen,)."""

    @abstractmethod
    def clear(self) -> None:
        """Forget what was counted. Where ids number symbols as they appear, they begin anew."""

    @abstractmethod
    def choose(self, counted: Iterable[tuple[str, int]]) -> "Tokenizer":
        """The tokenizer for these symbols and counts, whichever builders counted them.

        Parameters
        ----------
        counted : iterable of (str, int)
            Each symbol once, in any order. Those that are tokens whatever the text may be among them.

        Returns
        -------
        Tokenizer
        """

    @abstractmethod
    def table(self, tokenizer: "Tokenizer", symbols: Sequence[str]) -> NDArray[np.uint32]:
        """The final id of each symbol, shape (symbols,); of one that is no token, that of ``<unk>``.

        Parameters
        ----------
        tokenizer : Tokenizer
            From `choose`.
        symbols : sequence of str
            From `counted`.
        """

    def finish(self) -> "tuple[Tokenizer, NDArray[np.uint32], NDArray[np.int64]]":
        """The tokenizer; the table from provisional to final id; how often each provisional id occurred."""
        symbols, counts = self.counted()
        tokenizer = self.choose(zip(symbols, counts.tolist(), strict=True))
        return tokenizer, self.table(tokenizer, symbols), counts
