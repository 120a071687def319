"""The page shows every row as it was measured, and marks those that fall short."""

import importlib
import json
import sys

import pytest

from bench import kept
from bench.figures import summary
from bench.kept import kept_rows, load
from bench.render import render
from bench.targets import TARGETS, missed, row
from bench.workloads import GENERATED, WORKLOADS

from .conftest import BENCHMARKS

MACHINE = {
    "processor": "Acme", "cores": 2, "system": "Linux", "python": "3.11.7", "numpy": "2.4.6",
    "blas": "openblas", "elman": "0.1.0", "commit": "abc1234", "torch": "2.13.0", "onnxruntime": None,
}  # fmt: skip


def made_up(identity, ours, theirs, **more):
    sides = [
        {"name": name, "label": label, "threads": 2, "values": values, **summary(values)}
        for name, label, values in (("elman", "", ours), ("PyTorch", "fused, 2 threads", theirs))
    ]
    ratio = summary([a / b for a, b in zip(ours, theirs, strict=True)])
    rival = {"name": "PyTorch", "label": "fused, 2 threads", "threads": 2}
    figures = {"sides": sides, "rival": rival, "ratio": ratio}
    return row(identity, WORKLOADS[identity.split("/")[1]].setting, "tokens/s", figures, **more)


@pytest.fixture
def page(tmp_path):
    rows = [
        made_up("train/char-128", [90_000, 94_000, 91_000], [100_000, 100_000, 100_000]),
        made_up("train/char-512", [14_000, 15_000, 13_000], [12_000, 12_000, 12_000]),
    ]
    curve = {"name": "H", "size": "H", "memory": False, "base": "LSTM 2 x H", "points": [
        {"x": 32, "elman": 100.0, "PyTorch": 90.0}, {"x": 64, "elman": 50.0, "PyTorch": 60.0},
    ]}  # fmt: skip
    common = {"machine": MACHINE, "date": "2026-11-24"}
    profile = {"title": "char-128", "command": "elman train --profile", "columns": ["part", "ms"],
               "rows": [["products", 12.5]]}  # fmt: skip
    found = {
        "train": {"rows": rows, **common},
        "curves": {"curves": [curve], **common},
        "profile": {"profiles": [profile], **common},
    }
    render(found, tmp_path / "docs" / "benchmarks.md")
    return tmp_path / "docs" / "benchmarks.md"


def line_of(page, text):
    return next(line for line in page.read_text().splitlines() if text in line)


def test_a_row_that_falls_short_is_marked_and_shown_as_it_is(page):
    line = line_of(page, "| train, characters | LSTM 2 x 128")
    assert "| **0.91 missed** | 0.95 | 1.2 |" in line
    assert "91,000 tokens/s" in line
    assert "PyTorch (fused, 2 threads): 100,000 tokens/s" in line


def test_a_row_that_does_not_is_not_marked(page):
    line = line_of(page, "| train, characters | LSTM 2 x 512")
    assert "| 1.17 | 1.1 | 1.3 |" in line
    assert "missed" not in line


def test_a_row_exactly_at_the_least_is_not_missed():
    assert not missed(made_up("train/char-128", [95.0], [100.0]))
    assert missed(made_up("train/char-128", [94.9], [100.0]))


def test_every_question_has_a_line_and_those_without_figures_say_so(page):
    table = page.read_text().split("## ")[0]
    lines = [line for line in table.splitlines() if line.startswith("| ")][2:]
    assert len(lines) == len(TARGETS)
    assert sum("not measured yet" in line for line in lines) == len(TARGETS) - 2
    assert {line.count("|") for line in lines} == {8}


def test_machine_curves_profiles_and_commands_are_shown(page):
    text = page.read_text()
    assert "2 cores of Acme" in text
    assert "## Where the time goes" in text
    assert "| products | 12.5 |" in text
    assert "python benchmarks/run.py" in text
    assert "](images/benchmark-speed.svg)" in text
    assert "<svg" in (page.parent / "images" / "benchmark-speed.svg").read_text()


def test_a_page_without_any_figure_can_be_written(tmp_path):
    render({}, tmp_path / "benchmarks.md")
    assert (tmp_path / "benchmarks.md").read_text().count("not measured yet") == len(TARGETS)


def test_the_committed_page_is_what_the_kept_results_say(tmp_path):
    committed = BENCHMARKS.parent / "docs" / "benchmarks.md"
    render(load(BENCHMARKS / "results"), tmp_path / "benchmarks.md")
    current = (tmp_path / "benchmarks.md").read_text() == committed.read_text()
    assert current, "docs/benchmarks.md is not current: run python benchmarks/run.py --write"


def test_rows_of_an_earlier_run_are_kept_beside_new_ones(tmp_path, monkeypatch):
    monkeypatch.setattr(kept, "KEPT", tmp_path)
    monkeypatch.setattr(kept, "machine", lambda: MACHINE)
    one, two = (made_up(f"train/{name}", [1.0], [2.0]) for name in ("char-128", "char-512"))
    kept.keep("train", {"rows": kept_rows("train", [one, two], False)}, False)
    again = made_up("train/char-128", [3.0], [2.0])
    kept.keep("train", {"rows": kept_rows("train", [again], False)}, False)
    rows = json.loads((tmp_path / "train.json").read_text())["rows"]
    assert [(r["id"], r["ratio"]["median"]) for r in rows] == [
        ("train/char-128", 1.5),
        ("train/char-512", 0.5),
    ]
    assert rows[0]["commit"] == "abc1234"


def test_a_smoke_run_does_not_write_over_what_was_measured(tmp_path, monkeypatch):
    monkeypatch.setattr(kept, "KEPT", tmp_path / "kept")
    monkeypatch.setattr(kept, "QUICK", tmp_path / "quick")
    monkeypatch.setattr(kept, "machine", lambda: MACHINE)
    assert kept.keep("train", {"rows": []}, True).parent == tmp_path / "quick"
    assert not (tmp_path / "kept").exists()


def test_targets_speak_of_workloads_that_exist():
    names = {identity.split("/")[1] for identity in TARGETS} - {"installed", "char-128-rows"}
    assert names == set(WORKLOADS)
    assert set(GENERATED) < set(WORKLOADS)


@pytest.mark.parametrize("script", sorted(path.stem for path in BENCHMARKS.glob("*.py")))
def test_a_script_can_be_imported_where_the_rivals_are_not_installed(script, monkeypatch):
    for rival in ("torch", "onnx", "onnxruntime"):
        monkeypatch.setitem(sys.modules, rival, None)
    assert importlib.import_module(script).__doc__
