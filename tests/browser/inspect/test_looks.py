"""What the report shows: all its parts, in both languages and themes, at two sizes, to be read by all."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from selenium.webdriver.support.ui import WebDriverWait

from elman.insight.inspect import Inspection
from tests.browser.inspect.conftest import TEXT
from tests.browser.visitor import Visitor

pytestmark = pytest.mark.browser


def widths(visitor: Visitor) -> tuple[list[float], list[float]]:
    """Return how wide each chart is drawn, and how much room it has: with less, its letters are shrunk."""
    pairs = visitor.js(
        "return [...document.querySelectorAll('svg[role=img]')].map("
        "(chart) => [Number(chart.getAttribute('width')), chart.parentElement.clientWidth])"
    )
    drawn, room = zip(*pairs, strict=True)
    return list(drawn), list(room)


@pytest.mark.parametrize("language", ["en-US", "zh-CN"])
@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [1280, 390])
def test_it_fits_and_has_all_its_parts(
    visitor: Visitor, report: Path, width: int, dark: bool, language: str
) -> None:
    visitor.open(report, width=width, dark=dark, language=language)
    assert visitor.js("return document.documentElement.scrollWidth") <= width
    assert visitor.js("return document.documentElement.lang") == {"en-US": "en", "zh-CN": "zh-Hans"}[language]
    assert (
        visitor.js("return getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    ) is not dark
    assert len(visitor.all("[data-k]")) == len(TEXT)
    assert visitor.js("return document.getElementById('text').textContent").replace("⏎", "") == TEXT
    charts = visitor.all("svg[role=img]")
    assert len(charts) == 1 + 4 + 4 + 1 + 2  # loss, gates twice, lags, a layer each
    for chart in charts:
        assert chart.get_attribute("aria-label")
    drawn, room = widths(visitor)
    assert all(a <= b <= width for a, b in zip(drawn, room, strict=True))
    assert "NaN" not in visitor.js("return document.getElementById('main').innerHTML")
    assert "undefined" not in visitor.text("#main")
    assert "a <b> & text" in visitor.text("#notes")


def test_no_words_are_missing_in_either_language(visitor: Visitor, report: Path) -> None:
    visitor.open(report)
    english = visitor.text("#main")
    assert not re.search(r"[\u4e00-\u9fff]", english)
    visitor.one("[data-language=zh]").click()
    assert visitor.driver.title == "模型如何读一段文本"
    for node in visitor.all("[data-i18n]"):
        assert node.get_attribute("textContent")
    chinese = visitor.text("#main")
    left = set(re.findall(r"[A-Za-z]{4,}", chinese)) & set(re.findall(r"[A-Za-z]{4,}", english))
    left -= set(re.findall(r"\w+", TEXT)) | {"lstm", "tanh", "sigmoid", "text", "Karpathy", "Johnson"}
    assert left == set()
    for chart in visitor.all("svg[role=img]"):
        assert re.search(r"[\u4e00-\u9fff]", chart.get_attribute("aria-label"))
    assert visitor.one("[data-language=zh]").get_attribute("aria-pressed") == "true"
    visitor.one("[data-language=en]").click()
    assert visitor.text("#main") == english
    visitor.one("[data-language=zh]").click()
    visitor.driver.refresh()  # nothing is remembered
    assert visitor.js("return document.documentElement.lang") == "en"
    assert visitor.js("return localStorage.length + sessionStorage.length + document.cookie.length") == 0


def test_the_theme_can_be_changed_and_is_not_remembered(visitor: Visitor, report: Path) -> None:
    visitor.open(report)
    ground = "return getComputedStyle(document.body).backgroundColor"
    light, painted = visitor.js(ground), visitor.grounds("[data-k]")
    visitor.one("#page-theme").click()
    assert visitor.one("#page-theme").get_attribute("aria-pressed") == "true"
    dark = visitor.js(ground)
    assert dark != light
    assert (visitor.grounds("[data-k]") != painted).any()
    visitor.one("#page-theme").click()
    assert visitor.js(ground) == light
    np.testing.assert_array_equal(visitor.grounds("[data-k]"), painted)
    assert visitor.open(report, dark=True).js(ground) == dark


CONTRAST = """
const linear = (v) => v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4;
const light = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
const parse = (text) => text.match(/[\\d.]+/g).map(Number);
const ground = (node) => {
  for (let n = node; n; n = n.parentElement) {
    const c = parse(getComputedStyle(n).backgroundColor);
    if (c.length < 4 || c[3] > 0) return c;
  }
  return [255, 255, 255];
};
let worst = [99, ''];
for (const node of document.querySelectorAll(arguments[0])) {
  if (!node.checkVisibility() || !node.textContent.trim()) continue;
  const style = getComputedStyle(node);
  const ink = parse(node instanceof SVGElement ? style.fill : style.color);
  const [a, b] = [light(ink), light(ground(node))].sort((p, q) => q - p);
  const ratio = (a + 0.05) / (b + 0.05);
  if (ratio < worst[0]) worst = [ratio, node.outerHTML.slice(0, 200)];
}
return worst;
"""
WORDS = (
    "p, h1, h2, h3, h4, dt, dd, td, th, button, label, summary, figcaption, li, svg text, select, input"
)  # fmt: skip


@pytest.mark.parametrize("dark", [False, True])
def test_everything_can_be_read_on_its_ground(visitor: Visitor, report: Path, dark: bool) -> None:
    visitor.open(report, dark=dark)
    for kind in ("#by-surprise", "#by-unit"):
        visitor.one(kind).click()
        for selector in ("[data-k]", WORDS):
            ratio, where = visitor.js(CONTRAST, selector)
            assert ratio >= 4.5, where


def test_the_numbers_of_the_charts_can_be_read(visitor: Visitor, report: Path, found: Inspection) -> None:
    visitor.open(report)
    for summary in visitor.all("summary"):
        summary.click()
    rows: Any = [
        [cell.text for cell in row.find_elements("css selector", "th, td")]
        for row in visitor.all("#lags tbody tr")
    ]
    assert len(rows) == 9
    norms = found.lags.norms
    for lag, row in enumerate(rows):
        assert row[0] == str(lag)
        expected = [norms["h"][0, lag], norms["h"][1, lag], norms["c"][0, lag], norms["c"][1, lag]]
        for text, number in zip(row[1:], expected, strict=True):
            if "·" not in text:
                assert float(text) == pytest.approx(number, rel=2e-3)
    spectra = [row.text.split() for row in visitor.all("#spectra tbody tr")]
    assert [float(row[-1]) for row in spectra] == pytest.approx(
        [entry.radius for entry in found.spectra], rel=1e-3
    )


def test_a_narrower_window_draws_narrower_charts(visitor: Visitor, report: Path) -> None:
    visitor.open(report)
    visitor.driver.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": 390, "height": 900, "deviceScaleFactor": 1, "mobile": False},
    )

    def redrawn(_: Any) -> bool:
        drawn, room = widths(visitor)
        return all(a <= b <= 390 for a, b in zip(drawn, room, strict=True))

    WebDriverWait(visitor.driver, 10).until(redrawn)
    assert visitor.js("return document.documentElement.scrollWidth") <= 390
