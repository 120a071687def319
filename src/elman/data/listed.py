"""Tokens from a list that somebody else made: a model's own vocabulary, in its own order."""

import re
from abc import abstractmethod
from collections.abc import Iterable, Iterator
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray

from elman.data.builder import Builder
from elman.data.layout import NEWLINE, TEXT
from elman.data.registry import register
from elman.data.spacing import PlainStream
from elman.data.tokenize import FORMAT, Tokenizer, TokenStream
from elman.data.vocabulary import LINE_END, first_appearances
from elman.data.words import split_words, whole_words
from elman.errors import ConfigError, DataError

UNKNOWNS = ("<unk>", "<UNK>", "[UNK]")
"""Symbols that stand for all others, as vocabularies write them; the first that is there counts."""

REPLACEMENT = "\ufffd"
_CHUNK = re.compile(r"\n|\S+")


class Listed(Tokenizer):
    """What tokenizers of a given list of symbols have in common.

    A line end is the symbol that is one, or else ``<eos>``. A text with a symbol that is not on the list
    is refused, unless the list has ``<unk>``.

    Parameters
    ----------
    symbols : iterable of str
        The vocabulary, in the order of the ids; ``<unk>`` and ``<eos>`` may be anywhere, or absent.

    Raises
    ------
    ConfigError
        Where there is none, one is no string, or two are equal.
    """

    has_builder: ClassVar[bool] = False

    def __init__(self, symbols: Iterable[str]) -> None:
        self._symbols = list(symbols)  # (K,)
        if not self._symbols or not all(isinstance(symbol, str) for symbol in self._symbols):
            raise ConfigError("a vocabulary is a list of strings, one at least: give one")
        self._ids = dict(zip(self._symbols, range(len(self._symbols)), strict=True))
        if len(self._ids) != len(self._symbols):
            twice = next(s for i, s in enumerate(self._symbols) if self._ids[s] != i)
            raise ConfigError(f"the vocabulary has {twice!r:.60} twice: give each symbol once")
        self._unknown = next((self._ids[name] for name in UNKNOWNS if name in self._ids), None)
        if LINE_END in self._ids:
            self._ids.setdefault("\n", self._ids[LINE_END])

    @classmethod
    def builder(cls, *, max_vocab: int | None = None, min_count: int = 1, lowercase: bool = False) -> Builder:
        raise ConfigError(
            f"{cls.name} tokens come with an imported model, and are not built from a text: "
            "choose char, byte or word tokens"
        )

    @property
    def vocab_size(self) -> int:
        return len(self._symbols)

    @property
    def unknown(self) -> int | None:
        return self._unknown

    @property
    def start(self) -> int | None:
        return self._ids.get("\n")

    @abstractmethod
    def symbols(self, text: str) -> list[str]:
        """The symbols of a text, on the list or not."""

    def encode(self, text: str) -> NDArray[np.uint32]:
        symbols = self.symbols(text)
        if self._unknown is None:
            missing = first_appearances(s for s in symbols if s not in self._ids)
            if missing:
                more = f", nor is {missing[1]!r}" if len(missing) > 1 else ""
                raise DataError(
                    f"the {self.unit} {missing[0]!r} is not in the vocabulary{more}, and there is no <unk>: "
                    "leave it out of the text"
                )
            return np.fromiter(map(self._ids.__getitem__, symbols), np.uint32, count=len(symbols))
        unknown = self._unknown
        return np.fromiter((self._ids.get(s, unknown) for s in symbols), np.uint32, count=len(symbols))

    def token(self, index: int) -> str:
        self.check_ids(np.array([index]))
        return self._symbols[index]

    def written(self, index: int) -> str:
        """What one token is in a text."""
        return "\n" if index == self.start else self._symbols[index]

    def unknown_symbols(self, text: str) -> list[str]:
        return first_appearances(s for s in self.symbols(text) if s not in self._ids)

    def to_json(self) -> dict[str, Any]:
        return {"format": FORMAT, "name": self.name, "symbols": self._symbols}

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> Self:
        if not isinstance(fields["symbols"], list):
            raise ConfigError("'symbols' is not a list")
        return cls(fields["symbols"])


@register
class ListedCharTokenizer(Listed):
    """Tokens of one character, those of a given list.

    Symbols of several characters, such as ``<pad>``, are never found in a text. Where ids are decoded,
    ``<unk>`` gives U+FFFD, so that one token is one character.

    Parameters
    ----------
    symbols : iterable of str
        The vocabulary, in the order of the ids.

    Examples
    --------
    >>> chars = ListedCharTokenizer(["b", "a", "<eos>"])
    >>> chars.encode("ab\\n").tolist(), chars.decode([1, 0, 2])
    ([1, 0, 2], 'ab\\n')
    >>> chars.encode("abc")
    Traceback (most recent call last):
    elman.errors.DataError: the character 'c' is not in the vocabulary, and there is no <unk>: leave ...
    """

    name: ClassVar[str] = "listed-char"
    unit: ClassVar[str] = "character"
    restarts: ClassVar[Literal["character"]] = "character"

    def symbols(self, text: str) -> list[str]:
        return list(text)

    def written(self, index: int) -> str:
        return REPLACEMENT if index == self._unknown else super().written(index)

    def stream(self) -> TokenStream:
        return _CharStream(self)


class _CharStream(TokenStream):
    def __init__(self, tokenizer: ListedCharTokenizer) -> None:
        self._tokenizer = tokenizer

    def __call__(self, token: int) -> str:
        return self._tokenizer.written(token)


@register
class ListedWordTokenizer(Listed):
    """Tokens of one word, those of a given list.

    A text is cut at white space. What stands between is a token where it is on the list, and is otherwise
    cut into words and marks as :class:`elman.WordTokenizer` does. A line end is a token where the list
    has one, and white space where it has not. Decoded words have one space between them.

    Parameters
    ----------
    symbols : iterable of str
        The vocabulary, in the order of the ids.

    Examples
    --------
    >>> words = ListedWordTokenizer(["do", "n't", "stop", ".", "<unk>"])
    >>> words.encode("do n't stop.").tolist(), words.decode([0, 1, 2, 3])
    ([0, 1, 2, 3], "do n't stop .")
    """

    name: ClassVar[str] = "listed-word"
    unit: ClassVar[str] = "word"
    cut_at: ClassVar[Literal["character", "line"]] = "line"
    restarts: ClassVar[Literal["space"]] = "space"

    def written_unknown(self, text: str) -> int:
        name = "" if self._unknown is None else self._symbols[self._unknown]
        return self.symbols(text).count(name) if name and name in text else 0

    def symbols(self, text: str) -> list[str]:
        found: list[str] = []
        for chunk in _CHUNK.findall(text):
            if chunk in self._ids:
                found.append(chunk)
            elif chunk != "\n":
                found += split_words(chunk)
        return found

    def stream(self) -> TokenStream:
        return PlainStream(self.written)

    def pieces(self, texts: Iterable[str]) -> Iterator[str]:
        return whole_words(texts)

    def layout(self, piece: str, ids: NDArray[np.uint32]) -> NDArray[np.uint8]:
        return np.where(ids == self.start, NEWLINE, TEXT).astype(np.uint8)
