"""``elman doctor``: it measures this machine, whatever that is, and judges a made-up environment."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from elman.insight.diagnosis import THREAD_VARIABLES, VARIABLES
from tests.cli.conftest import Command

PAGE = Path(__file__).parents[2] / "docs" / "guide" / "speed.md"
QUICK = ("doctor", "--size", "16", "--rounds", "1")


@pytest.fixture(autouse=True)
def _a_plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*VARIABLES, *(name for names in THREAD_VARIABLES.values() for name in names)):
        monkeypatch.delenv(name, raising=False)


def documented() -> set[str]:
    """Return the keys that the guide's table lists."""
    section = PAGE.read_text("utf-8").split("\n### As JSON\n")[1].split("\n## ")[0]
    return {key for row in re.findall(r"^\| (`.*?) \|", section, re.M) for key in re.findall(r"`(\w+)`", row)}


def test_it_prints_what_there_is_and_what_to_do(run_elman: Command) -> None:
    done = run_elman(*QUICK)
    assert (done.status, done.err) == (0, "")
    names = {line[:16].strip() for line in done.out.splitlines()}
    assert names >= {"numpy", "blas", "processor", "abilities", "cores", "large products", "training step"}
    assert "sgemm of 16 x 16" in done.out
    assert "LSTM 2 x 128, embedding 64, vocabulary 65, batch 50, window 50, float32" in done.out


def test_json_has_the_keys_that_the_guide_lists(run_elman: Command) -> None:
    done = run_elman(*QUICK, "--json")
    assert (done.status, done.err, done.out.count("\n")) == (0, "", 1)
    found = json.loads(done.out)
    assert found.keys() == documented()
    assert found["sizes"]["matrix"] == 16
    assert found["rates"]["step_share"] == found["rates"]["step_gflops"] / found["rates"]["sgemm_one"]


def test_a_variable_is_measured_and_is_no_error(run_elman: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NPY_ENABLE_CPU_FEATURES", "AVX2")  # too late for this process, and so without effect
    done = run_elman(*QUICK, "--json")
    assert done.status == 0
    (finding,) = [f for f in json.loads(done.out)["findings"] if f["topic"] == "NPY_ENABLE_CPU_FEATURES"]
    assert finding["faster"].keys() == {"step_tokens"}
    assert "NPY_ENABLE_CPU_FEATURES=AVX2 limits NumPy's own loops" in finding["text"]


@pytest.mark.parametrize("wrong", ["--size 0", "--size large", "--rounds -1", "--threads 2", "runs/mine"])
def test_bad_input(run_elman: Command, wrong: str) -> None:
    line = run_elman("doctor", *wrong.split()).complaint()
    assert wrong.split()[0] in line
    assert line.endswith("see elman doctor --help")
