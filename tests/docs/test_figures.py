"""The diagrams that are kept are those that docs/figures/draw.py draws now."""

import importlib.util
import sys
from xml.etree import ElementTree

import pytest

from .pages import DOCS, pages

FIGURES = DOCS / "figures"


@pytest.fixture(scope="module")
def draw():
    sys.path.insert(0, str(FIGURES))  # draw.py imports svg.py beside it
    try:
        spec = importlib.util.spec_from_file_location("draw", FIGURES / "draw.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(FIGURES))
        sys.modules.pop("svg", None)
    return module


def test_the_kept_diagrams_are_current(draw):
    kept = {path.stem: path.read_text("utf-8") for path in draw.FOLDER.glob("*.svg")}
    drawn = {name: picture().svg() for name, picture in draw.PICTURES.items()}
    assert kept == drawn, "docs/images/tutorial is not current: run python docs/figures/draw.py"


def test_every_diagram_is_well_formed_and_shown(draw):
    written = "".join(page.read_text("utf-8") for page in pages())
    for name, picture in draw.PICTURES.items():
        root = ElementTree.fromstring(picture().svg())
        assert root.tag.endswith("svg")
        assert f"images/tutorial/{name}.svg" in written
