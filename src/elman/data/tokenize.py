"""Tokenizers: text in, integer ids out, and back. What every kind must do."""

import copy
import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray

from elman.data.builder import Builder
from elman.data.layout import code_points, layout_of
from elman.errors import ShapeError
from elman.typing import Ints

FORMAT = 1
"""Version of the JSON that describes a tokenizer. A reader refuses a larger one."""


class TokenStream(ABC):
    """Turns ids into text one at a time: call it with an id, and at the end call `flush`.

    The pieces, joined, are what `Tokenizer.decode` gives for all the ids. A piece may be empty: a byte is
    often only a part of a character.

    Examples
    --------
    >>> from elman.data import ByteTokenizer
    >>> stream = ByteTokenizer().stream()
    >>> [stream(byte) for byte in "né".encode()], stream.flush()
    (['n', '', 'é'], '')
    """

    @abstractmethod
    def __call__(self, token: int) -> str:
        """Text that this id adds."""

    def flush(self) -> str:
        """Text that was still waiting for its end. The stream is then as new."""
        return ""

    def copy(self) -> Self:
        """A stream that has read the same ids, and goes on by itself.

        What a stream keeps that changes in place, and is not replaced, it copies here.
        """
        return copy.copy(self)


class Tokenizer(ABC):
    """Text in, integer ids out, and back.

    A new kind derives from this class and enters the registry (`elman.data.registry`): the command line and
    the conformance tests then know it.

    Attributes
    ----------
    name : str
        The name in the registry, in configuration files and in ``tokenizer.json``.
    unit : str
        What one token is called in messages.
    reads_bytes : bool
        True where the tokenizer reads files as bytes, and so never decodes them or changes their line ends.
    cut_at : {"character", "line"}
        Where a text may be cut into training, validation and test parts.
    restarts : {"character", "space", "piece"}
        Where a text can be cut so that both sides, encoded by themselves, give the ids of the whole: between
        any two characters (of which a carriage return and its line feed are one), behind a space or a line
        end, or only where `pieces` cuts it.
    has_builder : bool
        False where the vocabulary is given and never built from a text, so that `elman train` does not
        offer the kind.
    """

    name: ClassVar[str]
    unit: ClassVar[str]
    reads_bytes: ClassVar[bool] = False
    cut_at: ClassVar[Literal["character", "line"]] = "character"
    restarts: ClassVar[Literal["character", "space", "piece"]] = "piece"
    has_builder: ClassVar[bool] = True

    @classmethod
    @abstractmethod
    def builder(
        cls, *, max_vocab: int | None = None, min_count: int = 1, lowercase: bool = False
    ) -> Builder | None:
        """What builds the vocabulary from a text, or None where the vocabulary is the same for every text.

        Parameters
        ----------
        max_vocab : int, optional
            The largest number of tokens, ``<unk>`` and its like included.
        min_count : int
            How often a symbol must occur to become a token.
        lowercase : bool
            Read the text in lower case.

        Raises
        ------
        ConfigError
            Where the kind has no such option or the value is out of range.
        """

    @classmethod
    def from_text(
        cls, text: str, *, max_vocab: int | None = None, min_count: int = 1, lowercase: bool = False
    ) -> "Tokenizer":
        """Build a tokenizer from a training text in memory.

        Parameters
        ----------
        text : str
            The training text.
        max_vocab, min_count, lowercase
            As for `builder`.

        Returns
        -------
        Tokenizer

        Examples
        --------
        >>> from elman.data import WordTokenizer
        >>> words = WordTokenizer.from_text("to be or not to be", max_vocab=4)
        >>> words.decode(words.encode("to be or"))
        'to be <unk>'
        """
        builder = cls.builder(max_vocab=max_vocab, min_count=min_count, lowercase=lowercase)
        if builder is None:
            return cls()
        builder.learn([[text]])
        builder.feed(text)
        return builder.finish()[0]

    @property
    @abstractmethod
    def vocab_size(self) -> int:
        """K, the number of ids: they are 0 to K - 1."""

    @property
    @abstractmethod
    def unknown(self) -> int | None:
        """The id of ``<unk>``, or None where every text can be written."""

    @property
    @abstractmethod
    def start(self) -> int | None:
        """The id that begins a line, the first context of a text; None where the vocabulary has none."""

    @property
    def line_end(self) -> int | None:
        """The id of every line end, which is a token of its own; None where there is no such token."""
        return self.start

    @property
    def open(self) -> bool:
        """Whether the tokens can write every text, so that nothing is ever unknown."""
        return False

    @property
    def shows_lines(self) -> bool:
        """Whether `layout` tells where each line ends."""
        return True

    @property
    def notes(self) -> tuple[str, ...]:
        """What someone who trains with it may want to know, a sentence each."""
        return ()

    @abstractmethod
    def encode(self, text: str) -> NDArray[np.uint32]:
        """Ids of a text, shape (tokens,).

        Symbols outside the vocabulary become `unknown`.
        """

    @abstractmethod
    def stream(self) -> TokenStream:
        """A fresh decoder that takes ids one at a time.

        To continue a text, give it the ids of the text first: what a token adds depends on those before it.
        """

    @abstractmethod
    def token(self, index: int) -> str:
        """Text of one token, as a table of probabilities shows it."""

    @abstractmethod
    def unknown_symbols(self, text: str) -> list[str]:
        """The distinct symbols of a text that are outside the vocabulary, in order of appearance."""

    def written_unknown(self, text: str) -> int:
        """How often a text has the unknown token itself, as published corpora have ``<unk>``.

        Parameters
        ----------
        text : str

        Returns
        -------
        int
        """
        return 0

    def extent(self, index: int) -> tuple[int, int]:
        """Characters of a text that one token is, and bytes of it in UTF-8; of ``<unk>``, one of each.

        Parameters
        ----------
        index : int
            Its id.

        Returns
        -------
        chars, bytes : int
        """
        text = "?" if index == self.unknown else self.token(index)
        return len(text), len(text.encode("utf-8", "surrogatepass"))

    def symbols(self, text: str) -> list[str]:
        """The symbol behind each id of `encode`, also where that is `unknown`."""
        return [self.token(index) for index in self.encode(text).tolist()]

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """All there is to know, for `tokenizer_from_json`."""

    @classmethod
    @abstractmethod
    def from_json(cls, fields: dict[str, Any]) -> Self:
        """Rebuild from the fields of `to_json`. Raises ValueError where they do not describe this kind."""

    def decode(self, ids: Ints | Sequence[int]) -> str:
        """Text of a sequence of ids.

        Parameters
        ----------
        ids : array of integers, shape (tokens,)

        Returns
        -------
        str

        Raises
        ------
        ShapeError
            Where `ids` is not one-dimensional, not of integers, or has an id outside the vocabulary.
        """
        stream = self.stream()
        return "".join([stream(i) for i in self.check_ids(ids).tolist()]) + stream.flush()

    def check_ids(self, ids: Ints | Sequence[int]) -> NDArray[np.integer[Any]]:
        """The ids as a one-dimensional array, or a `ShapeError` that says what is wrong with them."""
        array = np.asarray(ids)
        if array.ndim != 1:
            raise ShapeError(f"ids has shape {array.shape}: give one sequence of ids, shape (tokens,)")
        if array.size == 0:
            return array.astype(np.intp)
        if not np.issubdtype(array.dtype, np.integer):
            raise ShapeError(f"ids is of {array.dtype}: give integers")
        low, high = int(array.min()), int(array.max())
        if low < 0 or high >= self.vocab_size:
            bad = low if low < 0 else high
            raise ShapeError(f"id {bad} is outside the vocabulary: give ids from 0 to {self.vocab_size - 1}")
        return array

    def pieces(self, texts: Iterable[str]) -> Iterator[str]:
        """Regroup consecutive parts of one text so that no token is cut.

        Encoding the pieces one by one gives the ids of the whole text, in bounded memory.
        """
        return iter(texts)

    def layout(self, piece: str, ids: NDArray[np.uint32]) -> NDArray[np.uint8]:
        """What each token is to the layout of the page: `TEXT`, `SPACE` or `NEWLINE`.

        Parameters
        ----------
        piece : str
            A piece of text, in which every token is one character; a kind with other tokens has its own.
        ids : ndarray of uint32, shape (tokens,)
            Its ids.

        Returns
        -------
        ndarray of uint8, shape (tokens,)
        """
        return layout_of(code_points(piece))

    def to_bytes(self) -> bytes:
        """The contents of the JSON file that `load_tokenizer` reads."""
        fields = self.to_json()
        try:
            data = json.dumps(fields, ensure_ascii=False, indent=0).encode()
        except UnicodeEncodeError:  # a lone surrogate, which UTF-8 cannot hold but a JSON escape can
            data = json.dumps(fields, indent=0).encode()
        return data + b"\n"

    def save(self, path: str | Path) -> None:
        """Write the tokenizer to a JSON file, for `load_tokenizer`."""
        Path(path).write_bytes(self.to_bytes())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Tokenizer) and self.to_json() == other.to_json()

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.vocab_size} tokens>"
