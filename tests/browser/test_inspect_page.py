"""The report of elman inspect in a browser: colours, pointer, keyboard, languages, themes, sizes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from elman.insight.inspect import Inspection, inspect_model
from elman.insight.inspect.report import report_page
from tests.browser.visitor import Visitor, watched
from tests.insight.inspect.plain import a_model

TEXT = 'Say "no" (or [not]).\nThen "yes", he said,\n\nand (so) it </script>was.\n' * 3
pytestmark = pytest.mark.browser
RECORDS = [{"step": k, "train_loss": 3 / k + 1, "valid_loss": 2 / k + 1.2} for k in range(1, 40)]


@pytest.fixture
def visitor(browser: Any) -> Iterator[Visitor]:
    with watched(browser) as found:
        yield found


@pytest.fixture(scope="module")
def found() -> Inspection:
    model, tokenizer = a_model("lstm", text=TEXT, hidden=5)
    return inspect_model(model, tokenizer, TEXT, lags=8, records=RECORDS)


@pytest.fixture(scope="module")
def report(found: Inspection, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(report_page(found, name="a <b> & text", cut=True), encoding="utf-8")
    return path


def colours(visitor: Visitor) -> np.ndarray:
    """Return the ground of each token, (N, 3)."""
    texts = visitor.js(
        "return [...document.querySelectorAll('[data-k]')].map(t => getComputedStyle(t).backgroundColor)"
    )
    return np.array([[int(part) for part in re.findall(r"\d+", text)[:3]] for text in texts])


def press(visitor: Visitor, *keys: str) -> None:
    ActionChains(visitor.driver).send_keys(*keys).perform()


def focused(visitor: Visitor) -> int:
    return int(visitor.js("return Number(document.activeElement.dataset.k ?? -1)"))


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
        assert chart.size["width"] <= width
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
    light, painted = visitor.js(ground), colours(visitor)
    visitor.one("#page-theme").click()
    assert visitor.one("#page-theme").get_attribute("aria-pressed") == "true"
    dark = visitor.js(ground)
    assert dark != light
    assert (colours(visitor) != painted).any()
    visitor.one("#page-theme").click()
    assert visitor.js(ground) == light
    np.testing.assert_array_equal(colours(visitor), painted)
    assert visitor.open(report, dark=True).js(ground) == dark


@pytest.mark.parametrize("dark", [False, True])
def test_surprise_is_deeper_the_larger_it_is(
    visitor: Visitor, report: Path, found: Inspection, dark: bool
) -> None:
    visitor.open(report, dark=dark)
    assert visitor.one("#by-surprise").get_attribute("aria-pressed") == "true"
    painted = colours(visitor)
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
    before = colours(visitor)
    visitor.one("#by-unit").click()
    for layer, unit, state in ((0, 0, "h"), (1, 3, "c")):
        visitor.js(
            "const set = (id, v) => { const n = document.getElementById(id); n.value = v;"
            " n.dispatchEvent(new Event('change')); };"
            "set('layer', arguments[0]); set('unit', arguments[1]); set('state', arguments[2]);",
            layer, unit, state,
        )  # fmt: skip
        values, painted = found.reading.unit(layer, unit, state), colours(visitor).astype(int)
        assert (painted != before).any()
        strong = np.abs(values) > 0.15
        assert strong.sum() > 20
        assert (np.sign(painted[:, 0] - painted[:, 2])[strong] == np.sign(values)[strong]).all()
        assert f"layer {layer}, unit {unit}" in visitor.text("#colouring")
    assert "tanh c" in visitor.text("#colouring")
    visitor.one("#by-surprise").click()
    np.testing.assert_array_equal(colours(visitor), before)


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


def expect_panel(visitor: Visitor, found: Inspection, k: int) -> None:
    """See that the panel says of token k what the measures say."""
    reading, shown = found.reading, visitor.text("#token")
    assert f"{k + 1} of {len(TEXT)}" in shown
    assert f"{reading.surprise[k]:.3f} nats" in shown
    rows = [row.text.split() for row in visitor.all("#token tr")]
    names = {" ": "␣", "\n": "⏎"}
    expected = [reading.tokenizer.token(int(i)) for i in reading.top_ids[k]]
    assert [row[0] for row in rows] == [names.get(token, token) for token in expected]
    percents = [float(row[1]) for row in rows]
    np.testing.assert_allclose(percents, 100 * reading.top_p[k], atol=0.51)
    right = [row.get_attribute("class") for row in visitor.all("#token tr")]
    assert [mark == "true" for mark in right] == [i == reading.ids[k] for i in reading.top_ids[k]]


def test_pointing_at_a_token_shows_what_was_expected(
    visitor: Visitor, report: Path, found: Inspection
) -> None:
    visitor.open(report)
    tokens = visitor.all("[data-k]")
    for k in (3, 26, 60):
        ActionChains(visitor.driver).move_to_element(tokens[k]).perform()
        expect_panel(visitor, found, k)
    assert focused(visitor) == -1  # pointing moves no focus,
    assert visitor.js("return document.getElementById('spoken').textContent") == ""  # and says nothing aloud
    ActionChains(visitor.driver).move_to_element(visitor.one("h1")).perform()
    expect_panel(visitor, found, 0)
    tokens[12].click()
    assert focused(visitor) == 12
    expect_panel(visitor, found, 12)


def test_the_keyboard_reaches_every_token(visitor: Visitor, report: Path, found: Inspection) -> None:
    visitor.open(report)
    for _ in range(12):
        press(visitor, Keys.TAB)
        if focused(visitor) >= 0:
            break
    assert focused(visitor) == 0
    expect_panel(visitor, found, 0)
    press(visitor, *[Keys.ARROW_RIGHT] * 4)
    assert focused(visitor) == 4
    expect_panel(visitor, found, 4)
    spoken = visitor.js("return document.getElementById('spoken').textContent")
    assert f"surprise {found.reading.surprise[4]:.2f} nats" in spoken
    assert "expected: " in spoken
    press(visitor, Keys.ARROW_LEFT)
    assert focused(visitor) == 3
    press(visitor, Keys.ARROW_DOWN)
    below = focused(visitor)
    assert below == TEXT.index("\n") + 1 + 3
    press(visitor, Keys.ARROW_UP)
    assert focused(visitor) == 3
    press(visitor, Keys.HOME, Keys.ARROW_LEFT)
    assert focused(visitor) == 0
    press(visitor, Keys.END, Keys.ARROW_RIGHT)
    assert focused(visitor) == len(TEXT) - 1
    assert visitor.js("return document.getElementById('spoken').textContent").startswith("line end;")
    press(visitor, Keys.PAGE_UP)
    assert focused(visitor) == len(TEXT) - 1 - 200
    # One token alone is in the order of the Tab key, and it is marked.
    assert len(visitor.all('[data-k][tabindex="0"]')) == 1
    assert len(visitor.all('[data-k][aria-selected="true"]')) == 1
    outline = "return getComputedStyle(document.activeElement).outlineStyle"
    assert visitor.js(outline) == "solid"
    press(visitor, Keys.TAB)
    assert focused(visitor) == -1
    ActionChains(visitor.driver).key_down(Keys.SHIFT).send_keys(Keys.TAB).key_up(Keys.SHIFT).perform()
    assert focused(visitor) >= 0


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


def test_a_report_may_begin_with_a_unit_and_have_no_curve(visitor: Visitor, tmp_path: Path) -> None:
    model, tokenizer = a_model("rnn-relu", text="ab\n", hidden=4, layers=1)
    for array in model.params.values():
        array *= 0.3
    model.params["layers.0.b"][0, 3] = 2
    found = inspect_model(model, tokenizer, "abba\n" * 9)
    (tmp_path / "a.html").write_text(report_page(found, name="x", unit=(0, 3, "h")), encoding="utf-8")
    visitor.open(tmp_path / "a.html")
    assert visitor.one("#by-unit").get_attribute("aria-pressed") == "true"
    assert visitor.one("#unit").get_attribute("value") == "3"
    assert not visitor.one("#state-label").is_displayed()  # there is one state
    assert "no metrics.jsonl" in visitor.text("#loss")
    assert "Left out" in visitor.text("#rankings")
    # A rectifier goes beyond 1, and so does the scale.
    assert 1 < found.reading.unit(0, 3).max() < 1000
    most = float(visitor.text("#legend").split()[-1])
    assert most == pytest.approx(found.reading.activations["h"].max(), rel=1e-3)
    assert "NaN" not in visitor.js("return document.getElementById('main').innerHTML")


def test_a_narrower_window_draws_narrower_charts(visitor: Visitor, report: Path) -> None:
    visitor.open(report)
    wide = visitor.one("#lags svg[role=img]").size["width"]
    visitor.driver.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": 390, "height": 900, "deviceScaleFactor": 1, "mobile": False},
    )
    WebDriverWait(visitor.driver, 5).until(
        lambda _: visitor.one("#lags svg[role=img]").size["width"] < 390 < wide
    )
    assert visitor.js("return document.documentElement.scrollWidth") <= 390
