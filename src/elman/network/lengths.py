"""Which steps of each row count."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from elman.errors import ShapeError


def check_lengths(lengths: Any, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Return which steps ``(T, B)`` count, or raise ShapeError if that is not said.

    Lengths are whole numbers ``(B,)`` from 0 to T, or already the boolean array.
    """
    T, B = shape
    array = np.asarray(lengths)
    if array.dtype == np.bool_ and array.shape == (T, B):
        return array
    if array.dtype.kind not in "iu" or array.shape != (B,):
        raise ShapeError(
            f"lengths must be whole numbers ({B},), or a boolean array ({T}, {B}) that is True where a step "
            f"counts, not {array.dtype} {array.shape}"
        )
    if array.size and (array.min() < 0 or array.max() > T):
        raise ShapeError(f"lengths must be from 0 to the {T} steps given, not {array.min()} to {array.max()}")
    live: NDArray[np.bool_] = np.arange(T)[:, None] < array
    return live
