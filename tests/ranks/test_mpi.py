"""Ranks of a real engine: what `mpiexec` starts, and what happens to all when one ends."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from elman.network.threads import usable_cores
from elman.ranks.launch import ENGINE_SETTINGS
from elman.storage.run import Run
from tests.engines import require_engine
from tests.small import CHILD_ENV, FLAGS, sentences

MPIEXEC = require_engine()

ELMAN = [sys.executable, "-m", "elman"]
PATIENCE = 60.0  # seconds


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("text") / "text.txt"
    path.write_text(sentences(400))
    return path


def start(*words: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*ELMAN, *map(str, words)], env=CHILD_ENV, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def ended(child: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, error = child.communicate(timeout=PATIENCE)
    return child.returncode, out, error


def processes_of(run: Path) -> Iterator[tuple[int, int]]:
    """Find the ranks that train a run: their number and that of their process."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
            about = dict(
                line.split(b"=", 1) for line in (folder / "environ").read_bytes().split(b"\0") if b"=" in line
            )
        except OSError:  # it has ended meanwhile
            continue
        if str(run).encode() in words and b"OMPI_COMM_WORLD_RANK" in about and b"mpiexec" not in words[0]:
            yield int(about[b"OMPI_COMM_WORLD_RANK"]), int(folder.name)


