"""A training session: what a run's settings make, begun anew or taken up where it stopped."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from elman.data import Corpus, Stream, Text, check_vectors, place_vectors, read_tokenizer
from elman.data.linked import link_corpus
from elman.data.registry import tokenizer_kind
from elman.disk.lock import exclusive
from elman.errors import CheckpointError, ConfigError, DataError, DivergenceError, LeaderError
from elman.network import LanguageModel
from elman.network.output import SETTINGS, choose_output
from elman.network.threads import usable_cores
from elman.ranks import ALONE, Flat, Ranks
from elman.storage.config import TrainConfig
from elman.storage.run import Run, build_model
from elman.training.averages import begin_average, new_average, triggered
from elman.training.checkpoint import load_progress, save_progress
from elman.training.loop import Progress
from elman.training.optim import Optimizer
from elman.training.processes import best_threads
from elman.training.schedules import Record, Schedule
from elman.training.settings import optimizer_of, schedule_of
from elman.training.shares import concatenate, rows_of, rows_of_rank
from elman.training.texts import check_text, from_root, names_text, text_of, with_prepared
from elman.training.together import Together
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
    "epochs", "steps", "minutes", "early_stop", "eval_every", "eval_epochs", "checkpoint_every",
    "checkpoint_minutes", "sample", "data",
)  # fmt: skip
"""The settings that may change when a run is taken up again; of a prepared text, where it lies."""


@dataclass
class Session:
    """What a training session works with; the run directory is locked while it is open.

    `notes` are sentences about what was chosen. Of `ranks` that train together each has a session of its own,
    of which that of the leading one writes.
    """

    run: Run
    config: TrainConfig
    corpus: Corpus
    model: LanguageModel
    stream: Stream
    optimizer: Optimizer
    progress: Progress
    notes: tuple[str, ...] = ()
    ranks: Ranks = ALONE

    @property
    def schedule(self) -> Schedule:
        """The learning rate of a step; while the length is not known, that of an endless run."""

        def rate(step: int, record: Record = ()) -> float:
            return schedule_of(self.config, self.length(), self.epoch_updates)(step, record)

        return rate

    @property
    def together(self) -> Together:
        """Who trains together, and how."""
        config = self.config
        return Together(
            self.ranks, config.communicator, config.topk_ratio, config.sync_every, config.accumulate
        )

    @property
    def threads(self) -> int:
        """How many shares this rank's rows are cut into: those of the run, or as many as it has cores for."""
        threads = self.config.threads or 1
        return min(threads, max(1, usable_cores() // self.ranks.local)) if self.ranks.size > 1 else threads

    @property
    def windows(self) -> RandomWindows | None:
        """What draws the lengths of windows, where they are random."""
        return random_windows(self.config)

    @property
    def epoch_updates(self) -> int:
        """How many updates an epoch takes; where windows are random, one like another."""
        mean = self.windows.mean if self.windows else self.stream.window
        return math.ceil(self.stream.steps / (mean * self.config.accumulate))

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
        """Save all that resuming needs: of all ranks, for any number of them."""
        state, left = concatenate(self.ranks.gather(self.progress.state)), self.progress.left
        if left is not None:
            Flat(self.ranks, left, {})()
        if self.ranks.leads:
            save_progress(self.run, self.model, replace(self.progress, state=state, left=left))


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
    with _by_all(ranks, begun) as session:
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
        session = Session(run, config, corpus, model, _stream(config, corpus), optimizer_of(config), progress)
        session.notes = (*placed, *_notes(asked, config, corpus, model))
        yield session


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
    with _by_all(ranks, _resumed(path, changes)) as session:
        yield session


@contextmanager
def _by_all(ranks: Ranks, opened: AbstractContextManager[Session]) -> Iterator[Session]:
    """Let the first rank open a session, and the others join it; give each its own rows of the state."""
    with ExitStack() as stack:
        told: tuple[Path, TrainConfig] | None = None
        session: Session | None = None
        try:
            if ranks.leads:
                session = stack.enter_context(opened)
                rows_of_rank(session.config.batch, ranks)
                told = session.run.path.resolve(), session.config
        finally:
            told = ranks.broadcast(told)
        if session is None:
            if told is None:
                raise LeaderError("the first rank says why")
            session = _joined(*told)
        session.ranks = ranks
        own = rows_of_rank(session.config.batch, ranks)
        session.stream = _stream(session.config, session.corpus, own)
        session.progress.state = rows_of(session.progress.state, own)
        if session.progress.left is not None:  # of all ranks, of which there may have been more or fewer
            session.progress.left = session.progress.left / ranks.size
        try:
            yield session
        except BaseException as error:
            if isinstance(error, DivergenceError) and not session.together.apart:
                if ranks.leads:  # all ranks see the same numbers
                    raise
                raise LeaderError("the first rank says why") from error
            if ranks.size > 1:
                ranks.fail(error)
            raise


def _joined(path: Path, config: TrainConfig) -> Session:
    """Open what the first rank has made or taken up."""
    run = Run.existing(path)
    corpus, model = run.corpus(), run.new_model()
    progress = load_progress(run, model, config)
    return Session(run, config, corpus, model, _stream(config, corpus), optimizer_of(config), progress)


@contextmanager
def _resumed(path: str | Path, changes: Mapping[str, Any] | None) -> Iterator[Session]:
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
            if "data" in changes and config.data is None:
                raise ConfigError(f"data has no effect here: {run.path} has its text within; leave it out")
            config = replace(config, **{**_in_place_of(changes), **changes})
            config = replace(config, data=config.data and from_root(config.data))
            config.validate()
        moved = changes.get("data") if changes else None
        corpus = run.corpus(None if moved is None else Path(moved))
        model = run.new_model()
        progress = load_progress(run, model, config)
        stream = _stream(config, corpus)
        _check_warmup(config, stream)
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
    return tuple(notes)


def check_corpus(config: TrainConfig, corpus: Corpus) -> Stream:
    """Return the stream of an encoded text, or raise the error of settings that do not fit the text.

    Raises
    ------
    ConfigError, DataError
        If the text is too short for the windows, for a warm-up or to be evaluated on.
    """
    stream = _stream(config, corpus)
    _check_warmup(config, stream)
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


def _check_warmup(config: TrainConfig, stream: Stream) -> None:
    """Raise ConfigError if the run is known to end before its warm-up does."""
    for steps in (config.steps, config.epochs and updates_of(config, stream, config.epochs)):
        if steps and config.warmup >= steps:
            raise ConfigError(
                f"warmup ({config.warmup}) must be less than the {steps:,} steps of the run, or the rate "
                "never gets to its full height"
            )


def _in_place_of(changes: Mapping[str, Any]) -> dict[str, None]:
    """Return what a changed setting takes the place of, where one thing is counted in two ways."""
    pairs = (("eval_every", "eval_epochs"), ("checkpoint_every", "checkpoint_minutes"))
    ways = {**dict(pairs), **{other: name for name, other in pairs}}
    return {other: None for name, other in ways.items() if changes.get(name)}


def random_windows(config: TrainConfig) -> RandomWindows | None:
    """Return what draws the lengths of windows, where the settings ask for that."""
    return RandomWindows(config.window, config.seed) if config.random_window else None


def updates_of(config: TrainConfig, stream: Stream, epochs: int) -> int:
    """Return how many updates so many epochs of a stream take."""
    windows = random_windows(config)
    steps = math.ceil(stream.steps / config.accumulate)  # an update takes so many windows of one length
    return windows.updates(steps, epochs) if windows else epochs * math.ceil(steps / stream.window)


def _stream(config: TrainConfig, corpus: Corpus, rows: slice | None = None) -> Stream:
    return Stream(corpus.parts["train"], batch=config.batch, window=config.window, rows=rows)
