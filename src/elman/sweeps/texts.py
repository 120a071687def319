"""Texts of a sweep, each encoded once for all trials that read the same."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

from elman.data import Corpus, read_tokenizer
from elman.data.given import state_of
from elman.disk.lock import exclusive
from elman.errors import CheckpointError
from elman.storage.config import TrainConfig
from elman.storage.settings import TextSettings
from elman.training.texts import text_of

_BESIDE = ("vectors", "freeze_vectors")
_FILES = ("text", "train", "valid", "test", "tokenizer")
OF_TEXT = tuple(setting.name for setting in fields(TextSettings) if setting.name not in _BESIDE)
"""Settings that an encoded text depends on."""


class Texts:
    """Encoded texts in a folder, which processes on this machine share.

    Parameters
    ----------
    folder : Path
        It is made when the first text is encoded.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._known: dict[str, Corpus] = {}

    def corpus(self, config: TrainConfig) -> Corpus:
        """Return the encoded text of these settings, or the prepared one; encode it if no process has yet.

        Raises
        ------
        ConfigError, DataError, CheckpointError
            If the text cannot be read or is too short.
        """
        settings = {name: getattr(config, name) for name in OF_TEXT}
        key = json.dumps(settings, sort_keys=True)
        if key not in self._known:
            self._known[key] = self._encoded(config, settings)
        return self._known[key]

    def _encoded(self, config: TrainConfig, settings: dict[str, Any]) -> Corpus:
        if config.data is not None:
            return text_of(config, self.folder, None, None)
        # A file that has changed since is another text.
        named = [path for name in _FILES for path in _listed(settings[name])]
        said = json.dumps([settings, state_of(named) if named else None], sort_keys=True)
        folder = self.folder / hashlib.sha256(said.encode()).hexdigest()[:12]
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CheckpointError(f"cannot make {folder}: {error.strerror or error}") from error
        with _alone(folder):
            if (folder / "corpus.json").exists():
                return Corpus.open(folder)
            given = None if config.tokenizer is None else read_tokenizer(config.tokenizer)
            return text_of(config, folder, None, given)


def _listed(value: Any) -> list[str]:
    return [] if value is None else [value] if isinstance(value, str) else list(value)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder; wait while another process has it."""
    with ExitStack() as stack:
        while True:
            try:
                stack.enter_context(exclusive(folder))
                break
            except CheckpointError as busy:
                if isinstance(busy.__cause__, OSError):  # not busy: it cannot be written
                    raise
                time.sleep(0.1)
        yield


def digest(corpora: Iterable[Corpus]) -> str:
    """Return a short name of encoded texts by what is in them, wherever they lie.

    Vocabularies and counts tell texts apart, but for those that differ in the order of their tokens alone.
    """
    found = hashlib.sha256()
    for corpus in corpora:
        found.update(corpus.tokenizer.to_bytes())
        counts = [
            [name, part.tokens, part.chars, part.bytes, part.unknown] for name, part in corpus.parts.items()
        ]
        found.update(json.dumps(counts).encode())
    return found.hexdigest()[:12]
