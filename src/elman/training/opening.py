"""Sessions opened: a run begun anew, or taken up where it stopped, by one process or by several."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from elman.data import Corpus, Text, place_vectors, read_tokenizer
from elman.data.linked import link_corpus
from elman.disk.lock import exclusive
from elman.errors import CheckpointError, ConfigError
from elman.network import LanguageModel
from elman.network.output import choose_output
from elman.network.threads import usable_cores
from elman.ranks import ALONE, Ranks
from elman.storage.config import TrainConfig
from elman.storage.run import Run, build_model
from elman.training.averages import new_average
from elman.training.checkpoint import load_progress, save_progress
from elman.training.joining import by_all
from elman.training.loop import Progress
from elman.training.preconditions import check_corpus, check_settings, check_warmup
from elman.training.session import Session, stream_of, updates_of
from elman.training.settings import optimizer_of
from elman.training.shares import rows_of_rank
from elman.training.sharing import best_threads
from elman.training.texts import from_root, names_text, text_of

EPOCHS = 10
"""Passes over the text where no length is given, or as many as make these steps:"""

FEWEST_STEPS = 500
"""A short text is passed over often, or nothing would be learnt from it."""

DEMONSTRATION: dict[str, Any] = {"steps": 3000, "minutes": 1.4}
"""Length of a run on the default text: one to look at, that ends while one waits."""

RANKED = ("word", "space", "bpe")
"""Tokens that are numbered by falling frequency, as outputs for large vocabularies take them to be."""

EXTENDABLE = (
    "epochs", "steps", "minutes", "early_stop", "eval_every", "eval_epochs", "checkpoint_every",
    "checkpoint_minutes", "sample", "data",
)  # fmt: skip
"""The settings that may change when a run is taken up again; of a prepared text, where it lies."""


@contextmanager
def begin(
    config: TrainConfig, out: str | Path, *, overwrite: bool = False, text: Text | None = None,
    encoded: Path | None = None, ranks: Ranks = ALONE,
) -> Iterator[Session]:  # fmt: skip
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
    encoded : Path, optional
        A folder into which `text_of` has encoded the text of these settings. Its files are linked, and the
        text is not read.
    ranks : Ranks, optional
        The processes that train together. The first does all this, and the others open what it has made:
        all must see the directory.

    Raises
    ------
    ConfigError, DataError, CheckpointError
        If a setting is wrong, the text cannot be read or is too short, or the directory is taken.
    LeaderError
        On the other ranks, if the first has raised.
    """
    begun = _begun(config, out, ranks, overwrite=overwrite, text=text, encoded=encoded)
    with by_all(ranks, begun) as session:
        yield session


@contextmanager
def _begun(
    config: TrainConfig, out: str | Path, ranks: Ranks, *, overwrite: bool, text: Text | None,
    encoded: Path | None,
) -> Iterator[Session]:  # fmt: skip
    rows_of_rank(config.batch, ranks)
    config = check_settings(config, text)
    given = None if config.tokenizer is None or encoded is not None else read_tokenizer(config.tokenizer)
    decay = optimizer_of(config).settings.get("weight_decay")
    config = replace(config, lr=config.learning_rate(), weight_decay=decay)
    if not (config.epochs or config.steps or config.minutes or text or names_text(config)):
        config = replace(config, **DEMONSTRATION)
    asked = config.output
    with Run.claim(out, overwrite=overwrite) as run:
        # A run that is to be replaced stays until its successor is on disk, to the first checkpoint.
        with run.staged() as staged:
            if encoded is None:
                corpus = text_of(config, staged.data, text, given)
            else:
                corpus = link_corpus(encoded, staged.data)
            config, model, progress, placed = _prepare(config, staged, corpus, ranks)
            run.take(staged)
        corpus = run.corpus()
        session = Session(
            run, config, corpus, model, stream_of(config, corpus), optimizer_of(config), progress
        )
        session.notes = (*placed, *_notes(asked, config, corpus, model), *_idle(config, ranks))
        yield session


@contextmanager
def resume(
    path: str | Path, changes: Mapping[str, Any] | None = None, *, ranks: Ranks = ALONE
) -> Iterator[Session]:
    """Take up a run where its last checkpoint was made.

    Parameters
    ----------
    path : path-like
        The run directory.
    changes : mapping, optional
        New values of settings that bound or report the run (`EXTENDABLE`). Without any, training goes on
        bit for bit as if it had not stopped, on the same machine.
    ranks : Ranks, optional
        The processes that train together, as for `begin`; the run may have been trained by any number of
        them.

    Raises
    ------
    CheckpointError
        If the run is missing, incomplete, damaged, or in use.
    ConfigError
        If another setting is to change.
    LeaderError
        On the other ranks, if the first has raised.
    """
    with by_all(ranks, _resumed(path, changes, ranks)) as session:
        yield session


