"""The public names: each has an example that runs, and the page of the reference lists them all."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

import pytest

import elman

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "python.md"
NAMES = [name for name in elman.__all__ if name != "__version__"]
METHODS = [
    f"{owner.__name__}.{name}"
    for owner in (elman.TextModel, elman.LanguageModel)
    for name, method in inspect.getmembers(owner, inspect.isfunction)  # those of its parts too
    if not name.startswith("_")
]
INNER = {
    f"LanguageModel.{name}" for name in ("shapes", "new_grads", "replica", "backprop", "with_params")
}  # fmt: skip
"""Public within the package alone; the guide does not speak of them."""


def value_of(name: str) -> Any:
    owner, _, method = name.partition(".")
    value = getattr(elman, owner)
    return getattr(value, method) if method else value


@pytest.mark.parametrize("name", [*NAMES, *(name for name in METHODS if name not in INNER)])
def test_a_public_name_has_an_example_that_runs(name: str) -> None:
    text = inspect.getdoc(value_of(name)) or ""
    assert ">>> " in text
    assert "+SKIP" not in text
    summary = text.split("\n")[0]
    assert summary.endswith("."), summary


@pytest.mark.parametrize("name", [name for name in METHODS if name.startswith("TextModel.")])
def test_what_a_method_takes_and_raises_is_said(name: str) -> None:
    text = inspect.getdoc(value_of(name)) or ""
    for section in ("Parameters", "Returns", "Raises", "Examples"):
        assert re.search(rf"^{section}\n-+$", text, re.MULTILINE), section
    parameters = list(inspect.signature(value_of(name)).parameters.values())[1:]
    described = text.split("Parameters\n")[1].split("Returns\n")[0]
    for parameter in parameters:
        assert re.search(rf"^[\w, *]*\b{parameter.name}\b", described, re.MULTILINE), parameter.name


def test_the_page_of_the_reference_lists_them_and_no_others() -> None:
    blocks = re.findall(r"\.\. autosummary::\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    listed = [line.strip() for block in blocks for line in block.splitlines()]
    listed = [name for name in listed if name and not name.startswith(":")]
    assert sorted(listed) == sorted(NAMES)


def test_a_name_is_loaded_from_where_it_is_said_to_live() -> None:
    for name in NAMES:
        assert value_of(name).__name__ == name
