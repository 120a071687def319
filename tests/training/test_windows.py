"""Windows of random length: the lengths, the epochs they make, and runs that go on with them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from elman.errors import ConfigError
from elman.training.events import Evaluated
from elman.training.fit import fit
from elman.training.loop import StepRecord
from elman.training.opening import begin
from elman.training.windows import BEYOND, DRAWN, RandomWindows
from tests.small import assert_same_run, checkpoint_of
from tests.training.test_fit import TEXT, config_of, evaluations_of, go_on, train

RANDOM: dict[str, Any] = {"window": 12, "random_window": True}


def test_lengths_are_drawn_as_the_paper_has_it() -> None:
    lengths = np.array([RandomWindows(70, seed=1).length(step) for step in range(20_000)])
    short = lengths < 52  # between the two means, at the same number of deviations from each
    assert short.mean() == pytest.approx(0.05, abs=0.005)
    for some, mean in ((lengths[~short], 70), (lengths[short], 35)):
        assert some.mean() == pytest.approx(mean - 0.5, abs=0.4)  # rounded down
        assert some.std() == pytest.approx(5.0, rel=0.06)
    assert lengths.mean() == pytest.approx(RandomWindows(70, seed=1).mean, abs=0.2)
    assert abs(np.corrcoef(lengths[:-1], lengths[1:])[0, 1]) < 0.03


def test_lengths_have_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    windows = RandomWindows(10, seed=0)
    assert min(windows.length(step) for step in range(2000)) == 5
    assert windows.longest == 10 + BEYOND
    monkeypatch.setattr("elman.training.windows.SPREAD", 1000.0)
    wide = RandomWindows(10, seed=7)
    assert {wide.length(step) for step in range(200)} >= {5, wide.longest}
    assert all(5 <= wide.length(step) <= wide.longest for step in range(2000))


def test_a_length_depends_on_the_seed_and_the_step_alone() -> None:
    windows = RandomWindows(30, seed=3)
    steps = [5, DRAWN * 99 + 7, 0, DRAWN - 1, DRAWN, 5]
    assert [windows.length(n) for n in steps] == [RandomWindows(30, seed=3).length(n) for n in steps]
    first, other = ([RandomWindows(30, seed=s).length(n) for n in range(50)] for s in (3, 4))
    assert first != other
    assert first != [windows.length(DRAWN + n) for n in range(50)]


@pytest.mark.parametrize("steps", [1, 4, 5, 6, 37, 1000])
def test_updates_of_epochs_are_those_that_a_loop_makes(steps: int) -> None:
    windows = RandomWindows(12, seed=5)
    done, position = 0, 0
    for epochs in range(1, 12):
        while position < steps:
            position += windows.length(done)
            done += 1
        position = 0
        assert windows.updates(steps, epochs) == done


def test_epochs_of_random_windows_end_where_the_text_does(tmp_path: Path) -> None:
    config = config_of(steps=None, epochs=3, eval_every=None, eval_epochs=1, **RANDOM)
    with begin(config, tmp_path / "run", text=TEXT) as session:
        ends = [session.updates(epochs) for epochs in (1, 2, 3)]
        assert session.length() == ends[-1]
        assert len({b - a for a, b in zip([0, *ends], ends, strict=False)}) > 1  # no two alike
        events = list(fit(session))
        progress = session.progress
        assert (progress.epoch, progress.position, progress.step) == (3, 0, ends[-1])
        assert progress.tokens == 3 * session.stream.steps * session.stream.batch
        assert session.epoch_updates == pytest.approx(ends[-1] / 3, abs=4)
    assert [event.step for event in events if isinstance(event, Evaluated)] == ends


@pytest.mark.parametrize("stop_at", [1, 20, 47])
def test_a_run_of_random_windows_goes_on_bit_for_bit(tmp_path: Path, stop_at: int) -> None:
    settings = {"steps": None, "epochs": 1, "eval_every": 15, "dropout": 0.2, "back": 17, **RANDOM}
    train(tmp_path / "whole", **settings)
    train(tmp_path / "broken", stop_at=stop_at, **settings)
    go_on(tmp_path / "broken")
    assert_same_run(tmp_path / "whole", tmp_path / "broken")
    assert checkpoint_of(tmp_path / "whole")[1]["epoch"] == 1


@pytest.mark.parametrize("back", [None, 17])
def test_workers_are_ready_for_the_longest_window(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, back: int | None
) -> None:
    monkeypatch.setattr("elman.training.windows.SPREAD", 1000.0)
    module = sys.modules["elman.training.fit"]  # that name in the package is the function
    made, make = [], module.make_workers

    def noting(*arguments: Any, **more: Any) -> Any:
        made.append(make(*arguments, **more))
        return made[-1]

    monkeypatch.setattr(module, "make_workers", noting)
    settings = {**RANDOM, "seed": 77, "back": back, "threads": 3}
    events = train(tmp_path / "run", **settings)
    records = [event for event in events if isinstance(event, StepRecord)]
    tokens = np.diff([0, *(record.tokens for record in records)])
    assert tokens.max() == 4 * (12 + BEYOND)
    assert made[0].steps == (back or 12) + BEYOND


def test_minutes_and_random_windows(tmp_path: Path) -> None:
    events = train(tmp_path / "run", steps=None, minutes=0.01, eval_every=None, **RANDOM)
    assert events[-1].reason in ("done", "time")


@pytest.mark.parametrize("every", [1, 2])
def test_evaluations_at_the_ends_of_epochs(tmp_path: Path, every: int) -> None:
    settings = {"steps": None, "eval_every": None, "eval_epochs": every, "window": 30}
    events = train(tmp_path / "run", epochs=5, **settings)
    epoch = events[-1].step // 5
    assert [step // epoch for step, _ in evaluations_of(events)] == list(range(every, 6, every)) + (
        [5] if every == 2 else []  # and at the end
    )
    assert all(step % epoch == 0 for step, _ in evaluations_of(events))
    more = go_on(tmp_path / "run", epochs=6, eval_every=3)  # in place of epochs
    assert evaluations_of(more)[0][0] == 5 * epoch + 3


def test_settings_that_contradict_one_another() -> None:
    with pytest.raises(ConfigError, match="give a window of at least 10, not 9"):
        config_of(window=9, random_window=True)
    with pytest.raises(ConfigError, match="eval_every counts steps and eval_epochs epochs"):
        config_of(eval_every=3, eval_epochs=1)


def test_decays_that_begin_after_some_epochs(tmp_path: Path) -> None:
    """Zaremba et al. 2014: so many epochs at the full rate, then less after each."""
    settings = {"window": 40, "lr": 0.5, "schedule": "step", "decay": 0.5, "decay_from": 3}
    events = train(tmp_path / "run", steps=None, epochs=6, **settings)
    rates = [event.lr for event in events if isinstance(event, StepRecord)]
    epoch = len(rates) // 6
    assert rates == [rate for rate in (0.5, 0.5, 0.5, 0.25, 0.125, 0.0625) for _ in range(epoch)]
