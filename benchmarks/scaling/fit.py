"""Least squares on relative errors: no measurement, large or small, pulls more than another."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class Fit(NamedTuple):
    """Constants, and how far from the measurements they lead.

    Attributes
    ----------
    constants : array (k,)
        None is below zero.
    errors : array (m,)
        The model over the measurement, less 1.
    unseen : array (m,)
        The same for constants that were fitted without this measurement.
    """

    constants: Array
    errors: Array
    unseen: Array


def fit(
    rows: Sequence[Sequence[float]], seconds: Sequence[float], known: Sequence[float] | None = None
) -> Fit:
    """Find constants c such that ``rows @ c + known`` is near the seconds, in relation to each.

    Parameters
    ----------
    rows : sequence (m, k)
        What is counted of each measurement.
    seconds : sequence (m,)
        What was measured.
    known : sequence (m,), optional
        Seconds that are known to be in each.

    Returns
    -------
    Fit
        The constants, their errors, and the errors where each measurement is left out in turn.
    """
    table, wanted = np.asarray(rows, float), np.asarray(seconds, float)
    there = np.zeros(len(wanted)) if known is None else np.asarray(known, float)
    if not len(wanted) or not (wanted > 0).all():
        raise ValueError("there is nothing to fit to, or something took no time")
    relative, target = table / wanted[:, None], 1 - there / wanted
    constants = solve(relative, target)
    unseen = np.empty(len(wanted))
    for i in range(len(wanted)):
        others = np.arange(len(wanted)) != i
        without = solve(relative[others], target[others]) if others.any() else np.zeros(table.shape[1])
        unseen[i] = relative[i] @ without - target[i]
    return Fit(constants, relative @ constants - target, unseen)


def solve(a: Array, b: Array) -> Array:
    """Return the c >= 0 that makes ``a @ c - b`` smallest: the best over all choices of what is not zero."""
    k = a.shape[1]
    scale = np.linalg.norm(a, axis=0)  # bytes are millions where messages are ones
    scale[scale == 0] = 1.0
    best, least = np.zeros(k), float(b @ b)
    for size in range(1, k + 1):
        for chosen in combinations(range(k), size):
            columns = list(chosen)
            found = np.linalg.lstsq(a[:, columns] / scale[columns], b, rcond=None)[0]
            if (found < 0).any():
                continue
            left = a[:, columns] @ (found / scale[columns]) - b
            if left @ left < least * (1 - 1e-12):
                best, least = np.zeros(k), float(left @ left)
                best[columns] = found / scale[columns]
    return best


def spread(errors: Array) -> dict[str, Any]:
    """Return the median and the largest of errors, whatever their sign, for JSON."""
    size = np.abs(errors)
    return {"median": float(np.median(size)), "largest": float(size.max())}
