"""The kinds of tokenizer by name, and how one comes back from its file."""

import json
from pathlib import Path
from typing import Any

from elman.data.tokenize import FORMAT, Tokenizer
from elman.data.versions import check_version
from elman.errors import CheckpointError, ConfigError

TOKENIZERS: dict[str, type[Tokenizer]] = {}
"""The kinds of tokenizer by name. The command line and the conformance tests go by it."""


def register(cls: type[Tokenizer]) -> type[Tokenizer]:
    """Class decorator: enter a kind of tokenizer in the registry under its name."""
    TOKENIZERS[cls.name] = cls
    return cls


def tokenizer_kind(name: str) -> type[Tokenizer]:
    """The tokenizer class of this name, of those whose vocabulary is built from a text.

    Parameters
    ----------
    name : str
        A key of `TOKENIZERS`.

    Returns
    -------
    type of Tokenizer

    Raises
    ------
    ConfigError
        Where there is none.

    Examples
    --------
    >>> tokenizer_kind("char").__name__
    'CharTokenizer'
    """
    built = sorted(known for known, kind in TOKENIZERS.items() if kind.has_builder)
    if name in built:
        return TOKENIZERS[name]
    if name in TOKENIZERS:
        raise ConfigError(
            f"{name} tokens come with an imported model, and are not built from a text: "
            f"give one of {', '.join(built)}"
        )
    raise ConfigError(f"unknown tokens {name!r}: give one of {', '.join(built)}")


def tokenizer_from_json(fields: Any) -> Tokenizer:
    """Rebuild a tokenizer from what `Tokenizer.to_json` gave.

    Parameters
    ----------
    fields : dict
        ``{"format": 1, "name": ..., ...}``.

    Returns
    -------
    Tokenizer

    Raises
    ------
    CheckpointError
        Where the fields do not describe a tokenizer, or one of a newer version of elman.

    Examples
    --------
    >>> from elman.data import CharTokenizer
    >>> chars = CharTokenizer.from_text("abba")
    >>> tokenizer_from_json(chars.to_json()) == chars
    True
    """
    if not isinstance(fields, dict):
        raise CheckpointError(f"a tokenizer is a JSON object, not {type(fields).__name__}: restore the file")
    version, name = fields.get("format"), fields.get("name")
    check_version(version, FORMAT, "the tokenizer", "restore the file")
    if not isinstance(name, str) or name not in TOKENIZERS:
        raise CheckpointError(
            f"the tokenizer is of kind {name!r}: this elman knows {', '.join(sorted(TOKENIZERS))}"
        )
    try:
        return TOKENIZERS[name].from_json(fields)
    except (KeyError, TypeError, ValueError) as error:
        reason = f"{error.args[0]!r} is missing" if isinstance(error, KeyError) else str(error)
        raise CheckpointError(f"the {name} tokenizer is damaged ({reason}): restore the file") from None


def load_tokenizer(path: str | Path) -> Tokenizer:
    """Read a tokenizer that `Tokenizer.save` wrote.

    Parameters
    ----------
    path : str or Path
        A JSON file.

    Returns
    -------
    Tokenizer

    Raises
    ------
    CheckpointError
        Where the file is missing, damaged, or made by a newer version of elman.
    """
    try:
        return tokenizer_from_json(json.loads(Path(path).read_bytes()))
    except OSError as error:
        raise CheckpointError(f"cannot read the tokenizer {path}: {error.strerror or error}") from None
    except ValueError as error:
        detail = error if isinstance(error, CheckpointError) else f"not JSON ({error}): restore the file"
        raise CheckpointError(f"{path}: {detail}") from None
