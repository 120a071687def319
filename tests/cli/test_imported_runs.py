"""Runs of imported models: what they have not is said so, and what to give."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import elman
from elman.data import ListedWordTokenizer
from elman.errors import CheckpointError
from elman.interop.runs import write_run
from tests.cli.conftest import Command
from tests.small import contents


@pytest.fixture
def imported(tmp_path: Path) -> Path:
    """A run as `elman import` makes it, of a vocabulary of 3,000 words."""
    model = elman.LanguageModel(vocab_size=3000, cell="rnn", embedding=2, hidden=2, layers=1)
    return write_run(model, ListedWordTokenizer(map(str, range(3000))), tmp_path / "theirs").path


def test_it_never_had_a_text(run_elman: Command, imported: Path) -> None:
    said = run_elman("evaluate", imported).complaint()
    assert said.endswith(f"was imported, and never had a text: give a file: elman evaluate {imported} FILE")
    said = run_elman("inspect", imported).complaint()
    assert said.endswith(
        f"was imported, and never had a text: give one: elman inspect {imported} --text FILE"
    )
    with pytest.raises(CheckpointError, match="never had a text"):
        elman.load(imported).evaluate()


def test_it_cannot_be_trained_on(run_elman: Command, imported: Path) -> None:
    before = contents(imported)
    said = run_elman("train", "--resume", imported, "--steps", 5).complaint()
    assert "was imported: it has no checkpoint, and cannot be trained on" in said
    assert contents(imported) == before


def test_small_probabilities_have_digits(run_elman: Command, imported: Path) -> None:
    model = elman.load(imported).model
    model.params["embedding.E"][:] = 0
    model.params["output.V"][:] = 0
    model.params["output.c"][:2] = [7, -9]
    write_run(model, elman.load(imported).tokenizer, imported, overwrite=True)
    rows = run_elman("next", imported, "1", "--top", 3000).out.splitlines()
    shares = [row[5:].split()[0] for row in (rows[0], rows[1], rows[-1])]
    total = np.exp(7) + 2998 + np.exp(-9)
    assert shares == [
        f"{100 * np.exp(7) / total:.2f}%",
        f"{100 / total:.4f}%",
        f"{100 * np.exp(-9) / total:.2e}%",
    ]
    assert {row.index(".") for row in rows} == {rows[0].index(".")}
    assert rows[0].endswith("  " + "█" * round(40 * np.exp(7) / total))
