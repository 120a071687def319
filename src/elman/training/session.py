"""A training session: what a run's settings make, begun anew or taken up where it stopped."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from elman.data import Corpus, Stream, Text, default_text, encode_corpus
from elman.data.registry import tokenizer_kind
from elman.errors import CheckpointError, ConfigError
from elman.network import LanguageModel
from elman.network.cells import get_cell
from elman.storage.config import TrainConfig
from elman.storage.lock import exclusive
from elman.storage.run import Run, build_model
from elman.training.checkpoint import load_progress, save_progress
from elman.training.loop import Progress
from elman.training.optim import Optimizer
from elman.training.processes import best_threads
from elman.training.schedules import Record, Schedule
from elman.training.settings import optimizer_of, schedule_of

EPOCHS = 10
"""Passes over the text where no length is given."""

DEMONSTRATION: dict[str, Any] = {"steps": 3000, "minutes": 1.4}
"""Length of a run on the default text: one to look at, that ends while one waits."""

EXTENDABLE = ("epochs", "steps", "minutes", "early_stop", "eval_every", "checkpoint_every", "sample")
"""The settings that may change when a run is taken up again."""


@dataclass
class Session:
    """What a training session works with; the run directory is locked while it is open."""

    run: Run
    config: TrainConfig
    corpus: Corpus
    model: LanguageModel
    stream: Stream
    optimizer: Optimizer
    progress: Progress

    @property
    def schedule(self) -> Schedule:
        """The learning rate of a step; while the length is not known, that of an endless run."""

        def rate(step: int, record: Record = ()) -> float:
            return schedule_of(self.config, self.length(), len(self.stream))(step, record)

        return rate

    def known_length(self) -> int:
        """Return the steps that epochs and steps allow, 0 if only minutes bound the run."""
        bounds = [self.config.steps, self.config.epochs and self.config.epochs * len(self.stream)]
        return min((bound for bound in bounds if bound), default=0)

    def length(self) -> int:
        """Return the steps the run will take: as planned, or while there is no plan, as known."""
        return self.progress.horizon or self.known_length()

    def save(self) -> None:
        """Save all that resuming needs."""
        save_progress(self.run, self.model, self.progress)


@contextmanager
def begin(
    config: TrainConfig, out: str | Path, *, overwrite: bool = False, text: Text | None = None
) -> Iterator[Session]:
    """Start a new run: encode the text, write the settings, make the model, save it untrained.

    Parameters
    ----------
    config : TrainConfig
        The settings. Without a text, the one every Python carries is taken.
    out : path-like
        The run directory to make.
    overwrite : bool
        Replace a run that is there.
    text : Text, optional
        A text in memory, in place of the files that the settings name.

    Raises
    ------
    ConfigError, DataError, CheckpointError
        If a setting is wrong, the text cannot be read or is too short, or the directory is taken.
    """
    config.validate()
    get_cell(config.cell)
    tokenizer_kind(config.tokens)
    config = replace(config, lr=config.learning_rate())
    if not (config.epochs or config.steps or config.minutes):
        demonstration = not (config.text or config.train or text)
        config = replace(config, **(DEMONSTRATION if demonstration else {"epochs": EPOCHS}))
    run = Run.claim(out, overwrite=overwrite)
    with exclusive(run.path):
        if run.begun and not overwrite:  # another process got here first, and has finished since
            raise CheckpointError(f"{run.path} already holds a run; give another --out")
        # A run that is to be replaced stays until its successor is known to be possible.
        model = _prepare(config, run, text)
        if config.threads is None:
            config = replace(config, threads=best_threads(model, config.batch, config.back or config.window))
        run.clear()
        run.fresh_data.replace(run.data)
        corpus = run.corpus()
        stream = _stream(config, corpus)
        run.write_settings(config, corpus.tokenizer)
        optimizer = optimizer_of(config)
        progress = Progress(model.initial_state(config.batch), optimizer.init(model.params))
        session = Session(run, config, corpus, model, stream, optimizer, progress)
        session.save()
        yield session


@contextmanager
def resume(path: str | Path, changes: Mapping[str, Any] | None = None) -> Iterator[Session]:
    """Take up a run where its last checkpoint was made.

    Parameters
    ----------
    path : path-like
        The run directory.
    changes : mapping, optional
        New values of settings that bound or report the run (`EXTENDABLE`). Without any, training goes on
        bit for bit as if it had not stopped, on the same machine.

    Raises
    ------
    CheckpointError
        If the run is missing, incomplete, damaged, or in use.
    ConfigError
        If another setting is to change.
    """
    run = Run.existing(path)
    with exclusive(run.path):
        run.sweep()
        config = run.config
        for name in changes or {}:
            if name not in EXTENDABLE:
                raise ConfigError(
                    f"{name} cannot change when a run is resumed; only {', '.join(EXTENDABLE)} can"
                )
        if changes:
            config = replace(config, **changes)
            config.validate()
        corpus = run.corpus()
        model = run.new_model()
        progress = load_progress(run, model, config)
        session = Session(run, config, corpus, model, _stream(config, corpus), optimizer_of(config), progress)
        if {"epochs", "steps", "minutes"} & set(changes or ()):
            progress.horizon = 0  # to be planned again
            if 0 < session.known_length() < progress.step:
                raise ConfigError(
                    f"the run has made {progress.step:,} steps already, more than the "
                    f"{session.known_length():,} now asked for; give a larger number"
                )
        if changes:
            run.write_settings(config, run.tokenizer)
        run.metrics.rewind(progress.step)
        yield session


def _prepare(config: TrainConfig, run: Run, text: Text | None) -> LanguageModel:
    """Encode the text beside an older run's; return the model it makes, once all is found to fit."""
    try:
        corpus = _encode(config, run.fresh_data, text)
        _stream(config, corpus)
        return build_model(config, corpus.tokenizer.vocab_size)
    except BaseException:
        shutil.rmtree(run.fresh_data, ignore_errors=True)
        raise


def _encode(config: TrainConfig, folder: Path, text: Text | None) -> Corpus:
    """Encode the run's text into a folder."""
    sources: Any = text or config.text or Text(default_text(), "pydoc_data.topics")
    split: dict[str, Any] = {"split": config.fractions()}
    if config.train:
        parts = {"train": config.train, "valid": config.valid, "test": config.test}
        sources, split = {name: path for name, path in parts.items() if path}, {}
    return encode_corpus(
        sources, folder, tokens=config.tokens, max_vocab=config.max_vocab, min_count=config.min_count,
        lowercase=config.lowercase, documents=config.documents, **split,
    )  # fmt: skip


def _stream(config: TrainConfig, corpus: Corpus) -> Stream:
    return Stream(corpus.parts["train"], batch=config.batch, window=config.window)
