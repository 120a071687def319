"""The page put together: its parts lie beside this file, and its numbers come from the explanation."""

from __future__ import annotations

import json
from collections.abc import Mapping

from elman.insight.explain.explanation import Explanation
from elman.insight.explain.page.numbers import MOST, numbers
from elman.insight.page import assemble, asset

SCRIPTS = (
    "state.js",  # what the page shows now
    "data.js",  # the numbers, and the derivatives at any truncation
    "cells.js",  # what each value is made of
    "backward.js",  # and therefore what flows back into it
    "symbols.js",  # how formulas are written
    "tables.js",  # vectors and matrices as tables
    "things.js",  # what can be chosen: its name, its words
    "flows.js",  # how much flows back along each arrow
    "labels.js",  # what a screen reader says
    "inside.js",  # where things stand within a cell
    "layout.js",  # and in the whole
    "shapes.js",  # boxes and arrows
    "network.js",  # the drawing
    "opened.js",  # cells that are open
    "parts.js",  # formulas filled in
    "shares.js",  # and a derivative shared out among the parameters
    "prediction.js",  # softmax and the loss
    "along.js",  # arrows
    "panel.js",  # the panel of what is chosen
    "heat.js",  # what each loss sends to each state
    "player.js",  # step by step
    "main.js",  # all of it put together
)
"""In this order: each uses what stands before it."""

STYLES = ("page.css", "drawing.css", "panel.css")


def page(explanation: Explanation, *, source: str | Mapping[str, str] = "", most: int = MOST) -> str:
    """Return an explanation as one self-contained page of HTML.

    Parameters
    ----------
    explanation : Explanation
        What to show.
    source : str or mapping of str to str
        Where the model comes from, in words; or these for each language.
    most : int
        An array of more numbers than this is left out, and the page says which; it also bounds what each
        loss sends to each step, all names together, to four times as many.

    Returns
    -------
    str
        A file that asks for nothing else: with its styles, its script, both languages and all numbers, to
        six significant digits.

    Examples
    --------
    >>> from elman.insight.explain import explain, small_model
    >>> from elman.insight.explain.page import page
    >>> model, tokenizer, _ = small_model("I like to play .")
    >>> html = page(explain(model, tokenizer, "I like to play ."))
    >>> html.startswith("<!DOCTYPE html>"), html.count("</html>")
    (True, 1)
    """
    words = json.loads(asset(__package__, "strings.json"))
    title = words.pop("page_title")
    script = "\n".join(asset(__package__, name) for name in SCRIPTS)
    return assemble(
        title,
        asset(__package__, "template.html"),
        "\n".join(asset(__package__, name) for name in STYLES),
        script,
        numbers(explanation, source=source, most=most),
        words,
    )
