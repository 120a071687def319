"""A training session: what a run's settings make, begun anew or taken up where it stopped."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from elman.data import (
    Corpus,
    Stream,
    Text,
    Tokenizer,
    check_sources,
    check_vectors,
    default_text,
    encode_corpus,
    place_vectors,
    read_tokenizer,
)
from elman.data.registry import tokenizer_kind
from elman.errors import CheckpointError, ConfigError, DataError
from elman.network import LanguageModel
from elman.network.output import SETTINGS, choose_output
from elman.storage.config import TrainConfig
from elman.storage.lock import exclusive
from elman.storage.run import Run, build_model
from elman.training.averages import begin_average, new_average, triggered
from elman.training.checkpoint import load_progress, save_progress
from elman.training.loop import Progress
from elman.training.optim import Optimizer
from elman.training.processes import best_threads
from elman.training.schedules import Record, Schedule
from elman.training.settings import optimizer_of, schedule_of
from elman.training.windows import RandomWindows

EPOCHS = 10
"""Passes over the text where no length is given, or as many as make these steps:"""

FEWEST_STEPS = 500
"""A short text is passed over often, or nothing would be learnt from it."""

DEMONSTRATION: dict[str, Any] = {"steps": 3000, "minutes": 1.4}
"""Length of a run on the default text: one to look at, that ends while one waits."""

RANKED = ("word", "space", "bpe")
"""Tokens that are numbered by falling frequency, as outputs for large vocabularies take them to be."""

EXTENDABLE = (
    "epochs", "steps", "minutes", "early_stop", "eval_every", "eval_epochs", "checkpoint_every", "sample",
)  # fmt: skip
"""The settings that may change when a run is taken up again."""


@dataclass
class Session:
    """What a training session works with; the run directory is locked while it is open.

    `notes` are sentences about what was chosen.
    """

    run: Run
    config: TrainConfig
    corpus: Corpus
    model: LanguageModel
    stream: Stream
    optimizer: Optimizer
    progress: Progress
    notes: tuple[str, ...] = ()

    @property
    def schedule(self) -> Schedule:
        """The learning rate of a step; while the length is not known, that of an endless run."""

        def rate(step: int, record: Record = ()) -> float:
            return schedule_of(self.config, self.length(), self.epoch_updates)(step, record)

        return rate

    @property
    def windows(self) -> RandomWindows | None:
        """What draws the lengths of windows, where they are random."""
        return random_windows(self.config)

    @property
    def epoch_updates(self) -> int:
        """How many updates an epoch takes; where windows are random, one like another."""
        mean = self.windows.mean if self.windows else self.stream.window
        return math.ceil(self.stream.steps / mean)

    def updates(self, epochs: int) -> int:
        """Return how many updates so many epochs take from the beginning of the run."""
        return updates_of(self.config, self.stream, epochs)

    def known_length(self) -> int:
        """Return the steps that epochs and steps allow, 0 if only minutes bound the run."""
        bounds = [self.config.steps, self.config.epochs and self.updates(self.config.epochs)]
        return min((bound for bound in bounds if bound), default=0)

    def length(self) -> int:
        """Return the steps the run will take: as planned, or while there is no plan, as known."""
        return self.progress.horizon or self.known_length()

    @property
    def judged(self) -> LanguageModel:
        """The model that is evaluated, samples and is kept: that of the averages, once there are any."""
        average = self.progress.average
        return self.model.with_params(average) if average and self.progress.averaged else self.model

    def begin_to_average(self) -> None:
        """Begin to average, if the last evaluation says that it is time; the optimiser goes on as it is."""
        n, progress = self.config.average, self.progress
        if n is None or progress.average is None or progress.averaged:
            return
        if triggered([loss for _, loss in progress.evaluations], n):
            begin_average(progress.average, self.model.params)
            progress.averaged = 1

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
    kind = tokenizer_kind(config.tokens)
    kind.builder(max_vocab=config.max_vocab, min_count=config.min_count, lowercase=config.lowercase)
    if set(config.direction.replace(" ", "").split(",")) != {"forward"}:
        raise ConfigError(
            f"direction {config.direction!r} cannot be trained to predict the next token: a layer that reads "
            "ahead sees it; leave direction out"
        )
    _check_model(config)
    if text is not None and (config.text or config.train):
        raise ConfigError("a text in memory and text or train among the settings were given: leave one out")
    if text is None:
        for path in (*config.text, config.train, config.valid, config.test):
            if path is not None:
                check_sources(path)  # before a directory is made
    if config.vectors is not None:
        check_vectors(config.vectors, config.embedding)
    given = None if config.tokenizer is None else read_tokenizer(config.tokenizer)
    decay = optimizer_of(config).settings.get("weight_decay")
    config = replace(config, lr=config.learning_rate(), weight_decay=decay)
    if not (config.epochs or config.steps or config.minutes or config.text or config.train or text):
        config = replace(config, **DEMONSTRATION)
    asked = config.output
    with Run.claim(out, overwrite=overwrite) as run:
        # A run that is to be replaced stays until its successor is on disk, to the first checkpoint.
        with run.staged() as staged:
            config, model, progress, placed = _prepare(config, staged, text, given)
            run.take(staged)
        corpus = run.corpus()
        session = Session(run, config, corpus, model, _stream(config, corpus), optimizer_of(config), progress)
        session.notes = (*placed, *_notes(asked, config, model))
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
        if run.has_model and not run.checkpoint_path.exists() and run.imported:
            raise CheckpointError(
                f"{run.path} was imported: it has no checkpoint, and cannot be trained on; "
                "elman train makes a new run of a text"
            )
        config = run.config
        for name in changes or {}:
            if name not in EXTENDABLE:
                raise ConfigError(
                    f"{name} cannot change when a run is resumed; only {', '.join(EXTENDABLE)} can"
                )
        if changes:
            config = replace(config, **{**_in_place_of(changes), **changes})
            config.validate()
        corpus = run.corpus()
        model = run.new_model()
        progress = load_progress(run, model, config)
        stream = _stream(config, corpus)
        _check_warmup(config, stream)
        if not 0 <= progress.position < stream.steps:
            raise CheckpointError(
                f"{run.checkpoint_path} stands at step {progress.position} of an epoch, but that of the text "
                f"in {run.data} has {stream.steps}; they are of different runs"
            )
        session = Session(run, config, corpus, model, stream, optimizer_of(config), progress)
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


def _prepare(
    config: TrainConfig, run: Run, text: Text | None, given: Tokenizer | None
) -> tuple[TrainConfig, LanguageModel, Progress, tuple[str, ...]]:
    """Encode the text and write the run to its first checkpoint, once all is found to fit.

    Return with the rest what is to be said of the word vectors, where there are some to begin with.
    """
    corpus = _encode(config, run.data, text, given)
    stream = _stream(config, corpus)
    if not (config.epochs or config.steps or config.minutes):
        config = replace(config, epochs=max(EPOCHS, -(-FEWEST_STEPS // len(stream))))
    _check_warmup(config, stream)
    _check_evaluable(corpus)
    if config.output == "auto":
        chosen = choose_output(corpus.tokenizer.vocab_size, ranked=_ranked(config))
        config = replace(config, output=chosen)
    model = build_model(config, corpus.tokenizer.vocab_size)
    config = replace(config, **model.output.settings)  # as they are, where they were left to it
    if config.threads is None:
        config = replace(config, threads=best_threads(model, config.batch, config.back or config.window))
    placed: tuple[str, ...] = ()
    if config.vectors is not None:
        placed = (place_vectors(config.vectors, corpus.tokenizer, model.params["embedding.E"]).said,)
    progress = Progress(model.initial_state(config.batch), optimizer_of(config).init(model.params))
    if config.average is not None:
        progress.average = new_average(model.params)
    run.write_settings(config, corpus.tokenizer)
    save_progress(run, model, progress)
    return config, model, progress, placed


def _ranked(config: TrainConfig) -> bool:
    """Say whether tokens are numbered by falling frequency; those of a file are as it gives them."""
    return config.tokens in RANKED and config.tokenizer is None


def _notes(asked: str, config: TrainConfig, model: LanguageModel) -> tuple[str, ...]:
    """Say what the output is where it was to be chosen, or needs a word."""
    name, tokens, notes = model.output.name, f"{model.vocab_size:,} {config.tokens} tokens", []
    if asked == "auto":
        notes.append(f"output auto is {name}, for {tokens}")
    elif name not in ("full", "mixture") and not _ranked(config):
        notes.append(
            f"output {name} takes tokens for numbered by falling frequency, which {tokens} are not: "
            "full may be better"
        )
    if model.output.random:
        notes.append(
            f"the training loss of output {name} is that of its samples; that of the validation is exact"
        )
        drawn = model.output.settings["samples"]
        if drawn >= model.vocab_size:
            notes.append(f"{drawn:,} samples of {tokens}: output full computes fewer, and is exact")
    return tuple(notes)


def _check_model(config: TrainConfig) -> None:
    """Raise the ConfigError of building the model, where that does not depend on the vocabulary."""
    # What outputs refuse does, so that this model has the one without settings.
    unset: dict[str, Any] = dict.fromkeys(SETTINGS)
    build_model(replace(config, output="full", **unset), vocab_size=1, blank=True)


def _check_evaluable(corpus: Corpus) -> None:
    """Raise DataError if the validation or test part has no token to predict."""
    led = corpus.tokenizer.start is not None  # the first token then follows a line end, and is predicted
    for name, part in corpus.parts.items():
        if name != "train" and part.tokens + led < 2:
            raise DataError(
                f"the {name} part has {part.tokens} token, and nothing before it to predict it from: "
                "give a longer text, separate files, or a split with fewer parts"
            )


def _check_warmup(config: TrainConfig, stream: Stream) -> None:
    """Raise ConfigError if the run is known to end before its warm-up does."""
    for steps in (config.steps, config.epochs and updates_of(config, stream, config.epochs)):
        if steps and config.warmup >= steps:
            raise ConfigError(
                f"warmup ({config.warmup}) must be less than the {steps:,} steps of the run, or the rate "
                "never gets to its full height"
            )


def _encode(config: TrainConfig, folder: Path, text: Text | None, given: Tokenizer | None) -> Corpus:
    """Encode the run's text into a folder, with the tokenizer that was given, if one was."""
    sources: Any = text or config.text or Text(default_text(), "pydoc_data.topics")
    split: dict[str, Any] = {"split": config.fractions()}
    if config.train:
        parts = {"train": config.train, "valid": config.valid, "test": config.test}
        sources, split = {name: path for name, path in parts.items() if path}, {}
    return encode_corpus(
        sources, folder, tokens=config.tokens, max_vocab=config.max_vocab, min_count=config.min_count,
        lowercase=config.lowercase, documents=config.documents, tokenizer=given, **split,
    )  # fmt: skip


def _in_place_of(changes: Mapping[str, Any]) -> dict[str, None]:
    """Return what a changed setting takes the place of: evaluations are counted in steps or in epochs."""
    ways = {"eval_every": "eval_epochs", "eval_epochs": "eval_every"}
    return {other: None for name, other in ways.items() if changes.get(name)}


def random_windows(config: TrainConfig) -> RandomWindows | None:
    """Return what draws the lengths of windows, where the settings ask for that."""
    return RandomWindows(config.window, config.seed) if config.random_window else None


def updates_of(config: TrainConfig, stream: Stream, epochs: int) -> int:
    """Return how many updates so many epochs of a stream take."""
    windows = random_windows(config)
    return windows.updates(stream.steps, epochs) if windows else epochs * len(stream)


def _stream(config: TrainConfig, corpus: Corpus) -> Stream:
    return Stream(corpus.parts["train"], batch=config.batch, window=config.window)
