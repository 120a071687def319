"""Where spaces go when words become a text again.

The tokenizer drops white space, so decoding must put it back: as it is usually written, and always so that
the text gives the same tokens. The second rule binds. It holds because a space is left out only beside a
character that is a token whatever stands next to it (an apostrophe, a ``<`` and a leading combining mark
are not such).
"""

from collections.abc import Callable, Sequence
from functools import lru_cache

from elman.data.scripts import is_ideograph, is_mark
from elman.data.tokenize import TokenStream
from elman.data.vocabulary import LINE_END

CLOSING = ",.;:!?)]}%…”’»›°"
OPENING = "([{“‘«‹¿¡$£€¥"
BETWEEN = "—–/"  # no space on either side
WIDE_CLOSING = "，。、；：！？）】」』》〉〕｝］"
WIDE_OPENING = "（【「『《〈〔｛［"
WIDE_BETWEEN = "…—·・～〜"  # in a Chinese or Japanese line

_BEFORE, _AFTER, _WIDE, _QUOTE, _ALONE = (
    1,
    2,
    4,
    8,
    16,
)  # no space before; none after; none between two wide ones


@lru_cache(maxsize=65_536)
def _habits(token: str) -> int:
    first = token[0]
    flags = 0
    if is_mark(first):
        return _ALONE
    if first in CLOSING or first in BETWEEN or first in WIDE_CLOSING:
        flags |= _BEFORE
    if first in OPENING or first in BETWEEN or first in WIDE_OPENING:
        flags |= _AFTER
    if first in WIDE_CLOSING or first in WIDE_OPENING or first in WIDE_BETWEEN or is_ideograph(first):
        flags |= _WIDE
    if first == '"':
        flags |= _QUOTE
    return flags


class WordStream(TokenStream):
    """Turns the ids of words into text one at a time.

    A straight quotation mark opens and closes in turn within a line.

    Parameters
    ----------
    tokens : sequence of str, length K
        The vocabulary.

    Examples
    --------
    >>> stream = WordStream(["<unk>", "<eos>", "he", "said", '"', "yes", ",", "good"])
    >>> "".join(stream(i) for i in [2, 3, 6, 4, 5, 6, 7, 4, 1])
    'he said, "yes, good"\\n'
    """

    def __init__(self, tokens: Sequence[str]) -> None:
        self._tokens = tokens
        self.flush()

    def flush(self) -> str:
        self._left: int | None = None  # habits of the token before; None where a line begins
        self._quoted = False
        return ""

    def __call__(self, token: int) -> str:
        text = self._tokens[token]
        if text == LINE_END:
            self.flush()
            return "\n"
        left, right = self._left, _habits(text)
        if right & _QUOTE:
            right |= _BEFORE if self._quoted else _AFTER
            self._quoted = not self._quoted
        self._left = right
        if left is None:
            return text
        if right & _ALONE:
            return " " + text
        together = left & _AFTER or right & _BEFORE or left & right & _WIDE
        return text if together else " " + text


class PlainStream(TokenStream):
    """Turns the ids of words into text, with one space between two words of a line.

    Parameters
    ----------
    written : callable
        What the token of an id is in a text; ``"\\n"`` for a line end.

    Examples
    --------
    >>> stream = PlainStream(["\\n", "he", "said", ","].__getitem__)
    >>> "".join(stream(i) for i in [1, 2, 3, 0, 1])
    'he said ,\\nhe'
    """

    def __init__(self, written: Callable[[int], str]) -> None:
        self._written = written
        self.flush()

    def flush(self) -> str:
        self._in_line = False
        return ""

    def __call__(self, token: int) -> str:
        text = self._written(token)
        space = " " if self._in_line and text != "\n" else ""
        self._in_line = text != "\n"
        return space + text
