"""The tables on conventions, held to layers that PyTorch and Keras make here and now."""

from __future__ import annotations

import warnings
from functools import cache

import pytest

from tests.interop.conventions.facts import Facts
from tests.interop.conventions.page import CLAIMS, cells
from tests.interop.test_conventions import CLAIMS as ALL

assert ALL is CLAIMS  # with all rows entered


@cache
def live(column: str) -> Facts:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from tests.vectors.make_conventions import keras_facts, torch_facts

        return Facts(column, *{"torch": torch_facts, "keras": keras_facts}[column](seed=7))


LIVE = [pytest.param(*key, id=", ".join(key)) for key in CLAIMS if key[1] in ("torch", "keras")]


@pytest.mark.parametrize(("row", "column"), LIVE)
def test_a_cell_of_the_page(row, column):
    assert cells()[row, column] == CLAIMS[row, column](live(column))
