"""Data: tokenizers, corpora on disk, and the windows cut from them."""

from elman.data.batches import Stream, Window
from elman.data.corpus import Corpus, Part
from elman.data.encode import encode_corpus
from elman.data.given import check_given, check_sources
from elman.data.registry import TOKENIZERS, load_tokenizer, register, tokenizer_from_json, tokenizer_kind
from elman.data.sources import Source, SourceLike, Text, default_text, open_sources
from elman.data.symbols import ByteTokenizer, CharTokenizer
from elman.data.tokenize import Tokenizer, TokenStream
from elman.data.words import WordTokenizer

__all__ = [
    "TOKENIZERS",
    "ByteTokenizer",
    "CharTokenizer",
    "Corpus",
    "Part",
    "Source",
    "SourceLike",
    "Stream",
    "Text",
    "TokenStream",
    "Tokenizer",
    "Window",
    "WordTokenizer",
    "check_given",
    "check_sources",
    "default_text",
    "encode_corpus",
    "load_tokenizer",
    "open_sources",
    "register",
    "tokenizer_from_json",
    "tokenizer_kind",
]