@contextmanager
def _resumed(path: str | Path, changes: Mapping[str, Any] | None, ranks: Ranks) -> Iterator[Session]:
    run = Run.existing(path)
    with exclusive(run.path):
        run.sweep()
        if run.has_model and not run.checkpoint_path.exists() and run.imported:
            raise CheckpointError(
                f"{run.path} was imported: it has no checkpoint, and cannot be trained on; "
                "elman train makes a new run of a text"
            )
        config = run.config
        rows_of_rank(config.batch, ranks)
        for name in changes or {}:
            if name not in EXTENDABLE:
                raise ConfigError(
                    f"{name} cannot change when a run is resumed; only {', '.join(EXTENDABLE)} can"
                )
        if changes:
            if "data" in changes and config.data is None:
                raise ConfigError(f"data has no effect here: {run.path} has its text within; leave it out")
            config = replace(config, **{**_in_place_of(changes), **changes})
            config = replace(config, data=config.data and from_root(config.data))
            config.validate()
        moved = changes.get("data") if changes else None
        corpus = run.corpus(None if moved is None else Path(moved))
        model = run.new_model()
        progress = load_progress(run, model, config)
        stream = stream_of(config, corpus)
        check_warmup(config, stream)
        if not 0 <= progress.position < stream.steps:
            raise CheckpointError(
                f"{run.checkpoint_path} stands at step {progress.position} of an epoch, but that of the text "
                f"in {corpus.folder} has {stream.steps}; they are of different runs"
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
    config: TrainConfig, run: Run, corpus: Corpus, ranks: Ranks
) -> tuple[TrainConfig, LanguageModel, Progress, tuple[str, ...]]:
    """Write the run to its first checkpoint, once its text and all settings are found to fit.

    Return with the rest what is to be said of the word vectors, where there are some to begin with.
    """
    stream = check_corpus(config, corpus)
    if not (config.epochs or config.steps or config.minutes):
        config = replace(config, epochs=max(EPOCHS, -(-FEWEST_STEPS // updates_of(config, stream, 1))))
    if config.output == "auto":
        chosen = choose_output(corpus.tokenizer.vocab_size, ranked=_ranked(config, corpus))
        config = replace(config, output=chosen)
    model = build_model(config, corpus.tokenizer.vocab_size)
    config = replace(config, **model.output.settings)  # as they are, where they were left to it
    if config.threads is None:
        mine = config.batch // ranks.size
        best = best_threads(model, mine, config.back or config.window)
        config = replace(config, threads=min(best, max(1, usable_cores() // ranks.local)))
    placed: tuple[str, ...] = ()
    if config.vectors is not None:
        placed = (place_vectors(config.vectors, corpus.tokenizer, model.params["embedding.E"]).said,)
    progress = Progress(model.initial_state(config.batch), optimizer_of(config).init(model.params))
    if config.average is not None:
        progress.average = new_average(model.params)
    run.write_settings(config, corpus.tokenizer)
    save_progress(run, model, progress)
    return config, model, progress, placed


def _ranked(config: TrainConfig, corpus: Corpus) -> bool:
    """Say whether tokens are numbered by falling frequency; those of a file are as it gives them."""
    return config.tokens in RANKED and config.tokenizer is None and not corpus.given


def _notes(asked: str, config: TrainConfig, corpus: Corpus, model: LanguageModel) -> tuple[str, ...]:
    """Say what the output is where it was to be chosen, or needs a word."""
    name, tokens, notes = model.output.name, f"{model.vocab_size:,} {config.tokens} tokens", []
    if asked == "auto":
        notes.append(f"output auto is {name}, for {tokens}")
    elif name not in ("full", "mixture") and not _ranked(config, corpus):
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


def _idle(config: TrainConfig, ranks: Ranks) -> tuple[str, ...]:
    """Say what has no effect on a process by itself; others may go on with the run."""
    given = {"communicator": config.communicator != "flat", "sync_every": config.sync_every > 1}
    idle = [f"{name} {getattr(config, name)}" for name, chosen in given.items() if chosen and ranks.size == 1]
    return tuple(
        f"{one} has no effect on one process: --workers N or mpiexec -n N start several" for one in idle
    )


def _in_place_of(changes: Mapping[str, Any]) -> dict[str, None]:
    """Return what a changed setting takes the place of, where one thing is counted in two ways."""
    pairs = (("eval_every", "eval_epochs"), ("checkpoint_every", "checkpoint_minutes"))
    ways = {**dict(pairs), **{other: name for name, other in pairs}}
    return {other: None for name, other in ways.items() if changes.get(name)}
