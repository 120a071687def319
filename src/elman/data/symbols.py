"""Tokens of one character, and tokens of one byte."""

import codecs
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray

from elman.data.builder import Builder
from elman.data.layout import code_points, layout_of
from elman.data.registry import register
from elman.data.tokenize import FORMAT, Tokenizer, TokenStream
from elman.data.vocabulary import UNKNOWN, check_limits, first_appearances, most_frequent
from elman.errors import ConfigError
from elman.typing import Ints

CODE_SPACE = 0x110000
REPLACEMENT = "\ufffd"
_UNSEEN = np.uint32(0xFFFFFFFF)


class _CharBuilder(Builder):
    """Counts characters with one table over all code points (4.5 MB), whatever the length of the text."""

    def __init__(self, max_vocab: int | None, min_count: int) -> None:
        self._max_vocab, self._min_count = max_vocab, min_count
        self._provisional = np.empty(CODE_SPACE, np.uint32)  # (code points,)
        self.clear()

    def clear(self) -> None:
        self._provisional.fill(_UNSEEN)
        self._codes = np.empty(0, np.uint32)  # (seen,): the code point of each provisional id
        self._counts = np.empty(0, np.int64)  # (seen,)

    @property
    def seen(self) -> int:
        return self._codes.size

    def feed(self, piece: str) -> NDArray[np.uint32]:
        codes = code_points(piece)
        ids = self._provisional.take(codes)
        unseen = ids == _UNSEEN
        if unseen.any():
            new = np.unique(codes[unseen])
            self._provisional[new] = np.arange(self.seen, self.seen + new.size)
            self._codes = np.concatenate([self._codes, new])
            self._counts = np.concatenate([self._counts, np.zeros(new.size, np.int64)])
            ids = self._provisional.take(codes)
        self._counts += np.bincount(ids, minlength=self.seen)
        return ids

    def counted(self) -> tuple[list[str], NDArray[np.int64]]:
        return [chr(c) for c in self._codes.tolist()], self._counts

    def choose(self, counted: Iterable[tuple[str, int]]) -> "CharTokenizer":
        room = None if self._max_vocab is None else self._max_vocab - 1
        return CharTokenizer(sorted(most_frequent(counted, room, self._min_count)))

    def table(self, tokenizer: Tokenizer, symbols: Sequence[str]) -> NDArray[np.uint32]:
        assert isinstance(tokenizer, CharTokenizer)
        return tokenizer.ids_of(np.array([ord(c) for c in symbols], np.uint32))


@register
class CharTokenizer(Tokenizer):
    """Tokens of one character (one Unicode code point).

    Id 0 is ``<unk>``; the characters follow in code-point order. Where the ids are decoded, ``<unk>`` gives
    U+FFFD, the replacement character, so that one token is one character.

    Parameters
    ----------
    characters : sequence of str, optional
        The characters of the vocabulary, distinct, in code-point order.

    Raises
    ------
    ConfigError
        Where an entry is not one character, or they are not distinct and in code-point order.

    Examples
    --------
    >>> chars = CharTokenizer.from_text("床前明月光")
    >>> chars.vocab_size
    6
    >>> chars.decode(chars.encode("明月明"))
    '明月明'
    >>> chars.encode("日")
    array([0], dtype=uint32)
    """

    name: ClassVar[str] = "char"
    unit: ClassVar[str] = "character"
    restarts: ClassVar[Literal["character"]] = "character"

    def __init__(self, characters: Sequence[str] = ()) -> None:
        if any(not isinstance(c, str) or len(c) != 1 for c in characters):
            raise ConfigError(
                "a character of the vocabulary is not one character: give a list of single characters"
            )
        codes = np.array([ord(c) for c in characters], np.uint32)  # (K - 1,)
        if (codes[1:] <= codes[:-1]).any():
            raise ConfigError(
                "the characters of the vocabulary are not distinct and in code-point order: sort them"
            )
        self._codes = np.concatenate([[np.uint32(ord(REPLACEMENT))], codes])  # (K,)
        # One entry past the largest code point stays 0, and answers for every larger one ("clip" in
        # `ids_of`).
        self._ids = np.zeros(int(codes[-1]) + 2 if codes.size else 1, np.uint32)
        self._ids[codes] = np.arange(1, codes.size + 1)

    @classmethod
    def builder(cls, *, max_vocab: int | None = None, min_count: int = 1, lowercase: bool = False) -> Builder:
        if lowercase:
            raise ConfigError(
                "lowercase is an option of word tokens: leave it out, or choose tokens word or space"
            )
        check_limits(max_vocab, min_count, [UNKNOWN])
        return _CharBuilder(max_vocab, min_count)

    @property
    def vocab_size(self) -> int:
        return self._codes.size

    @property
    def unknown(self) -> int:
        return 0

    @property
    def start(self) -> int | None:
        return int(self.ids_of(np.array([10], np.uint32))[0]) or None

    def ids_of(self, codes: NDArray[np.uint32]) -> NDArray[np.uint32]:
        """Ids of code points, shape (codes,).

        Parameters
        ----------
        codes : ndarray of uint32, shape (codes,)
            Unicode code points.

        Returns
        -------
        ndarray of uint32, shape (codes,)
        """
        return self._ids.take(codes, mode="clip")

    def encode(self, text: str) -> NDArray[np.uint32]:
        return self.ids_of(code_points(text))

    def decode(self, ids: Ints | Sequence[int]) -> str:
        codes = self._codes.take(self.check_ids(ids)).astype("<u4", copy=False)
        # "surrogatepass" keeps a lone surrogate that the vocabulary was given.
        return codes.tobytes().decode("utf-32-le", "surrogatepass")

    def stream(self) -> TokenStream:
        return _CharStream(self)

    def token(self, index: int) -> str:
        (code,) = self._codes.take(self.check_ids(np.array([index]))).tolist()
        return chr(code) if index else UNKNOWN

    def symbols(self, text: str) -> list[str]:
        return list(text)

    def unknown_symbols(self, text: str) -> list[str]:
        codes = code_points(text)
        return first_appearances(chr(c) for c in codes[self.ids_of(codes) == 0].tolist())

    def to_json(self) -> dict[str, Any]:
        return {"format": FORMAT, "name": self.name, "characters": [chr(c) for c in self._codes[1:].tolist()]}

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> Self:
        if not isinstance(fields["characters"], list):
            raise ConfigError("'characters' is not a list")
        return cls(fields["characters"])


