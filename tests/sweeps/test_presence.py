"""Trials whose process has gone, or has not; more processes than trials; studies of something else."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from elman.disk import lock
from elman.errors import CheckpointError, ConfigError, DataError, ElmanError
from elman.sweeps import presence, storages
from elman.sweeps.presence import Presence
from elman.sweeps.records import ATTEMPTS, Record
from elman.sweeps.study import Asked, Lost, Study
from elman.sweeps.sweep import Sweep
from elman.sweeps.trial import TrialEnded
from tests.small import sentences
from tests.sweeps.small import do, sweep_in

optuna = pytest.importorskip("optuna")


def begun(sweep: Sweep, worker: Presence, **notes: Any) -> Asked:
    """Begin a trial as another process does, as far as its settings."""
    trial = sweep.study.ask(**{"process": worker.name, "alive": time.time(), **notes})
    trial.note(settings=trial.draw(sweep.plan.space.draw))
    return trial


def states(sweep: Sweep) -> list[str]:
    return [record.state for record in sweep.records()]


def vanish(worker: Presence) -> None:
    """Let go of the lock as the system does when a process is killed: nothing is tidied up."""
    worker._stack.close()


def test_on_this_machine_a_lock_tells(tmp_path: Path) -> None:
    with sweep_in(tmp_path) as sweep:
        other = Presence(sweep.out).__enter__()
        trial = begun(sweep, other, alive=0.0)  # it has said nothing for long, and need not
        do(sweep, 1)
        assert states(sweep) == ["running"]
        vanish(other)
        do(sweep, 1)
        assert states(sweep) == ["killed", "complete"]
        first, second = sweep.records()
        assert (second.again, second.settings, second.attempt) == (trial.number, first.settings, 2)
        assert not (sweep.out / ".workers").exists()


def test_on_others_signs_of_life_tell(tmp_path: Path) -> None:
    with sweep_in(tmp_path) as sweep, Presence(sweep.out) as here:
        now = time.time()
        elsewhere = {**here.name, "host": "elsewhere"}
        for since in (0, presence.GRACE - 20, presence.GRACE + 1):
            begun(sweep, here, process=elsewhere, alive=now - since)
        do(sweep, 3)
        assert states(sweep) == ["running", "running", "killed", "complete"]


def test_one_that_was_killed_before_it_said_anything(tmp_path: Path) -> None:
    with sweep_in(tmp_path) as sweep:
        sweep.study.ask()
        do(sweep, 1)
        assert states(sweep) == ["running"]  # it began just now
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(presence, "GRACE", -1.0)
            do(sweep, 1)
        assert states(sweep) == ["killed", "complete"]  # nothing had been chosen: nothing is done again
        assert sweep.records()[1].again is None


def test_signs_of_life_are_given_while_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presence, "EVERY", 0.01)
    with sweep_in(tmp_path) as sweep:
        seen: list[float] = []
        for event in sweep.trials(1):
            if not isinstance(event, TrialEnded):
                seen.append(sweep.records()[0].alive)
                time.sleep(0.05)
        assert seen[-1] > seen[0]
        assert sorted(seen) == seen


def test_a_storage_that_is_away_for_a_moment_ends_no_signs_of_life(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(presence, "EVERY", 0.01)
    with sweep_in(tmp_path) as sweep, Presence(sweep.out) as here:
        trial, told = begun(sweep, here, alive=0.0), []

        def note(**notes: Any) -> None:
            told.append(notes)
            if len(told) == 1:
                raise CheckpointError("database is locked")
            if len(told) == 3:
                raise Lost

        monkeypatch.setattr(trial, "note", note)
        with here.at_work(trial):
            end = time.monotonic() + 20
            while len(told) < 3 and time.monotonic() < end:
                time.sleep(0.01)
            time.sleep(0.1)
        assert len(told) == 3  # one that was lost gives none


def test_a_lock_that_we_may_not_ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the folder of another user signs of life tell, as if it were another machine."""
    with sweep_in(tmp_path) as sweep, Presence(sweep.out) as here, Presence(sweep.out) as other:
        begun(sweep, other, alive=0.0)
        (record,) = sweep.records()
        assert not here.gone(record)
        monkeypatch.setattr(lock.os, "open", denied := Denied())
        assert here.gone(record)
        assert denied.asked


