"""The code of the pages runs, as the build of the documentation runs it."""

import contextlib
import io
import sys
from pathlib import Path

import numpy as np
import pytest

from elman.network import CELLS

from .pages import DOCS, ROOT, blocks, code_of, name, pages


def is_translation(page: Path) -> bool:
    """Say whether another test holds its code to that of an English page; the build runs it all the same."""
    return CHINESE in page.parents and (DOCS / page.relative_to(CHINESE)).exists() and page.parent != CHINESE


CHINESE = DOCS / "zh"
CELLED = [
    page
    for page in pages()
    if any(block.language == "{code-cell}" for block in blocks(page)) and not is_translation(page)
]


@pytest.fixture(autouse=True)
def _everything_as_it_was(monkeypatch):
    """Pages register cells, set how arrays are printed, and draw; none of it reaches another test."""
    monkeypatch.setenv("MPLBACKEND", "agg")
    before = dict(CELLS)
    with np.printoptions():
        yield
    CELLS.clear()
    CELLS.update(before)
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")


@pytest.mark.parametrize("page", CELLED, ids=name)
def test_the_cells_of_a_page_run_from_top_to_bottom(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(ROOT / "examples")  # as docs/conf.py does
    namespace: dict[str, object] = {"__name__": "__main__"}
    with contextlib.redirect_stdout(io.StringIO()):
        for block in blocks(page):
            if block.language == "{code-cell}":
                exec(compile(code_of(block), name(page), "exec"), namespace)


def test_the_guide_has_pages_that_run():
    assert {name(page) for page in CELLED} >= {
        "docs/quickstart.md",
        "docs/guide/text.md",
        "docs/guide/models.md",
        "docs/guide/evaluation.md",
        "docs/guide/generation.md",
        "docs/guide/gradcheck.md",
    }
