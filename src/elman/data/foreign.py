"""A ``tokenizer.json`` of others: tried in a process of its own, and then read."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import IO, Any

import elman
from elman.data.bpe import BpeTokenizer
from elman.data.given import check_sources
from elman.data.hugging import library, used
from elman.data.registry import tokenizer_from_json
from elman.data.trial import REFUSED
from elman.errors import CheckpointError, ConfigError, DataError

LARGEST = 64 * 2**20
"""Bytes of the largest file that is read."""

SECONDS = 60
"""A file on which the library is busy for longer is refused."""


def read_tokenizer(path: str | Path) -> BpeTokenizer:
    """Read a tokenizer from a file: a ``tokenizer.json`` of Hugging Face's, or of a run with bpe tokens.

    The library is compiled code that trusts its files: a process of its own, with limits of time and memory,
    first builds the tokenizer and encodes and decodes some texts.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    BpeTokenizer

    Raises
    ------
    DataError
        Where the file cannot be read, or is no tokenizer.
    ConfigError
        Where it is a tokenizer of another kind.
    ElmanError
        Where the package tokenizers is not installed.
    """
    fields = _contents(Path(path))
    library()
    if "format" in fields and "name" in fields:
        if fields["name"] != BpeTokenizer.name:
            raise ConfigError(f"{path} is a tokenizer of {fields['name']!r:.40} tokens, not of bpe tokens")
        try:
            _try(path, used(fields.get("tokenizer")))
            found = tokenizer_from_json(fields)
            assert isinstance(found, BpeTokenizer)
        except (CheckpointError, ConfigError) as error:
            raise DataError(f"{path}: {error}") from None
        return found
    return from_fields(fields, path)


def from_fields(fields: dict[str, Any], path: str | Path) -> BpeTokenizer:
    """Make a tokenizer of the contents of a ``tokenizer.json``, tried first; `path` is for messages."""
    try:
        _try(path, used(fields))
        return BpeTokenizer(fields)
    except ConfigError as error:
        raise DataError(f"{path} is no tokenizer: {error}") from None


def _contents(path: Path) -> dict[str, Any]:
    """The JSON object in a file."""
    check_sources(path, "a tokenizer.json of Hugging Face's")
    try:
        size = path.stat().st_size
        if not path.is_file() or size > LARGEST:
            what = f"has {size:,} bytes" if path.is_file() else "is no regular file"
            raise DataError(f"{path} {what}: give a tokenizer.json of at most {LARGEST:,} bytes")
        fields = json.loads(path.read_bytes())
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from None
    except (ValueError, RecursionError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{path} is not JSON ({str(error) or 'nested too deeply':.100})") from None
    if not isinstance(fields, dict):
        raise DataError(f"{path} is no tokenizer: its JSON is not an object")
    return fields


def _try(path: str | Path, fields: dict[str, Any]) -> None:
    """Raise DataError if the library refuses the fields, fails on them, or does not come to an end."""
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as said:
        given.write(json.dumps(fields).encode())
        given.seek(0)
        try:
            done = _run(given, said)
        except subprocess.TimeoutExpired:
            raise DataError(f"{path} kept tokenizers busy for {SECONDS} seconds: it is damaged") from None
        if done:
            said.seek(0)
            lines = said.read()[-2000:].decode(errors="replace").strip().splitlines()
            why = lines[-1][:300] if done == REFUSED and lines else f"tokenizers ended with status {done}"
            raise DataError(f"{path} is no tokenizer: {why}")


def _run(given: IO[bytes], said: IO[bytes]) -> int:
    here = str(Path(elman.__file__).parents[1])
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, [here, os.environ.get("PYTHONPATH")])),
        "OPENBLAS_NUM_THREADS": "1",  # each thread reserves memory
        "RAYON_NUM_THREADS": "1",
        "RUST_BACKTRACE": "0",
    }
    # -P: modules in the working directory, which may have come with the file, are not imported.
    command = [sys.executable, "-P", "-m", "elman.data.trial"]
    return subprocess.run(
        command,
        stdin=given,
        stdout=subprocess.DEVNULL,
        stderr=said,
        env=environment,
        timeout=SECONDS,
        check=False,
    ).returncode
