"""Hugging Face's tokenizers: what is taken of their files, and calls whose failures are errors of ours."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

from elman.errors import ConfigError, DataError, ElmanError

MODELS = ("BPE", "WordPiece", "WordLevel", "Unigram")
"""The kinds of model that a ``tokenizer.json`` may hold."""

MOST = 1 << 22
"""Tokens of the largest vocabulary that is taken."""

REPLACEMENT = "\ufffd"
_SURROGATES = re.compile("[\ud800-\udfff]")
_UNUSED = ("truncation", "padding", "post_processor")  # they are of batches for other models


def library() -> Any:
    """The package tokenizers, which is imported where it is used.

    Raises
    ------
    ElmanError
        Where it is not installed.
    """
    try:
        import tokenizers
    except ImportError:
        raise ElmanError("bpe tokens need the package tokenizers: pip install 'elman[bpe]'") from None
    return tokenizers


def call(function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    """Call something of the library; whatever it raises, also in a panic, becomes a DataError."""
    try:
        return function(*arguments, **named)
    except ElmanError:  # of a text that was being read meanwhile
        raise
    except Exception as error:
        raise DataError(f"tokenizers says: {_line(error)}") from None
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        raise DataError(f"tokenizers failed within: {_line(error)}") from None


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__


class Backend:
    """A tokenizer of the library.

    Parameters
    ----------
    fields : mapping
        The contents of a ``tokenizer.json``.

    Attributes
    ----------
    json : str
        The same as the library writes it, without what is not used here.
    names : list of str, length K
        The token of each id, as the vocabulary has it.

    Raises
    ------
    ConfigError
        Where the fields are not such contents.
    DataError
        Where the library refuses them.
    ElmanError
        Where it is not installed.
    """

    def __init__(self, fields: Mapping[str, Any]) -> None:
        own = library().Tokenizer
        self._own = call(own.from_str, json.dumps(used(fields)))
        self.json: str = call(self._own.to_str)
        self.names = _names(call(self._own.get_vocab, with_added_tokens=True))

    @cached_property
    def fields(self) -> dict[str, Any]:
        """What `json` says."""
        return dict(json.loads(self.json))

    def ids(self, text: str) -> list[int]:
        """Ids of a text; a lone surrogate, which the library cannot be given, is read as U+FFFD."""
        found = call(self._own.encode_batch_fast, [clean(text)], add_special_tokens=False)
        return list(found[0].ids)

    def spans(self, text: str) -> list[tuple[int, int, int]]:
        """Ids of a text, each with the place of its beginning and its end."""
        found = call(self._own.encode, clean(text), add_special_tokens=False)
        return [(index, *span) for index, span in zip(found.ids, found.offsets, strict=True)]

    def decode(self, ids: Sequence[int]) -> str:
        """Text of ids, as the library has it."""
        return str(call(self._own.decode, list(ids), skip_special_tokens=False))

    @cached_property
    def unknown(self) -> int | None:
        """The id of what stands for anything that is not in the vocabulary; None where there is none."""
        model = self.fields["model"]
        if model["type"] == "Unigram":
            found = model.get("unk_id")
            return found if isinstance(found, int) and 0 <= found < len(self.names) else None
        name = model.get("unk_token")
        return self.names.index(name) if name in self.names else None


def clean(text: str) -> str:
    """A text that UTF-8 can hold, of the same length."""
    return text if text.isascii() else _SURROGATES.sub(REPLACEMENT, text)


def used(fields: Any) -> dict[str, Any]:
    """What is used of the contents of a ``tokenizer.json``, once their outline has been checked.

    Truncation, padding and what is put around a text are left out, and so is the random choice of merges
    that some were trained with: here a text has one encoding, and it is the whole text's.

    Raises
    ------
    ConfigError
        Where they are not of Hugging Face's format.
    """
    model = fields.get("model") if isinstance(fields, Mapping) else None
    if not isinstance(model, Mapping) or "vocab" not in model:
        raise ConfigError("there is no model with a vocabulary: give a tokenizer.json of Hugging Face's")
    kind = model.get("type", "BPE" if "merges" in model else None)
    if kind not in MODELS:
        raise ConfigError(f"its model is of type {kind!r:.60}, not one of {', '.join(MODELS)}")
    _check_ids(model["vocab"], fields.get("added_tokens") or [])
    return {
        **fields,
        **dict.fromkeys(_UNUSED),
        "model": {**model, **({"dropout": None} if "dropout" in model else {})},
    }


def _check_ids(vocab: Any, added: Any) -> None:
    """Raise ConfigError unless each token is a string with one id of its own, and no id is much too large."""
    pairs: list[tuple[Any, Any]] = [(None, None)]
    if isinstance(vocab, list):  # of a unigram model: tokens and their scores
        firsts = (entry[0] if isinstance(entry, list) and entry else None for entry in vocab)
        pairs = [(name, index) for index, name in enumerate(firsts)]
    elif isinstance(vocab, Mapping):
        pairs = list(vocab.items())
    tokens = added if isinstance(added, list) else [None]
    extra = [(t.get("content"), t.get("id")) if isinstance(t, Mapping) else (None, None) for t in tokens]
    pairs += extra
    if not pairs:
        raise ConfigError("its vocabulary is empty")
    most = min(2 * len(pairs) + 1024, MOST)
    for name, index in pairs:
        if not isinstance(name, str) or type(index) is not int or not 0 <= index < most:
            raise ConfigError(f"its token {name!r:.60} has the id {index!r:.60}, which cannot be")
    ids = dict(pairs)
    if any(ids[name] != index for name, index in pairs) or len(set(ids.values())) != len(ids):
        raise ConfigError("two of its tokens have one id, or one has two")


def _names(vocab: Mapping[str, int]) -> list[str]:
    """The token of each id; an id without one is named so that no text has it."""
    if not vocab:
        raise ConfigError("its vocabulary is empty")
    names = [f"<no token {index}>" for index in range(max(vocab.values()) + 1)]
    for name, index in vocab.items():
        names[index] = name
    return names