class _CharStream(TokenStream):
    def __init__(self, tokenizer: CharTokenizer) -> None:
        self._codes = tokenizer._codes

    def __call__(self, token: int) -> str:
        return chr(self._codes[token])  # what decode gives, at a fraction of the time


@register
class ByteTokenizer(Tokenizer):
    """Tokens of one byte: 256 of them, any file at all, nothing unknown.

    Files are read as they stand: no line end is changed, no byte-order mark dropped. Text is its UTF-8.
    Bytes that are not UTF-8 decode to U+FFFD, the replacement character.

    Examples
    --------
    >>> bytes_ = ByteTokenizer()
    >>> bytes_.encode("né")
    array([110, 195, 169], dtype=uint32)
    >>> bytes_.token(10), bytes_.token(195)
    ('\\n', '<0xC3>')
    """

    name: ClassVar[str] = "byte"
    unit: ClassVar[str] = "byte"
    reads_bytes: ClassVar[bool] = True
    restarts: ClassVar[Literal["character"]] = "character"

    @classmethod
    def builder(cls, *, max_vocab: int | None = None, min_count: int = 1, lowercase: bool = False) -> None:
        given = {"max_vocab": max_vocab is not None, "min_count": min_count != 1, "lowercase": lowercase}
        for option in (option for option, is_given in given.items() if is_given):
            raise ConfigError(
                f"byte tokens have no {option}: leave it out, since the vocabulary is the 256 bytes"
            )

    @property
    def vocab_size(self) -> int:
        return 256

    @property
    def open(self) -> bool:
        return True

    @property
    def unknown(self) -> None:
        return None

    @property
    def start(self) -> int:
        return 10

    def encode(self, text: str) -> NDArray[np.uint32]:
        return self.encode_bytes(text.encode("utf-8", "surrogatepass"))

    def encode_bytes(self, data: bytes) -> NDArray[np.uint32]:
        """Ids of raw bytes, shape (bytes,).

        Parameters
        ----------
        data : bytes
            Any bytes; they need not be UTF-8.

        Returns
        -------
        ndarray of uint32, shape (bytes,)
        """
        return np.frombuffer(data, np.uint8).astype(np.uint32)

    def decode(self, ids: Ints | Sequence[int]) -> str:
        return self.check_ids(ids).astype(np.uint8).tobytes().decode("utf-8", "replace")

    def stream(self) -> TokenStream:
        return _ByteStream()

    def token(self, index: int) -> str:
        self.check_ids(np.array([index]))
        return chr(index) if index < 128 else f"<0x{index:02X}>"

    def unknown_symbols(self, text: str) -> list[str]:
        return []

    def extent(self, index: int) -> tuple[int, int]:
        self.check_ids(np.array([index]))
        return int(index & 0xC0 != 0x80), 1  # every byte begins a character, but those that continue one

    def layout(self, piece: str, ids: NDArray[np.uint32]) -> NDArray[np.uint8]:
        return layout_of(ids)

    def to_json(self) -> dict[str, Any]:
        return {"format": FORMAT, "name": self.name}

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> Self:
        return cls()


class _ByteStream(TokenStream):
    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def __call__(self, token: int) -> str:
        return self._decoder.decode(bytes([token]))

    def flush(self) -> str:
        return self._decoder.decode(b"", final=True)

    def copy(self) -> Self:
        twin = type(self)()
        twin._decoder.setstate(self._decoder.getstate())
        return twin
