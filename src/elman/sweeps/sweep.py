"""A sweep: trials until there are as many as were asked for, with other processes at the same study."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from elman.data import Corpus
from elman.errors import CheckpointError, ConfigError, ElmanError
from elman.storage.config import TrainConfig
from elman.storage.run import Run
from elman.sweeps.plan import NO_VALIDATION, Plan, complain
from elman.sweeps.presence import Presence
from elman.sweeps.records import Record, count
from elman.sweeps.study import PRUNERS, Lost, Study
from elman.sweeps.texts import Texts, digest
from elman.sweeps.trial import Event, Workplace, run_trial
from elman.training.preconditions import check_corpus

TEXTS = "texts"
"""The folder of encoded texts within that of a sweep."""


def check_name(name: str) -> None:
    """Raise ConfigError if a study cannot have this name, which directories have too.

    >>> check_name("a/b")
    Traceback (most recent call last):
    elman.errors.ConfigError: study 'a/b' names directories too: give letters, digits, '.', '_' and '-'
    """
    if not re.fullmatch(r"[\w][\w.-]*", name):
        raise ConfigError(f"study {name!r} names directories too: give letters, digits, '.', '_' and '-'")


class Sweep:
    """A sweep, its settings and texts checked.

    Parameters
    ----------
    plan : Plan
        What is trained, and what is searched.
    out : Path
        The folder of the runs.
    study : str
        Name of the study.
    storage : str
        Where it is kept, as `open_storage` has it.
    pruner : str
        One of `PRUNERS`.
    seed : int
        Of what is chosen.

    Raises
    ------
    ConfigError, DataError, CheckpointError
        If a setting is wrong or fits neither the others nor the text, or if the study or the folder is of
        another sweep.
    """

    def __init__(
        self, plan: Plan, out: Path, *, study: str, storage: str, pruner: str = "median", seed: int = 0
    ) -> None:
        check_name(study)
        if pruner not in PRUNERS:
            raise ConfigError(f"pruner must be one of {', '.join(PRUNERS)}, not {pruner!r}")
        self.plan, self.out, self.texts = plan, out, Texts(out / TEXTS)
        self.corpora: dict[Path, Corpus] = {}
        corners = plan.corners()
        self.study = Study.open(storage, study, pruner=pruner, seed=seed)
        with ExitStack() as stack:
            stack.callback(self.study.close)
            if not self.study.records():
                self._check_free(study)
            self._encode(corners)
            self._signature = {**plan.signature, "the text": digest(self.corpora.values())}
            self.study.agree(self._signature)
            stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.study.close()

    def _encode(self, corners: Sequence[tuple[dict[str, Any], TrainConfig]]) -> None:
        """Encode every text, and see that all settings fit theirs."""
        wrong = []
        for settings, config in corners:
            try:
                corpus = self.texts.corpus(config)
                check_corpus(config, corpus)
                if "valid" not in corpus.parts:  # of a prepared text, which the settings do not say
                    raise ConfigError(f"{NO_VALIDATION}: prepare a text that has one")
            except ElmanError as error:
                wrong.append((settings, error))
            else:
                self.corpora[corpus.folder] = corpus
        complain(wrong, everywhere=len(wrong) == len(corners))

    def _check_free(self, study: str) -> None:
        """Raise CheckpointError if a new study would meet the runs of an old one."""
        taken = sorted(
            path.name for path in self.out.glob(f"{study}-[0-9][0-9][0-9][0-9]*") if Run(path).begun
        )
        if taken:
            raise CheckpointError(
                f"{self.out} holds runs of another study of this name ({taken[0]}, ...), which is not in "
                f"{self.study.storage}: give its --storage, another --study or another --out"
            )

    def trials(self, n: int, stop: Callable[[], bool] = lambda: False) -> Iterator[Event]:
        """Train until the study has `n` trials, or `stop` says so; yield what happens.

        Trials that are interrupted, or whose process is killed, do not count, and are done again.

        Parameters
        ----------
        n : int
            Trials of the study, those of other processes and of earlier calls included.
        stop : callable
            Asked after every step of training.

        Yields
        ------
        TrialBegun, TrialEvaluated or TrialEnded
        """
        with Presence(self.out) as presence:
            place = Workplace(self.plan, self.study, self.texts, self.out, presence, stop)
            while not stop():
                self.study.agree(self._signature)  # of two that made it at once, the other may have been last
                self._bury(presence)
                if count(self.study.records()) >= n:
                    return
                trial = self.study.ask(process=presence.name, alive=time.time())
                if count(self.study.records(), below=trial.number) >= n:
                    # Two processes asked at the same time for the last one.
                    with suppress(Lost):
                        trial.end("surplus")
                    return
                yield from run_trial(place, trial)

    def _bury(self, presence: Presence) -> None:
        """End the trials whose processes have gone."""
        for record in self.study.records():
            if record.state == "running" and presence.gone(record):
                self.study.give_up(record)

    def records(self) -> list[Record]:
        """Return all trials, in the order of their numbers."""
        return self.study.records()
