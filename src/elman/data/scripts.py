"""Classes of characters, and the pattern of a word in any script."""

import re
import unicodedata
from functools import cache

from elman.data.vocabulary import LINE_END, UNKNOWN

# Han, kana and bopomofo are written without spaces, so that each character is a token. Beyond the basic
# plane a few large blocks stand for exact classes, which would cost the matcher 300 comparisons for every
# space it meets.
IDEOGRAPHS = (
    "\u3005-\u3007\u3041-\u3096\u309b-\u30ff\u3105-\u312f\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uf900-\ufaff\uff66-\uff9f\U00016fe0-\U0001bbff\U00020000-\U0003ffff"
)
_HIGH_LETTERS = "\U00010000-\U00016fdf\U0001bc00-\U0001efff"
_HIGH_MARKS = "\U000e0100-\U000e01ef"
_JOINERS = "\u200c\u200d"


def is_mark(character: str) -> bool:
    """Whether a character joins the one before it: a combining mark or a zero-width joiner."""
    return character in _JOINERS or unicodedata.category(character)[0] == "M"


def is_ideograph(character: str) -> bool:
    """Whether a character belongs to a script that is written without spaces, and so is a token."""
    return re.match(f"[{IDEOGRAPHS}]", character) is not None


@cache
def word_pattern() -> re.Pattern[str]:
    """The regular expression whose matches are the tokens of a text.

    In order: a word, that is a letter or digit with the letters, digits, underscores, combining marks and
    inner apostrophes after it (``don't`` is one token); a line end; the literals ``<unk>`` and ``<eos>``;
    any other character that is not white space, alone but for its combining marks. Made at first use: it
    asks Unicode for the class of every character of the basic plane.
    """
    ideograph = re.compile(f"[{IDEOGRAPHS}]")
    plane = [chr(c) for c in range(0x10000)]
    marks = [c for c in plane if is_mark(c)]
    letters = [c for c in plane if (c.isalnum() or c == "_") and not ideograph.match(c)]
    mark = _ranges(marks) + _HIGH_MARKS
    letter = _ranges(letters) + _HIGH_LETTERS
    inner = _ranges(sorted([*letters, *marks])) + _HIGH_LETTERS + _HIGH_MARKS
    # Possessive quantifiers: a word never gives characters back, so the matcher keeps no stack of choices.
    word = f"[{letter}][{inner}]*+(?:['’][{letter}][{inner}]*+)*+"
    return re.compile(rf"{word}|\n|{UNKNOWN}|{LINE_END}|\S[{mark}]*+")


def _ranges(characters: list[str]) -> str:
    """The inside of a character class, from sorted characters."""
    runs: list[list[int]] = []
    for code in map(ord, characters):
        if runs and runs[-1][1] == code - 1:
            runs[-1][1] = code
        else:
            runs.append([code, code])
    return "".join(f"\\u{first:04x}-\\u{last:04x}" for first, last in runs)
