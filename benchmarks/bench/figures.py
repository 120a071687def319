"""Medians, their spread, and ratios of two sides round by round."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any


def summary(values: Sequence[float]) -> dict[str, float]:
    """Return the median of some measurements, the lowest and the highest."""
    if not values:
        raise ValueError("there is nothing to summarise")
    return {"median": statistics.median(values), "low": min(values), "high": max(values)}


def times_better(ours: Sequence[float], theirs: Sequence[float], *, higher: bool) -> dict[str, float]:
    """Return how many times better our figures are than theirs: the median of the ratios of each round.

    Both sides of a round meet the machine in the same mood, so that a ratio of a round is steadier than a
    ratio of two medians. `higher` says whether more is better (tokens a second) or less (seconds).
    """
    pairs = list(zip(ours, theirs, strict=True))
    return summary([a / b if higher else b / a for a, b in pairs])


def best(sides: Mapping[str, Sequence[float]], *, higher: bool) -> str:
    """Return the name of the side with the best median."""
    medians = {name: statistics.median(values) for name, values in sides.items()}
    return (max if higher else min)(medians, key=lambda name: medians[name])


def agree(one: Sequence[float], other: Sequence[float], tolerance: float = 1e-3) -> bool:
    """Say whether two sides computed the same numbers from the same start, up to rounding."""
    return len(one) == len(other) and all(
        math.isclose(a, b, rel_tol=tolerance, abs_tol=1e-6) for a, b in zip(one, other, strict=True)
    )


def figure(value: Any) -> str:
    """Write a measured number: three significant digits, or a whole number with its thousands apart."""
    if value is None:
        return "—"
    if not math.isfinite(value):
        return str(value)
    if abs(value) >= 1000 or value == 0:
        return f"{value:,.0f}"
    return f"{value:.{max(0, 2 - math.floor(math.log10(abs(value))))}f}"
