"""Each cell of the tables in docs/guide/conventions.md is what the numbers of its framework say.

A case is called ``[row, column]``. What it finds must stand in that cell, word for word.
"""

from __future__ import annotations

import re

import numpy as np
import pytest

from tests.docs.pages import blocks, code_of
from tests.interop.conventions import gate_rows, length_rows, lstm_rows, sequence_rows, weight_rows
from tests.interop.conventions.facts import STORED, Facts, H, facts
from tests.interop.conventions.formulas import lstm, lstm_order, the_one
from tests.interop.conventions.page import CLAIMS, PAGE, cells

# Imported for the claims that they enter.
assert all((gate_rows, length_rows, lstm_rows, sequence_rows, weight_rows))


@pytest.mark.parametrize(("row", "column"), [pytest.param(*key, id=", ".join(key)) for key in CLAIMS])
def test_a_cell_of_the_page(row, column):
    found = CLAIMS[row, column](facts(column))
    assert cells()[row, column] == found


def test_every_cell_has_a_test_and_every_test_a_cell():
    said, claimed = set(cells()), set(CLAIMS)
    assert said == claimed, {"no test": sorted(said - claimed), "no cell": sorted(claimed - said)}
    assert len(said) > 140


def test_a_cell_that_says_otherwise_is_noticed(monkeypatch, tmp_path):
    other = tmp_path / "page.md"
    other.write_text(PAGE.read_text("utf-8").replace("| i, o, f, g |", "| i, f, o, g |"), "utf-8")
    monkeypatch.setattr("tests.interop.conventions.page.PAGE", other)
    with pytest.raises(AssertionError, match="i, f, o, g"):
        test_a_cell_of_the_page("LSTM, order of gates", "onnx")


def renamed(text):
    return text.replace("| clip |", "| clipping |")


def with_a_row_more(text):
    return f"{text}\n| convention | PyTorch |\n| --- | --- |\n| colour | blue |\n"


@pytest.mark.parametrize("change", [renamed, with_a_row_more])
def test_a_row_without_a_test_is_noticed(monkeypatch, tmp_path, change):
    other = tmp_path / "page.md"
    other.write_text(change(PAGE.read_text("utf-8")), "utf-8")
    monkeypatch.setattr("tests.interop.conventions.page.PAGE", other)
    with pytest.raises(AssertionError, match="no test"):
        test_every_cell_has_a_test_and_every_test_a_cell()


def test_a_convention_is_found_only_if_it_is_the_one():
    sample = facts("torch").sample("lstm")
    same = sample._replace(
        U=np.zeros_like(sample.U), W=np.zeros_like(sample.W), b=0 * sample.b, b2=0 * sample.b2
    )
    same = same._replace(out=lstm(same, "ifgo"))
    with pytest.raises(AssertionError, match="candidates fits"):
        lstm_order(same)  # all gates alike: nothing can be told
    with pytest.raises(AssertionError, match="none of 24"):
        lstm_order(sample._replace(out=sample.out + 1e-3))
    with pytest.raises(AssertionError, match="too near"):
        the_one(np.zeros(3), {"one": np.zeros(3), "other": np.full(3, 1e-6)})


@pytest.mark.parametrize("column", ["torch", "keras"])
def test_another_framework_says_something_else(column):
    """The stored numbers, with two gates swapped, are those of another convention."""
    whole = facts(column)
    weights = {n: a for n, a in whole.arrays.items() if n.startswith("lstm/") and "out" not in n}

    def swapped(name: str, array: np.ndarray) -> np.ndarray:
        axis = 0 if column == "torch" else array.ndim - 1
        if array.shape[axis] != 4 * H:
            return array
        parts = np.split(array, 4, axis)
        return np.concatenate([parts[g] for g in (0, 1, 3, 2)], axis)

    turned = {name: swapped(name, array) for name, array in weights.items()}
    found = CLAIMS["LSTM, order of gates", column](Facts(column, whole.arrays | turned, whole.said))
    assert found == "i, f, o, g"


def test_the_versions_of_the_page_are_those_of_the_facts():
    text = PAGE.read_text("utf-8")
    for name, column in (("PyTorch", "torch"), ("Keras", "keras")):
        major, minor, *_ = facts(column).said["version"].split(".")
        assert f"{name} {major}.{minor}" in text
    assert STORED.stat().st_size < 150_000


def test_the_figures_of_the_wrong_reset_are_those_of_its_cell(capsys):
    (cell,) = (code_of(block) for block in blocks(PAGE) if "def off_by" in block.body)
    exec("import numpy as np\nimport elman\n" + cell, {})
    measured = [float(number) for number in re.findall(r"([\d.]+)%", capsys.readouterr().out)]
    (sentence,) = re.findall(
        r"^In the middle that is .*?\n\n", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    stated = [float(number) for number in re.findall(r"([\d.]+) %", sentence)]
    assert stated == pytest.approx([measured[0], measured[2], measured[1], measured[3]], abs=0.6)
