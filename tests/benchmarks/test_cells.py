"""The page of cells: its equations are those of the docstrings, and its tables what was kept."""

import re

import pytest

import cells
import render_cells
from elman.network import CELLS

from .conftest import BENCHMARKS
from .test_page import MACHINE

PAGE = BENCHMARKS.parent / "docs" / "guide" / "cells.md"
TIMES = {"median": 6.25, "low": 6.0, "high": 6.5}
KEPT = {
    "machine": MACHINE, "date": "2026-11-30",
    "all": {"seconds": 90.0, "characters": 3_375_000, "K": 65, "rows": [
        {"cell": "gru", "H": 152, "parameters": 252_441, "loss_at_time": 1.5, "steps": 4_000,
         "loss_at_size": 1.625, "tokens_per_second": 101_234.5, "generated_per_second": 21_000.0},
        {"cell": "indrnn", "H": 400, "parameters": 250_000, "loss_at_time": None, "steps": 9_000,
         "loss_at_size": 1.875, "tokens_per_second": 201_234.5, "generated_per_second": 31_000.0},
    ]},
    "long": [{"cell": "mingru", "layers": 1, "tokens_per_second": {"median": 150_000.0}, "times": TIMES}],
}  # fmt: skip


@pytest.fixture
def root(tmp_path):
    page = tmp_path / "docs" / "guide" / "cells.md"
    page.parent.mkdir(parents=True)
    page.write_text(PAGE.read_text("utf-8"), "utf-8")
    return tmp_path


def between(text, name):
    return re.search(rf"<!-- {name}: begin -->\n(.*?)<!-- {name}: end -->", text, re.DOTALL)[1]


def test_the_committed_equations_are_those_of_the_docstrings():
    current = between(PAGE.read_text("utf-8"), "equations") == render_cells.equations()
    assert current, "docs/guide/cells.md is not current: run python benchmarks/cells.py --write"


def test_every_cell_has_equations_and_a_reason_to_be_taken():
    text = PAGE.read_text("utf-8")
    own = {name for name, cell in CELLS.items() if type(cell).__module__.startswith("elman.")}
    assert set(re.findall(r"^### (.*)$", between(text, "equations"), re.MULTILINE)) == own
    assert set(re.findall(r"^\| `([\w-]+)` \| ", text.split("##")[0], re.MULTILINE)) == own
    for part in between(text, "equations").split("### ")[1:]:
        assert "```{math}" in part, part
        assert re.search(r"\d+ bytes kept", part), part
        assert re.search(r"\(\d{4}\)", part), part  # a reference


def test_formulas_of_a_docstring_are_taken_whole():
    text = "A cell.\n\n.. math:: h = x\n\nwhere\n\n.. math::\n\n    a &= b \\\\\n    c &= d\n\nand more."
    assert render_cells.math_of(text) == ["h = x", "a &= b \\\\\nc &= d"]


def test_tables_are_what_was_kept(root):
    render_cells.render(root, KEPT)
    text = between((root / "docs" / "guide" / "cells.md").read_text("utf-8"), "figures")
    assert "| `gru` | 2 x 152 | 252,441 | 101,234 | 21,000 | 1.500 | 1.625 |" in text
    assert "| `indrnn` | 2 x 400 | 250,000 | 201,234 | 31,000 | diverged | 1.875 |" in text
    assert "| `mingru` | 1 | 150,000 | 6.25 (6.00 to 6.50) |" in text
    assert "after 90 seconds of training, and after 3,375,000 characters" in text
    assert "2 cores of Acme" in text
    render_cells.render(root, {})
    assert "Not measured yet." in (root / "docs" / "guide" / "cells.md").read_text("utf-8")


def test_widths_give_as_many_parameters():
    wanted = cells.parameters(*cells.LIKE, 65)
    assert cells.width("lstm", 65) == cells.LIKE[1]
    for cell in CELLS:
        assert abs(cells.parameters(cell, cells.width(cell, 65), 65) / wanted - 1) < 0.06, cell


def test_losses_are_taken_at_the_time_and_at_the_steps(monkeypatch):
    turns = []

    class Fake:
        def __init__(self, *arguments):
            self.steps = 0

        def __enter__(self):
            return self

        def __exit__(self, *raised):
            pass

        ready = __enter__

        def turn(self, method, n):
            turns.append((method, n))
            self.steps += n if method == "run" else 0
            return {"seconds": 0.25 * n if method == "run" else 99.0, "value": 10.0 / self.steps}

    monkeypatch.setattr(cells, "Side", Fake)
    found = cells.train({"T": 5, "B": 2}, 3.0, 5)  # a step takes a quarter of a second: 12 in the time
    assert found["loss_at_size"] == 10 / 5
    assert found["loss_at_time"] == 10 / found["steps"]
    assert found["steps"] == 12
    assert found["tokens_per_second"] == 40
    assert cells.train({"T": 5, "B": 2}, 0.5, 9)["loss_at_size"] == 10 / 9  # though it takes longer
