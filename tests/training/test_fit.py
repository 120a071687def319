"""From the loop to a finished run: evaluations, checkpoints, metrics, the best model, and when to stop."""

from __future__ import annotations

import dataclasses
import itertools
import json
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from elman.data import Text, vocabulary_of
from elman.errors import ConfigError
from elman.storage.config import TrainConfig
from elman.storage.run import Run
from elman.training import keeper
from elman.training.evaluation import evaluate
from elman.training.events import Evaluated, Event, Finished
from elman.training.fit import fit
from elman.training.loop import StepRecord
from elman.training.opening import begin, resume
from elman.training.schedules import cosine
from tests.small import DEEP, REGULARISED, SETTINGS, assert_same_run, checkpoint_of, metrics_of, sentences

TEXT = Text(sentences(120))


def config_of(**settings: Any) -> TrainConfig:
    return TrainConfig.from_mapping({**SETTINGS, "eval_every": 10, "steps": 30, **settings})


def train(out: Path, *, stop_at: int | None = None, text: Text = TEXT, **settings: Any) -> list[Event]:
    """Train a new run; ask it to stop after the step `stop_at`."""
    with begin(config_of(**settings), out, text=text) as session:
        return list(fit(session, stop=lambda: session.progress.step == stop_at))


def go_on(out: Path, **changes: Any) -> list[Event]:
    with resume(out, changes) as session:
        return list(fit(session))


def evaluations_of(events: list[Event]) -> list[tuple[int, float]]:
    return [(e.step, e.valid.nats_per_token) for e in events if isinstance(e, Evaluated) and e.valid]


def test_the_order_of_events(tmp_path: Path) -> None:
    events = train(tmp_path / "run")
    kinds = [type(event).__name__ for event in events]
    assert kinds == [*(["StepRecord"] * 10 + ["Evaluated"]) * 3, "Finished"]
    assert [event.step for event in events if isinstance(event, StepRecord)] == list(range(1, 31))
    finished = events[-1]
    assert isinstance(finished, Finished)
    assert (finished.reason, finished.step) == ("done", 30)
    assert finished.seconds > 0


def test_metrics_hold_what_happened(tmp_path: Path) -> None:
    events = train(tmp_path / "run", steps=25, eval_every=8, schedule="cosine", lr=0.01)
    steps = {event.step: event for event in events if isinstance(event, StepRecord)}
    valid = dict(evaluations_of(events))
    lines = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [8, 10, 16, 20, 24, 25]
    assert {line["step"]: line["valid_loss"] for line in lines if "valid_loss" in line} == valid
    rate = cosine(0.01, total=25)
    since = 0
    for line in lines:
        step = line["step"]
        mean = np.mean([steps[n].loss for n in range(1, step + 1) if n > since])
        assert line["train_loss"] == pytest.approx(mean)
        assert line["tokens"] == step * 4 * 8 == steps[step].tokens
        assert line["lr"] == steps[step].lr == rate(step - 1)
        assert line["grad_norm"] == steps[step].grad_norm
        assert line["seconds"] >= 0
        since = step


def test_a_step_has_one_line(tmp_path: Path) -> None:
    """Also where a line was due and an evaluation too."""
    train(tmp_path / "run", steps=20)
    lines = metrics_of(tmp_path / "run")
    assert [line["step"] for line in lines] == [10, 20]
    assert all("valid_loss" in line for line in lines)


def test_the_model_kept_is_the_best_by_validation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    give_losses(monkeypatch, [3.0, 2.0, 2.5, 2.0, 2.2])  # the first of two equals is the best
    kept = {}
    with begin(config_of(steps=50), tmp_path / "run", text=TEXT) as session:
        for event in fit(session):
            if isinstance(event, Evaluated):
                params = {name: array.copy() for name, array in session.model.params.items()}
                kept[event.step] = (event.best, params)
    assert [best for best, _ in kept.values()] == [True, True, False, False, False]
    model = Run.existing(tmp_path / "run").load_model()
    for name, array in kept[20][1].items():
        np.testing.assert_array_equal(model.params[name], array)
    assert (kept[10][1]["output.V"] != kept[20][1]["output.V"]).any()


def test_the_validation_loss_is_that_of_the_model(tmp_path: Path) -> None:
    events = train(tmp_path / "run")
    run = Run.existing(tmp_path / "run")
    found = evaluate(run.load_model(), run.corpus().parts["valid"], run.tokenizer)
    assert found.nats_per_token == min(loss for _, loss in evaluations_of(events))


