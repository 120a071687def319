"""Long texts in parts that a tokenizer may encode one by one."""

from collections.abc import Callable, Iterable, Iterator
from itertools import chain

SEGMENT = 16_384
"""Characters that a part has at least, where more follow: enough for speed, and little memory."""

AROUND = 64
"""Characters on either side of a cut that must not notice it; fewer than those of a part."""

TRIES = 16
"""Line ends, and spaces, that are tried for a cut."""


def segments(texts: Iterable[str], apart: Callable[[str, str], bool]) -> Iterator[str]:
    """Cut a text that comes in pieces. Where the cuts are depends on the text alone, and not on the pieces.

    A part is not cut again: it has at most twice `SEGMENT` characters, and no text so short is cut.

    Parameters
    ----------
    texts : iterable of str
        Consecutive pieces of one text.
    apart : callable
        Whether what stands before a place and what stands behind it can be encoded one by one.

    Yields
    ------
    str
        The same text in other pieces. A cut is made behind a line end, before a space, or failing that
        anywhere; and where no place is found that `apart` agrees to, after `SEGMENT` characters.

    Examples
    --------
    >>> parts = list(segments(["to be or not\\n" * 3000, "to be"], lambda before, behind: True))
    >>> [len(part) for part in parts], parts[1][:5]
    ([16393, 22612], 'to be')
    """
    limit, held = 2 * SEGMENT, ""
    for text in texts:
        held += text
        position = 0
        while len(held) - position > limit:
            cut = _cut(held[position : position + limit], apart)
            yield held[position : position + cut]
            position += cut
        held = held[position:]
    if held:
        yield held


def _cut(window: str, apart: Callable[[str, str], bool]) -> int:
    """Where to cut a text of twice `SEGMENT` characters."""
    anywhere = range(SEGMENT, SEGMENT + AROUND)
    for place in chain(_places(window, "\n", 1), _places(window, " ", 0), anywhere):
        if apart(window[place - AROUND : place], window[place : place + AROUND]):
            return place
    return SEGMENT


def _places(window: str, character: str, shift: int) -> Iterator[int]:
    """The first places at a character, or behind it, with room on both sides."""
    place = SEGMENT - 1
    for _ in range(TRIES):
        place = window.find(character, place + 1)
        if place < 0 or place + shift + AROUND > len(window):
            return
        yield place + shift
