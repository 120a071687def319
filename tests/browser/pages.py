"""Explanations on pages in a browser, and what is read from them."""

import json
import re
import time

import numpy as np

from elman.insight.explain import explain, small_model
from elman.insight.explain.page import page

SENTENCE = "I like to play ."


def small(cell="rnn", layers=1, *, sentence=SENTENCE, read=None, back=None, **settings):
    model, tokenizer, _ = small_model(sentence, cell=cell, layers=layers, **settings)
    return explain(model, tokenizer, read or sentence, back=back)


class Opened:
    """A page that is open: what it shows, and what it was made of."""

    def __init__(self, driver, path, explanation, **settings):
        self.driver, self.explanation = driver, explanation
        path.write_text(page(explanation, **settings), "utf-8")
        driver.get_log("browser")
        driver.get_log("performance")
        self.address = path.as_uri()
        driver.get(self.address)

    def run(self, script, *arguments):
        """Run the body of a function in the page and return what it returns."""
        return self.driver.execute_script(script, *arguments)

    def set(self, **changes):
        self.run("state.set(arguments[0])", changes)

    def find(self, selector):
        return self.driver.find_element("css selector", selector)

    def find_all(self, selector):
        return self.driver.find_elements("css selector", selector)

    def text(self, selector):
        return self.find(selector).text

    def thing(self, name):
        return self.find(f'#network [data-id="{name}"]')

    def click(self, name):
        """Click on a thing of the drawing: on the middle of its box, or of its arrow."""
        self.run('arguments[0].scrollIntoView({block: "center", inline: "center"})', self.thing(name))
        before = None
        while (found := self.middle(name)) != before:  # until what scrolls has come to rest
            before = found
            time.sleep(0.05)
        x, y, hit = found
        assert hit == name, f"{hit} lies on top of {name}"
        for kind in ("mousePressed", "mouseReleased"):
            event = {"type": kind, "x": x, "y": y, "button": "left", "clickCount": 1}
            self.driver.execute_cdp_cmd("Input.dispatchMouseEvent", event)

    def middle(self, name):
        """Return where a thing's middle is, and which thing is met there."""
        return self.run(
            """const shape = arguments[0].querySelector("rect.box, path.hit");
            const box = shape.getBBox();
            const middle = shape.tagName === "path" ? shape.getPointAtLength(shape.getTotalLength() / 2)
              : new DOMPoint(box.x + box.width / 2, box.y + box.height / 2);
            const {x, y} = new DOMPoint(middle.x, middle.y).matrixTransform(shape.getScreenCTM());
            return [x, y, document.elementFromPoint(x, y)?.closest("[data-id]")?.dataset.id]""",
            self.thing(name),
        )

    def row(self, name, within="#panel"):
        """Return the numbers of a row of a table, by the formula at its head."""
        cells = self.run(
            """const row = [...document.querySelectorAll(arguments[1] + " tr")]
                 .find((entry) => entry.dataset.row === arguments[0]);
               return row && [...row.querySelectorAll("td")].map((cell) => cell.textContent)""",
            name,
            within,
        )
        assert cells is not None, f"no row {name} in {self.text(within)}"
        return np.array([number(cell) for cell in cells])

    def matrix(self, index=0):
        """Return the numbers of a matrix in the panel."""
        rows = self.run(
            """const table = document.querySelectorAll("#panel table.matrix")[arguments[0]];
               return [...table.querySelectorAll("tbody tr")].map((row) =>
                 [...row.querySelectorAll("td")].map((cell) => cell.textContent))""",
            index,
        )
        return np.array([[number(cell) for cell in row] for row in rows])

    def errors(self):
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def requests(self):
        """Return the addresses that the page asked for, its own the first."""
        messages = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        sent = [m["params"] for m in messages if m["method"] == "Network.requestWillBeSent"]
        return [entry["request"]["url"] for entry in sent if entry["documentURL"] == self.address]


def number(text):
    """Read a number as the page writes it."""
    found = re.fullmatch(r"−?[\d.]+(?:e−?\d+)?", text.strip())
    assert found, f"not a number: {text!r}"
    return float(text.replace("−", "-"))


def same(shown, expected):
    """Hold numbers of four decimals or three digits equal to what they were rounded from."""
    np.testing.assert_allclose(shown, expected, rtol=6e-3, atol=6e-5)
