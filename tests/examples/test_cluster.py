"""The script for Slurm, with stand-ins for its commands: preempted once, put in the queue again, finished."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from elman.ranks.launch import ENGINE_SETTINGS
from tests.engines import require_engine
from tests.small import CHILD_ENV, FLAGS, sentences

MPIEXEC = require_engine()

SCRIPT = Path(__file__).parents[2] / "examples" / "cluster" / "train.sbatch"
PATIENCE = 90.0  # seconds


def stand_in(folder: Path, name: str, *lines: str) -> None:
    path = folder / name
    path.write_text("\n".join(["#!/bin/bash", *lines]) + "\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """One in which ``srun`` starts two ranks by an engine, and ``scontrol`` writes down what it is told."""
    folder = tmp_path / "bin"
    folder.mkdir()
    # srun passes SIGTERM on to every task; an engine would end them, and passes SIGUSR1 on.
    stand_in(
        folder, "srun", 'while [[ $1 == --* ]]; do shift; done', f"{MPIEXEC} -n 2 \"$@\" & child=$!",
        "trap 'kill -USR1 $child' TERM", "wait $child; status=$?",
        "while kill -0 $child 2>/dev/null; do wait $child; status=$?; done", "exit $status",
    )  # fmt: skip
    stand_in(folder, "scontrol", f'echo "$@" >> {tmp_path / "queue"}')
    stand_in(folder, "python", f'exec {sys.executable} "$@"')
    path = f"{folder}{os.pathsep}{os.environ['PATH']}"
    return {**ENGINE_SETTINGS, **CHILD_ENV, "PATH": path, "SLURM_JOB_ID": "17"}


def test_a_job_that_is_preempted_goes_on_when_its_turn_comes(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    text, run, queue = tmp_path / "text.txt", tmp_path / "run", tmp_path / "queue"
    text.write_text(sentences(400))
    words = ["bash", str(SCRIPT), str(run), str(text), *FLAGS, "--steps", "100000", "--checkpoint-every", "5"]
    job = subprocess.Popen(
        words, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        start_new_session=True,
    )  # fmt: skip
    until = time.monotonic() + PATIENCE
    while not (run / "metrics.jsonl").exists() and time.monotonic() < until:
        time.sleep(0.1)
    for folder in Path("/proc").glob("[0-9]*"):  # as Slurm does: the job's steps, and not its script
        try:
            if b"srun" in (folder / "cmdline").read_bytes() and os.getsid(int(folder.name)) == job.pid:
                os.kill(int(folder.name), signal.SIGTERM)
        except (OSError, ProcessLookupError):  # it has ended meanwhile
            continue
    out = job.communicate(timeout=PATIENCE)[0]
    assert job.returncode == 0, out
    assert "Stopped and saved at step" in out
    assert queue.read_text() == "requeue 17\n"
    step = json.loads((run / "metrics.jsonl").read_text().splitlines()[-1])["step"]
    # The next turn: the run is there, and its length is that of its settings, which a test cannot wait for.
    config = run / "config.toml"
    config.write_text(config.read_text().replace("steps = 100000", f"steps = {step + 25}"))
    done = subprocess.run(words, env=environment, text=True, capture_output=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    assert f"Done after {step + 25} steps" in done.stdout
    assert queue.read_text() == "requeue 17\n"  # and not once more
