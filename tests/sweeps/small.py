"""A small sweep that the tests share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from elman.sweeps.plan import Plan
from elman.sweeps.records import Record
from elman.sweeps.sweep import Sweep
from elman.sweeps.trial import TrialBegun, TrialEnded, TrialEvaluated
from tests.small import metrics_of, sentences

BASE: dict[str, Any] = {
    "embedding": 5, "hidden": 6, "layers": 1, "batch": 4, "window": 8, "threads": 1,
    "steps": 12, "eval_every": 3,
}  # fmt: skip
SEARCH: dict[str, Any] = {"lr": {"low": 0.001, "high": 0.1, "log": True}, "hidden": [4, 6]}


def text_in(folder: Path) -> Path:
    path = folder / "cats.txt"
    if not path.exists():
        path.write_text(sentences(120), encoding="utf-8")
    return path


def values(folder: Path, search: dict[str, Any] | None = None, **base: Any) -> dict[str, Any]:
    """Return what a settings file would say."""
    search = SEARCH if search is None else search
    given = {"text": [str(text_in(folder))], **BASE, **base, "search": search}
    return {name: value for name, value in given.items() if name not in search}


@contextmanager
def sweep_in(
    folder: Path, search: dict[str, Any] | None = None, *, out: str = "out", storage: str = "study.journal",
    study: str = "one", pruner: str = "median", seed: int = 0, **base: Any,
) -> Iterator[Sweep]:  # fmt: skip
    plan = Plan.read(values(folder, search, **base))
    where = str(folder / out / storage)
    with Sweep(plan, folder / out, study=study, storage=where, pruner=pruner, seed=seed) as opened:
        yield opened


def do(sweep: Sweep, n: int, **more: Any) -> list[TrialBegun | TrialEvaluated | TrialEnded]:
    return list(sweep.trials(n, **more))


def outcome(records: list[Record]) -> list[tuple[Any, ...]]:
    """Return what a sweep found, without numbers, clocks and places, in the order of the trials."""
    return [(r.state, r.settings, r.losses) for r in records if r.counted]


def run_outcome(record: Record) -> tuple[Any, ...]:
    """Return what is in the run of a trial."""
    run = Path(record.run)
    return (run / "model.safetensors").read_bytes(), metrics_of(run)
