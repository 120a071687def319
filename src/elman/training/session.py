"""A training session: what a run's settings make."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from elman.data import Corpus, Stream
from elman.network import LanguageModel
from elman.network.threads import usable_cores
from elman.ranks import ALONE, Flat, Ranks
from elman.storage.config import TrainConfig
from elman.storage.run import Run
from elman.training.averages import begin_average, triggered
from elman.training.checkpoint import save_progress
from elman.training.loop import Progress
from elman.training.optim import Optimizer
from elman.training.schedules import Record, Schedule
from elman.training.settings import schedule_of
from elman.training.shares import concatenate
from elman.training.together import Together
from elman.training.windows import RandomWindows


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


def random_windows(config: TrainConfig) -> RandomWindows | None:
    """Return what draws the lengths of windows, where the settings ask for that."""
    return RandomWindows(config.window, config.seed) if config.random_window else None


def updates_of(config: TrainConfig, stream: Stream, epochs: int) -> int:
    """Return how many updates so many epochs of a stream take."""
    windows = random_windows(config)
    steps = math.ceil(stream.steps / config.accumulate)  # an update takes so many windows of one length
    return windows.updates(steps, epochs) if windows else epochs * math.ceil(steps / stream.window)


def stream_of(config: TrainConfig, corpus: Corpus, rows: slice | None = None) -> Stream:
    return Stream(corpus.parts["train"], batch=config.batch, window=config.window, rows=rows)
