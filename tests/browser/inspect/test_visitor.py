"""What the other tests rely on: errors and requests of a page are seen, and preferences reach it."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.browser.visitor import Visitor

pytestmark = pytest.mark.browser
PAGE = "<!DOCTYPE html><meta charset=utf-8><link rel=icon href='data:,'><title>a</title>"


def test_a_request_that_leaves_the_page_is_seen(visitor: Visitor, tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(f"{PAGE}<img src='http://127.0.0.1:9/away.png'>")
    visitor.open(tmp_path / "a.html")
    time.sleep(0.2)
    assert visitor.requests() == ["http://127.0.0.1:9/away.png"]
    assert any("away.png" in complaint for complaint in visitor.complaints())


def test_an_error_of_a_script_is_seen(visitor: Visitor, tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(f"{PAGE}<script>missing();</script>")
    visitor.open(tmp_path / "a.html")
    assert any("missing is not defined" in complaint for complaint in visitor.complaints())


def test_size_theme_and_language_reach_the_page(visitor: Visitor, tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(PAGE)
    dark = "matchMedia('(prefers-color-scheme: dark)').matches"
    asked = f"return [innerWidth, {dark}, navigator.language.slice(0, 2)]"
    assert visitor.open(tmp_path / "a.html").js(asked) == [1280, False, "en"]
    assert visitor.open(tmp_path / "a.html", width=390, dark=True, language="zh-CN").js(asked) == [
        390, True, "zh",
    ]  # fmt: skip
