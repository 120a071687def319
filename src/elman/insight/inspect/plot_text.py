"""A picture of a text whose tokens are coloured, through matplotlib (the extra `plot`)."""

from __future__ import annotations

import unicodedata
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from elman.errors import DataError
from elman.insight.drawing import check_drawing, picture
from elman.insight.reference.cells import Array

__all__ = ["plot_text"]

SURPRISE = ("#ffffff", "#ff9a4d")
UNIT = ("#6aa8f0", "#ffffff", "#f08a80")
"""From low to high; pale, so that black letters can be read on all of them."""

FONTS = (
    "DejaVu Sans Mono", "Noto Sans Mono CJK SC", "Noto Sans CJK SC", "Noto Sans CJK JP",
    "WenQuanYi Zen Hei Mono", "WenQuanYi Micro Hei Mono", "Source Han Sans SC",
    "PingFang SC", "SimHei", "Microsoft YaHei",
)  # fmt: skip
SIZE = 9.0  # points of a letter
MARGIN, SCALE = 0.12, 0.62  # inches around the whole, and for the scale of colours below the text
LEAST = 3.4  # inches of the text
CELL = (0.602 * SIZE / 72, 1.55 * SIZE / 72)  # inches of a letter of DejaVu Sans Mono, and of a line


class Cell(NamedTuple):
    """One letter in its place."""

    letter: str
    value: float
    line: int
    column: int
    width: int


def plot_text(
    pieces: Sequence[str],
    values: ArrayLike,
    out_path: str | Path,
    *,
    label: str = "surprise (nats)",
    signed: bool = False,
    columns: int = 80,
    lines: int = 40,
) -> Path:
    """Draw a text with a colour for each token to a PNG or SVG file.

    In an SVG letters are outlines, so that they stay in their places whatever fonts a reader has; they are
    text, and up to the reader's fonts, where matplotlib finds no font here that has them all. In a PNG such
    letters are boxes.

    Parameters
    ----------
    pieces : sequence of str, of length N
        The text of each token.
    values : array_like, (N,)
        What colours them. NaN is white.
    out_path : str or pathlib.Path
        Where to write; the suffix, `.png` or `.svg`, says which format.
    label : str
        Of the scale of colours.
    signed : bool
        Blue, white and red for values around zero, in place of white and orange for those above it.
    columns, lines : int
        Longer lines are broken, and further ones left out.

    Returns
    -------
    pathlib.Path
        Where it was written.

    Raises
    ------
    ConfigError
        If the suffix is another, or matplotlib is not installed.
    DataError
        If there is no token, or not a value for each.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     plot_text(["To", " be"], [0.5, 2.0], Path(folder) / "text.svg").name
    'text.svg'
    """
    numbers = np.asarray(values, np.float64)
    if numbers.shape != (len(pieces),) or not len(pieces):
        raise DataError(f"{len(pieces)} tokens and values of shape {numbers.shape}: give one for each token")
    cells = [cell for cell in _cells(pieces, numbers, columns) if cell.line < lines]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"Glyph \d+")  # letters that no font here has are drawn as boxes
        used = max(cell.column + cell.width for cell in cells)
        width, height = max(used * CELL[0], LEAST), (cells[-1].line + 1) * CELL[1]
        size = width + 2 * MARGIN, height + SCALE + 2 * MARGIN
        check_drawing()
        fonts, complete = _fonts({cell.letter for cell in cells})
        with picture(out_path, *size, outlines=complete) as figure:
            _draw(figure, cells, (width, height), _colours(numbers, signed), label, fonts)
    return Path(out_path)


def _fonts(letters: set[str]) -> tuple[list[str], bool]:
    """Return the fonts to take, and whether they have all the letters."""
    from matplotlib.font_manager import findfont, fontManager, get_font

    here = {font.name for font in fontManager.ttflist}
    fonts = [name for name in FONTS if name in here]
    known: set[int] = set().union(*(get_font(findfont(name)).get_charmap() for name in fonts))
    return fonts, known.issuperset(map(ord, letters))


def _colours(values: Array, signed: bool) -> Any:
    """Return what turns values into colours."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import LinearSegmentedColormap, Normalize

    known = np.abs(values[np.isfinite(values)])
    if signed:
        most, low = max(1.0, float(known.max(initial=0.0))), -1.0
    else:
        # A few large surprises shall not make all the others pale.
        most, low = float(np.percentile(known, 99)) if known.any() else 1.0, 0.0
    found = LinearSegmentedColormap.from_list("elman", UNIT if signed else SURPRISE)
    return ScalarMappable(Normalize(low * most, most, clip=True), found.with_extremes(bad="white"))


def _draw(
    figure: Any, cells: Sequence[Cell], size: tuple[float, float], colours: Any, label: str, fonts: list[str]
) -> None:
    """Draw the letters on their grounds, and the scale below."""
    from matplotlib.collections import PolyCollection

    figure.set_layout_engine("none")  # everything has its place
    whole = figure.get_size_inches()
    bottom = MARGIN + SCALE
    axes = figure.add_axes((MARGIN / whole[0], bottom / whole[1], size[0] / whole[0], size[1] / whole[1]))
    axes.set_xlim(0, size[0] / CELL[0])
    axes.set_ylim(cells[-1].line + 1, 0)
    axes.axis("off")
    corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]])
    grounds = [np.array([c.column, c.line]) + corners * [c.width, 1] for c in cells]
    inks = colours.to_rgba(np.ma.masked_invalid([c.value for c in cells]))
    axes.add_collection(PolyCollection(grounds, facecolors=inks, edgecolors=inks, linewidths=0.3))
    letters = {"family": fonts, "fontsize": SIZE, "va": "center_baseline", "parse_math": False}
    for text, line, column in _runs(cells):
        axes.text(column, line + 0.5, text, color="#888888" if text == "⏎" else "black", **letters)
    scale = figure.add_axes(
        (2 * MARGIN / whole[0], (MARGIN + 0.6 * SCALE) / whole[1], 3.0 / whole[0], 0.12 / whole[1])
    )
    figure.colorbar(colours, cax=scale, orientation="horizontal", label=label)


def _runs(cells: Sequence[Cell]) -> Iterator[tuple[str, int, int]]:
    """Yield letters that can be drawn in one: what stands side by side and is one column wide each."""
    text, line, column = "", 0, 0
    for cell in cells:
        alone = cell.width > 1 or cell.letter == "⏎"
        if text and (alone or cell.line != line or cell.column != column + len(text)):
            yield text, line, column
            text = ""
        if alone:
            yield cell.letter, cell.line, cell.column
        else:
            text, line, column = (
                (text + cell.letter, line, column) if text else (cell.letter, cell.line, cell.column)
            )
    if text:
        yield text, line, column


def _cells(pieces: Sequence[str], values: Array, columns: int) -> Iterator[Cell]:
    """Yield the letters of the tokens line by line."""
    line = column = 0
    for piece, value in zip(pieces, values, strict=True):
        for letter in piece:
            width = 2 if unicodedata.east_asian_width(letter) in "WF" else 1
            if column + width > columns:
                line, column = line + 1, 0
            yield Cell("⏎" if letter == "\n" else letter, float(value), line, column, width)
            column += width
            if letter == "\n":
                line, column = line + 1, 0
