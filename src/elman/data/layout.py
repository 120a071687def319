"""What a token is to the layout of a page."""

import numpy as np
from numpy.typing import NDArray

from elman.typing import Ints

TEXT, SPACE, NEWLINE = 0, 1, 2
"""What a token is (`Tokenizer.layout`)."""


def code_points(text: str) -> NDArray[np.uint32]:
    """Unicode code points of a text, shape (characters,). Lone surrogates pass."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")


def layout_of(codes: Ints) -> NDArray[np.uint8]:
    """`TEXT`, `SPACE` or `NEWLINE` for each code point or byte, shape (codes,)."""
    return _LAYOUT.take(codes, mode="clip")


_LAYOUT = np.zeros(34, np.uint8)  # the last entry answers for every larger code
_LAYOUT[[9, 11, 12, 13, 32]] = SPACE
_LAYOUT[10] = NEWLINE
