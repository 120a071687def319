"""Byte-level BPE from a training text."""

import json
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from elman.data.bpe import BpeTokenizer
from elman.data.builder import Builder
from elman.data.hugging import call, clean, library
from elman.data.segments import segments
from elman.data.tokenize import Tokenizer
from elman.errors import ConfigError

DEFAULT_SIZE = 8000
"""Tokens where no number is given."""

PATTERN = (
    r"\n"  # a line end
    r"| ?\p{L}[\p{L}\p{M}]*(?:['’]\p{L}[\p{L}\p{M}]*)*"  # a word, with a space before it: " don't"
    r"| ?\p{N}+"
    r"| ?[^\s\p{L}\p{N}]+"  # other marks
    r"|[^\S\n]+(?!\S)|[^\S\n]+"  # white space, but for a space that goes with the word behind it
)
"""What a text is cut into first; no token goes over such a cut."""


class BpeBuilder(Builder):
    """Learns the merges in a first reading of the training text, and counts its tokens in a second.

    The merges are known only once all the text has been counted, and a word is then several tokens: ids
    handed out before would not be one for one those handed out after. Memory grows with the number of
    distinct words, and with nothing else.

    Parameters
    ----------
    max_vocab : int or None
        Tokens; fewer where the text has no more pairs.
    min_count : int
        How often a pair must occur to become a token.
    """

    learns = True

    def __init__(self, max_vocab: int | None, min_count: int) -> None:
        self._size = DEFAULT_SIZE if max_vocab is None else max_vocab
        if self._size < 256:
            raise ConfigError(f"max_vocab is {max_vocab}: give at least 256, since every byte is a bpe token")
        if min_count < 1:
            raise ConfigError(f"min_count is {min_count}: give at least 1 (1 keeps every pair of the text)")
        self._min_count = min_count
        self._tokenizer: BpeTokenizer | None = None
        library()  # before anything is read

    def learn(self, texts: Iterable[Iterable[str]]) -> None:
        found = library()
        own = found.Tokenizer(found.models.BPE())
        levels = found.pre_tokenizers
        split = levels.Split(found.Regex(PATTERN), "isolated")
        in_bytes = levels.ByteLevel(add_prefix_space=False, use_regex=False)
        own.pre_tokenizer = levels.Sequence([split, in_bytes])
        own.decoder = found.decoders.ByteLevel()
        trainer = found.trainers.BpeTrainer(
            vocab_size=self._size,
            min_frequency=self._min_count,
            initial_alphabet=sorted(levels.ByteLevel.alphabet()),
            show_progress=False,
        )
        call(own.train_from_iterator, _parts(texts), trainer)
        self.know(BpeTokenizer(json.loads(own.to_str())))

    @property
    def known(self) -> BpeTokenizer | None:
        return self._tokenizer

    def know(self, tokenizer: Tokenizer) -> None:
        assert isinstance(tokenizer, BpeTokenizer)
        self._tokenizer = tokenizer
        self.clear()

    @property
    def _known(self) -> BpeTokenizer:
        assert self._tokenizer is not None  # `learn` comes first
        return self._tokenizer

    @property
    def seen(self) -> int:
        return self._known.vocab_size

    def pieces(self, texts: Iterable[str]) -> Iterator[str]:
        return self._known.pieces(texts)

    def layout(self, piece: str, ids: NDArray[np.uint32]) -> NDArray[np.uint8]:
        return self._known.layout(piece, ids)

    def feed(self, piece: str) -> NDArray[np.uint32]:
        ids = self._known.encode(piece)
        self._counts += np.bincount(ids, minlength=self.seen)
        return ids

    def counted(self) -> tuple[list[str], NDArray[np.int64]]:
        return self._known.names, self._counts

    def clear(self) -> None:
        self._counts = np.zeros(self.seen, np.int64)  # (K,)

    def choose(self, counted: Iterable[tuple[str, int]]) -> BpeTokenizer:
        found = dict(counted)
        counts = np.array([found.get(name, 0) for name in self._known.names], np.int64)  # (K,)
        order = np.argsort(-counts, kind="stable")  # of equal counts, in the order of the merges
        rank = np.empty(self.seen, np.uint32)
        rank[order] = np.arange(self.seen)
        fields = self._known.to_json()["tokenizer"]
        vocab = fields["model"]["vocab"]
        fields["model"]["vocab"] = {name: int(rank[index]) for name, index in vocab.items()}
        return BpeTokenizer(fields)

    def table(self, tokenizer: Tokenizer, symbols: Sequence[str]) -> NDArray[np.uint32]:
        assert isinstance(tokenizer, BpeTokenizer)
        ids = {name: index for index, name in enumerate(tokenizer.names)}
        return np.array([ids[name] for name in symbols], np.uint32)


def _parts(texts: Iterable[Iterable[str]]) -> Iterator[str]:
    """The texts in parts for counting, of which each cut is one that the pattern makes, wherever possible."""
    for text in texts:
        for part in segments(text, _apart):
            yield clean(part)


def _apart(before: str, behind: str) -> bool:
    return before.endswith("\n") or (behind.startswith(" ") and not before[-1].isspace())
