"""Tokens of one word: how a text is cut into them, and the vocabulary of words."""

from collections.abc import Iterable, Iterator
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray

from elman.data.builder import Builder
from elman.data.layout import NEWLINE, TEXT
from elman.data.registry import register
from elman.data.scripts import word_pattern
from elman.data.spacing import WordStream
from elman.data.tokenize import FORMAT, Tokenizer, TokenStream
from elman.data.vocabulary import LINE_END, UNKNOWN, check_limits, first_appearances, most_frequent
from elman.errors import ConfigError

LONGEST = 65_536
"""No token has more characters than this, so that a text without white space is read in bounded memory."""

_LOOKAHEAD = 8  # characters after a token that can decide where it ends; "<unk>" is the longest such case
_RESERVED = [UNKNOWN, LINE_END]


def split_words(text: str, lowercase: bool = False) -> list[str]:
    """The tokens of a text, as strings. A line end is ``"\\n"``.

    Parameters
    ----------
    text : str
    lowercase : bool
        Give every token in lower case.

    Returns
    -------
    list of str

    Examples
    --------
    >>> split_words("I don't like it, 明月!")
    ['I', "don't", 'like', 'it', ',', '明', '月', '!']
    """
    if lowercase:
        text = _expand(text)
    tokens: list[str] = word_pattern().findall(text)
    if len(text) > LONGEST and max(map(len, text.split("\n"))) > LONGEST:  # cheaper than to ask every token
        tokens = [part for token in tokens for part in _shorten(token)]
    # Token by token: what a Greek sigma becomes depends on its neighbours, which must not depend on the
    # chunk.
    return [token.lower() for token in tokens] if lowercase else tokens


def _expand(text: str) -> str:
    """Write out the only character whose lower case is longer than itself, so that lengths stay."""
    return text.replace("İ", "i̇")


def _shorten(token: str) -> Iterator[str]:
    """A token, or the tokens of one too long: each is found in `LONGEST` characters from where it begins."""
    position = 0
    while match := word_pattern().match(token, position, position + LONGEST):
        yield match[0]
        position = match.end()


def _certain(text: str) -> int:
    """Length of the longest beginning whose tokens cannot depend on what follows the text."""
    position = 0
    while position < len(text):
        match = word_pattern().match(text, position, position + LONGEST)
        end = match.end() if match else position + 1
        if end + _LOOKAHEAD > len(text) and position + LONGEST > len(text):
            break
        position = end
    return position


def whole_words(texts: Iterable[str], lowercase: bool = False) -> Iterator[str]:
    """Regroup a text at white space, or failing that between two tokens."""
    held = ""
    for text in texts:
        held += _expand(text) if lowercase else text
        cut = max(held.rfind("\n"), held.rfind(" ")) + 1
        if not cut and len(held) > LONGEST + _LOOKAHEAD:
            cut = _certain(held)
        if cut:
            yield held[:cut]
            held = held[cut:]
    if held:
        yield held


class _Intern(dict[str, int]):
    """Gives every new word the next id. Looking up is then the only work for a word seen before."""

    def __missing__(self, word: str) -> int:
        self[word] = index = len(self) - 1  # "\n" and "<eos>" are two spellings of id 1
        return index


class _Fixed(dict[str, int]):
    """Id 0 for every word outside the vocabulary."""

    def __missing__(self, word: str) -> int:
        return 0


def _look_up(words: dict[str, int], tokens: list[str]) -> NDArray[np.uint32]:
    return np.fromiter(map(words.__getitem__, tokens), np.uint32, count=len(tokens))


