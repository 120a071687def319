"""Search of English and Chinese text together: English by stems, Chinese by characters and pairs of them.

Chinese is written without spaces between words. Pairs of characters find a word of any length without a
dictionary: all pairs of what is looked for must be on the page.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx

HAN = "\u3400-\u9fff"  # the Chinese characters of ordinary text
PARTS = re.compile(rf"[{HAN}]+|[^\W{HAN}]+")

# `words` in the reader's browser, for what is looked for: there a single character only where it is alone.
SPLITTER = rf"""
var splitQuery = (query) =>
  (query.match(/[{HAN}]+|(?:(?![{HAN}])[\p{{L}}\p{{N}}_])+/gu) || []).flatMap((part) =>
    /[{HAN}]/.test(part) && part.length > 1
      ? Array.from({{ length: part.length - 1 }}, (_, i) => part.slice(i, i + 2))
      : [part],
  );
"""


def words(text: str) -> list[str]:
    """Return the words of a text; of Chinese ones the characters, and the pairs of neighbours."""
    found: list[str] = []
    for part in PARTS.findall(text):
        if re.match(f"[{HAN}]", part):
            found += part
            found += [part[i : i + 2] for i in range(len(part) - 1)]
        else:
            found.append(part)
    return found


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the language of the search; conf.py chooses it by ``html_search_language``."""
    from sphinx.search.en import SearchEnglish

    class SearchEnglishAndChinese(SearchEnglish):
        lang = "en+zh"  # the name stays: English, as that of the stemmer
        js_splitter_code = SPLITTER

        def split(self, input: str) -> list[str]:
            return words(input)

    app.add_search_language(SearchEnglishAndChinese)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
