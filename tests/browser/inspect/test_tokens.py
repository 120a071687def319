"""A token, by pointer and by keyboard: its surprise, and what the model expected."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

from elman.insight.inspect import Inspection
from tests.browser.inspect.conftest import TEXT
from tests.browser.visitor import Visitor

pytestmark = pytest.mark.browser


def press(visitor: Visitor, *keys: str) -> None:
    ActionChains(visitor.driver).send_keys(*keys).perform()


def focused(visitor: Visitor) -> int:
    return int(visitor.js("return Number(document.activeElement.dataset.k ?? -1)"))


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
