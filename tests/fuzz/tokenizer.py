"""Reading tokenizers of others, in this process: the limits of the trial are those of this one.

The library's own panics are not findings, since they end in an error of ours.
"""

from __future__ import annotations

import json
from pathlib import Path

from elman.data import BpeTokenizer
from elman.data.trial import TEXTS
from elman.errors import ConfigError, DataError
from tests.data.test_foreign import KINDS


def seeds() -> list[bytes]:
    """Return a tokenizer of each kind, without most of its vocabulary."""
    return [own.to_str().encode() for own in KINDS.values()]


def read(data: bytes, folder: Path) -> None:
    """Build a tokenizer, and do all that can be done with it."""
    try:
        fields = json.loads(data)
    except (ValueError, RecursionError):
        raise DataError("not JSON") from None
    if not isinstance(fields, dict):
        raise ConfigError("no object")
    tokenizer = BpeTokenizer(fields)
    for text in TEXTS:
        ids = tokenizer.encode(text)
        assert not len(ids) or ids.max() < tokenizer.vocab_size
        stream = tokenizer.stream()
        pieces = [stream(int(i)) for i in ids]
        assert "".join(pieces) + stream.flush() == tokenizer.decode(ids)
        assert len(tokenizer.symbols(text)) >= 0
        assert all(isinstance(symbol, str) for symbol in tokenizer.unknown_symbols(text))
    again = BpeTokenizer(tokenizer.to_json()["tokenizer"])
    assert again == tokenizer
    _ = tokenizer.notes, tokenizer.start, tokenizer.line_end, tokenizer.open
