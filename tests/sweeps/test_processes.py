"""Two processes at one study: they share its trials, one is killed, the other goes on and is interrupted."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from elman.storage.toml import toml_value
from elman.sweeps.records import Record
from elman.sweeps.study import Study
from tests.small import CHILD_ENV
from tests.sweeps.small import do, sweep_in, values

pytest.importorskip("optuna")

SEARCH = {"lr": {"low": 0.001, "high": 0.1}, "hidden": [4, 6]}
MANY = 1000
"""More trials than there is time for."""


def settings_file(folder: Path) -> Path:
    given = values(folder, SEARCH, steps=40)
    search = given.pop("search")
    lines = [f"{name} = {toml_value(value)}" for name, value in given.items()]
    lines += ["[search]", f"lr = {{ low = {search['lr']['low']}, high = {search['lr']['high']} }}"]
    path = folder / "cats.toml"
    path.write_text("\n".join([*lines, f"hidden = {search['hidden']}"]) + "\n", encoding="utf-8")
    return path


Start = Callable[[Path, str], subprocess.Popen[str]]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start a sweep as a process; none is left when the test ends."""
    with ExitStack() as stack:
        yield lambda folder, storage: stack.enter_context(begun(folder, storage))


@contextmanager
def begun(folder: Path, storage: str) -> Iterator[subprocess.Popen[str]]:
    command = ["sweep", settings_file(folder), "--trials", MANY, "--study", "one", "--out", folder / "out"]
    process = subprocess.Popen(
        [sys.executable, "-m", "elman", *map(str, command), "--storage", str(folder / "out" / storage)],
        env=CHILD_ENV, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=folder,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def wait_for(processes: list[subprocess.Popen[str]], what: Callable[[], bool]) -> None:
    end = time.monotonic() + 240
    while not what():
        assert time.monotonic() < end
        for process in processes:
            assert process.poll() is None, process.communicate()
        time.sleep(0.05)


@pytest.mark.parametrize("storage", ["study.journal", "study.db"])
def test_processes_share_trials_and_outlive_one_another(tmp_path: Path, storage: str, start: Start) -> None:
    one, other = start(tmp_path, storage), start(tmp_path, storage)
    path = tmp_path / "out" / storage
    wait_for([one, other], path.exists)
    study = Study.open(str(path), "one")

    def workers(state: str) -> set[str]:
        return {record.worker for record in study.records() if record.state == state}

    wait_for([one, other], lambda: len(workers("complete")) == 2)
    killed = kill_at_work(one, study, lambda: start(tmp_path, storage))
    wait_for([other], lambda: any(record.again == killed for record in study.records()))
    other.send_signal(signal.SIGINT)
    out, err = other.communicate(timeout=60)
    assert (other.returncode, err) == (130, "")
    found = study.records()
    study.close()
    check(found)
    called = f"{Path(sys.executable).name} -m elman"
    assert "Go on by the same command:" in out
    assert f"{called} sweep {tmp_path / 'cats.toml'} --trials {MANY}" in out
    assert "Train the best one longer:" in out
    # Here, with what the process that ended left to be done.
    done = sum(record.counted for record in found)
    with sweep_in(tmp_path, SEARCH, storage=storage, steps=40) as sweep:
        do(sweep, done + 2)
        after = sweep.records()
    check(after)
    assert sum(record.counted for record in after) == done + 2
    assert {record.state for record in after} <= {"complete", "pruned", "killed", "interrupted"}
    broken = {
        record.number for record in after if record.state in ("killed", "interrupted") and record.params
    }
    assert {record.again for record in after} - {None} == broken


def kill_at_work(one: subprocess.Popen[str], study: Study, anew: Callable[[], subprocess.Popen[str]]) -> int:
    """Kill a process in the middle of a trial; return its number."""
    while True:
        found: list[str] = []

        def at_work(one: subprocess.Popen[str] = one, found: list[str] = found) -> bool:
            running = [
                record.worker for record in study.records() if record.state == "running" and record.params
            ]
            found += [worker for worker in running if worker and holder(Path(worker)) == str(one.pid)]
            return bool(found)

        wait_for([one], at_work)
        one.send_signal(signal.SIGKILL)
        one.communicate()
        left = [record for record in study.records() if record.worker == found[0] and record.params]
        broken = [record.number for record in left if record.state in ("running", "killed")]
        if broken:
            return broken[0]
        one = anew()  # it had just ended that trial


def holder(worker: Path) -> str:
    try:
        return (worker / ".lock").read_text()
    except FileNotFoundError:  # of a process that has just been found to be gone
        return ""


def check(records: list[Record]) -> None:
    """Every trial is one process's, has a run of its own, and what was killed was taken up once."""
    states = [record.state for record in records]
    assert states.count("running") == 0
    assert "killed" in states
    for record in records:
        if record.state == "killed" and record.params:
            (again,) = [other for other in records if other.again == record.number]
            assert record.params.items() <= again.params.items()  # it may have been killed while drawing
            assert again.worker != record.worker
    first = [record for record in records if record.again is None and record.run]
    assert len({record.run for record in first}) == len(first)
    assert len({str(record.settings) for record in first}) == len(first)
