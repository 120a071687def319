"""The vocabulary of an imported model: from a file, or numbers where there is none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

from elman.data import (
    ByteTokenizer,
    ListedCharTokenizer,
    ListedWordTokenizer,
    Tokenizer,
    read_tokenizer,
    tokenizer_from_json,
)
from elman.errors import ConfigError, DataError, ElmanError
from elman.interop.files.listing import regular_file

LARGEST = 64 * 2**20
"""Bytes of the largest file that is read as a vocabulary."""

UNITS = {"char": ListedCharTokenizer, "word": ListedWordTokenizer}


class Vocabulary(NamedTuple):
    """A tokenizer, and what was assumed to make it, a sentence each."""

    tokenizer: Tokenizer
    said: tuple[str, ...] = ()


def vocabulary(classes: int, file: str | Path | None = None, tokens: str | None = None) -> Vocabulary:
    """Return the tokenizer of a model with so many classes.

    Parameters
    ----------
    classes : int
        How many ids there are, K.
    file : path-like, optional
        The symbols in the order of their ids: a JSON list, a JSON object of symbols and ids, elman's own
        ``tokenizer.json`` or one of Hugging Face's, or a text with a symbol a line.
    tokens : str, optional
        What a symbol is: ``char`` or ``word``; or ``byte``, which needs no file.

    Returns
    -------
    Vocabulary
        Without a file, the words are the numbers of the ids.

    Raises
    ------
    ConfigError
        If the file has another number of symbols than there are classes, or `tokens` does not fit it.
    DataError
        If the file cannot be read, or is no vocabulary.

    Examples
    --------
    >>> vocabulary(3).tokenizer.decode([0, 2, 1])
    '0 2 1'
    """
    if tokens not in (None, "byte", *UNITS):
        raise ConfigError(f"tokens must be char, byte or word, not {tokens!r}")
    if tokens == "byte":
        if file is not None or classes != 256:
            given = "a vocabulary" if file is not None else f"{classes:,} classes"
            raise ConfigError(f"byte tokens are the 256 bytes, and go without {given}: leave one of them out")
        return Vocabulary(ByteTokenizer())
    if file is None:
        if tokens is not None:
            raise ConfigError(f"which {tokens}s the {classes:,} ids stand for, a vocabulary says: give one")
        also = ", or say that its tokens are bytes" if classes == 256 else ""
        said = f"the ids stand for the words 0 to {classes - 1}, since there is no vocabulary: give one{also}"
        return Vocabulary(ListedWordTokenizer(map(str, range(classes))), (said,))
    found = _read(Path(file), tokens)
    if found.tokenizer.vocab_size != classes:
        raise ConfigError(
            f"{file} has {found.tokenizer.vocab_size:,} symbols, but the model has {classes:,} classes: "
            "give the vocabulary that it was trained with"
        )
    return found


def _read(path: Path, tokens: str | None) -> Vocabulary:
    text = _text(path)
    value = _json(path, text)
    # A name that is a number is the id of the word "name".
    ours = isinstance(value, dict) and "format" in value and isinstance(value.get("name"), str)
    if isinstance(value, dict) and (ours or isinstance(value.get("model"), dict)):
        tokenizer = _tokenizer(path, value) if ours and value["name"] != "bpe" else read_tokenizer(path)
        if tokens is not None and tokenizer.unit != {"char": "character"}.get(tokens, tokens):
            raise ConfigError(f"{path} is a tokenizer of {tokenizer.unit}s, not of {tokens} tokens")
        return Vocabulary(tokenizer)
    symbols = _lines(path, text) if value is None else _symbols(path, value)
    said: tuple[str, ...] = ()
    if tokens is None:
        plain = [s for s in symbols if not (len(s) > 2 and s[0] + s[-1] in ("<>", "[]"))]
        tokens = "char" if all(len(s) == 1 for s in plain) else "word"
        longest = (
            "every symbol of it is one character" if tokens == "char" else "some are longer than a character"
        )
        said = (f"{path} was taken for a vocabulary of {tokens} tokens, since {longest}",)
    try:
        return Vocabulary(UNITS[tokens](symbols), said)
    except ConfigError as error:
        raise DataError(f"{path}: {error}") from None


def _tokenizer(path: Path, fields: dict[str, Any]) -> Tokenizer:
    try:
        return tokenizer_from_json(fields)
    except ElmanError as error:
        raise DataError(f"{path}: {error}") from None


def _text(path: Path) -> str:
    path, size = regular_file(path)
    if size > LARGEST:
        raise DataError(f"{path} has {size:,} bytes, too many for a vocabulary: at most {LARGEST:,} are read")
    try:
        return path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path} is not a vocabulary: byte {error.start:,} is not UTF-8; save it as UTF-8"
        ) from None


def _json(path: Path, text: str) -> Any:
    """Return the JSON list or object in a text, or None where it is lines."""
    if path.suffix != ".json" and text.lstrip()[:1] not in ("[", "{"):
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        if path.suffix != ".json":  # the first symbol is a bracket
            return None
        raise DataError(f"{path} is not JSON ({str(error) or 'nested too deeply':.100})") from None
    if not isinstance(value, (list, dict)):
        raise DataError(f"{path} is not a vocabulary: it is neither a JSON list nor an object")
    return value


def _symbols(path: Path, value: list[Any] | dict[str, Any]) -> list[str]:
    if isinstance(value, list):
        if not all(isinstance(symbol, str) for symbol in value):
            raise DataError(f"{path} is not a vocabulary: not everything in its list is a string")
        return value
    odd = next((symbol for symbol, id in value.items() if type(id) is not int), None)
    if odd is not None:
        raise DataError(
            f"{path} is not a vocabulary: an object must have whole numbers as ids, but {odd!r:.60} has "
            f"{json.dumps(value[odd], ensure_ascii=False):.40}"
        )
    ids = {id: symbol for symbol, id in value.items()}
    if len(ids) != len(value) or (ids and (min(ids), max(ids)) != (0, len(ids) - 1)):
        raise DataError(
            f"{path} is not a vocabulary: its symbols do not have the ids 0 to {len(value) - 1:,}, each once"
        )
    return [ids[index] for index in range(len(ids))]


def _lines(path: Path, text: str) -> list[str]:
    lines = text.removesuffix("\n").split("\n")
    if "" in lines:
        raise DataError(
            f"line {lines.index('') + 1} of {path} is empty: give a symbol a line, or a JSON list, "
            "which can hold a line end as a symbol"
        )
    return lines
