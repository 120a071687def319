"""Tokens of whole words: what their kinds have in common."""

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray

from elman.data.builder import Builder
from elman.data.layout import NEWLINE, TEXT
from elman.data.tokenize import FORMAT, Tokenizer
from elman.data.vocabulary import LINE_END, UNKNOWN, check_limits, first_appearances, most_frequent
from elman.errors import ConfigError

LONGEST = 65_536
"""No token has more characters than this, so that a text without white space is read in bounded memory."""

_RESERVED = [UNKNOWN, LINE_END]


def expand(text: str) -> str:
    """Write out the only character whose lower case is longer than itself, so that lengths stay."""
    return text.replace("İ", "i̇")


class _Intern(dict[str, int]):
    """Gives every new word the next id. Looking up is then the only work for a word seen before."""

    def __missing__(self, word: str) -> int:
        self[word] = index = len(self) - 1  # "\n" and "<eos>" are two spellings of id 1
        return index


class _Fixed(dict[str, int]):
    """Id 0 for every word outside the vocabulary."""

    def __missing__(self, word: str) -> int:
        return 0


def _look_up(words: dict[str, int], tokens: Sequence[str]) -> NDArray[np.uint32]:
    return np.fromiter(map(words.__getitem__, tokens), np.uint32, count=len(tokens))


class _WordBuilder(Builder):
    """Counts words. Memory grows with the number of distinct words, and with nothing else."""

    def __init__(
        self, kind: "type[WordList]", max_vocab: int | None, min_count: int, lowercase: bool
    ) -> None:
        self._kind = kind
        self._max_vocab, self._min_count, self._lowercase = max_vocab, min_count, lowercase
        self.clear()

    def clear(self) -> None:
        self._words = _Intern({UNKNOWN: 0, LINE_END: 1, "\n": 1})
        self._counts = np.zeros(2, np.int64)  # (seen,)

    @property
    def seen(self) -> int:
        return len(self._words) - 1

    def pieces(self, texts: Iterable[str]) -> Iterator[str]:
        return self._kind.regroup(texts, self._lowercase)

    def feed(self, piece: str) -> NDArray[np.uint32]:
        ids = _look_up(self._words, self._kind.split(piece, self._lowercase))
        counts = np.bincount(ids, minlength=self.seen)
        counts[: self._counts.size] += self._counts
        self._counts = counts
        return ids

    def layout(self, piece: str, ids: NDArray[np.uint32]) -> NDArray[np.uint8]:
        return np.where(ids == 1, NEWLINE, TEXT).astype(np.uint8)

    def written_unknown(self, piece: str) -> int:
        return self._kind.count_unknown(piece, self._lowercase)

    def counted(self) -> tuple[list[str], NDArray[np.int64]]:
        return [word for word in self._words if word != "\n"], self._counts

    def choose(self, counted: Iterable[tuple[str, int]]) -> "WordList":
        room = None if self._max_vocab is None else self._max_vocab - 2
        words = (pair for pair in counted if pair[0] not in _RESERVED)
        kept = most_frequent(words, room, self._min_count)
        return self._kind([*_RESERVED, *kept], lowercase=self._lowercase)

    def table(self, tokenizer: Tokenizer, symbols: Sequence[str]) -> NDArray[np.uint32]:
        assert isinstance(tokenizer, WordList)
        return tokenizer.ids_of(symbols)


class WordList(Tokenizer):
    """A list of words, ``<unk>`` and ``<eos>`` first; a kind of it says how a text is cut into words.

    Parameters
    ----------
    tokens : sequence of str
        The vocabulary, ``<unk>`` and ``<eos>`` first.
    lowercase : bool
        Read texts in lower case.

    Raises
    ------
    ConfigError
        Where the tokens do not begin so, are not distinct, or one of them is not one token.
    """

    unit: ClassVar[str] = "word"
    cut_at: ClassVar[Literal["character", "line"]] = "line"
    restarts: ClassVar[Literal["space"]] = "space"

    @staticmethod
    @abstractmethod
    def split(text: str, lowercase: bool) -> list[str]:
        """The tokens of a text, as strings; a line end is ``"\\n"``."""

    @staticmethod
    @abstractmethod
    def regroup(texts: Iterable[str], lowercase: bool) -> Iterator[str]:
        """Regroup the parts of a text so that no token is cut, for `pieces`."""

    @staticmethod
    @abstractmethod
    def count_unknown(text: str, lowercase: bool) -> int:
        """How many of the tokens of a text are ``<unk>`` itself."""

    def __init__(self, tokens: Iterable[str] = (UNKNOWN, LINE_END), lowercase: bool = False) -> None:
        self._tokens = list(tokens)  # (K,)
        self._lowercase = lowercase
        if self._tokens[:2] != _RESERVED:
            raise ConfigError(f"the words begin with {self._tokens[:2]}: put '<unk>' and '<eos>' first")
        self._ids = _Fixed({"\n": 1})
        self._ids.update(zip(self._tokens, range(len(self._tokens)), strict=True))
        if len(self._ids) != len(self._tokens) + 1:
            raise ConfigError("the words are not distinct (or one is a line end): give each once")
        if self.split(" ".join(self._tokens), lowercase) != self._tokens:
            bad = next(t for t in self._tokens if self.split(t, lowercase) != [t])
            raise ConfigError(f"{bad!r} is not one word: give words as the tokenizer splits them")

    @classmethod
    def builder(cls, *, max_vocab: int | None = None, min_count: int = 1, lowercase: bool = False) -> Builder:
        check_limits(max_vocab, min_count, _RESERVED)
        return _WordBuilder(cls, max_vocab, min_count, lowercase)

    @property
    def vocab_size(self) -> int:
        return len(self._tokens)

    @property
    def unknown(self) -> int:
        return 0

    @property
    def start(self) -> int:
        return 1

    def encode(self, text: str) -> NDArray[np.uint32]:
        return _look_up(self._ids, self.split(text, self._lowercase))

    def ids_of(self, words: Sequence[str]) -> NDArray[np.uint32]:
        """Ids of words; 0 for those outside the vocabulary.

        Parameters
        ----------
        words : sequence of str
            As `split` gives them.

        Returns
        -------
        ndarray of uint32, shape (words,)
        """
        return _look_up(self._ids, words)

    def token(self, index: int) -> str:
        self.check_ids(np.array([index]))
        return self._tokens[index]

    def unknown_symbols(self, text: str) -> list[str]:
        return first_appearances(w for w in self.symbols(text) if w not in self._ids)

    def written_unknown(self, text: str) -> int:
        return self.count_unknown(text, self._lowercase)

    def symbols(self, text: str) -> list[str]:
        return self.split(text, self._lowercase)

    def pieces(self, texts: Iterable[str]) -> Iterator[str]:
        return self.regroup(texts, self._lowercase)

    def layout(self, piece: str, ids: NDArray[np.uint32]) -> NDArray[np.uint8]:
        return np.where(ids == 1, NEWLINE, TEXT).astype(np.uint8)

    def to_json(self) -> dict[str, Any]:
        return {"format": FORMAT, "name": self.name, "lowercase": self._lowercase, "tokens": self._tokens}

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> Self:
        tokens, lowercase = fields["tokens"], fields["lowercase"]
        if not isinstance(tokens, list) or not all(isinstance(t, str) for t in tokens):
            raise ConfigError("'tokens' is not a list of strings")
        if not isinstance(lowercase, bool):
            raise ConfigError("'lowercase' is not true or false")
        return cls(tokens, lowercase)
