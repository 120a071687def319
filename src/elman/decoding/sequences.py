"""Log-probabilities of many sequences at once: rows of like length side by side."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from elman.errors import DivergenceError
from elman.network import LanguageModel, ModelState
from elman.network.threads import one_thread, usable_cores
from elman.typing import Ints

STEPS = 256
"""Steps of a window: longer sequences are read in several."""

ROWS = 64
"""Sequences side by side."""


def log_probs(
    model: LanguageModel, sequences: Sequence[Ints], state: ModelState | None = None
) -> list[NDArray[np.float64]]:
    """Return the log-probability of every token of every sequence but its first, given those before it.

    Parameters
    ----------
    model : LanguageModel
        It reads forward alone.
    sequences : sequence of ndarray of int, shape (N + 1,)
        Each begins with the token that stands before what is to be predicted.
    state : ModelState, optional
        Of one row: what the model has read before each sequence. By default nothing.

    Returns
    -------
    list of ndarray of shape (N,)
        In the order given, in nats.

    Raises
    ------
    DivergenceError
        If one is not a number.

    Notes
    -----
    Batches of rows are shared out to a thread a core, each with one thread of BLAS: that beats splitting
    small products. Which rows stand side by side depends on their lengths alone, so that the result is the
    same whatever the number of threads.
    """
    found: list[NDArray[np.float64]] = [np.empty(len(ids) - 1) for ids in sequences]
    # The longest first: those that end within a window are the last rows of it.
    order = sorted((i for i, out in enumerate(found) if len(out)), key=lambda i: -len(found[i]))
    batches = [order[start : start + ROWS] for start in range(0, len(order), ROWS)]

    def read(own: LanguageModel, batches: list[list[int]]) -> None:
        for rows in batches:
            entering = own.initial_state(len(rows)) if state is None else _repeated(state, len(rows))
            _read(own, [sequences[i] for i in rows], [found[i] for i in rows], entering)

    threads = min(usable_cores(), len(batches))
    with one_thread():
        if threads < 2:
            read(model, batches)
        else:
            from concurrent.futures import ThreadPoolExecutor  # which takes a while to load

            with ThreadPoolExecutor(threads) as pool:
                shares = [batches[first::threads] for first in range(threads)]
                list(pool.map(read, [model.replica() for _ in shares], shares))
    if any(np.isnan(out).any() for out in found):
        raise DivergenceError("a log-probability is not a number: the model's parameters are not finite")
    return found


def _read(
    model: LanguageModel, sequences: list[Ints], found: list[NDArray[np.float64]], state: ModelState
) -> None:
    """Write into found the log-probabilities of sequences, the longest of which comes first."""
    lengths = np.array([len(out) for out in found])
    for first in range(0, int(lengths[0]), STEPS):
        rows = int((lengths > first).sum())
        left = lengths[:rows] - first
        steps = min(STEPS, int(left[0]))
        block = np.zeros((rows, steps + 1), np.intp)
        for row in range(rows):
            ids = sequences[row][first : first + steps + 1]
            block[row, : len(ids)] = ids
        state = tuple([type(layer)(*[field[:rows] for field in layer]) for layer in state])
        nll, _, state = model.nll(
            np.ascontiguousarray(block[:, :-1].T), np.ascontiguousarray(block[:, 1:].T), state,
            lengths=np.minimum(left, steps), guess=False,
        )  # fmt: skip
        values = np.negative(nll.T, dtype=np.float64)
        for row, length in enumerate(np.minimum(left, steps).tolist()):
            found[row][first : first + length] = values[row, :length]


def _repeated(state: ModelState, rows: int) -> ModelState:
    return tuple([type(layer)(*[np.repeat(field, rows, axis=0) for field in layer]) for layer in state])
