"""How much of the time gates are shut, open, or neither."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from elman.insight.inspect.reading import Reading
from elman.insight.reference.cells import Array

__all__ = ["Saturation", "saturation"]

LOW, HIGH = 0.1, 0.9
"""A sigmoid below the first is shut, above the second open; a tanh is saturated beyond the second."""

BINS = 20


@dataclass(frozen=True, eq=False)
class Saturation:
    """How the values of one gate of one layer are spread, over all units and steps.

    Attributes
    ----------
    layer : int
        Counted from 0.
    gate : str
        Its name.
    kind : {"sigmoid", "tanh", "rectifier", "unbounded"}
        What its values are of; see `Reading.kinds`.
    low, high : ndarray, (H,)
        For each unit the share of steps in which it is saturated on the left and on the right: below 0.1
        and above 0.9 for a sigmoid, below -0.9 and above 0.9 for a tanh. A rectifier is saturated on the left
        where it is 0, and never on the right; what is unbounded, never.
    counts : ndarray of int, (bins,)
        The histogram of its values.
    edges : ndarray, (bins + 1,)
        Of the bins.
    """

    layer: int
    gate: str
    kind: str
    low: Array
    high: Array
    counts: Array
    edges: Array

    @property
    def share_low(self) -> float:
        """Share of units x steps that are saturated on the left."""
        return float(self.low.mean())

    @property
    def share_high(self) -> float:
        """Share of units x steps that are saturated on the right."""
        return float(self.high.mean())


def saturation(reading: Reading, *, bins: int = BINS) -> list[Saturation]:
    """Return how saturated the gates of a model are while it reads a text.

    Parameters
    ----------
    reading : Reading
        Of the text.
    bins : int
        Of the histograms.

    Returns
    -------
    list of Saturation
        Layer by layer, gate by gate.

    References
    ----------
    Karpathy, Johnson & Li (2015), "Visualizing and understanding recurrent networks", section 4.2: a dot for
    each unit, its left share along one axis and its right share along the other.

    Examples
    --------
    >>> import elman
    >>> from elman.insight.inspect import read
    >>> tokenizer = elman.CharTokenizer.from_text("ab\\n")
    >>> model = elman.LanguageModel(vocab_size=4, cell="mgu", hidden=3, layers=1)
    >>> [(found.gate, found.kind) for found in saturation(read(model, tokenizer, "abba"))]
    [('f', 'sigmoid'), ('n', 'tanh')]
    """
    found = []
    for l in range(reading.layers):
        for gate, values in reading.gates.items():
            found.append(_saturation(l, gate, values[l], reading.kinds[gate], bins))
    return found


def _saturation(layer: int, gate: str, values: Array, kind: str, bins: int) -> Saturation:
    never, span = np.zeros(values.shape, np.bool_), (0.0, 1.0)
    low, high = never, never
    if kind == "sigmoid":
        low, high = values < LOW, values > HIGH
    elif kind == "tanh":
        low, high, span = values < -HIGH, values > HIGH, (-1.0, 1.0)
    else:
        low = values == 0 if kind == "rectifier" else never
        span = min(0.0, float(values.min())), max(float(values.max()), 1e-9)
    counts, edges = np.histogram(values, bins=bins, range=span)
    return Saturation(layer, gate, kind, low.mean(axis=0), high.mean(axis=0), counts, edges)
