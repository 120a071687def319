"""Tokens of parts of words, by byte-level BPE, or by any ``tokenizer.json`` of Hugging Face's."""

import codecs
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray

from elman.data.builder import Builder
from elman.data.hugging import REPLACEMENT, Backend
from elman.data.layout import NEWLINE, SPACE, TEXT
from elman.data.registry import register
from elman.data.segments import segments
from elman.data.tokenize import FORMAT, Tokenizer, TokenStream
from elman.data.vocabulary import first_appearances
from elman.errors import ConfigError
from elman.typing import Ints

LONGEST_WAIT = 64
"""Tokens that are held back at most, until they make a whole character."""

_PROBES = (
    *("a b", " a", "a ", "a  b", "A", "é", "e\u0301", "a\nb", "\n\n", "\t", "明", "🙂", "ﬁ", "\x01", "don't"),
)
_BLANK = " \t\r\v\f"


@register
class BpeTokenizer(Tokenizer):
    """Tokens of parts of words.

    Built from a text, it is byte-level BPE (Sennrich et al. 2016, Radford et al. 2019): a text is cut into
    words, numbers, runs of other marks, and white space; the bytes of each are the first 256 tokens; and
    the pair of tokens that is most frequent in the training text becomes a token, again and again. Every
    text can be written, and is given back to the letter. A line end is a token of its own. Ids are by
    descending count in the training text.

    Any other ``tokenizer.json`` of Hugging Face's will do, with the ids that it has: BPE, WordPiece,
    WordLevel or Unigram. `notes` says what such a one does not give back.

    Parameters
    ----------
    fields : mapping
        The contents of a ``tokenizer.json``.

    Raises
    ------
    ConfigError, DataError
        Where they are not those of a tokenizer.
    ElmanError
        Where the package tokenizers is not installed.

    References
    ----------
    Sennrich, Haddow & Birch (2016), Neural machine translation of rare words with subword units.

    Radford et al. (2019), Language models are unsupervised multitask learners.

    Examples
    --------
    >>> pieces = BpeTokenizer.from_text("low lower lowest\\n" * 9, max_vocab=262)
    >>> [pieces.token(i) for i in pieces.encode("slow\\n").tolist()]
    ['s', 'low', '\\n']
    >>> pieces.decode(pieces.encode("明月 \\t🙂"))
    '明月 \\t🙂'
    """

    name: ClassVar[str] = "bpe"
    unit: ClassVar[str] = "subword"
    cut_at: ClassVar[Literal["character", "line"]] = "line"

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self._backend = Backend(fields)

    @classmethod
    def builder(cls, *, max_vocab: int | None = None, min_count: int = 1, lowercase: bool = False) -> Builder:
        from elman.data.bpe_training import BpeBuilder

        if lowercase:
            raise ConfigError(
                "lowercase is an option of word tokens: leave it out, or choose tokens word or space"
            )
        return BpeBuilder(max_vocab, min_count)

    @property
    def vocab_size(self) -> int:
        return len(self._backend.names)

    @property
    def names(self) -> list[str]:
        """The token of each id as the library's vocabulary has it, length K."""
        return self._backend.names

    @cached_property
    def unknown(self) -> int | None:
        return None if self._writes_all else self._backend.unknown

    @cached_property
    def start(self) -> int | None:
        ids = self._backend.ids("\n")
        return ids[0] if len(ids) == 1 and self.decode(ids) == "\n" else None

    @cached_property
    def line_end(self) -> int | None:
        others = (self._text(i) for i in range(self.vocab_size) if i != self.start)
        return None if any("\n" in text for text in others) else self.start

    @property
    def open(self) -> bool:
        return self._writes_all

    @property
    def shows_lines(self) -> bool:
        return self.line_end is not None

    @cached_property
    def notes(self) -> tuple[str, ...]:
        backend, found = self._backend, []
        normalizer = backend.fields.get("normalizer")
        if normalizer:
            kinds = ", ".join(dict.fromkeys(_kinds(normalizer)))
            found.append(f"the tokenizer changes a text before it cuts it ({kinds})")
        for probe in _PROBES:
            again = self.decode(self.encode(probe))
            if again != probe:
                found.append(f"the tokenizer does not give back every text: {probe!r} becomes {again!r}")
                break
        if self.start is None:
            found.append("the tokenizer has no token for a line end, after which a text could begin")
        return tuple(found)

    @cached_property
    def _bytes(self) -> list[bytes] | None:
        """The bytes of each token, where they are all that decoding asks."""
        fields = self._backend.fields
        if set(_kinds(fields.get("decoder"))) != {"ByteLevel"}:
            return None
        whole = {token["id"] for token in fields.get("added_tokens", ())}
        return [
            name.encode() if index in whole or not _CHARACTERS.keys() >= set(name)
            else bytes(map(_CHARACTERS.__getitem__, name))
            for index, name in enumerate(self._backend.names)
        ]  # fmt: skip

    @cached_property
    def _writes_all(self) -> bool:
        """Whether there is a way to write every text."""
        fields, names = self._backend.fields, set(self._backend.names)
        if fields["model"]["type"] != "BPE":
            return False
        if fields["model"].get("byte_fallback"):
            return names >= {f"<0x{byte:02X}>" for byte in range(256)}
        before = {*_kinds(fields.get("pre_tokenizer")), *_kinds(fields.get("normalizer"))}
        return "ByteLevel" in before and names >= _CHARACTERS.keys()

    def encode(self, text: str) -> NDArray[np.uint32]:
        ids = [i for part in self.pieces([text]) for i in self._backend.ids(part)]
        return np.array(ids, np.uint32)

    def decode(self, ids: Ints | Sequence[int]) -> str:
        if self._bytes is None:
            return super().decode(ids)
        return b"".join([self._bytes[i] for i in self.check_ids(ids).tolist()]).decode("utf-8", "replace")

    def stream(self) -> TokenStream:
        return _DecodedStream(self._backend) if self._bytes is None else _BytesStream(self._bytes)

    def token(self, index: int) -> str:
        self.check_ids(np.array([index]))
        return self._text(index)

    def _text(self, index: int) -> str:
        if self._bytes is None:
            return self._backend.names[index]
        data = self._bytes[index]
        try:
            return data.decode() or self._backend.names[index]
        except UnicodeDecodeError:  # part of a character
            return "".join(f"<0x{byte:02X}>" for byte in data)

    def symbols(self, text: str) -> list[str]:
        if self.unknown is None:
            return super().symbols(text)
        spans = self._backend.spans(text)
        return [text[a:b] if i == self.unknown and a < b else self._text(i) for i, a, b in spans]

    def unknown_symbols(self, text: str) -> list[str]:
        if self.unknown is None:
            return []
        spans = self._backend.spans(text)
        return first_appearances(text[a:b] or self._text(i) for i, a, b in spans if i == self.unknown)

    def written_unknown(self, text: str) -> int:
        name = "" if self.unknown is None else self._backend.names[self.unknown]
        added = (token["content"] for token in self._backend.fields.get("added_tokens", ()))
        return text.count(name) if name and name in added else 0

    def extent(self, index: int) -> tuple[int, int]:
        self.check_ids(np.array([index]))
        data = self.decode([index]).encode() if self._bytes is None else self._bytes[index]
        return sum(byte & 0xC0 != 0x80 for byte in data), len(data)

    def pieces(self, texts: Iterable[str]) -> Iterator[str]:
        return segments(texts, self._apart)

    def _apart(self, before: str, behind: str) -> bool:
        ids = self._backend.ids
        return ids(before) + ids(behind) == ids(before + behind)

    @cached_property
    def _layout(self) -> NDArray[np.uint8]:
        texts = map(self._text, range(self.vocab_size))
        return np.array(
            [NEWLINE if "\n" in text else TEXT if text.strip(_BLANK) else SPACE for text in texts], np.uint8
        )  # (K,)

    def layout(self, piece: str, ids: NDArray[np.uint32]) -> NDArray[np.uint8]:
        return self._layout[ids]

    def to_json(self) -> dict[str, Any]:
        return {"format": FORMAT, "name": self.name, "tokenizer": json.loads(self._backend.json)}

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> Self:
        return cls(fields["tokenizer"])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, BpeTokenizer) and self._backend.json == other._backend.json

    __hash__ = None


