"""What came of a sweep."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from elman.errors import ConfigError, ElmanError
from elman.storage.run import Run
from elman.sweeps.records import Record, best, ranked

LONGER = 10
"""How many times as long the best settings are worth training, in the command that is suggested."""


@dataclass(frozen=True)
class Results:
    """The trials of a study.

    Attributes
    ----------
    study, storage : str
        Its name, and where it is kept.
    measure : str
        What losses are in.
    names : tuple of str
        The settings that were searched.
    records : tuple of Record
        The best first.
    """

    study: str
    storage: str
    measure: str
    names: tuple[str, ...]
    records: tuple[Record, ...]

    @classmethod
    def of(
        cls, study: str, storage: str, measure: str, names: tuple[str, ...], records: Sequence[Record]
    ) -> Results:
        """Return the results, sorted."""
        return cls(study, storage, measure, names, tuple(ranked(records)))

    @property
    def best(self) -> Record | None:
        """The best complete trial."""
        return best(self.records)

    @property
    def trials(self) -> list[dict[str, Any]]:
        """All trials, for JSON and for pictures."""
        return [
            {
                "number": record.number,
                "state": record.state,
                "loss": record.loss,
                "losses": list(record.losses),
                "settings": {name: record.settings.get(name) for name in self.names},
                "seconds": record.seconds,
                "run": record.run or None,
                "host": record.host or None,
                "error": record.error or None,
                "again": record.again,
            }
            for record in self.records
        ]

    def as_dict(self, program: str) -> dict[str, Any]:
        """Return all of it for JSON, with the command that trains the best settings longer.

        Parameters
        ----------
        program : str
            How ``elman`` was called.
        """
        words = self.longer()
        return {
            "study": self.study,
            "storage": self.storage,
            "measure": self.measure,
            "best": None if self.best is None else self.best.number,
            "command": f"{program} {shlex.join(words)}" if words else None,
            "trials": self.trials,
        }

    @property
    def drawable(self) -> bool:
        """Whether any trial has a loss."""
        return any(record.loss is not None for record in self.records)

    def check(self) -> None:
        """Raise ConfigError if trials have ended, and all of them failed."""
        states = {record.state for record in self.records}
        if self.records and states <= {"failed", "killed", "interrupted"} and "failed" in states:
            first = min((r for r in self.records if r.state == "failed"), key=lambda r: r.number)
            raise ConfigError(f"no trial came to its end; trial {first.number} failed: {first.error}")

    def longer(self) -> list[str]:
        """Return the arguments of ``elman`` that train the best settings longer, anew and from the beginning.

        Nothing is returned where there is no best trial, or its run is on another machine.
        """
        run = Run(self.best.run) if self.best is not None and self.best.run else None
        try:
            config = run.config if run is not None and run.path.is_dir() else None
        except ElmanError:
            config = None
        if run is None or config is None:
            return []
        lengths = {name: getattr(config, name) for name in ("epochs", "steps", "minutes")}
        words = ["train", "--config", str(near(run.path) / "config.toml")]
        for name, value in lengths.items():
            if value is not None:  # a whole number stays one: with 1e+06 steps nothing would begin
                words += [f"--{name}", f"{LONGER * value:.12g}"]
        return [*words, "--out", str(_free(self.study))]


def near(path: Path) -> Path:
    """Return a path as seen from the working directory, if it is below that."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def _free(study: str) -> Path:
    """Return the first directory below ``runs/`` that is not there yet."""
    path, number = Path("runs") / f"{study}-best", 1
    while path.exists():
        number += 1
        path = Path("runs") / f"{study}-best-{number}"
    return path