def wait_for(child: subprocess.Popen[str], run: Path, step: int) -> None:
    """Wait until a checkpoint of at least this step is there."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and child.poll() is None:
        try:
            if Run(run).load_checkpoint()[1]["step"] >= step:
                return
        except Exception:
            pass
        time.sleep(0.05)
    raise AssertionError(f"no step {step}: {ended(child)}")


def test_ranks_of_an_engine_train_as_one_process_does(tmp_path: Path, text: Path) -> None:
    given = ["train", text, *FLAGS, "--steps", 30, "--eval-every", 10, "--quiet"]
    status, alone, error = ended(start(*given, "--out", tmp_path / "one"))
    assert status == 0, error
    status, out, error = ended(start(*given, "--out", tmp_path / "two", "--workers", 2))
    assert status == 0, error
    assert error == ""
    assert out.count("Done after 30 steps") == 1
    assert out.splitlines()[1:3] == alone.splitlines()[1:3]
    assert ", 2 ranks of 1 thread\n" in out
    (one, _), (two, _) = (Run(tmp_path / name).load_checkpoint() for name in ("one", "two"))
    for name, array in one.items():
        np.testing.assert_allclose(two[name], array, rtol=0, atol=2e-6, err_msg=name)
    records = [(tmp_path / name / "metrics.jsonl").read_text().splitlines() for name in ("one", "two")]
    assert len(records[0]) == len(records[1])


@pytest.mark.skipif(usable_cores() < 2, reason="several ranks of one thread need as many cores")
def test_several_ranks_are_started_where_they_are_faster(tmp_path: Path, text: Path) -> None:
    given = ["--quiet", "--workers", "auto"]
    one = ["--threads", 1, *given]
    status, out, error = ended(start("train", text, *FLAGS, "--out", tmp_path / "small", "--steps", 2, *one))
    assert (status, error) == (0, "")
    assert ", 1 thread\n" in out
    assert " ranks of " not in out
    large = ["--hidden", 64, "--batch", 8, "--window", 400, "--steps", 2]
    ranks = min(usable_cores(), 2)
    status, out, error = ended(start("train", text, *large, "--out", tmp_path / "large", *one))
    assert (status, error) == (0, "")
    assert f", {ranks} ranks of 1 thread\n" in out
    status, out, error = ended(start("train", "--resume", tmp_path / "large", "--steps", 4, *given))
    assert (status, error) == (0, "")
    assert f", {ranks} ranks of 1 thread\n" in out


@pytest.mark.parametrize("number", ["0", "-1", "many", "1.5"])
def test_how_many_ranks_must_be_a_number(tmp_path: Path, text: Path, number: str) -> None:
    status, _, error = ended(start("train", text, "--out", tmp_path / "run", f"--workers={number}"))
    assert status == 2
    assert error == f"elman: --workers {number}: give a number of ranks, 1 or more, or auto\n"


def test_more_ranks_than_rows_are_refused_before_any_is_started(tmp_path: Path, text: Path) -> None:
    """Thousands of them would take all memory of the machine."""
    given = ["train", text, *FLAGS, "--out", tmp_path / "run", "--workers", 5000]
    status, _, error = ended(start(*given))
    assert status == 2
    assert error == "elman: a batch of 4 cannot be shared by 5000 ranks: give a larger --batch\n"
    assert not (tmp_path / "run").exists()


def test_a_rank_that_is_killed_ends_all_and_another_number_goes_on(tmp_path: Path, text: Path) -> None:
    run = tmp_path / "run"
    child = start(
        "train", text, *FLAGS, "--out", run, "--steps", 100_000, "--checkpoint-every", 5, "--quiet",
        "--workers", 3,
    )  # fmt: skip
    wait_for(child, run, 5)
    os.kill(dict(processes_of(run))[2], signal.SIGKILL)
    began = time.monotonic()
    status, _, error = ended(child)
    assert time.monotonic() - began < 20
    assert status == 128 + signal.SIGKILL
    who = r"elman: rank 2, on \S+, was killed by signal 9"
    assert re.fullmatch(rf"{who}, and all were ended; the last checkpoint is whole\n", error), error
    step = Run(run).load_checkpoint()[1]["step"]
    assert step >= 5
    child = start("train", "--resume", run, "--steps", step + 7, "--workers", 2, "--quiet")
    status, out, error = ended(child)
    assert (status, error) == (0, "")
    assert f"Done after {step + 7} steps" in out


def test_sigterm_saves_and_ends_well(tmp_path: Path, text: Path) -> None:
    run = tmp_path / "run"
    child = start("train", text, *FLAGS, "--out", run, "--steps", 100_000, "--quiet", "--workers", 2)
    wait_for(child, run, 0)  # before the first step: ranks note signals from their beginning
    child.terminate()
    status, out, error = ended(child)
    assert (status, error) == (0, "")
    assert "Stopped and saved at step" in out


def test_what_one_rank_fails_of_is_said_once_by_it(tmp_path: Path, text: Path) -> None:
    (tmp_path / "program.py").write_text(
        "import sys\n"
        "import elman\n"
        "from elman.ranks import here\n"
        "import elman.training.fit\n"
        "fit = sys.modules['elman.training.fit']  # of that name there is a function too\n"
        "known = fit.training_steps\n"
        "def steps(*given, **more):\n"
        "    for record in known(*given, **more):\n"
        "        if record.step == 3 and here().rank == 1:\n"
        "            raise elman.DataError('the disk of rank 1 is gone')\n"
        "        yield record\n"
        "fit.training_steps = steps\n"
        "elman.train(sys.argv[1], out=sys.argv[2], hidden=6, layers=1, batch=4, window=8, steps=10)\n"
    )
    found = subprocess.run(
        [MPIEXEC, "-n", "3", sys.executable, tmp_path / "program.py", text, tmp_path / "run"],
        env={**ENGINE_SETTINGS, **CHILD_ENV}, text=True, capture_output=True, timeout=PATIENCE,
    )  # fmt: skip
    assert found.returncode != 0
    said = [line for line in found.stderr.splitlines() if line.startswith("elman: ")]
    assert len(said) == 1
    assert said[0].startswith("elman: rank 1 of 3, on ")
    assert said[0].endswith(": the disk of rank 1 is gone")
    assert "Traceback" not in found.stderr


def test_what_is_wrong_with_the_settings_is_said_once(tmp_path: Path, text: Path) -> None:
    given = ["train", text, *FLAGS, "--out", tmp_path / "run", "--workers", 2]
    status, out, error = ended(start(*given, "--config", tmp_path / "none.toml"))
    assert (status, out) == (2, "")
    assert error.count("elman: ") == error.count("\n") == 1
