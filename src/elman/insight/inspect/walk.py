"""One walk over a text, step by step, and what it keeps."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from elman.insight.plain_cell import plain_cell
from elman.insight.reference.cells import Array, Arrays
from elman.insight.reference.tape import Tape, forward_pass
from elman.network import LanguageModel

WINDOW = 128
"""Steps whose numbers are all in memory at a time."""

NUMBERS = 4_000_000
"""At most so many logits a window."""

Ints = NDArray[np.integer[Any]]


class Walk(NamedTuple):
    """What each of the ``S`` steps led to."""

    losses: Array  # (S,): of the token that the next step reads; the last is of a stand-in
    top_ids: Ints  # (S, n): the most likely next tokens
    top_p: Array  # (S, n)
    states: Arrays  # by name, (L, S, H)
    gates: Arrays  # by name, (L, S, H)


def walk(model: LanguageModel, context: Ints, resets: Ints, top: int) -> Walk:
    """Read the tokens `context` (S,), from zeros at the steps `resets`, of which 0 is one.

    It runs forward only: of the way back a text needs nothing, and with a large vocabulary that way costs
    most.
    """
    names = plain_cell(model.cell)
    following = iter(np.concatenate([context[1:], context[-1:]]))
    losses, ids, p = [], [], []
    states: list[list[list[Array]]] = []  # [step][layer][state]
    gates: list[list[list[Array]]] = []
    for tape in _windows(model, context, resets):
        for log_p, leaving, kept in zip(tape.log_p, tape.leaving, tape.kept, strict=True):
            losses.append(-log_p[0, next(following)])
            best = largest(log_p[0], top)
            ids.append(best)
            p.append(np.exp(log_p[0, best]))
            states.append([[layer[name][0] for name in names.states] for layer in leaving])
            gates.append([[layer[name][0] for name in names.gates] for layer in kept])
    by_name = [np.array(steps).transpose(2, 1, 0, 3) for steps in (states, gates)]  # (n, L, S, H)
    return Walk(
        np.array(losses),
        np.array(ids),
        np.array(p),
        dict(zip(names.states, by_name[0], strict=True)),
        dict(zip(names.gates, by_name[1], strict=True)),
    )


def _windows(model: LanguageModel, context: Ints, resets: Ints) -> Iterator[Tape]:
    """Run a window at a time, each from the state that the one before left."""
    cell = plain_cell(model.cell)
    params = {name: np.asarray(array, np.float64) for name, array in model.params.items()}
    window = max(1, min(WINDOW, NUMBERS // model.vocab_size))
    for start, end in zip(resets, [*resets[1:], len(context)], strict=True):
        state: Any = [dict(zip(cell.states, entry, strict=True)) for entry in model.initial_state(1)]
        for begin in range(start, end, window):
            x = context[begin : min(begin + window, end), None]
            state, tape = forward_pass(params, x, state, cell, "tanh", None, None)
            yield tape


def largest(row: Array, top: int) -> Ints:
    """Return the places of the largest entries, the largest first; of equal ones the earlier."""
    top = min(top, len(row))
    near = np.flatnonzero(row >= np.partition(row, -top)[-top])
    return near[np.argsort(-row[near], kind="stable")][:top]
