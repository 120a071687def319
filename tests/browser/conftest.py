"""Chromium without a window, for the pages that elman writes.

Where it is not installed these tests are left out, unless ELMAN_BROWSER_TESTS=1 says that they must run: then
they fail and say how to install it.
"""

import os
import shutil

import pytest

MISSING = "chromium and chromedriver are needed: apt-get install chromium chromium-driver"

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--hide-scrollbars",
    "--lang=en",
)


def installed():
    return shutil.which("chromium") is not None and shutil.which("chromedriver") is not None


def pytest_collection_modifyitems(config, items):
    if installed() or os.environ.get("ELMAN_BROWSER_TESTS") == "1":
        return
    left_out = [item for item in items if item.get_closest_marker("browser")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """Return a Selenium driver, its consoles and requests kept."""
    if not installed():
        pytest.fail(MISSING)
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium")
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver")))
    yield driver
    driver.quit()
