"""Sessions: begun, taken up, refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from elman.data import Text
from elman.errors import CheckpointError, ConfigError, DataError
from elman.storage.run import Run
from elman.training.events import Finished
from elman.training.opening import begin
from tests.small import assert_same_run, checkpoint_of
from tests.training.test_fit import TEXT, config_of, go_on, train


def test_ten_epochs_where_no_length_is_given(tmp_path: Path) -> None:
    with begin(config_of(steps=None), tmp_path / "run", text=TEXT) as session:
        assert session.config.epochs == 10
        assert session.length() == 10 * len(session.stream)


def test_a_finished_run_ends_at_once(tmp_path: Path) -> None:
    train(tmp_path / "run")
    before = checkpoint_of(tmp_path / "run")
    events = go_on(tmp_path / "run")
    assert [type(event) for event in events] == [Finished]
    assert checkpoint_of(tmp_path / "run") == before


def test_threads_are_written_down_so_that_a_run_can_be_repeated(tmp_path: Path) -> None:
    config = config_of(threads=None)
    with begin(config, tmp_path / "run", text=TEXT) as session:
        assert session.config.threads is not None
        assert 1 <= session.config.threads <= config.batch
    assert Run.existing(tmp_path / "run").config.threads == session.config.threads
    assert Run.existing(tmp_path / "run").config.lr == 0.002


@pytest.mark.parametrize("name", ["hidden", "lr", "batch", "seed", "text", "nonsense"])
def test_resume_refuses_other_changes(tmp_path: Path, name: str) -> None:
    train(tmp_path / "run", steps=1)
    with pytest.raises(ConfigError, match=f"{name} cannot change"):
        go_on(tmp_path / "run", **{name: 1})


def test_resume_checks_what_it_is_given(tmp_path: Path) -> None:
    train(tmp_path / "run", steps=1)
    with pytest.raises(ConfigError, match="steps must be at least 1"):
        go_on(tmp_path / "run", steps=0)
    assert Run.existing(tmp_path / "run").config.steps == 1


def test_one_session_at_a_time(tmp_path: Path) -> None:
    attempts: list[Callable[[], object]] = [
        lambda: train(tmp_path / "run"),
        lambda: go_on(tmp_path / "run"),
        lambda: begin(config_of(), tmp_path / "run", overwrite=True, text=TEXT).__enter__(),
    ]
    with begin(config_of(), tmp_path / "run", text=TEXT):
        before = checkpoint_of(tmp_path / "run")
        for attempt in attempts:
            with pytest.raises(CheckpointError, match=r"already holds a run|being trained by another"):
                attempt()
        assert checkpoint_of(tmp_path / "run") == before
    go_on(tmp_path / "run")  # the lock is free again


def test_what_a_killed_process_left_is_swept(tmp_path: Path) -> None:
    train(tmp_path / "run", steps=1)
    for leftover in (".model.safetensors.123.tmp", "last/.checkpoint.safetensors.123.tmp"):
        (tmp_path / "run" / leftover).write_bytes(b"half")
    go_on(tmp_path / "run")
    assert list((tmp_path / "run").rglob("*.tmp")) == []


def test_a_text_too_short_costs_nothing(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="too few"):
        train(tmp_path / "run", text=Text("abcdefg" * 5))
    assert list(tmp_path.iterdir()) == []
    train(tmp_path / "run", steps=1)


def test_folders_that_a_failure_would_leave_go_again(tmp_path: Path) -> None:
    (tmp_path / "mine" / "empty").mkdir(parents=True)
    for out in ("new/run", "mine/new/run", "mine/empty"):
        with pytest.raises(DataError, match="too few"):
            train(tmp_path / out, text=Text("abcdefg" * 5))
    found = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_dir()}
    assert found == {"mine", "mine/empty"}  # which were there before


@pytest.mark.parametrize("place", ["new", "new/run"])
def test_what_others_put_beside_a_failed_run_stays(tmp_path: Path, place: str) -> None:
    def claim_and_fail() -> None:
        with Run.claim(tmp_path / "new" / "run"):
            (tmp_path / place / "notes.txt").write_text("mine")
            raise KeyError

    with pytest.raises(KeyError):
        claim_and_fail()
    assert (tmp_path / place / "notes.txt").read_text() == "mine"


def test_a_run_that_has_begun_stays_whatever_happens(tmp_path: Path) -> None:
    with pytest.raises(KeyError), begin(config_of(), tmp_path / "run", text=TEXT):
        raise KeyError
    go_on(tmp_path / "run")


def test_memory_of_a_text_is_all_that_is_kept_of_it(tmp_path: Path) -> None:
    """A text in memory is encoded like a file, so that resume needs it no more."""
    train(tmp_path / "run", stop_at=4)
    go_on(tmp_path / "run")
    train(tmp_path / "whole")
    assert_same_run(tmp_path / "run", tmp_path / "whole")
