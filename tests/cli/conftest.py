"""The command line in this process, and runs for it to work on."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

import elman
from elman.cli import main
from tests.small import SETTINGS, sentences


class Result(NamedTuple):
    """What a command did."""

    status: int
    out: str
    err: str

    def complaint(self) -> str:
        """Return the one line on standard error of a command that failed as it should."""
        assert self.status == 2, self
        assert self.err.count("\n") == 1, self.err
        assert self.err.startswith("elman: "), self.err
        assert "Traceback" not in self.err
        return self.err.strip()


Command = Callable[..., Result]


@pytest.fixture
def run_elman(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """Run ``elman`` with these arguments in this process."""

    def run(*arguments: object) -> Result:
        monkeypatch.setattr(sys, "argv", ["elman", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        status = ended.value.code
        return Result(int(status or 0), *capsys.readouterr())

    return run


@pytest.fixture(scope="session")
def text_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A text of about 6,000 characters."""
    path = tmp_path_factory.mktemp("text") / "cats.txt"
    path.write_text(sentences(250), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def _trained(tmp_path_factory: pytest.TempPathFactory, text_file: Path) -> Path:
    path = tmp_path_factory.mktemp("trained") / "run"
    elman.train(text_file, out=path, steps=20, eval_every=10, **SETTINGS)
    return path


@pytest.fixture
def trained(_trained: Path, tmp_path: Path) -> Path:
    """A finished run of 20 steps, this test's own copy."""
    return Path(shutil.copytree(_trained, tmp_path / "run"))