class _WordBuilder(Builder):
    """Counts words. Memory grows with the number of distinct words, and with nothing else."""

    def __init__(self, max_vocab: int | None, min_count: int, lowercase: bool) -> None:
        self._max_vocab, self._min_count, self._lowercase = max_vocab, min_count, lowercase
        self._words = _Intern({UNKNOWN: 0, LINE_END: 1, "\n": 1})
        self._counts = np.zeros(2, np.int64)  # (seen,)

    @property
    def seen(self) -> int:
        return len(self._words) - 1

    def pieces(self, texts: Iterable[str]) -> Iterator[str]:
        return whole_words(texts, self._lowercase)

    def feed(self, piece: str) -> NDArray[np.uint32]:
        ids = _look_up(self._words, split_words(piece, self._lowercase))
        counts = np.bincount(ids, minlength=self.seen)
        counts[: self._counts.size] += self._counts
        self._counts = counts
        return ids

    def layout(self, piece: str, ids: NDArray[np.uint32]) -> NDArray[np.uint8]:
        return np.where(ids == 1, NEWLINE, TEXT).astype(np.uint8)

    def finish(self) -> "tuple[WordTokenizer, NDArray[np.uint32], NDArray[np.int64]]":
        symbols = [word for word in self._words if word != "\n"]
        room = None if self._max_vocab is None else self._max_vocab - 2
        kept = most_frequent(symbols[2:], self._counts[2:], room, self._min_count)
        tokenizer = WordTokenizer([*_RESERVED, *(symbols[2 + i] for i in kept)], lowercase=self._lowercase)
        table = np.zeros(len(symbols), np.uint32)
        table[1] = 1
        table[[2 + i for i in kept]] = np.arange(2, 2 + len(kept))
        return tokenizer, table, self._counts


@register
class WordTokenizer(Tokenizer):
    """Tokens of one word, one punctuation mark or one line end.

    A word is a run of letters, digits, underscores and combining marks, with apostrophes inside it:
    ``don't`` is one token. Every Han character, kana and bopomofo letter is a token, since they are written
    without spaces; so is every other character that is not white space. A line end is ``<eos>``; other
    white space separates and is not kept. Ids: 0 ``<unk>``, 1 ``<eos>``, then by descending count in the
    training text, ties in code-point order. A text that holds ``<unk>`` or ``<eos>`` literally, as
    published corpora do, gets ids 0 and 1 for them.

    Decoding puts the spaces back as they are usually written, and always so that encoding the result gives
    the same ids.

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

    Examples
    --------
    >>> words = WordTokenizer.from_text("Stay, or go? No: stay.\\n", lowercase=True)
    >>> words.decode(words.encode("No, STAY!\\n"))
    'no, stay <unk>\\n'
    >>> words.unknown_symbols("No, please stay!")
    ['please', '!']
    """

    name: ClassVar[str] = "word"
    unit: ClassVar[str] = "word"
    cut_at: ClassVar[Literal["character", "line"]] = "line"

    def __init__(self, tokens: Iterable[str] = (UNKNOWN, LINE_END), lowercase: bool = False) -> None:
        self._tokens = list(tokens)  # (K,)
        self._lowercase = lowercase
        if self._tokens[:2] != _RESERVED:
            raise ConfigError(f"the words begin with {self._tokens[:2]}: put '<unk>' and '<eos>' first")
        self._ids = _Fixed({"\n": 1})
        self._ids.update(zip(self._tokens, range(len(self._tokens)), strict=True))
        if len(self._ids) != len(self._tokens) + 1:
            raise ConfigError("the words are not distinct (or one is a line end): give each once")
        if split_words(" ".join(self._tokens), lowercase) != self._tokens:
            bad = next(t for t in self._tokens if split_words(t, lowercase) != [t])
            raise ConfigError(f"{bad!r} is not one word: give words as the tokenizer splits them")

    @classmethod
    def builder(cls, *, max_vocab: int | None = None, min_count: int = 1, lowercase: bool = False) -> Builder:
        check_limits(max_vocab, min_count, _RESERVED)
        return _WordBuilder(max_vocab, min_count, lowercase)

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
        return _look_up(self._ids, split_words(text, self._lowercase))

    def stream(self) -> TokenStream:
        return WordStream(self._tokens)

    def token(self, index: int) -> str:
        self.check_ids(np.array([index]))
        return self._tokens[index]

    def unknown_symbols(self, text: str) -> list[str]:
        return first_appearances(w for w in self.symbols(text) if w not in self._ids)

    def symbols(self, text: str) -> list[str]:
        return split_words(text, self._lowercase)

    def pieces(self, texts: Iterable[str]) -> Iterator[str]:
        return whole_words(texts, self._lowercase)

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
