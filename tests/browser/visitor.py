"""A visitor to a page: with a screen, a language and a theme, a pointer and a keyboard."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

WITHIN = ("file:", "data:", "blob:", "about:", "chrome:", "chrome-untrusted:")


class Visitor:
    """Somebody who opens pages, on a screen of a size, with a language and a theme."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver

    def open(
        self, path: Path, *, width: int = 1280, height: int = 900, dark: bool = False, language: str = "en-US"
    ) -> Visitor:
        """Open a file as a visitor with these preferences would."""
        command = self.driver.execute_cdp_cmd
        command(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False},
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        command("Emulation.setEmulatedMedia", {"features": [scheme]})
        agent = self.driver.execute_script("return navigator.userAgent")
        command("Emulation.setUserAgentOverride", {"userAgent": agent, "acceptLanguage": language})
        self.driver.get(Path(path).resolve().as_uri())
        return self

    def js(self, code: str, *arguments: Any) -> Any:
        """Run a script in the page, and return what it returns."""
        return self.driver.execute_script(code, *arguments)

    def one(self, selector: str) -> Any:
        """Return the first element that fits."""
        return self.driver.find_element("css selector", selector)

    def all(self, selector: str) -> list[Any]:
        """Return all elements that fit."""
        return list(self.driver.find_elements("css selector", selector))

    def text(self, selector: str) -> str:
        """Return what is to be read in the first element that fits."""
        return str(self.one(selector).text)

    def grounds(self, selector: str) -> NDArray[np.int64]:
        """Return the background of every element that fits, (N, 3)."""
        texts = self.js(
            "const ground = (node) => getComputedStyle(node).backgroundColor;"
            "return [...document.querySelectorAll(arguments[0])].map(ground)",
            selector,
        )
        return np.array([[int(part) for part in re.findall(r"\d+", text)[:3]] for text in texts])

    def complaints(self) -> list[str]:
        """Return what the console has said since the last call; the log is then empty."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def requests(self) -> list[str]:
        """Return the addresses that left the page since the last call; the log is then empty."""
        messages = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        urls = [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]
        return [url for url in urls if not url.startswith(WITHIN)]


@contextmanager
def watched(driver: Any) -> Iterator[Visitor]:
    """Give a visitor; at the end see that the console is silent, and that nothing was asked of a network."""
    driver.get("about:blank")  # a new tab shows a page of the browser's own, which asks for things
    found = Visitor(driver)
    found.complaints()
    found.requests()
    yield found
    assert found.complaints() == []
    assert found.requests() == []
