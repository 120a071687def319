"""The command as a process: what it imports, and where it writes to."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

from tests.small import CHILD_ENV


@pytest.mark.parametrize("encoding", ["ascii", "utf-8"])
def test_characters_that_a_terminal_lacks(trained: Path, encoding: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "elman", "next", str(trained), "ξ"],
        env={**CHILD_ENV, "PYTHONIOENCODING": encoding}, capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert b"Traceback" not in done.stderr


def test_a_reader_that_goes_away_is_no_error(trained: Path) -> None:
    command = [sys.executable, "-m", "elman", "generate", str(trained), "--length", "20000"]
    process = subprocess.Popen(command, env=CHILD_ENV, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.read(10)
    process.stdout.close()
    assert process.wait(timeout=60) == 1
    assert process.stderr is not None
    assert process.stderr.read() == b""
    process.stderr.close()


@pytest.mark.parametrize("command", ["train", "sweep", "data prepare", "data check"])
def test_help_loads_no_numbers(command: str) -> None:
    """Help is instant: it needs neither NumPy nor the rooms that need it."""
    code = (
        f"import sys; sys.argv = ['elman', *{command.split()}, '--help']\n"
        "from elman.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print({'numpy', 'optuna'} & sys.modules.keys() != set(), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=CHILD_ENV, capture_output=True, text=True, check=True
    )
    assert done.stderr == "False\n"


def test_importing_elman_is_light() -> None:
    code = "import sys, elman; print(sorted({'typer', 'rich', 'matplotlib', 'numpy'} & sys.modules.keys()))"
    done = subprocess.run(
        [sys.executable, "-c", code], env=CHILD_ENV, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
    times = {name: statistics.median(_import_time(name) for _ in range(3)) for name in ("numpy", "elman")}
    assert times["elman"] < 1.3 * times["numpy"], times


def _import_time(name: str) -> int:
    """Return the microseconds that Python says an import took."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", f"import {name}"],
        env={**os.environ, **CHILD_ENV}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    rows = [line.split("|") for line in done.stderr.splitlines()]
    return next(int(row[1]) for row in reversed(rows) if row[-1].strip() == name)
