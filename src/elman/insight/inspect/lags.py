"""How far back a loss reaches: the norm of its derivative by the states before it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elman.errors import ConfigError, DataError
from elman.insight.inspect.reading import Reading
from elman.insight.plain_cell import plain_cell_of
from elman.insight.plain_output import loss_slope
from elman.insight.reference.cells import Array, Arrays, Cell
from elman.insight.reference.model import stack_backward, zeros_like_each
from elman.insight.reference.tape import Tape, begun_anew, in_float64, stack_step
from elman.network import LanguageModel

__all__ = ["LagNorms", "gradient_by_lag"]

ROWS = 32
"""Windows side by side: enough for the products."""

NUMBERS = 4_000_000
"""And fewer, if their states were more numbers than these."""


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
    params, cell = in_float64(model.params), plain_cell_of(model)
    rows = max(1, min(ROWS, NUMBERS // (reading.layers * reading.hidden * (lags + 1))))
    sums: Arrays = {}
    for at in np.array_split(chosen, -(-len(chosen) // rows)):
        tape = _reach(model, params, cell, reading, at, lags)
        for name in reading.states:
            norms = np.array([_by_lag(tape, l, name) for l in range(reading.layers)])
            sums[name] = sums.get(name, 0.0) + norms
    return LagNorms({name: total / len(chosen) for name, total in sums.items()}, chosen)


def _reach(
    model: LanguageModel, params: Arrays, cell: Cell, reading: Reading, at: NDArray[np.intp], lags: int
) -> Tape:
    """Run the windows that end at the steps `at`, and send the last loss of each back through them.

    Only that loss is computed: with a large vocabulary the others would take nearly all of the time.
    """
    first = at - lags
    entering = [
        {name: array[l, first - 1] for name, array in reading.states.items()} for l in range(reading.layers)
    ]
    states = begun_anew(entering, np.isin(first, reading.starts), params)
    tape = Tape()
    for step in range(lags + 1):
        tape.entering.append(states)
        x = params["embedding.E"][reading.context[first + step]]
        inputs, states, kept, h = stack_step(params, x, states, cell)
        tape.inputs.append(inputs)
        tape.kept.append(kept)
    dh = loss_slope(model, params, h, reading.context[at + 1])
    dparams = zeros_like_each({name: array for name, array in params.items() if name.startswith("layers.")})
    dstate = [zeros_like_each(entry) for entry in states]
    for step in reversed(range(lags + 1)):
        stack_backward(params, dparams, tape, cell, dh, dstate, step)
        dh = np.zeros_like(dh)
    return tape


def _by_lag(tape: Tape, l: int, name: str) -> Array:
    """Return the norms of the derivatives by a state, summed over the rows, (K + 1,), lag 0 first."""
    # The tape goes backwards, as lags do. All that reaches a c is known only within its cell.
    derivatives = [
        (dleaving[l] | met[l])[name] for dleaving, met in zip(tape.dleaving, tape.dkept, strict=True)
    ]
    sums: Array = np.linalg.norm(derivatives, axis=2).sum(axis=1)
    return sums
