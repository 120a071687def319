"""The tables of the page on conventions, and the claims that back them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from tests.docs.pages import DOCS

PAGE = DOCS / "guide" / "conventions.md"
COLUMNS = {"PyTorch": "torch", "Keras": "keras", "ONNX": "onnx", "elman": "elman"}

Finder = Callable[[Any], str]
CLAIMS: dict[tuple[str, str], Finder] = {}
"""For each cell of the tables, by row and column, what finds out from numbers what it must say."""


def claim(row: str, *columns: str) -> Callable[[Finder], Finder]:
    """Enter a function as what finds the text of a row's cells in these columns.

    It is given the facts of the column, and returns the text; where they do not tell, it fails.
    """

    def enter(finder: Finder) -> Finder:
        for column in columns:
            assert (row, column) not in CLAIMS, f"{row} of {column} is claimed twice"
            CLAIMS[row, column] = finder
        return finder

    return enter


def cells() -> dict[tuple[str, str], str]:
    """Return what the page says, by row and column; a table begins with a column called ``convention``."""
    found: dict[tuple[str, str], str] = {}
    columns: list[str] = []
    for line in PAGE.read_text("utf-8").splitlines():
        entries = [entry.strip() for entry in re.split(r"(?<!\\)\|", line)[1:-1]]
        if not entries:
            columns = []
        elif entries[0] == "convention":
            columns = [COLUMNS[name] for name in entries[1:]]
        elif columns and not set(entries[0]) <= set("-: "):
            assert len(entries) == len(columns) + 1, f"a row of another width than its table: {line}"
            for column, entry in zip(columns, entries[1:], strict=True):
                assert (entries[0], column) not in found, f"the page has the row {entries[0]} twice"
                found[entries[0], column] = entry
    return found
