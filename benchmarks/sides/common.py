"""The start that all sides have in common: the same parameters, and the same random tokens."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

WINDOWS = 8  # random windows that training goes round
OPENING = 20  # tokens that are generated at the start, for the sides to be held equal


def parameters(s: dict[str, Any]) -> dict[str, NDArray[np.float32]]:
    """Return the parameters under elman's names, as ``sides.prepare`` drew them."""
    return dict(load_file(s["params"]))


def tokens(s: dict[str, Any]) -> NDArray[np.int64]:
    """Return random windows ``(WINDOWS, T + 1, B)``: the last T steps of each are the targets."""
    rng = np.random.default_rng(0)
    return rng.integers(0, int(s["K"]), (WINDOWS, int(s["T"]) + 1, int(s["B"])))


def first_tokens(s: dict[str, Any]) -> NDArray[np.int64]:
    """Return what each of the B rows of a generation reads first."""
    return np.arange(int(s["B"]), dtype=np.int64) % int(s["K"])
