"""The notebooks that are kept are those that docs/make_notebooks.py makes now, and run with any sentence."""

import contextlib
import importlib.util
import io
import json
import re

import pytest

from .pages import DOCS
from .test_pages_run import _everything_as_it_was  # noqa: F401 (a fixture that acts by itself)

spec = importlib.util.spec_from_file_location("make_notebooks", DOCS / "make_notebooks.py")
assert spec is not None
assert spec.loader is not None
make_notebooks = importlib.util.module_from_spec(spec)
spec.loader.exec_module(make_notebooks)

ALL = pytest.mark.parametrize("name", make_notebooks.CHAPTERS)
SENTENCE = 'sentence = "I like to play ."'


def cells(name, kind):
    """Return the sources of a kept notebook's cells of one kind."""
    whole = json.loads((make_notebooks.FOLDER / f"{name}.ipynb").read_text("utf-8"))
    return ["".join(cell["source"]) for cell in whole["cells"] if cell["cell_type"] == kind]


@ALL
def test_the_kept_notebook_is_current(name):
    kept = (make_notebooks.FOLDER / f"{name}.ipynb").read_text("utf-8")
    assert kept == make_notebooks.notebook(name), "a page has changed: run python docs/make_notebooks.py"


def test_there_are_no_others():
    folder = make_notebooks.FOLDER
    kept = {path.relative_to(folder).with_suffix("").as_posix() for path in folder.rglob("*.ipynb")}
    assert kept == set(make_notebooks.CHAPTERS)


@ALL
def test_it_runs_with_another_sentence(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code = cells(name, "code")
    assert SENTENCE in code[0]
    code[0] = code[0].replace(SENTENCE, 'sentence = "the sea and the sky and 海 ."')
    namespace: dict[str, object] = {"__name__": "__main__"}
    with contextlib.redirect_stdout(io.StringIO()):
        for number, source in enumerate(code):
            exec(compile(source, f"{name}.ipynb, cell {number}", "exec"), namespace)


@ALL
def test_nothing_is_left_that_only_sphinx_understands(name):
    text = "\n".join(cells(name, "markdown"))
    assert not re.search(r"\{[a-z-]+\}`|```|^:::", text, re.M)
    for picture in re.findall(r"!\[[^\]]+\]\(([^)]+)\)", text):
        assert ((make_notebooks.FOLDER / name).parent / picture).is_file()


@ALL
def test_it_begins_with_how_to_install_and_what_can_be_changed(name):
    first = cells(name, "markdown")[0]
    assert "pip install" in first
    assert "sentence" in first


@ALL
def test_it_holds_no_results(name):
    whole = json.loads((make_notebooks.FOLDER / f"{name}.ipynb").read_text("utf-8"))
    code = [cell for cell in whole["cells"] if cell["cell_type"] == "code"]
    assert code
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)
    assert len({cell["id"] for cell in whole["cells"]}) == len(whole["cells"])
