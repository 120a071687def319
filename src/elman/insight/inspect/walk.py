"""One walk over a text, step by step, and what it keeps."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from elman.errors import DivergenceError
from elman.insight.plain_cell import plain_cell_of
from elman.insight.plain_output import log_probabilities
from elman.insight.reference.cells import Array, Arrays
from elman.insight.reference.tape import begun_anew, in_float64, stack_step
from elman.network import LanguageModel

WINDOW = 128
"""Steps that are predicted together."""

NUMBERS = 4_000_000
"""At most so many logits at a time."""

Ints = NDArray[np.integer[Any]]


class Walk(NamedTuple):
    """What each of the ``S`` steps led to."""

    losses: Array  # (S,): of the token that the next step reads; the last is of a stand-in
    top_ids: Ints  # (S, n): the most likely next tokens
    top_p: Array  # (S, n)
    states: Arrays  # by name, (L, S, H)
    gates: Arrays  # by name, (L, S, H)


def walk(model: LanguageModel, context: Ints, resets: Ints, top: int) -> Walk:
    """Read the tokens `context` (S,), from the initial state at the steps `resets`, of which 0 is one.

    It runs forward only, and predicts a window at a time: with a large vocabulary a product for each step
    would take most of the time to read its weights.
    """
    cell, params = plain_cell_of(model), in_float64(model.params)
    size = len(model.stack.layers), len(context), params["layers.0.U"].shape[-1]
    states = {name: np.empty(size) for name in cell.states}
    gates = {name: np.empty(size) for name in cell.gates}
    following = np.concatenate([context[1:], context[-1:]])
    losses, ids = np.empty(len(context)), np.empty((len(context), min(top, model.vocab_size)), np.intp)
    p = np.empty(ids.shape)
    for begin, end in _windows(resets, len(context), max(1, min(WINDOW, NUMBERS // model.vocab_size))):
        if begin in resets:
            zeros = [{name: np.zeros((1, size[-1])) for name in cell.states} for _ in range(size[0])]
            state = begun_anew(zeros, np.ones(1, np.bool_), params)
        h = np.empty((end - begin, size[-1]))
        for s in range(begin, end):
            x = params["embedding.E"][context[s]][None]
            _, state, kept, h[s - begin] = stack_step(params, x, state, cell)
            for l in range(size[0]):
                for name in states:
                    states[name][l, s] = state[l][name][0]
                for name in gates:
                    gates[name][l, s] = kept[l][name][0]
        log_p = log_probabilities(model, params, h)
        losses[begin:end] = -log_p[np.arange(end - begin), following[begin:end]]
        if not np.isfinite(losses[begin:end]).all():
            raise DivergenceError(
                "the model's parameters are not finite: a loss on this text is NaN or infinite"
            )
        ids[begin:end] = [largest(row, top) for row in log_p]
        p[begin:end] = np.exp(np.take_along_axis(log_p, ids[begin:end], axis=1))
    return Walk(losses, ids, p, states, gates)


def _windows(resets: Ints, steps: int, size: int) -> Iterator[tuple[int, int]]:
    """Yield beginnings and ends of windows, none of which reaches over a reset."""
    for start, stop in zip(resets, [*resets[1:], steps], strict=True):
        for begin in range(start, stop, size):
            yield begin, min(begin + size, stop)


def largest(row: Array, top: int) -> Ints:
    """Return the places of the largest entries, the largest first; of equal ones the earlier."""
    top = min(top, len(row))
    near = np.flatnonzero(row >= np.partition(row, -top)[-top])
    return near[np.argsort(-row[near], kind="stable")][:top]