class Denied:
    asked = 0

    def __call__(self, *_: Any) -> int:
        self.asked += 1
        raise PermissionError(13, "Permission denied")


def test_what_kills_its_process_is_not_tried_for_ever(tmp_path: Path) -> None:
    with sweep_in(tmp_path) as sweep:
        for _ in range(ATTEMPTS):
            other = Presence(sweep.out).__enter__()
            begun(sweep, other)
            vanish(other)
            with Presence(sweep.out) as here:
                sweep._bury(here)
        assert states(sweep) == ["killed"] * (ATTEMPTS - 1) + ["failed"]
        assert [record.attempt for record in sweep.records()] == [1, 2, 3]
        assert sweep.records()[-1].error == "its process was killed, 3 times in a row"
        assert len({str(record.settings) for record in sweep.records()}) == 1
        do(sweep, 2)
        assert states(sweep)[ATTEMPTS:] == ["complete"]


def test_a_trial_that_was_taken_for_dead(tmp_path: Path) -> None:
    """Its process goes on with another trial, and the study has each once."""
    with sweep_in(tmp_path) as sweep:
        told: list[Record] = []
        for number, event in enumerate(sweep.trials(2)):
            if number == 2:
                (record,) = sweep.records()
                assert sweep.study.give_up(record)
                assert not sweep.study.give_up(record)  # by another, in the meantime
            if isinstance(event, TrialEnded):
                told.append(event.record)
        assert [record.state for record in told] == ["killed", "complete", "complete"]
        assert states(sweep) == ["killed", "complete", "complete"]
        assert sweep.records()[1].again == 0


def test_two_that_ask_at_once_for_the_last_trial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with sweep_in(tmp_path) as sweep, Presence(sweep.out) as other:
        ask = sweep.study.ask

        def ask_second(**notes: Any) -> Asked:
            monkeypatch.undo()
            begun(sweep, other)
            return ask(**notes)

        monkeypatch.setattr(sweep.study, "ask", ask_second)
        assert do(sweep, 1) == []
        assert states(sweep) == ["running", "surplus"]
        assert do(sweep, 1) == []
        assert len(do(sweep, 2)) == 6
        assert states(sweep) == ["running", "surplus", "complete"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"layers": 2}, "other settings, of layers 1 and not 2"),
        ({"dropout": 0.1}, "other settings, of dropout nothing and not 0.1"),
        ({"search": {"lr": [0.1, 0.2], "hidden": [4, 6]}}, r"of \[search\] lr .*\"low\": 0.001"),
        ({"text": "another"}, "other settings, of the text"),
    ],
)
def test_a_study_of_other_settings(tmp_path: Path, change: dict[str, Any], says: str) -> None:
    with sweep_in(tmp_path) as sweep:
        do(sweep, 1)
    if "text" in change:
        (tmp_path / "cats.txt").write_text(sentences(130, seed=1), encoding="utf-8")
        change = {}
    with pytest.raises(ConfigError, match=says), sweep_in(tmp_path, **change):
        pass
    with sweep_in(tmp_path, **change, study="two") as sweep:
        do(sweep, 1)
        assert states(sweep) == ["complete"]


def test_of_two_that_make_a_study_at_once_one_sees_that_it_is_not_its_own(tmp_path: Path) -> None:
    with sweep_in(tmp_path, out="a", storage="../study.journal") as ours:
        kept = ours.study._study.user_attrs["elman"]
        # The other, which had found no settings either, writes its own after we have read ours again.
        ours.study._study.set_user_attr("elman", {**kept, "layers": 2})
        with pytest.raises(ConfigError, match="other settings, of layers 2 and not 1"):
            do(ours, 1)
        assert states(ours) == []


