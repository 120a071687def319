"""The public corpora beside the project; tests that need them are left out where they are absent."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(os.environ.get("ELMAN_CORPORA", Path(__file__).parents[2] / "shared" / "data"))
WIKITEXT = FOLDER / "wikitext-2"


def corpora(test: Callable[..., Any]) -> Callable[..., Any]:
    """Mark a test that needs them."""
    absent = pytest.mark.skipif(not FOLDER.is_dir(), reason="the corpora are not beside the project")
    marked: Callable[..., Any] = pytest.mark.corpora(absent(test))
    return marked
