"""The script that makes the guide's pictures of pages."""

from __future__ import annotations

import importlib.util
import struct
from pathlib import Path
from typing import Any

import pytest

from tests.browser.visitor import watched
from tests.small import SETTINGS

pytestmark = pytest.mark.browser
SCRIPT = Path(__file__).parents[3] / "docs" / "make_screenshots.py"


@pytest.fixture(scope="module")
def script() -> Any:
    spec = importlib.util.spec_from_file_location("make_screenshots", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def size_of(picture: Path) -> tuple[int, int]:
    data = picture.read_bytes()
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", data[16:24])
    return width, height


def test_it_trains_writes_a_report_and_takes_its_picture(browser: Any, script: Any, tmp_path: Path) -> None:
    script.write_report(tmp_path / "a.html", tmp_path, steps=2, **SETTINGS)
    with watched(browser) as visitor:
        script.shoot(browser, tmp_path / "a.html", tmp_path / "a.png", width=700, height=500)
        assert visitor.one("#by-unit").get_attribute("aria-pressed") == "true"
        assert len(visitor.all("[data-k]")) == script.TOKENS
    assert size_of(tmp_path / "a.png") == (700, 500)


def test_the_picture_of_the_guide_is_of_that_size(script: Any) -> None:
    assert size_of(script.IMAGES / "inspect.png") == (1280, 900)
