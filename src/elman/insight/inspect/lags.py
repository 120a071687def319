"""How far back a loss reaches: the norm of its derivative by the states before it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elman.errors import ConfigError, DataError
from elman.insight.inspect.reading import Reading
from elman.insight.inspect.walk import NUMBERS
from elman.insight.reference.cells import Array, Arrays
from elman.insight.trace import Trace, trace
from elman.network import LanguageModel

__all__ = ["LagNorms", "gradient_by_lag"]

ROWS = 32
"""Windows side by side: enough for the products, and few enough for memory."""


@dataclass(frozen=True, eq=False)
class LagNorms:
    """The norm of the derivative of a loss by the states before it.

    Attributes
    ----------
    norms : dict of str to ndarray, (L, K + 1)
        By state, such as ``h`` and for lstm ``c``; layer by layer, for each lag ``k`` the mean over positions
        ``t`` of the Euclidean norm of ``dL_t/dh_{t-k}``.
    positions : ndarray of int, (P,)
        The steps ``t`` whose losses were taken.
    """

    norms: Arrays
    positions: NDArray[np.integer[Any]]

    @property
    def lags(self) -> int:
        """The largest lag, ``K``."""
        return int(self.norms["h"].shape[1]) - 1


def gradient_by_lag(
    model: LanguageModel, reading: Reading, *, lags: int = 50, positions: int = 128
) -> LagNorms:
    """Return how much the loss at a step depends on the states up to `lags` steps before.

    For each position ``t`` the model runs over the steps ``t - K`` to ``t`` from the state that truly
    entered them, and the derivative of the loss of the last step alone is taken, exactly.

    Parameters
    ----------
    model : LanguageModel
        That which read the text.
    reading : Reading
        Of the text.
    lags : int
        The largest lag, ``K``. It is less where the text, or each of its documents, is shorter.
    positions : int
        How many positions to average over, spread evenly over the text; all that there are, if fewer.

    Returns
    -------
    LagNorms

    Raises
    ------
    ConfigError
        If `lags` or `positions` is less than 1.
    DataError
        If no document of the text has two steps.

    Notes
    -----
    What reaches ``h`` comes from the layer above and from the next step. The states of a step are taken as
    variables of their own: the derivative by ``h`` of an lstm is at constant ``c``, and that by ``c`` holds
    what passes through the ``h`` of the same step.

    Examples
    --------
    >>> import elman
    >>> from elman.insight.inspect import read
    >>> tokenizer = elman.CharTokenizer.from_text("ab\\n")
    >>> model = elman.LanguageModel(vocab_size=4, cell="lstm", hidden=3, layers=2)
    >>> found = gradient_by_lag(model, read(model, tokenizer, "abba" * 10), lags=8)
    >>> found.norms["h"].shape, found.norms["c"].shape, len(found.positions)
    ((2, 9), (2, 9), 32)
    """
    for name, given in (("lags", lags), ("positions", positions)):
        if given < 1:
            raise ConfigError(f"{name}={given}: give at least 1")
    steps = np.arange(len(reading.context) - 1)  # the last step predicts nothing
    begun = reading.starts[np.searchsorted(reading.starts, steps, side="right") - 1]
    longest = int((steps - begun).max())
    if not longest:
        raise DataError("no document of the text has two steps: give a longer text")
    lags = min(lags, longest)
    whole = steps[steps - begun >= lags]
    chosen = whole[np.linspace(0, len(whole) - 1, min(positions, len(whole))).round().astype(np.intp)]
    rows = max(1, min(ROWS, NUMBERS // (model.vocab_size * (lags + 1))))
    sums: Arrays = {}
    for at in np.array_split(chosen, -(-len(chosen) // rows)):
        for name, norms in _norms(_reach(model, reading, at, lags), reading).items():
            sums[name] = sums.get(name, 0.0) + norms
    return LagNorms({name: total / len(chosen) for name, total in sums.items()}, chosen)


def _reach(model: LanguageModel, reading: Reading, at: NDArray[np.intp], lags: int) -> Trace:
    """Trace the windows that end at the steps `at`, counting the last loss of each."""
    first = at - lags
    windows = first + np.arange(lags + 1)[:, None]  # (K + 1, B)
    counted = np.zeros(windows.shape, np.bool_)
    counted[-1] = True
    from_zeros = np.isin(first, reading.starts)[:, None]
    state = [
        {name: np.where(from_zeros, 0.0, array[l, first - 1]) for name, array in reading.states.items()}
        for l in range(reading.layers)
    ]
    x, y = reading.context[windows], reading.context[windows + 1]
    return trace(model, x, y, state=state, counted=counted)


def _norms(seen: Trace, reading: Reading) -> Arrays:
    """Return the norms of each state, summed over the rows, (L, K + 1), lag 0 first."""
    rows = seen.tokens.shape[1]  # the loss is a mean over them, and the norm shall be of one
    return {
        name: np.array([_by_lag(seen.grads[f"layers.{l}.{name}"]) for l in range(reading.layers)]) * rows
        for name in reading.states
    }


def _by_lag(derivatives: Array) -> Array:
    sums: Array = np.linalg.norm(derivatives, axis=2).sum(axis=1)[::-1]
    return sums