def test_a_run_ends_with_the_loss_of_the_best_model_on_the_test_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the best is not the last; and a run that is stopped, or goes on, is not at its end."""
    asked: list[tuple[str, Any]] = []

    def evaluated(model: Any, part: Any, tokenizer: Any, **asked_for: Any) -> Any:
        asked.append((part.name, model.params["output.V"].copy()))
        found = evaluate(model, part, tokenizer, **asked_for)
        # The second evaluation of the validation part is the best.
        scale = 1.0 if part.name == "test" or len(asked) == 2 else 5.0
        return dataclasses.replace(found, nats=scale * found.nats)

    monkeypatch.setattr(keeper, "evaluate", evaluated)
    finished = train(tmp_path / "run", steps=30, lr=0.1)[-1]
    assert isinstance(finished, Finished)
    assert [name for name, _ in asked] == ["valid", "valid", "valid", "test"]
    assert (asked[3][1] == asked[1][1]).all()
    run = Run.existing(tmp_path / "run")
    corpus = run.corpus()
    kind = vocabulary_of(run.tokenizer, corpus.parts["train"])
    assert kind.learnt is False
    assert finished.test == evaluate(run.load_model(), corpus.parts["test"], run.tokenizer, vocabulary=kind)
    lines = metrics_of(tmp_path / "run")
    assert [line.get("test_loss") for line in lines] == [None, None, finished.test.nats_per_token]

    assert go_on(tmp_path / "run")[-1].test is None
    assert metrics_of(tmp_path / "run") == lines
    with resume(tmp_path / "run", {"steps": 50}) as session:
        ended = list(fit(session, stop=lambda: session.progress.step == 40))[-1]
    assert (ended.reason, ended.test) == ("stopped", None)
    assert not any("test_loss" in line for line in metrics_of(tmp_path / "run"))
    assert go_on(tmp_path / "run")[-1].test is not None
    assert ["test_loss" in line for line in metrics_of(tmp_path / "run")] == [False] * 4 + [True]


def test_a_run_without_validation_part(tmp_path: Path) -> None:
    events = train(tmp_path / "run", split="100/0/0")
    evaluated = [event for event in events if isinstance(event, Evaluated)]
    assert [(event.step, event.valid, event.best) for event in evaluated] == [
        (n, None, True) for n in (10, 20, 30)
    ]
    assert not any("valid_loss" in line for line in metrics_of(tmp_path / "run"))
    run = Run.existing(tmp_path / "run")  # with nothing to judge by, the last model is kept
    model, (arrays, _) = run.load_model(), checkpoint_of(tmp_path / "run")
    assert all(arrays[f"params.{name}"] == array.tobytes() for name, array in model.params.items())


def test_samples_are_those_of_the_caller(tmp_path: Path) -> None:
    with begin(config_of(), tmp_path / "run", text=TEXT) as session:
        events = list(fit(session, sample=lambda model, step: f"step {session.progress.step}"))
    samples = [event.sample for event in events if isinstance(event, Evaluated)]
    assert samples == ["step 10", "step 20", "step 30"]
    assert [line["sample"] for line in metrics_of(tmp_path / "run") if "sample" in line] == samples
    with begin(config_of(sample=0), tmp_path / "none", text=TEXT) as session:
        assert all(
            event.sample is None
            for event in fit(session, sample=lambda model, step: "")
            if isinstance(event, Evaluated)
        )


@pytest.mark.parametrize("stop_at", [1, 9, 10, 15, 20, 33, 34])
@pytest.mark.parametrize("schedule", ["plateau", "cosine"])
def test_a_stop_at_any_step_changes_nothing(tmp_path: Path, stop_at: int, schedule: str) -> None:
    """Also where an evaluation was due in that very step, or the run was over with it."""
    settings = {"schedule": schedule, "lr": 0.1, **REGULARISED, **DEEP, "zoneout_cell": 0.2, "steps": 34}
    train(tmp_path / "whole", **settings)
    events = train(tmp_path / "broken", stop_at=stop_at, **settings)
    finished = events[-1]
    assert isinstance(finished, Finished)
    assert (finished.reason, finished.step) == ("done" if stop_at == 34 else "stopped", stop_at)
    assert Run.existing(tmp_path / "broken").has_model
    go_on(tmp_path / "broken")
    assert_same_run(tmp_path / "whole", tmp_path / "broken")


@pytest.mark.parametrize(("steps", "more"), [(10, 30), (20, 21), (29, 30)])
def test_more_steps_later_are_the_same_as_at_once(tmp_path: Path, steps: int, more: int) -> None:
    """With a schedule that does not look to the end."""
    settings = {"schedule": "step", "decay_every": 7, "eval_every": 1, "documents": "line", "back": 12}
    train(tmp_path / "at once", steps=more, **settings)
    train(tmp_path / "later", steps=steps, **settings)
    events = go_on(tmp_path / "later", steps=more)
    assert [event.step for event in events if isinstance(event, StepRecord)] == list(
        range(steps + 1, more + 1)
    )
    assert_same_run(tmp_path / "at once", tmp_path / "later")


def test_epochs_wrap_and_can_be_extended(tmp_path: Path) -> None:
    with begin(config_of(steps=None, epochs=1, eval_every=1000), tmp_path / "run", text=TEXT) as session:
        windows = len(session.stream)
        assert session.stream.steps % session.stream.window, "the last window should be a shorter one"
        list(fit(session))
        progress = session.progress
        assert (progress.step, progress.epoch, progress.position) == (windows, 1, 0)
        assert progress.tokens == session.stream.steps * session.stream.batch
    go_on(tmp_path / "run", epochs=2)
    _, note = checkpoint_of(tmp_path / "run")
    assert (note["step"], note["epoch"], note["position"]) == (2 * windows, 2, 0)


def test_whichever_length_ends_first(tmp_path: Path) -> None:
    assert train(tmp_path / "a", steps=3, epochs=50, minutes=10)[-1].step == 3
    with begin(config_of(steps=10_000, epochs=1), tmp_path / "b", text=TEXT) as session:
        assert list(fit(session))[-1].step == len(session.stream)


def test_early_stopping(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    give_losses(monkeypatch, [3.0, 2.0, 2.1, 2.2, 1.9, 2.0, 2.0, 2.0, 1.0])
    events = train(tmp_path / "run", steps=500, early_stop=3)
    finished = events[-1]
    assert isinstance(finished, Finished)
    assert (finished.reason, finished.step) == ("early", 80)
    assert [event.best for event in events if isinstance(event, Evaluated)][:5] == [
        True,
        True,
        False,
        False,
        True,
    ]
    assert [type(event) for event in go_on(tmp_path / "run")] == [Finished]
    assert go_on(tmp_path / "run", early_stop=4)[-1].step > 80


def test_the_rate_falls_on_a_plateau(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    give_losses(monkeypatch, [3.0, 2.0, 2.1, 1.9, 1.9, 1.9])
    events = train(tmp_path / "run", steps=60, schedule="plateau", lr=0.08, decay=0.5, lr_min=0.015)
    rates = {event.step: event.lr for event in events if isinstance(event, StepRecord)}
    assert [rates[step] for step in (1, 20, 30, 31, 40, 41, 50, 51, 60)] == [
        0.08, 0.08, 0.08, 0.04, 0.04, 0.04, 0.04, 0.02, 0.02,
    ]  # fmt: skip
    later = [event.lr for event in go_on(tmp_path / "run", steps=61) if isinstance(event, StepRecord)]
    assert later == [0.015]  # not below lr_min


def give_losses(monkeypatch: pytest.MonkeyPatch, losses: list[float]) -> None:
    """Let evaluations in training find these losses, and then ever lower ones."""
    later = (0.9 - n / 100 for n in range(90))
    values = iter([*losses, *islice(later, 90)])

    def evaluated(*arguments: Any, **named: Any) -> Any:
        found = evaluate(*arguments, **named)
        return dataclasses.replace(found, nats=next(values) * found.tokens)

    monkeypatch.setattr(keeper, "evaluate", evaluated)


class Clock:
    """Time that passes only when asked what time it is: a tenth of a second each time."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        self.now += 0.1
        return self.now


