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
    "--disable-dev-shm-usage",  # a container may have little shared memory
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


@pytest.fixture(scope="session")
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
    driver.get("about:blank")  # and not a page of the browser's own
    yield driver
    driver.quit()


@pytest.fixture
def show(browser, tmp_path):
    """Return a function that opens a page; afterwards its console must be empty and its requests local."""
    from tests.browser.pages import Opened

    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": 1280, "height": 900, "deviceScaleFactor": 1, "mobile": False},
    )
    opened = []

    def open_page(explanation, **settings):
        opened.append(Opened(browser, tmp_path / f"page{len(opened)}.html", explanation, **settings))
        return opened[-1]

    yield open_page
    assert opened[-1].errors() == []
    assert browser.current_url == opened[-1].address
    strangers = [url for url in opened[-1].requests() if not url.startswith(("file:", "data:", "blob:"))]
    assert strangers == []
