"""One self-contained page: styles, script, words and data in a single file of HTML that asks for nothing.

The parts lie beside this file: `base.html` (the frame), `base.css` (the look), `base.js` (the languages and
the theme) and `strings.json` (the words of the frame). A page of its own adds a body, styles, a script that
calls ``page.start()``, words and data.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

import numpy as np

from elman.errors import ConfigError

__all__ = ["LANGUAGES", "as_json", "assemble", "asset", "rounded"]

LANGUAGES = ("en", "zh")
"""Of the words; every key of them has all."""

Words = Mapping[str, Mapping[str, str]]


def asset(package: str, name: str) -> str:
    """Return the text of a file that lies beside the Python of a package.

    Parameters
    ----------
    package : str
        Such as ``"elman.insight.page"``.
    name : str
        The file.

    Examples
    --------
    >>> asset("elman.insight.page", "base.js").count("page.start()")
    0
    """
    return files(package).joinpath(name).read_text("utf-8")


def assemble(title: Mapping[str, str], body: str, css: str, js: str, data: Any, strings: Words) -> str:
    """Return a page in one file.

    Parameters
    ----------
    title : mapping of str to str
        In each of `LANGUAGES`; also the words of the key "title".
    body : str
        HTML for ``<main>``.
    css, js : str
        What comes after `base.css` and `base.js`; the script ends by calling ``page.start()``.
    data : any
        What `as_json` takes; ``page.data`` in the script.
    strings : mapping of str to mapping of str to str
        For each key its words in each of `LANGUAGES`; ``page.t(key)`` in the script, ``data-i18n`` in the
        body.

    Returns
    -------
    str

    Raises
    ------
    ConfigError
        If some words are missing in a language, or a key is one of the frame's.
    """
    ours = json.loads(asset(__name__, "strings.json"))
    words = {**ours, "title": title, **strings}
    if taken := strings.keys() & {*ours, "title"}:
        raise ConfigError(f"the words {sorted(taken)[0]!r} are the frame's: choose another key")
    for key, entry in words.items():
        if missing := [language for language in LANGUAGES if not entry.get(language)]:
            raise ConfigError(f"the words {key!r} are missing in {missing[0]!r}")
    fields = {
        "title": _escaped(title["en"]),
        "css": asset(__name__, "base.css") + css,
        "body": body,
        "data": as_json(data),
        "strings": as_json(words),
        "js": asset(__name__, "base.js") + js,
    }
    # In one pass, so that what is filled in is never read as a field.
    return re.sub(r"\{\{(\w+)\}\}", lambda found: fields[found[1]], asset(__name__, "base.html"))


def as_json(data: Any) -> str:
    r"""Return JSON that can stand within a ``<script>`` of a page in UTF-8.

    Parameters
    ----------
    data : any
        Of dictionaries, lists, tuples, strings, numbers and NumPy's arrays. What is not finite becomes null.

    Returns
    -------
    str

    Examples
    --------
    >>> print(as_json({"text": "</script>", "p": np.array([0.5, np.nan])}))
    {"text":"\u003c/script>","p":[0.5,null]}
    """
    text = json.dumps(_plain(data), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    text = text.replace("<", r"\u003c")  # no "</script" and no "<!--" can end or swallow the script
    return re.sub("[\ud800-\udfff]", lambda lone: f"\\u{ord(lone[0]):04x}", text)  # UTF-8 has no lone halves


def rounded(numbers: Any, digits: int) -> Any:
    """Return numbers rounded to so many significant digits, for a file that stays small.

    Parameters
    ----------
    numbers : array_like of float
    digits : int
        At least 1.

    Returns
    -------
    list or float
        Nested as the array is; None where a number is not finite.

    Examples
    --------
    >>> rounded([0.0, 123.456, -0.00098765, float("inf")], 3)
    [0.0, 123.0, -0.000988, None]
    """
    return _significant(np.asarray(numbers, np.float64).tolist(), digits)


def _significant(number: Any, digits: int) -> Any:
    if isinstance(number, list):
        return [_significant(entry, digits) for entry in number]
    return float(f"{number:.{digits - 1}e}") if math.isfinite(number) else None


def _plain(data: Any) -> Any:
    if isinstance(data, Mapping):
        return {str(key): _plain(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [_plain(value) for value in data]
    if isinstance(data, np.ndarray | np.generic):
        return _plain(data.tolist())
    if isinstance(data, float) and not math.isfinite(data):
        return None
    return data


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
