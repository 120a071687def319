"""The colours of the text: by surprise, and by any unit, chosen in several ways."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from selenium.webdriver.common.keys import Keys

from elman.insight.inspect import Inspection, inspect_model
from elman.insight.inspect.report import report_page
from tests.browser.visitor import Visitor
from tests.insight.inspect.plain import a_model

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("dark", [False, True])
def test_surprise_is_deeper_the_larger_it_is(
    visitor: Visitor, report: Path, found: Inspection, dark: bool
) -> None:
    visitor.open(report, dark=dark)
    assert visitor.one("#by-surprise").get_attribute("aria-pressed") == "true"
    painted = visitor.grounds("[data-k]")
    surprise = found.reading.surprise
    away = np.abs(painted - painted[surprise.argmin()]).sum(axis=1)
    order = np.argsort(surprise)
    assert (np.diff(away[order]) >= -2).all()  # but for rounding
    assert away.max() > 150


@pytest.mark.parametrize("dark", [False, True])
def test_a_unit_is_blue_below_zero_and_red_above(
    visitor: Visitor, report: Path, found: Inspection, dark: bool
) -> None:
    visitor.open(report, dark=dark)
    before = visitor.grounds("[data-k]")
    visitor.one("#by-unit").click()
    for layer, unit, state in ((0, 0, "h"), (1, 3, "c")):
        visitor.js(
            "const set = (id, v) => { const n = document.getElementById(id); n.value = v;"
            " n.dispatchEvent(new Event('change')); };"
            "set('layer', arguments[0]); set('unit', arguments[1]); set('state', arguments[2]);",
            layer, unit, state,
        )  # fmt: skip
        values, painted = found.reading.unit(layer, unit, state), visitor.grounds("[data-k]").astype(int)
        assert (painted != before).any()
        strong = np.abs(values) > 0.15
        assert strong.sum() > 20
        assert (np.sign(painted[:, 0] - painted[:, 2])[strong] == np.sign(values)[strong]).all()
        assert f"layer {layer}, unit {unit}" in visitor.text("#colouring")
    assert "tanh c" in visitor.text("#colouring")
    visitor.one("#by-surprise").click()
    np.testing.assert_array_equal(visitor.grounds("[data-k]"), before)


def test_a_number_out_of_range_is_brought_back(visitor: Visitor, report: Path) -> None:
    visitor.open(report)
    unit = visitor.one("#unit")
    for typed, taken in (("99", "4"), ("-3", "0"), ("2", "2")):
        unit.send_keys(Keys.CONTROL + "a")
        unit.send_keys(typed, Keys.TAB)
        assert unit.get_attribute("value") == taken


def test_units_of_the_rankings_colour_the_text(visitor: Visitor, report: Path, found: Inspection) -> None:
    visitor.open(report)
    for ranking in found.rankings:
        best = ranking.units[0]
        wanted = json.dumps(
            {"state": best.state, "layer": best.layer, "unit": best.unit}, separators=(",", ":")
        )
        buttons = [b for b in visitor.all("#rankings button") if b.get_attribute("data-unit") == wanted]
        assert buttons
        assert any(f"{abs(best.r):.3f}" in button.text for button in buttons)
        buttons[0].click()
        assert buttons[0].get_attribute("aria-pressed") == "true"
        assert visitor.one("#layer").get_attribute("value") == str(best.layer)
        assert visitor.one("#unit").get_attribute("value") == str(best.unit)
        assert visitor.one("#state").get_attribute("value") == best.state
    visitor.one("#by-surprise").click()
    assert visitor.all('#rankings [aria-pressed="true"]') == []


def test_a_dot_of_the_gates_chooses_its_unit(visitor: Visitor, report: Path, found: Inspection) -> None:
    visitor.open(report)
    dots = visitor.all(".unit-dot")
    assert len(dots) == 2 * 4 * 5
    visitor.js("arguments[0].dispatchEvent(new MouseEvent('click'))", dots[7])
    layer, unit = dots[7].get_attribute("data-at").split(":")
    assert visitor.one("#layer").get_attribute("value") == layer
    assert visitor.one("#unit").get_attribute("value") == unit
    assert len(visitor.all(".unit-dot.chosen")) == 4  # in the panel of each gate


def test_a_report_may_begin_with_a_unit_and_have_no_curve(visitor: Visitor, tmp_path: Path) -> None:
    model, tokenizer = a_model("rnn-relu", text="ab\n", hidden=4, layers=1)
    for array in model.params.values():
        array *= 0.3
    model.params["layers.0.b"][0, 3] = 2
    found = inspect_model(model, tokenizer, "abba\n" * 9)
    (tmp_path / "a.html").write_text(
        report_page(found, name="x", part="test", unit=(0, 3, "h")), encoding="utf-8"
    )
    visitor.open(tmp_path / "a.html")
    assert visitor.one("#by-unit").get_attribute("aria-pressed") == "true"
    assert visitor.one("#unit").get_attribute("value") == "3"
    assert not visitor.one("#state-label").is_displayed()  # there is one state
    assert visitor.text("#notes") == "Text: x, test part"
    assert "no metrics.jsonl" in visitor.text("#loss")
    assert "Left out" in visitor.text("#rankings")
    # A rectifier goes beyond 1, and so does the scale.
    assert 1 < found.reading.unit(0, 3).max() < 1000
    most = float(visitor.text("#legend").split()[-1])
    assert most == pytest.approx(found.reading.activations["h"].max(), rel=1e-3)
    assert "NaN" not in visitor.js("return document.getElementById('main').innerHTML")
