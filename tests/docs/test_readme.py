"""The commands of both READMEs do what they say, in their order: run for real, but for a shorter training."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from elman.cli.app import app
from tests.small import CHILD_ENV

from .pages import DOCS, ROOT, blocks, commands

README, CHINESE = ROOT / "README.md", ROOT / "README.zh-CN.md"
RUNS = {
    README: {"python-topics-char-lstm", "mine", "words", "two", "prepared", "again"},
    CHINESE: {"python-topics-char-lstm", "mine", "words", "two", "prepared", "again", "poems"},
}
SHORT = [
    "--steps",
    "3",
    "--hidden",
    "8",
    "--embedding",
    "8",
    "--layers",
    "1",
    "--threads",
    "1",
    "--sample",
    "0",
]


def shorten(command: list[str]) -> list[str]:
    """Return a command that does little; a later option goes before an earlier one."""
    if command[0] == "doctor":
        return [*command, "--size", "16", "--rounds", "1"]
    if command[0] == "sweep":
        return [*command, "--trials", "2"]
    if command[0] != "train":
        return command
    return [*command, *(["--steps", "6"] if "--resume" in command else SHORT)]


def invoked(command):
    """Run a command: here, or as a process of its own where it starts others like itself."""
    if "--workers" not in command:
        return CliRunner().invoke(app, command)
    words = [sys.executable, "-m", "elman", *command]
    done = subprocess.run(words, env=CHILD_ENV, capture_output=True, text=True, timeout=120)
    return SimpleNamespace(exit_code=done.returncode, output=done.stdout + done.stderr, exception=None)


@pytest.fixture(scope="module", params=[README, CHINESE], ids=["English", "Chinese"])
def readme(request):
    return request.param


@pytest.fixture(scope="module")
def folder(readme, tmp_path_factory):
    """A folder in which a README has been followed to its end, and what was printed."""
    path = tmp_path_factory.mktemp("readme")
    lines = [f"{number} bottles of beer on the wall, {number} bottles of beer.\n" for number in range(300)]
    (path / "my-text.txt").write_text("".join(lines), encoding="utf-8")
    (path / "other.txt").write_text("".join(lines[:9]), encoding="utf-8")
    (path / "examples").mkdir()
    search = (ROOT / "examples" / "topics.toml").read_text("utf-8").replace("steps = 200", "steps = 3")
    (path / "examples" / "topics.toml").write_text(search, encoding="utf-8")
    poem = "明月出天山，苍茫云海间。\n春风不相识，何事入罗帏。\n\n"
    (path / "poems.txt").write_text(poem * 300, encoding="utf-8")
    here = Path.cwd()
    os.chdir(path)
    try:
        printed = [(command, invoked(shorten(command))) for command in commands(readme)]
    finally:
        os.chdir(here)
    return path, printed


def test_every_command_succeeds(folder):
    for command, result in folder[1]:
        assert result.exit_code == 0, f"elman {' '.join(command)}: {result.output} {result.exception!r}"
        assert result.output.strip()


def test_the_first_command_makes_the_run_that_the_others_use(readme, folder):
    path, printed = folder
    assert printed[0][0] == ["train"]
    assert {run.name for run in (path / "runs").iterdir()} == RUNS[readme]


def test_its_python_runs(readme, folder, monkeypatch, capsys):
    monkeypatch.chdir(folder[0])
    code = [block.body for block in blocks(readme) if block.language == "python"]
    assert code
    for body in code:
        exec(compile(body, readme.name, "exec"), {})
    assert "nats" in capsys.readouterr().out


def first_column(heading):
    """Return what stands in code in the first column of the table under a heading of the training guide."""
    section = (
        (DOCS / "guide" / "training.md").read_text("utf-8").split(f"\n## {heading}\n")[1].split("\n## ")[0]
    )
    return {
        name for row in re.findall(r"^\| (`.*?) \|", section, re.M) for name in re.findall(r"`([^`]+)`", row)
    }


def test_the_guide_names_the_keys_of_the_metrics(folder):
    lines = (folder[0] / "runs" / "mine" / "metrics.jsonl").read_text("utf-8").splitlines()
    found = {key for line in lines for key in json.loads(line)}
    # Of these the commands above ask for none.
    assert first_column("metrics.jsonl") == found | {"sample", "averaged", "penalty"}


def test_the_guide_names_the_files_of_a_run(folder):
    run = folder[0] / "runs" / "mine"
    found = {path.relative_to(run).as_posix() for path in run.rglob("*") if path.is_file()}
    found = {"data/" if path.startswith("data/") else path for path in found if path != ".lock"}
    assert first_column("The files of a run") == found


@pytest.mark.parametrize("marked", ["train", "test"])
def test_a_fresh_clone_needs_one_line(readme, marked):
    found = re.findall(
        rf"^<!-- command: {marked} -->\n```bash\n(.*?)^```$", readme.read_text("utf-8"), re.M | re.S
    )
    assert len(found) == 1
    (line,) = found[0].splitlines()
    assert line.startswith("python3 -m venv .venv && .venv/bin/pip install ")


def test_both_say_the_same_commands_and_figures():
    def shared(page):
        return [block for block in commands(page) if "poems" not in " ".join(block)]

    def python(page):
        return [block.body for block in blocks(page) if block.language == "python"]

    def figures(page):
        part = page.read_text("utf-8").split("<!-- figures: begin -->")[1].split("<!-- figures: end -->")[0]
        return sorted(re.findall(r"\d[\d.,]*\d|\d", part))

    assert shared(README) == shared(CHINESE)
    assert python(README) == python(CHINESE)
    assert figures(README) == figures(CHINESE)


def test_continuous_integration_takes_the_test_command_from_the_readme():
    script = (ROOT / ".ci" / "run").read_text("utf-8")
    assert "pytest" not in script  # it is not written a second time
    (line,) = re.findall(r"^command=(\$\(awk .*\))$", script, re.M)
    told = subprocess.run(
        ["bash", "-c", f"echo {line}"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert told.stdout.strip().endswith(".venv/bin/pytest")
    assert os.access(ROOT / ".ci" / "run", os.X_OK) or sys.platform == "win32"
