"""A study of Optuna's, as a sweep uses it: trials asked for, reported, ended, and begun again."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from elman.errors import CheckpointError, ConfigError
from elman.sweeps.dimensions import Drawer
from elman.sweeps.records import ATTEMPTS, Record, place
from elman.sweeps.storages import no_warnings, open_storage, require_optuna, without_password

if TYPE_CHECKING:
    import optuna

PRUNERS = ("median", "hyperband", "none")
"""Ways to end trials early."""

BEFORE = 5
"""Trials that end before the median of their losses prunes others."""

FROM = 2
"""The first evaluation at which it does."""

_MARK = "elman"


class Lost(Exception):
    """A trial has been ended by another process, which took this one for dead."""


class Study:
    """A study.

    Parameters
    ----------
    study : optuna.Study
        Of Optuna's.
    storage : str
        Where it is kept; without its password, if there is one, since this is shown.
    """

    def __init__(self, study: optuna.Study, storage: str) -> None:
        self.name, self.storage, self._study = study.study_name, storage, study

    @classmethod
    def open(cls, storage: str, name: str, *, pruner: str = "median", seed: int = 0) -> Study:
        """Open a study, or make it where there is none of that name.

        Parameters
        ----------
        storage : str
            As `open_storage` has it.
        name : str
            Of the study.
        pruner : str
            One of `PRUNERS`.
        seed : int
            Of what is chosen. The choice for a trial depends on it and on the trials before, and not on when
            a process was started.

        Raises
        ------
        ConfigError, DataError, CheckpointError
            If Optuna is not installed, the storage cannot be opened, or the study is of another kind.
        """
        require_optuna()
        import optuna

        opened, storage = open_storage(storage), without_password(storage)
        with _translated(storage):
            made = optuna.create_study(
                study_name=name, storage=opened, direction="minimize", load_if_exists=True,
                pruner=_pruner(pruner),
            )  # fmt: skip
            several = len(made.directions) > 1
        if several or made.direction != optuna.study.StudyDirection.MINIMIZE:
            raise ConfigError(f"the study {name} in {storage} is not of a loss: give another --study")
        study = cls(made, storage)
        made.sampler = _seeded(seed, lambda number: place(study.records(), number))
        return study

    def close(self) -> None:
        """Give back what the storage holds open."""
        storage = self._study._storage
        storage.remove_session()
        backend = getattr(storage, "_backend", storage)  # Optuna wraps databases in a cache
        if hasattr(backend, "engine"):
            backend.engine.dispose()

    def agree(self, signature: Mapping[str, Any]) -> None:
        """Write down what a new study is of, or see that it is the same.

        Raises
        ------
        ConfigError
            If it was made with other settings; the message names the first that differs.
        """
        with _translated(self.storage):
            attrs = self._study.user_attrs
            if _MARK not in attrs:
                if self._study.get_trials(deepcopy=False):
                    raise ConfigError(
                        f"the study {self.name} in {self.storage} was not made by elman sweep: give another "
                        "--study"
                    )
                self._study.set_user_attr(_MARK, dict(signature))
                attrs = self._study.user_attrs  # of two processes that come at once, the last one's
        known, ours = attrs[_MARK], json.loads(json.dumps(signature))
        for name in sorted(known.keys() | ours.keys()):
            if known.get(name) != ours.get(name):
                there, here = (
                    json.dumps(values[name]) if name in values else "nothing" for values in (known, ours)
                )
                raise ConfigError(
                    f"the study {self.name} in {self.storage} was made with other settings, of {name} "
                    f"{there} and not {here}: give another --study, or those settings"
                )

    def records(self) -> list[Record]:
        """Return all trials, in the order of their numbers."""
        with _translated(self.storage):
            return [_record(trial) for trial in self._study.get_trials(deepcopy=False)]

    def ask(self, **notes: Any) -> Asked:
        """Begin a trial: one that is waiting to be done again, or a new one."""
        with _translated(self.storage):
            return Asked(self._study, self._study.ask(), self.storage, notes)

    def give_up(self, record: Record) -> bool:
        """End a trial whose process has gone; say whether it was us who did, and no other process.

        Another trial with the same settings then waits to be asked for, unless it has been tried often.
        """
        import optuna

        try:
            with _translated(self.storage):
                self._study.tell(record.number, state=optuna.trial.TrialState.FAIL)
        except Lost:
            return False
        if record.attempt < ATTEMPTS:
            self.again(record, record.attempt + 1)
        return True

    def again(self, record: Record, attempt: int) -> None:
        """Let a trial that was broken off be done again: where its run is at hand, from its checkpoint."""
        if not record.params:
            return  # nothing had been chosen
        notes = {
            "again": {"number": record.number, "run": record.run, "host": record.host},
            "attempt": attempt,
        }
        with _translated(self.storage), no_warnings():
            self._study.enqueue_trial(record.params, user_attrs=notes)


class Asked:
    """A trial of this process."""

    def __init__(
        self, study: optuna.Study, trial: optuna.Trial, storage: str, notes: Mapping[str, Any]
    ) -> None:
        self.number, self.before = trial.number, dict(trial.user_attrs)
        self._study, self._trial, self._storage = study, trial, storage
        self.note(**notes)

    def draw(self, choose: Callable[[Drawer], dict[str, Any]]) -> dict[str, Any]:
        """Let its settings be chosen."""
        with _translated(self._storage), no_warnings():
            return choose(self._trial)

    def note(self, **notes: Any) -> None:
        """Write down what others may want to know of it."""
        with _translated(self._storage):
            for name, value in notes.items():
                self._trial.set_user_attr(name, value)

    def report(self, loss: float, index: int) -> bool:
        """Report the loss of an evaluation, counted from 1; say whether the trial is to be pruned."""
        with _translated(self._storage):
            self._trial.report(loss, index)
            return self._trial.should_prune()

    def end(self, state: str, loss: float | None = None) -> Record:
        """End it as ``complete`` (with its loss), or in another state of `Record`; return what is known.

        Optuna has a trial that failed by its settings as pruned: what it has as failed its sampler does not
        look at, and would choose again.
        """
        import optuna

        kinds = optuna.trial.TrialState
        known = {"complete": kinds.COMPLETE, "pruned": kinds.PRUNED, "failed": kinds.PRUNED}
        with _translated(self._storage):
            if state not in ("complete", "pruned"):
                self._trial.set_user_attr("ended", state)
            kind = known.get(state, kinds.FAIL)
            self._study.tell(self._trial, loss, state=kind)
            found = self._study.get_trials(deepcopy=False)[self.number]
        return _record(found)


def _record(trial: optuna.trial.FrozenTrial) -> Record:
    attrs, state = trial.user_attrs, trial.state.name.lower()
    attempt, error, again = attrs.get("attempt", 1), attrs.get("error", ""), attrs.get("again", {})
    process = attrs.get("process", {})
    if trial.state.is_finished() and state != "complete":
        state = attrs.get("ended", "killed" if state == "fail" else state)
        if state == "killed" and attempt >= ATTEMPTS:
            state, error = "failed", f"its process was killed, {attempt} times in a row"
    started = trial.datetime_start.timestamp() if trial.datetime_start else 0.0
    return Record(
        trial.number, state, tuple(loss for _, loss in sorted(trial.intermediate_values.items())),
        attrs.get("settings", {}), attrs.get("seconds", 0.0), attrs.get("run", ""), process.get("host", ""),
        error, again.get("number"), attempt, process.get("worker", ""), attrs.get("alive", started),
        trial.params,
    )  # fmt: skip


def _pruner(name: str) -> optuna.pruners.BasePruner:
    import optuna

    if name == "median":
        return optuna.pruners.MedianPruner(n_startup_trials=BEFORE, n_warmup_steps=FROM)
    return optuna.pruners.HyperbandPruner() if name == "hyperband" else optuna.pruners.NopPruner()


def _seeded(seed: int, place: Callable[[int], int]) -> optuna.samplers.BaseSampler:
    """Return a sampler that begins anew with every trial, from the seed and the trial's place in the sweep.

    So a sweep that is taken up again chooses as if it had not stopped.
    """
    import optuna

    class Seeded(optuna.samplers.BaseSampler):
        def __init__(self) -> None:
            self._inner: optuna.samplers.BaseSampler = optuna.samplers.RandomSampler(seed)

        def before_trial(self, study: optuna.Study, trial: optuna.trial.FrozenTrial) -> None:
            import numpy as np

            state = np.random.SeedSequence((seed, place(trial.number))).generate_state(1)
            with no_warnings():
                self._inner = optuna.samplers.TPESampler(
                    seed=int(state[0]), multivariate=True, constant_liar=True
                )

        def infer_relative_search_space(self, study: Any, trial: Any) -> Any:
            return self._inner.infer_relative_search_space(study, trial)

        def sample_relative(self, study: Any, trial: Any, search_space: Any) -> Any:
            return self._inner.sample_relative(study, trial, search_space)

        def sample_independent(self, study: Any, trial: Any, param_name: str, param_distribution: Any) -> Any:
            return self._inner.sample_independent(study, trial, param_name, param_distribution)

        def after_trial(self, study: Any, trial: Any, state: Any, values: Any) -> None:
            self._inner.after_trial(study, trial, state, values)

    return Seeded()


@contextmanager
def _translated(storage: str) -> Iterator[None]:
    """Turn what Optuna raises into what the rest of a sweep knows."""
    from optuna.exceptions import StorageInternalError, UpdateFinishedTrialError

    try:
        yield
    except UpdateFinishedTrialError:
        raise Lost from None
    except ValueError as error:
        if str(error).startswith("Cannot tell"):
            raise Lost from None
        if not isinstance(error, json.JSONDecodeError) and str(error) != "Invalid log format.":
            raise
        # Of a journal: another process had no room to end its line.
        raise CheckpointError(
            f"a line of {storage} was cut short, as by a full disk: remove that line"
        ) from error
    except (StorageInternalError, OSError) as error:
        raise CheckpointError(f"cannot read or write the study in {storage}: {error}") from error