@pytest.mark.parametrize(
    "bounds", [{}, {"steps": 10**6}, {"epochs": 10**6}], ids=["alone", "steps", "epochs"]
)
def test_minutes_bound_a_run_and_its_schedule(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bounds: dict[str, int]
) -> None:
    """The cosine comes down to nothing by the end of the minutes, whatever else bounds the run."""
    clock = Clock()
    monkeypatch.setattr(keeper, "time", clock)
    settings = {"steps": None, "eval_every": None, "minutes": 1.0, "schedule": "cosine", "lr": 0.01, **bounds}
    events = train(tmp_path / "run", **settings)
    finished = events[-1]
    assert isinstance(finished, Finished)
    assert finished.reason in ("done", "time")
    assert 54 < finished.seconds < 61
    rates = [event.lr for event in events if isinstance(event, StepRecord)]
    assert rates[0] == pytest.approx(0.01)
    assert rates[-1] < 0.0002
    assert 8 <= len(evaluations_of(events)) <= 13


def test_minutes_that_come_after_the_steps(tmp_path: Path) -> None:
    events = train(tmp_path / "run", minutes=60, schedule="cosine", lr=0.01)
    rates = [event.lr for event in events if isinstance(event, StepRecord)]
    assert rates == [cosine(0.01, total=30)(step) for step in range(30)]


