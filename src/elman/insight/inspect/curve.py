"""The loss of a run, step by step."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from elman.insight.reference.cells import Array

__all__ = ["LossCurve", "loss_curve"]


@dataclass(frozen=True, eq=False)
class LossCurve:
    """The loss of a run as it was trained.

    Attributes
    ----------
    train : ndarray, (n, 2)
        Steps, and the training loss at each in nats a token.
    valid : ndarray, (m, 2)
        Steps, and the validation loss at each.
    """

    train: Array
    valid: Array


def loss_curve(records: Sequence[Mapping[str, Any]]) -> LossCurve:
    """Return the loss curve of a run.

    Parameters
    ----------
    records : sequence of mapping
        What `metrics.jsonl` holds: ``step``, ``train_loss`` and at evaluations ``valid_loss``. A number that
        is missing or not finite leaves its point out.

    Returns
    -------
    LossCurve

    Examples
    --------
    >>> curve = loss_curve(
    ...     [{"step": 1, "train_loss": 3.5}, {"step": 2, "train_loss": 3.0, "valid_loss": 3.1}]
    ... )
    >>> curve.train.tolist(), curve.valid.tolist()
    ([[1.0, 3.5], [2.0, 3.0]], [[2.0, 3.1]])
    """
    return LossCurve(_points(records, "train_loss"), _points(records, "valid_loss"))


def _points(records: Sequence[Mapping[str, Any]], name: str) -> Array:
    pairs = [(record["step"], record[name]) for record in records if record.get(name) is not None]
    return np.array([pair for pair in pairs if math.isfinite(pair[1])], np.float64).reshape(-1, 2)
