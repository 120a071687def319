"""The frame that every page shares: one file, words in both languages, data that cannot break out."""

import json
import re

import numpy as np
import pytest

from elman.errors import ConfigError
from elman.insight.page import LANGUAGES, as_json, assemble, asset, rounded

TITLE = {"en": "A <title> & more", "zh": "标题"}
WORDS = {"hello": {"en": "Hello", "zh": "你好"}}


def embedded(page, name):
    """Return what a page carries as JSON under that id."""
    found = re.search(rf'<script type="application/json" id="{name}">(.*?)</script>', page, re.DOTALL)
    return json.loads(found[1])


def test_data_comes_back_whatever_it_holds():
    data = {"text": "</script><!-- <script> {{css}} \u2028 床前 \ud800", "p": [0.25, None]}
    page = assemble(TITLE, "<p>{{data}}</p>", "", "page.start();", data, WORDS)
    assert embedded(page, "page-data") == data
    assert page.encode("utf-8")
    assert page.count("</script>") == 3
    assert "<p>{{data}}</p>" in page  # what is filled in is not read as a field


def test_the_words_of_the_frame_and_of_the_page_are_there():
    page = assemble(TITLE, "", "", "", {}, WORDS)
    words = embedded(page, "page-strings")
    assert words["hello"] == WORDS["hello"]
    assert words["title"] == TITLE
    assert all(words[key].keys() == set(LANGUAGES) for key in words)
    assert "<title>A &lt;title&gt; &amp; more</title>" in page
    for key in re.findall(r'data-i18n(?:-label)?="(\w+)"', page.split("<script")[0]):
        assert key in words


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"hello": {"en": "Hello"}}, "'hello' are missing in 'zh'"),
        ({"hello": {"en": "", "zh": "你好"}}, "'hello' are missing in 'en'"),
        ({"skip": {"en": "a", "zh": "b"}}, "'skip' are the frame's"),
    ],
)
def test_words_that_are_missing_or_taken(words, message):
    with pytest.raises(ConfigError, match=message):
        assemble(TITLE, "", "", "", {}, words)


def test_the_file_asks_for_nothing():
    page = assemble(TITLE, "", "", "", {}, WORDS)
    assert re.findall(r'(?:src|href)="(?!#|data:)', page) == []
    assert "url(" not in page
    assert "@import" not in page
    assert "default-src 'none'" in page
    for name in ("base.html", "base.css", "base.js"):
        assert len(asset("elman.insight.page", name).splitlines()) > 20  # readable, not minified


def test_numbers_are_rounded_by_digits_and_not_by_places():
    assert rounded(np.array([[1234.5678, 1e-7 / 3], [0.0, -np.inf]]), 4) == [[1235.0, 3.333e-8], [0.0, None]]
    assert as_json(np.float64("nan")) == "null"
    assert as_json((np.int64(3), np.bool_(True))) == "[3,true]"