def test_another_place_and_number_of_threads_is_the_same_study(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    for folder in (here, there):
        folder.mkdir()
        with sweep_in(folder, threads=1 if folder == here else 2, storage="../../study.journal") as sweep:
            do(sweep, 1 if folder == here else 2)
    assert states(sweep) == ["complete", "complete"]
    assert [Path(record.run).parents[1].name for record in sweep.records()] == ["here", "there"]


def test_runs_of_a_study_that_is_not_there(tmp_path: Path) -> None:
    with sweep_in(tmp_path) as sweep:
        do(sweep, 1)
    said = r"holds runs of another study of this name \(one-0000, ...\)"
    with pytest.raises(CheckpointError, match=said), sweep_in(tmp_path, storage="other.journal"):
        pass


def test_studies_that_are_not_of_a_sweep(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    for name, direction in (("up", "maximize"), ("down", "minimize")):
        path = tmp_path / "out" / f"{name}.db"
        storage = optuna.storages.RDBStorage(f"sqlite:///{path}")
        study = optuna.create_study(study_name="one", storage=storage, direction=direction)
        study.tell(study.ask(), 1.0)
        storage.engine.dispose()
    with pytest.raises(ConfigError, match="is not of a loss"), sweep_in(tmp_path, storage="up.db"):
        pass
    with (
        pytest.raises(ConfigError, match="was not made by elman sweep"),
        sweep_in(tmp_path, storage="down.db"),
    ):
        pass


@pytest.mark.parametrize(
    "content", [b"half a line", b"[1, 2]\n", b'{"op_code": 77}\n', b"\xff\xfe\n\n", b"{}\n"]
)
@pytest.mark.parametrize("name", ["study.journal", "study.db"])
def test_files_that_are_no_study(
    tmp_path: Path, name: str, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storages, "OPENINGS", 2)
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=name):
        Study.open(str(tmp_path / name), "one")


def test_a_journal_whose_last_line_was_cut_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storages, "OPENINGS", 2)
    with sweep_in(tmp_path) as sweep:
        do(sweep, 1)
    path = Path(sweep.study.storage)
    path.write_bytes(path.read_bytes() + b'{"op_code":4,"wor')
    with pytest.raises(DataError, match=r"the last line of .* was cut short"), sweep_in(tmp_path):
        pass


def test_a_line_that_another_process_had_no_room_for(tmp_path: Path) -> None:
    with sweep_in(tmp_path) as sweep:
        do(sweep, 1)
        path = Path(sweep.study.storage)
        path.write_bytes(path.read_bytes() + b'{"op_code":4,"wor{"op_code":4}\n{"op_code":4}\n')
        with pytest.raises(CheckpointError, match=r"a line of .* was cut short.*: remove that line"):
            do(sweep, 2)


def test_no_password_is_shown(tmp_path: Path) -> None:
    for url in (
        "nothing://me:secret@here",
        "oracle+cx_oracle://me:secret@localhost/x",
        "sqlite://me:secret@x/y",
    ):
        with pytest.raises(ElmanError, match=r"me:\*\*\*@") as raised:
            Study.open(url, "one")
        assert "secret" not in str(raised.value)


def test_storages_that_cannot_be(tmp_path: Path) -> None:
    for storage, says in {
        "study.txt": "give a file that ends in .journal",
        "nothing://here": "is no URL of a database",
        "oracle+cx_oracle://u:p@localhost/x": "its driver is not installed",
    }.items():
        with pytest.raises(ConfigError, match=says):
            Study.open(storage, "one")
    (tmp_path / "file").touch()
    for name in ("one.journal", "one.db"):
        with pytest.raises(CheckpointError, match="cannot make"):
            Study.open(str(tmp_path / "file" / name), "one")
