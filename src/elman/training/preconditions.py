"""What must hold before anything is trained: of settings, and of a text."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from elman.data import Corpus, Stream, Text, check_vectors
from elman.data.registry import tokenizer_kind
from elman.errors import ConfigError, DataError
from elman.network.output import SETTINGS
from elman.storage.config import TrainConfig
from elman.storage.run import build_model
from elman.training.session import stream_of, updates_of
from elman.training.texts import check_text, with_prepared


def check_settings(config: TrainConfig, text: Text | None = None) -> TrainConfig:
    """Raise the error of settings that no run can begin with, before anything is made.

    Parameters
    ----------
    config : TrainConfig
        The settings.
    text : Text, optional
        A text in memory, in place of the files that the settings name.

    Returns
    -------
    TrainConfig
        With what a prepared text decides.

    Raises
    ------
    ConfigError, DataError, CheckpointError
        If a setting is wrong, or a file that one names cannot be read.
    """
    config.validate()
    if config.data is not None:
        config = with_prepared(config)
    else:
        kind = tokenizer_kind(config.tokens)
        kind.builder(max_vocab=config.max_vocab, min_count=config.min_count, lowercase=config.lowercase)
    if set(config.direction.replace(" ", "").split(",")) != {"forward"}:
        raise ConfigError(
            f"direction {config.direction!r} cannot be trained to predict the next token: a layer that reads "
            "ahead sees it; leave direction out"
        )
    _check_model(config)
    check_text(config, text)  # before a directory is made
    if config.vectors is not None:
        check_vectors(config.vectors, config.embedding)
    return config


def check_corpus(config: TrainConfig, corpus: Corpus) -> Stream:
    """Return the stream of an encoded text, or raise the error of settings that do not fit the text.

    Raises
    ------
    ConfigError, DataError
        If the text is too short for the windows, for a warm-up or to be evaluated on.
    """
    stream = stream_of(config, corpus)
    check_warmup(config, stream)
    _check_evaluable(corpus)
    return stream


def _check_model(config: TrainConfig) -> None:
    """Raise the ConfigError of building the model, where that does not depend on the vocabulary."""
    # What outputs refuse does, so that this model has the one without settings.
    unset: dict[str, Any] = dict.fromkeys(SETTINGS)
    build_model(replace(config, output="full", **unset), vocab_size=1, blank=True)


def _check_evaluable(corpus: Corpus) -> None:
    """Raise DataError if the validation or test part has no token to predict."""
    led = corpus.tokenizer.start is not None  # the first token then follows a line end, and is predicted
    for name, part in corpus.parts.items():
        if name != "train":
            part.require(0, part.tokens)
        if name != "train" and part.tokens + led < 2:
            raise DataError(
                f"the {name} part has {part.tokens} token, and nothing before it to predict it from: "
                "give a longer text, separate files, or a split with fewer parts"
            )


def check_warmup(config: TrainConfig, stream: Stream) -> None:
    """Raise ConfigError if the run is known to end before its warm-up does."""
    for steps in (config.steps, config.epochs and updates_of(config, stream, config.epochs)):
        if steps and config.warmup >= steps:
            raise ConfigError(
                f"warmup ({config.warmup}) must be less than the {steps:,} steps of the run, or the rate "
                "never gets to its full height"
            )
