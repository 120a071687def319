"""Data: tokenizers, corpora on disk, and the windows cut from them.

Tokenizers are loaded at once, since being imported is how they are registered. What reads and encodes texts
is loaded when it is first used: predictions do without.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from elman.data.bpe import BpeTokenizer
from elman.data.listed import ListedCharTokenizer, ListedWordTokenizer
from elman.data.openness import Vocabulary, vocabulary_of
from elman.data.registry import TOKENIZERS, load_tokenizer, register, tokenizer_from_json, tokenizer_kind
from elman.data.spaces import SpaceTokenizer
from elman.data.symbols import ByteTokenizer, CharTokenizer
from elman.data.tokenize import Tokenizer, TokenStream
from elman.data.words import WordTokenizer

if TYPE_CHECKING:
    from elman.data.batches import Stream, Window
    from elman.data.corpus import Corpus
    from elman.data.encode import encode_corpus
    from elman.data.foreign import read_tokenizer
    from elman.data.given import check_given, check_sources
    from elman.data.lines import Line, read_lines
    from elman.data.part import Part
    from elman.data.sources import Source, SourceLike, Text, default_text, open_sources
    from elman.data.vectors import Placed, check_vectors, place_vectors

__all__ = [
    "TOKENIZERS",
    "BpeTokenizer",
    "ByteTokenizer",
    "CharTokenizer",
    "Corpus",
    "Line",
    "ListedCharTokenizer",
    "ListedWordTokenizer",
    "Part",
    "Placed",
    "Source",
    "SourceLike",
    "SpaceTokenizer",
    "Stream",
    "Text",
    "TokenStream",
    "Tokenizer",
    "Vocabulary",
    "Window",
    "WordTokenizer",
    "check_given",
    "check_sources",
    "check_vectors",
    "default_text",
    "encode_corpus",
    "load_tokenizer",
    "open_sources",
    "place_vectors",
    "read_lines",
    "read_tokenizer",
    "register",
    "tokenizer_from_json",
    "tokenizer_kind",
    "vocabulary_of",
]

_HOMES = {
    "batches": ("Stream", "Window"),
    "corpus": ("Corpus",),
    "encode": ("encode_corpus",),
    "foreign": ("read_tokenizer",),
    "vectors": ("Placed", "check_vectors", "place_vectors"),
    "given": ("check_given", "check_sources"),
    "lines": ("Line", "read_lines"),
    "part": ("Part",),
    "sources": ("Source", "SourceLike", "Text", "default_text", "open_sources"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
    return value
