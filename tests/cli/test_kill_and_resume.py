"""A run that is killed, stopped or disturbed ends as one that was left alone, bit for bit."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.cli.conftest import Command
from tests.small import CHILD_ENV, assert_same_run, checkpoint_of, contents, sentences

COMMON = (
    "--embedding 6 --hidden 8 --layers 2 --batch 4 --dropout 0.2 --threads 2 --sample 12 --steps 160 "
    "--checkpoint-every 5 --eval-every 12"
)
PLANS = {
    "char": "--tokens char --cell lstm --window 8 --schedule plateau --optimizer adam --lr 0.02",
    "word": "--tokens word --cell gru --window 5 --back 12 --schedule cosine --optimizer sgd --momentum 0.9 "
    "--documents line",
}


class Plan(NamedTuple):
    """A training command, and where it once ran undisturbed."""

    flags: list[str]
    unbroken: Path

    def start(self, run: Path) -> subprocess.Popen[str]:
        """Begin the run, or take it up if it has a checkpoint."""
        begun = _checkpoint(run).exists()
        command = ["train", "--resume", str(run)] if begun else ["train", *self.flags, "--out", str(run)]
        return subprocess.Popen(
            [sys.executable, "-m", "elman", *command],
            env=CHILD_ENV, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip


def _checkpoint(run: Path) -> Path:
    return run / "last" / "checkpoint.safetensors"


@pytest.fixture(scope="module")
def plan_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Plan]:
    """Make a plan, and once for all tests its unbroken run."""
    return cache(lambda name: _make_plan(name, tmp_path_factory.mktemp(name)))


def _make_plan(name: str, folder: Path) -> Plan:
    # A training text long enough that a kill can find it being encoded, and a short one to validate on.
    (folder / "train.txt").write_text(sentences(20_000, seed=1), encoding="utf-8")
    (folder / "valid.txt").write_text(sentences(60, seed=2), encoding="utf-8")
    flags = f"--train {folder}/train.txt --valid {folder}/valid.txt {COMMON} {PLANS[name]}".split()
    made = Plan(flags, folder / "unbroken")
    finish(made, made.unbroken)
    return made


def finish(plan: Plan, run: Path) -> str:
    """Let a run go on to its end; return what it printed."""
    process = plan.start(run)
    out, err = process.communicate(timeout=120)
    assert (process.returncode, err) == (0, ""), (out, err)
    return out


def wait_until_under_way(process: subprocess.Popen[str], run: Path) -> bool:
    """Wait until the process has saved a checkpoint; say whether it did before it ended."""
    before = _stamp(run)
    while process.poll() is None:
        if _stamp(run) != before:
            return True
        time.sleep(0.002)
    return False


def _stamp(run: Path) -> int:
    try:
        return _checkpoint(run).stat().st_mtime_ns
    except FileNotFoundError:
        return 0


@pytest.mark.parametrize("name", PLANS)
def test_twenty_kills_change_nothing(plan_of: Callable[[str], Plan], name: str, tmp_path: Path) -> None:
    """Ten kills of each plan: in the start, the encoding, and at any moment of training."""
    plan = plan_of(name)
    seed = random.randrange(2**32)
    print(f"seed of the kills: {seed}")
    rng = random.Random(seed)
    number, kills = 0, 0
    run = tmp_path / "run0"
    while kills < 10:
        process = plan.start(run)
        if kills in (0, 1, 5):  # while Python starts, reads, or encodes
            time.sleep(rng.uniform(0.0, 0.7))
        elif wait_until_under_way(process, run):
            time.sleep(rng.uniform(0.0, 0.2))
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
        _, err = process.communicate()
        assert err == ""
        if process.returncode == -signal.SIGKILL:
            kills += 1
            continue
        assert process.returncode == 0  # it was at its end: compare it, and kill another
        assert_same_run(run, plan.unbroken)
        number += 1
        run = tmp_path / f"run{number}"
    finish(plan, run)
    assert_same_run(run, plan.unbroken)
    leftovers = [path.name for path in run.rglob(".*") if path.name != ".lock"]
    assert leftovers == []  # of what the killed processes were writing


@pytest.mark.parametrize(
    ("name", "number", "status"), [("char", signal.SIGTERM, 0), ("word", signal.SIGINT, 130)]
)
def test_a_rival_is_refused_and_a_signal_saves(
    plan_of: Callable[[str], Plan], name: str, number: signal.Signals, status: int, tmp_path: Path,
    run_elman: Command,
) -> None:  # fmt: skip
    plan, run = plan_of(name), tmp_path / "run"
    process = plan.start(run)
    assert wait_until_under_way(process, run)
    assert wait_until_under_way(process, run)  # the first checkpoint is of step 0, and signals still kill
    process.send_signal(signal.SIGSTOP)  # or it might end while its rivals start
    for command in (
        ["train", "--resume", run],
        ["train", *plan.flags, "--out", run, "--overwrite"],
        ["train", *plan.flags, "--out", run],
    ):
        assert str(run) in run_elman(*command).complaint()
    process.send_signal(signal.SIGCONT)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (status, "")
    called = f"{Path(sys.executable).name} -m elman"  # as it was
    assert out.splitlines()[-1].strip() == f"{called} train --resume {run}"
    assert checkpoint_of(run)[1]["step"] < 160, "it ended before the signal; train longer"
    finish(plan, run)
    assert_same_run(run, plan.unbroken)


def test_a_disk_that_fills_leaves_what_was_saved(plan_of: Callable[[str], Plan], tmp_path: Path) -> None:
    plan, run = plan_of("word"), tmp_path / "run"
    process = plan.start(run)
    assert wait_until_under_way(process, run)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    size = _checkpoint(run).stat().st_size
    before = contents(run)

    def full() -> None:
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (size - 100, size - 100))

    command = [sys.executable, "-m", "elman", "train", "--resume", str(run)]
    done = subprocess.run(
        command, env=CHILD_ENV, capture_output=True, text=True, preexec_fn=full, timeout=60, check=False
    )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "cannot save" in done.stderr
    assert "untouched" in done.stderr
    after = contents(run)
    changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    assert changed <= {"metrics.jsonl", "model.safetensors"}  # a better model may have been small enough
    finish(plan, run)
    assert_same_run(run, plan.unbroken)