def _characters() -> dict[str, int]:
    """The character that stands for each byte in the vocabularies of byte-level BPE, and the byte."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in plain]
    return {chr(byte): byte for byte in plain} | {chr(256 + i): byte for i, byte in enumerate(others)}


_CHARACTERS = _characters()


def _kinds(part: Any) -> Iterator[str]:
    """The types of a component of a ``tokenizer.json``, and of those that it is made of."""
    if isinstance(part, Mapping):
        for inner in ("normalizers", "pretokenizers", "decoders"):
            if isinstance(part.get(inner), list):
                for each in part[inner]:
                    yield from _kinds(each)
                return
        yield str(part.get("type"))


class _BytesStream(TokenStream):
    """Tokens of bytes: a character is given when its last byte has come."""

    def __init__(self, table: Sequence[bytes]) -> None:
        self._table, self._decoder = table, codecs.getincrementaldecoder("utf-8")("replace")

    def __call__(self, token: int) -> str:
        return self._decoder.decode(self._table[token])

    def flush(self) -> str:
        return self._decoder.decode(b"", final=True)

    def copy(self) -> Self:
        twin = type(self)(self._table)
        twin._decoder.setstate(self._decoder.getstate())
        return twin


class _DecodedStream(TokenStream):
    """Tokens that the library decodes, a few at a time: what the last of them adds to those before."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._begin()

    def _begin(self) -> None:
        self._ids: list[int] = []  # those that gave the last text, and those that have given none yet
        self._given, self._text = 0, ""  # how many of them gave text, and which

    def __call__(self, token: int) -> str:
        self._ids = [*self._ids, token]  # not appended: a copy of this stream has the list too
        text = self._backend.decode(self._ids)
        waited = len(self._ids) - self._given
        if waited <= LONGEST_WAIT and (len(text) <= len(self._text) or text.endswith(REPLACEMENT)):
            return ""
        new = text[len(self._text) :]
        self._ids = self._ids[self._given :]
        self._given, self._text = len(self._ids), self._backend.decode(self._ids)
        return new

    def flush(self) -> str:
        rest = self._backend.decode(self._ids)[len(self._text) :] if self._ids else ""
        self._begin()
        return rest
