"""What the page carries: the measures, as they are, in both languages, and no more bytes than it must."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path

import numpy as np
import pytest

import elman
from elman.errors import ConfigError
from elman.insight.inspect import inspect_model
from elman.insight.inspect.report import LISTED, report_page
from elman.insight.page import asset

from .plain import CELLS, TEXT, a_model

RECORDS = [
    {"step": k, "train_loss": 3 / k, **({"valid_loss": 1.0} if k % 500 == 0 else {})} for k in range(1, 2501)
]


def embedded(page, name="page-data"):
    found = re.search(rf'<script type="application/json" id="{name}">(.*?)</script>', page, re.DOTALL)
    return json.loads(found[1])


@pytest.mark.parametrize("cell", CELLS)
def test_the_numbers_of_the_page_are_those_of_the_measures(cell):
    model, tokenizer = a_model(cell)
    found = inspect_model(model, tokenizer, TEXT, lags=4, records=RECORDS)
    data = embedded(report_page(found, name="a </script> name", cut=True, unit=(1, 2, "h")))
    reading = found.reading
    assert (data["name"], data["cut"]) == ("a </script> name", True)
    assert data["unit"] == {"layer": 1, "unit": 2, "state": "h"}
    assert "".join(data["pieces"]) == TEXT
    np.testing.assert_allclose(data["surprise"], reading.surprise, rtol=1e-3)
    n, count = data["top"]["n"], len(TEXT)
    words = [data["vocabulary"][i] for i in data["top"]["ids"]]
    assert words == [tokenizer.token(int(i)) for i in reading.top_ids.ravel()]
    assert [data["vocabulary"][i] for i in data["top"]["own"]] == list(TEXT)
    np.testing.assert_allclose(np.reshape(data["top"]["p"], (count, n)), reading.top_p, rtol=1e-2)
    assert set(data["units"]) == set(reading.states)
    for state, array in reading.activations.items():
        packed = data["units"][state]
        for layer, text in enumerate(packed["layers"]):
            levels = np.frombuffer(base64.b64decode(text), np.int8).reshape(3, count)
            half = packed["scale"] / 127 / 2
            np.testing.assert_allclose(levels.T / 127 * packed["scale"], array[layer], atol=half * 1.001)
    for entry, given in zip(found.saturation, data["saturation"], strict=True):
        np.testing.assert_allclose(given["low"], entry.low, rtol=1e-2)
        assert given["counts"] == entry.counts.tolist()
    for state, norms in found.lags.norms.items():
        np.testing.assert_allclose(data["lags"]["norms"][state], norms, rtol=1e-3)
    for entry, given in zip(found.spectra, data["spectra"], strict=True):
        np.testing.assert_allclose(given["singular"], entry.singular, rtol=1e-3)
        assert given["radius"] == pytest.approx(entry.radius, rel=1e-3)
    for entry, given in zip(found.rankings, data["rankings"], strict=True):
        assert len(given["units"]) == min(LISTED, len(entry.units))
        for tracker, listed in zip(entry.units, given["units"], strict=False):
            assert (tracker.state, tracker.layer, tracker.unit) == (
                listed["state"], listed["layer"], listed["unit"],
            )  # fmt: skip
            assert listed["r"] == pytest.approx(tracker.r, abs=1e-3)


def test_where_nothing_was_read_before_nothing_is_predicted():
    tokenizer = elman.CharTokenizer.from_text("ab")  # which has no line end to begin with
    model = elman.LanguageModel(vocab_size=tokenizer.vocab_size, hidden=3, layers=1)
    data = embedded(report_page(inspect_model(model, tokenizer, "abba"), name="x"))
    n = data["top"]["n"]
    assert data["top"]["ids"][:n] == [-1] * n
    assert data["top"]["p"][:n] == [None] * n
    assert min(data["top"]["ids"][n:]) >= 0
    assert data["surprise"][0] is None


def test_a_long_curve_is_thinned_to_means():
    model, tokenizer = a_model("rnn", layers=1)
    data = embedded(report_page(inspect_model(model, tokenizer, TEXT, records=RECORDS), name="x"))
    train = np.array(data["curve"]["train"])
    assert train.shape == (834, 2)
    np.testing.assert_allclose(train[0], [2, np.mean([3 / 1, 3 / 2, 3 / 3])], rtol=1e-4)
    assert data["curve"]["valid"] == [[500.0 * k, 1.0] for k in range(1, 6)]
    empty = embedded(report_page(inspect_model(model, tokenizer, TEXT), name="x"))
    assert empty["curve"] == {"train": [], "valid": []}


def test_every_word_that_the_page_uses_is_there_and_none_besides():
    package = "elman.insight.inspect.report"
    words = json.loads(asset(package, "strings.json"))
    html = asset(package, "report.html")
    js = "".join(asset(package, f"{name}.js") for name in ("charts", "text", "report"))
    used = set(re.findall(r'data-i18n(?:-\w+)?="(\w+)"', html))
    used |= set(re.findall(r'\bt\("(\w+)"', js)) | {
        "source",
        "source_cut",
        "part_test",
        "part_valid",
        "unit_name",
        "unit_name_of",
    }
    used |= {"space", "line_end", "tab"} | {f"feature_{name}" for name in ("line", "quotes", "brackets")}
    used |= {f"kind_{name}" for name in ("sigmoid", "tanh", "rectifier", "unbounded")}
    assert used == set(words)
    for key, entry in words.items():
        assert set(re.findall(r"\{(\w+)\}", entry["en"])) == set(re.findall(r"\{(\w+)\}", entry["zh"])), key


def test_a_page_of_three_thousand_characters_is_as_large_as_the_guide_says():
    text = (TEXT * 60)[:3000]
    model, tokenizer = a_model("lstm", text=text, hidden=128)
    page = report_page(inspect_model(model, tokenizer, text, positions=2), name="x").encode()
    units = 3000 * 2 * 128 * 2 * 4 / 3  # in base64
    guide = (Path(__file__).parents[3] / "docs" / "guide" / "inspect.md").read_text("utf-8")
    assert f"the file is {len(page) / 1e6:.1f} MB." in guide
    assert f"the rest is about {round((len(page) - units) / 1e3, -1):.0f} kB." in guide


def test_a_unit_that_is_not_there():
    model, tokenizer = a_model("gru")
    with pytest.raises(ConfigError, match="no unit 3"):
        report_page(inspect_model(model, tokenizer, TEXT), name="x", unit=(0, 3, "h"))
