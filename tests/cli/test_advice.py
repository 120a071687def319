"""The program is named as it was called."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from elman.cli.advice import program
from elman.ranks.launch import MARK


def test_the_program_is_named_so_that_a_shell_finds_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    script = tmp_path / "a folder" / "elman"
    script.parent.mkdir()
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(sys, "argv", [str(script)])
    assert program() == f"'{script}'"
    monkeypatch.setenv("PATH", str(script.parent))
    assert program() == "elman"
    monkeypatch.setattr(sys, "argv", ["elman"])
    assert program() == "elman"
    monkeypatch.setattr(sys, "argv", ["/any/elman/__main__.py"])
    assert program().endswith(" -m elman")


def test_a_rank_names_the_program_that_started_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["/any/elman/__main__.py"])  # as `--workers` starts it
    monkeypatch.setenv(MARK, "elman")
    assert program() == "elman"
