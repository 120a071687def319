"""The benchmark of outputs: what it measures, the text it draws, and the tables it writes."""

import json

import numpy as np
import pytest

import outputs
from bench import kept
from elman.network.output import OUTPUTS


def test_every_output_is_measured():
    assert {name for runs in outputs.RUNS.values() for name, _ in runs} == set(OUTPUTS)
    assert set(outputs.RUNS) == set(outputs.STEPS) == {10_000, 33_278, 250_000}
    for runs in outputs.RUNS.values():
        assert ("full", True) in runs  # what the others are held against


def test_a_drawn_text_can_be_learnt():
    """Half of the words follow from the word before; the rest falls as Zipf's law has it."""
    ids = outputs.zipf(50, 20_000, 0)
    assert ids.max() < 50
    counts = np.zeros((50, 50))
    np.add.at(counts, (ids[:-1], ids[1:]), 1)
    often = counts[:10]
    assert (often.max(axis=1) / often.sum(axis=1) > 0.4).all()
    by_word = np.bincount(ids, minlength=50)
    assert by_word[0] > by_word[5] > by_word[40]
    assert (ids != outputs.zipf(50, 20_000, 1)).any()
    assert (ids == outputs.zipf(50, 20_000, 0)).all()


def test_wikitext_is_numbered_by_frequency(tmp_path):
    (tmp_path / "train.txt").write_text("b a b\n\n b c\n", "utf-8")
    (tmp_path / "valid.txt").write_text("c\n", "utf-8")
    parts = outputs.wikitext(tmp_path)
    assert parts["train"].tolist() == [0, 2, 0, 1, 1, 0, 3, 1]  # b 3, <eos> 3, a 1, c 1
    assert parts["valid"].tolist() == [3, 1]


def test_the_tables_are_written_between_the_marks(tmp_path, monkeypatch):
    row = {"tied": True, "tokens_per_second": {"median": 9876.0}, "speedup": {"median": 3.14159}}
    rows = [
        {**row, "output": name, "loss": loss, "more_loss": loss / 5 - 1}
        for name, loss in (("full", 5.0), ("nce", 5.1))
    ]
    machine = {"cores": 2, "processor": "P", "python": "3", "numpy": "2", "blas": "B"}
    found = {
        "sizes": [{"K": 10_000, "text": "drawn", "tokens": 700, "rows": rows}],
        "machine": machine,
        "date": "today",
    }
    (tmp_path / "outputs.json").write_text(json.dumps(found))
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- figures: begin -->\nold\n<!-- figures: end -->\nafter\n", "utf-8")
    monkeypatch.setattr(kept, "KEPT", tmp_path)
    monkeypatch.setattr(outputs, "PAGE", page)
    outputs.render()
    text = page.read_text("utf-8")
    assert "| nce | tied | 9,876 | 3.14 | 5.100 | +2.0% |" in text
    assert "**K = 10,000**, drawn text, loss after 700 tokens" in text
    assert text.startswith("before")
    assert text.endswith("after\n")
    assert "old" not in text
    page.write_text("nothing marked")
    with pytest.raises(SystemExit, match="has lost the marks"):
        outputs.render()
