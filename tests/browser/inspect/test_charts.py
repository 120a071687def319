"""The charts of the report: nothing on top of anything else, and the dots in words."""

import re
from pathlib import Path

import pytest
from selenium.webdriver.common.keys import Keys

from elman.insight.inspect import Inspection

from ..visitor import Visitor

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("width", [320, 1280])
def test_the_label_of_an_axis_is_clear_of_its_numbers(visitor: Visitor, report: Path, width: int) -> None:
    visitor.open(report, width=width)
    met = visitor.js(
        """const met = [];
        const x = {low: 0, high: 1, label: "x"};
        for (const y of [{low: 1e-7, high: 1e3, log: true}, {low: 0, high: 8000}, {low: 0, high: 0.0125}]) {
          const sizes = {width: 300, height: 300, label: "more", x, y: {...y, label: "the norm of it"}};
          document.querySelector("main").append(charts.frame(sizes).drawing);
        }
        for (const chart of document.querySelectorAll("main svg[role=img]")) {
          const texts = [...chart.querySelectorAll("text")].map((one) => [one, one.getBoundingClientRect()]);
          const {left, right} = chart.getBoundingClientRect();
          for (const [i, [one, a]] of texts.entries()) {
            const beside = one.getAttribute("text-anchor") === "end";  // numbers to the left of the axis
            const name = chart.querySelector("text[transform]").getBoundingClientRect();
            if (beside && a.left < name.right) met.push(`${one.textContent} beside the label`);
            if (a.left < left || a.right > right + 1) met.push(`cut: ${one.textContent}`);
            for (const [other, b] of texts.slice(i + 1))
              if (a.left < b.right && b.left < a.right && a.top + 3 < b.bottom && b.top + 3 < a.bottom)
                met.push(`${one.textContent} on ${other.textContent}`);
          }
        }
        return met"""
    )
    assert met == []


def test_the_dots_of_a_unit_are_said_in_words(visitor: Visitor, report: Path, found: Inspection) -> None:
    visitor.open(report)
    visitor.one("#unit").send_keys(Keys.ARROW_UP, Keys.ARROW_UP, Keys.ENTER)
    said = visitor.text("#saturation-unit")
    assert said.startswith("layer 0, unit 2: ")
    for entry in found.saturation:
        if entry.layer == 0:
            low, high = (f"{100 * share[2]:.0f} %" for share in (entry.low, entry.high))
            shown = re.search(rf"\b{entry.gate} (\S+ %) left, (\S+ %) right", said)
            assert shown is not None, said
            for text, wanted in zip(shown.groups(), (low, high), strict=True):
                assert abs(float(text[:-2]) - float(wanted[:-2])) <= 0.51
