"""The page of commands is what docs/generate_cli.py makes now, and leaves out no option of ``--help``."""

import importlib.util
import re

import pytest
from typer.testing import CliRunner

from elman.cli.app import app

from .pages import DOCS

spec = importlib.util.spec_from_file_location("generate_cli", DOCS / "generate_cli.py")
assert spec is not None
assert spec.loader is not None
generate_cli = importlib.util.module_from_spec(spec)
spec.loader.exec_module(generate_cli)

NAMES = [name for name, _ in generate_cli.commands(app)]


def test_the_page_is_current():
    current = generate_cli.PAGE.read_text("utf-8") == generate_cli.page()
    assert current, "docs/reference/cli.md is not current: run python docs/generate_cli.py"


@pytest.mark.parametrize("command", NAMES)
def test_the_page_has_the_options_of_help_and_no_others(command):
    result = CliRunner().invoke(app, [*command.split(), "--help"], env={"COLUMNS": "200", "NO_COLOR": "1"})
    assert result.exit_code == 0, result.output
    # An option begins its line, perhaps after a border; elsewhere in the help others may be spoken of.
    helped = re.findall(r"^\W*?(--[a-z][a-z-]+)", result.output, re.MULTILINE)
    section = generate_cli.page().split(f"## elman {command}\n")[1].split("\n## ")[0]
    listed = re.findall(r"^\| `(--[a-z][a-z-]+)", section, re.MULTILINE)
    assert sorted(listed) == sorted(set(helped) - {"--help"})


def test_what_must_be_given_is_called_required():
    rows = [line for line in generate_cli.page().splitlines() if "(required)" in line]
    assert rows
    assert all(row.startswith(("| `--out RUN`", "| `--out FOLDER`", "| `--trials N`")) for row in rows)
    assert "(default )" not in generate_cli.page()


def test_help_that_would_break_a_table_is_escaped():
    assert "\\<unk>" in generate_cli.page()
    rows = [line for line in generate_cli.page().splitlines() if line.startswith("| ")]
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {3}
