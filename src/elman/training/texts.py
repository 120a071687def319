"""The text of a run: encoded into it, or prepared beforehand."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from elman.data import Corpus, Text, Tokenizer, check_sources, default_text, encode_corpus
from elman.errors import ConfigError
from elman.storage.config import TrainConfig


def names_text(config: TrainConfig) -> bool:
    """Say whether the settings name a text."""
    return bool(config.text or config.train or config.data)


def check_text(config: TrainConfig, text: Text | None) -> None:
    """Raise the error for a text that is plainly not there, or given twice; read nothing.

    Parameters
    ----------
    config : TrainConfig
    text : Text or None
        One in memory.
    """
    if text is not None and names_text(config):
        raise ConfigError(
            "a text in memory and text, train or data among the settings were given: leave one out"
        )
    if text is None:
        for path in (*config.text, config.train, config.valid, config.test):
            if path is not None:
                check_sources(path)


def from_root(path: str) -> str:
    """Return a path that means the same from any folder."""
    return os.path.abspath(path)  # noqa: PTH100 - a link stays one


def with_prepared(config: TrainConfig) -> TrainConfig:
    """Return the settings with what the prepared text that they name was prepared with.

    Raises
    ------
    CheckpointError
        If it is missing or damaged, or not the one that the settings were written with.
    ConfigError
        If they contradict it.
    """
    from elman.data.shards import index_checksum, open_prepared

    assert config.data is not None
    folder = Path(config.data)
    corpus, checksum = open_prepared(folder), index_checksum(folder)
    if config.data_index is not None and config.data_index != checksum:
        raise ConfigError(
            f"{folder} is not the text that these settings were written with: the checksum of its index is "
            "another; leave data_index out to train on it all the same"
        )
    theirs: dict[str, Any] = {"tokens": corpus.tokenizer.name, "documents": corpus.documents}
    for name, value in theirs.items() if config.data_index is not None else ():
        if getattr(config, name) != value:
            raise ConfigError(
                f"{name} is {getattr(config, name)}, but {folder} was prepared with {value}: leave it out"
            )
    if "train" not in corpus.parts:
        raise ConfigError(f"{folder} has no training part: give a text that has one")
    config = replace(config, **theirs, data=from_root(config.data), data_index=checksum)
    config.validate()
    config.check_validation("valid" in corpus.parts)
    return config


def text_of(config: TrainConfig, folder: Path, text: Text | None, given: Tokenizer | None) -> Corpus:
    """Return the text of a run: the prepared one, or else one that is encoded into a folder.

    Parameters
    ----------
    config : TrainConfig
    folder : Path
        Where to encode to.
    text : Text or None
        One in memory, in place of what the settings name.
    given : Tokenizer or None
        One to encode with.
    """
    if config.data is not None:
        from elman.data.shards import open_prepared

        return open_prepared(config.data)
    sources: Any = text or config.text or Text(default_text(), "pydoc_data.topics")
    split: dict[str, Any] = {"split": config.fractions()}
    if config.train:
        parts = {"train": config.train, "valid": config.valid, "test": config.test}
        sources, split = {name: path for name, path in parts.items() if path}, {}
    return encode_corpus(
        sources, folder, tokens=config.tokens, max_vocab=config.max_vocab, min_count=config.min_count,
        lowercase=config.lowercase, documents=config.documents, tokenizer=given, **split,
    )  # fmt: skip