def test_checkpoints_come_as_often_as_asked(tmp_path: Path) -> None:
    with begin(config_of(eval_every=1000, checkpoint_every=7), tmp_path / "run", text=TEXT) as session:
        saved = [
            checkpoint_of(tmp_path / "run")[1]["step"]
            for event in fit(session)
            if isinstance(event, StepRecord)
        ]
    # The event comes before what is saved after it.
    assert saved == [7 * ((step - 1) // 7) for step in range(1, 31)]
    assert checkpoint_of(tmp_path / "run")[1]["step"] == 30


def test_a_checkpoint_a_minute_where_nothing_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, saves = Clock(), []
    monkeypatch.setattr(keeper, "time", clock)
    with begin(config_of(eval_every=10**6, steps=3000), tmp_path / "run", text=TEXT) as session:
        real = session.save
        monkeypatch.setattr(session, "save", lambda: (saves.append(clock.now), real()))
        list(fit(session))
    gaps = np.diff(saves[:-1])
    assert len(gaps) > 2
    assert (np.abs(gaps - 60) < 1).all()


def test_more_minutes_are_planned_from_the_speed_of_the_session_that_gives_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "time", Clock())
    with begin(config_of(steps=None, minutes=0.5), tmp_path / "run", text=TEXT) as session:
        list(fit(session))
        first = session.progress.seconds
    with resume(tmp_path / "run", {"minutes": 2.0}) as session:
        list(fit(session))
        spent = session.progress.seconds
    # Neither long over nor, as from the speed of one cold step, far under.
    assert first == pytest.approx(30, rel=0.1)
    assert spent == pytest.approx(120, rel=0.1)


def test_a_run_is_planned_twice_and_then_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = config_of(steps=None, minutes=0.02, split="100/0/0")
    with begin(config, tmp_path / "run", text=TEXT) as session:
        horizons = []
        for event in fit(session):
            if not horizons or horizons[-1] != session.progress.horizon:
                horizons.append(session.progress.horizon)
            last = event
    assert horizons[0] == 0
    assert len(horizons) <= 3  # none, after a little while, after the first evaluation
    assert isinstance(last, Finished)
    assert last.step <= session.progress.horizon


def test_fewer_steps_than_were_made_are_refused_and_nothing_is_written(tmp_path: Path) -> None:
    with begin(config_of(), tmp_path / "run", text=TEXT) as session:
        list(fit(session))
    before = (tmp_path / "run" / "config.toml").read_bytes()
    with (
        pytest.raises(ConfigError, match="has made 30 steps already"),
        resume(tmp_path / "run", {"steps": 10}),
    ):
        pass
    assert (tmp_path / "run" / "config.toml").read_bytes() == before


def test_checkpoints_by_the_minute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a clock that goes on by ten seconds at a look, each minute has about as many steps."""
    seconds = itertools.count(0.0, 10.0)
    monkeypatch.setattr(keeper, "time", SimpleNamespace(monotonic=lambda: next(seconds)))
    saved: list[int] = []
    with begin(config_of(checkpoint_minutes=2.0, eval_every=1000), tmp_path / "run", text=TEXT) as session:
        monkeypatch.setattr(session, "save", lambda: saved.append(session.progress.step))
        list(fit(session))
    assert saved[:-1] == list(range(saved[0], 30, 12))[: len(saved) - 1]
    assert len(saved) >= 3
