"""One trial: an ordinary run, trained until it ends, is pruned, diverges or is interrupted."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from elman.errors import CheckpointError, ConfigError, DataError, DivergenceError, ElmanError
from elman.storage.run import Run
from elman.sweeps.plan import BITS, Plan
from elman.sweeps.presence import Presence
from elman.sweeps.records import Record
from elman.sweeps.study import Asked, Lost, Study
from elman.sweeps.texts import Texts
from elman.training.events import Evaluated, Finished
from elman.training.fit import fit
from elman.training.opening import begin, resume
from elman.training.session import Session


@dataclass(frozen=True)
class TrialBegun:
    """A trial has begun: its settings, and the number of the one that it goes on with."""

    number: int
    settings: dict[str, Any]
    again: int | None


@dataclass(frozen=True)
class TrialEvaluated:
    """An evaluation in a trial, the `index`-th of it."""

    number: int
    index: int
    step: int
    loss: float


@dataclass(frozen=True)
class TrialEnded:
    """The end of a trial."""

    record: Record


Event: TypeAlias = TrialBegun | TrialEvaluated | TrialEnded


@dataclass(frozen=True)
class Workplace:
    """What the trials of this process share.

    Attributes
    ----------
    plan : Plan
        The settings.
    study : Study
        That the trials are of.
    texts : Texts
        The encoded texts.
    out : Path
        The folder of the runs.
    presence : Presence
        This process.
    stop : callable
        Whether to leave off; asked after every step.
    """

    plan: Plan
    study: Study
    texts: Texts
    out: Path
    presence: Presence
    stop: Callable[[], bool]

    def run_of(self, number: int) -> Path:
        """Return the directory of a trial's run, which is named after the study."""
        return self.out.resolve() / f"{self.study.name}-{number:04}"


def run_trial(place: Workplace, trial: Asked) -> Iterator[Event]:
    """Train a trial to its end, and tell the study; yield what happens.

    What is wrong with its settings, or makes it diverge, is the end of the trial and not of the sweep. Any
    other error leaves it interrupted, to be done again.
    """
    again = trial.before.get("again", {})
    settings: dict[str, Any] = {}
    try:
        settings = trial.draw(place.plan.space.draw)
        trial.note(settings=settings)
        yield TrialBegun(trial.number, settings, again.get("number"))
        try:
            with place.presence.at_work(trial):
                state, loss = yield from _train(place, trial, settings, again)
        except (DivergenceError, ConfigError, DataError) as error:
            state, loss = "failed", None
            trial.note(error=str(error))
        except MemoryError as error:
            state, loss = "failed", None
            trial.note(error=f"not enough memory ({str(error) or 'it ran out'})")
        record = _end(place, trial, state, loss)
    except Lost:
        record = Record(trial.number, "killed", settings=settings, error="it was taken for dead")
    except BaseException:
        with suppress(Lost, ElmanError):
            _end(place, trial, "interrupted")
        raise
    yield TrialEnded(record)


def _end(place: Workplace, trial: Asked, state: str, loss: float | None = None) -> Record:
    record = trial.end(state, loss)
    if state == "interrupted":
        place.study.again(record, record.attempt)
    return record


def _train(
    place: Workplace, trial: Asked, settings: Mapping[str, Any], again: Mapping[str, Any]
) -> Generator[Event, None, tuple[str, float | None]]:
    """Train; return how it ended, and the loss to rank it by."""
    bits = place.plan.measure == BITS
    with _opened(place, trial, settings, again) as session:
        losses, pruned, reason = _history(session, bits), False, ""
        for index, loss in enumerate(losses, start=1):  # it may have been killed before it was pruned
            pruned = trial.report(loss, index)

        def stop() -> bool:
            return pruned or place.stop()

        try:
            for event in fit(session, stop=stop):
                if isinstance(event, Finished):
                    reason = event.reason
                elif isinstance(event, Evaluated) and event.valid is not None:
                    losses.append(event.valid.bits_per_byte if bits else event.valid.nats_per_token)
                    pruned = trial.report(losses[-1], len(losses))
                    yield TrialEvaluated(trial.number, len(losses), event.step, losses[-1])
        finally:
            trial.note(seconds=round(session.progress.seconds, 3))
    if reason != "stopped":
        return "complete", min(losses)
    return "pruned" if pruned else "interrupted", None


@contextmanager
def _opened(
    place: Workplace, trial: Asked, settings: Mapping[str, Any], again: Mapping[str, Any]
) -> Iterator[Session]:
    """Open the run of a trial: that of the trial that was broken off, where it is here, or a new one."""
    with ExitStack() as stack:
        if again.get("host") == place.presence.host and _is_of(Path(again["run"]), settings):
            session = None
            with suppress(CheckpointError):  # damaged, say: then from the beginning
                session = stack.enter_context(resume(again["run"]))
            if session is not None:
                trial.note(run=again["run"])
                yield session
                return
        config = place.plan.config(settings)
        encoded = None if config.data is not None else place.texts.corpus(config).folder
        run = place.run_of(trial.number)
        trial.note(run=str(run))
        yield stack.enter_context(begin(config, run, encoded=encoded))


def _is_of(path: Path, settings: Mapping[str, Any]) -> bool:
    """Say whether a run that can be taken up has these settings."""
    run = Run(path)
    try:
        return run.checkpoint_path.exists() and all(
            getattr(run.config, name) == value for name, value in settings.items()
        )
    except ElmanError:
        return False


def _history(session: Session, bits: bool) -> list[float]:
    """Return the losses of the evaluations so far."""
    if not session.progress.evaluations:
        return []
    key = "valid_bits_per_byte" if bits else "valid_loss"
    return [record[key] for record in session.run.metrics.read() if key in record]
