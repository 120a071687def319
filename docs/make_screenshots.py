"""Make the pictures of pages that the guide shows: ``python docs/make_screenshots.py``.

It trains a model on the text that every Python carries (some minutes), and needs Chromium with its driver and
Selenium. Run it again when the report's look has changed.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

import elman
from elman.insight.inspect import inspect_model
from elman.insight.inspect.report import report_page

IMAGES = Path(__file__).parent / "images"
SETTINGS = {"cell": "lstm", "hidden": 128, "layers": 2, "steps": 2000, "threads": 1, "sample": 0, "seed": 0}
TOKENS = 3000
FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run")


def driver() -> Any:
    """Start Chromium without a window."""
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = str(shutil.which("chromium"))
    for flag in FLAGS:
        options.add_argument(flag)
    return webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver")))


def write_report(out: Path, folder: Path, **settings: Any) -> None:
    """Train a model, and write its report: coloured by the unit that tracks quotation marks best."""
    model = elman.train(out=folder / "run", **settings)
    assert model.run is not None
    text = model.tokenizer.decode(model.run.corpus().parts["test"].ids)
    # Where there are the most letters it is prose, and no tables.
    begin = max(range(0, len(text), 500), key=lambda k: sum(map(str.isalpha, text[k : k + TOKENS])))
    begin = text.index("\n", begin) + 1
    records = model.run.metrics.read()
    found = inspect_model(model.model, model.tokenizer, text[begin : begin + TOKENS], records=records)
    best = next(ranking.units[0] for ranking in found.rankings if ranking.feature == "quotes")
    name = "a part of the text that every Python carries, which the model has not learnt from"
    unit = (best.layer, best.unit, best.state)
    out.write_text(report_page(found, name=name, unit=unit), "utf-8")


def shoot(browser: Any, page: Path, out: Path, *, width: int = 1280, height: int = 900) -> None:
    """Take a picture of the upper part of a page."""
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.get(page.resolve().as_uri())
    # A picture taken at once may be of the page before its script has run.
    browser.execute_async_script("requestAnimationFrame(() => requestAnimationFrame(arguments[0]))")
    browser.save_screenshot(str(out))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        report = Path(scratch) / "report.html"
        write_report(report, Path(scratch), **SETTINGS)
        chromium = driver()
        try:
            shoot(chromium, report, IMAGES / "inspect.png")
        finally:
            chromium.quit()
