"""The language model of the plain implementation: forward, loss, and back-propagation through time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .cells import Array, Arrays, Cell, find_cell, log_softmax

Tokens: TypeAlias = NDArray[np.integer[Any]]
Masks: TypeAlias = Sequence[Array | None]
State: TypeAlias = Sequence[Mapping[str, Array] | Sequence[Array]]


@dataclass
class Tape:
    """What a forward pass leaves for the backward pass; each list has one entry a step."""

    entering: list[list[Arrays]] = field(default_factory=list)  # [t][l]: the state that entered step t
    leaving: list[list[Arrays]] = field(default_factory=list)  # [t][l]: the state that left step t
    inputs: list[list[Array]] = field(default_factory=list)  # [t][l]: the input of layer l (B, D or H)
    kept: list[list[Arrays]] = field(default_factory=list)  # [t][l]: what the cell kept
    top: list[Array] = field(default_factory=list)  # [t]: what the output layer saw (B, H)
    log_p: list[Array] = field(default_factory=list)  # [t]: log-probabilities (B, K)
    logits: list[Array] = field(default_factory=list)  # [t]: (B, K)


def layer(arrays: Arrays, l: int) -> Arrays:
    """Return the arrays of layer l under their short names; views, so adding into them is seen."""
    prefix = f"layers.{l}."
    return {name.removeprefix(prefix): a for name, a in arrays.items() if name.startswith(prefix)}


def depth(params: Arrays) -> int:
    """Return L, the number of layers."""
    return sum(name.startswith("layers.") and name.endswith(".W") for name in params)


def output_weights(params: Arrays) -> Array:
    """Return V (H, K); with tied embeddings that is E transposed."""
    return params["output.V"] if "output.V" in params else params["embedding.E"].T


def in_float64(params: Mapping[str, Array]) -> Arrays:
    """Return the parameters in float64; those that are already are not copied."""
    return {name: np.asarray(array, np.float64) for name, array in params.items()}


def named_states(state: State, functions: Cell) -> list[Arrays]:
    """Return the state as dictionaries in float64; a tuple is read in the order h, c."""
    named = []
    for entry in state:
        pairs = entry.items() if isinstance(entry, Mapping) else zip(functions.states, entry, strict=True)
        named.append({name: np.asarray(array, np.float64) for name, array in pairs})
    return named


def without_reset_rows(states: list[Arrays], rows: NDArray[np.bool_] | None) -> list[Arrays]:
    """Return the states with the rows zeroed where `rows` (B,) is true.

    It serves both directions: a row set to zero takes no gradient either.
    """
    if rows is None:
        return states
    keep = ~np.asarray(rows, np.bool_)[:, None]
    return [{name: np.where(keep, a, 0.0) for name, a in entry.items()} for entry in states]


def forward_pass(
    params: Arrays,
    x: Tokens,
    state: State,
    cell: str,
    activation: str,
    masks: Masks | None,
    reset: NDArray[np.bool_] | None,
) -> tuple[list[Arrays], Tape]:
    """Run the model over the window; return the state that leaves it and the tape."""
    x = np.asarray(x)
    if x.size and x.min() < 0:
        raise ValueError(f"token {x.min()}: ids count from 0, and a negative one would wrap around")
    functions = find_cell(cell, activation)
    layers = range(depth(params))
    states, tape = named_states(state, functions), Tape()
    for t in range(len(x)):
        states = without_reset_rows(states, None if reset is None else reset[t])
        tape.entering.append(states)
        h = params["embedding.E"][x[t]]
        inputs, leaving, kept = [], [], []
        for l in layers:
            inputs.append(h)
            new, keep = functions.step(h, states[l], layer(params, l))
            leaving.append(new)
            kept.append(keep)
            h = dropped(new["h"], masks, l, t)
        states = leaving
        logits = h @ output_weights(params) + params["output.c"]
        tape.inputs.append(inputs)
        tape.leaving.append(leaving)
        tape.kept.append(kept)
        tape.top.append(h)
        tape.logits.append(logits)
        tape.log_p.append(log_softmax(logits))
    return states, tape


def dropped(h: Array, masks: Masks | None, l: int, t: int) -> Array:
    """Multiply by the dropout mask of layer l at step t, if there is one; its backward is itself."""
    mask = None if masks is None else masks[l]
    return h if mask is None else h * mask[t]


def tokens_counted(y: Tokens, skip: int) -> int:
    """Return the number of losses counted, (T - skip) B."""
    steps, batch = len(y), len(y[0])
    if not 0 <= skip < steps:
        raise ValueError(f"skip={skip} of {steps} steps: give 0 or more, and fewer than there are steps")
    return (steps - skip) * batch


def mean_loss(tape: Tape, y: Tokens, skip: int) -> float:
    """Return the mean negative log-likelihood in nats of the steps from `skip` on."""
    if np.min(y) < 0:
        raise ValueError(f"target {np.min(y)}: ids count from 0, and a negative one would wrap around")
    rows = np.arange(np.shape(y)[1])
    total = sum(float(-tape.log_p[t][rows, y[t]].sum()) for t in range(skip, len(y)))
    return total / tokens_counted(y, skip)


def forward(
    params: Arrays,
    x: Tokens,
    state: State,
    *,
    cell: str,
    activation: str = "tanh",
    masks: Masks | None = None,
    reset: NDArray[np.bool_] | None = None,
) -> tuple[Array, list[Arrays]]:
    """Run the model over a window; return the logits (T, B, K) and the state that leaves it.

    The parameters are those of `loss_and_grads`.

    Examples
    --------
    >>> from elman.insight.reference import draw_params, draw_state, forward
    >>> rng = np.random.default_rng(0)
    >>> params = draw_params("mgu", rng, classes=7, embedding=4, hidden=3, layers=2)
    >>> logits, state = forward(
    ...     params, np.array([[0], [6]]), draw_state("mgu", rng, batch=1, hidden=3, layers=2), cell="mgu"
    ... )
    >>> logits.shape, len(state), state[0]["h"].shape
    ((2, 1, 7), 2, (1, 3))
    """
    leaving, tape = forward_pass(in_float64(params), x, state, cell, activation, masks, reset)
    return np.array(tape.logits), leaving


def loss(
    params: Arrays,
    x: Tokens,
    y: Tokens,
    state: State,
    *,
    cell: str,
    activation: str = "tanh",
    masks: Masks | None = None,
    reset: NDArray[np.bool_] | None = None,
    skip: int = 0,
) -> float:
    """Return the mean negative log-likelihood in nats a token; see `loss_and_grads`."""
    _, tape = forward_pass(in_float64(params), x, state, cell, activation, masks, reset)
    return mean_loss(tape, y, skip)


def states_entering(
    params: Arrays,
    x: Tokens,
    state: State,
    *,
    cell: str,
    activation: str = "tanh",
    masks: Masks | None = None,
    reset: NDArray[np.bool_] | None = None,
) -> list[list[Arrays]]:
    """Return the state that enters each step of the window: T lists of L dictionaries."""
    return forward_pass(in_float64(params), x, state, cell, activation, masks, reset)[1].entering


def loss_and_grads(
    params: Arrays,
    x: Tokens,
    y: Tokens,
    state: State,
    *,
    cell: str,
    activation: str = "tanh",
    masks: Masks | None = None,
    reset: NDArray[np.bool_] | None = None,
    skip: int = 0,
) -> tuple[float, list[Arrays], Arrays, list[Arrays]]:
    """Return the mean loss of a window and its exact gradient, by back-propagation through time.

    Parameters
    ----------
    params : dict of str to ndarray
        `embedding.E` (K, D), `layers.<l>.U` (G, D, H), `layers.<l>.W` (G, H, H), `layers.<l>.b` (G, H), for
        gru also `layers.<l>.b_candidate` (H,), `output.V` (H, K) unless the embeddings are tied (then the
        model multiplies by E transposed), and `output.c` (K,).
    x, y : ndarray of int, (T, B)
        Tokens, and the token that follows each.
    state : sequence of L dictionaries or tuples of ndarray (B, H)
        What enters the window: {"h"}, for lstm {"h", "c"}.
    cell : {"rnn", "lstm", "gru", "mgu"}
        Which cell.
    activation : {"tanh", "relu"}
        Of `rnn`; the others know only "tanh".
    masks : sequence of L entries, each None or ndarray (T, B, H), optional
        Dropout masks, already scaled, multiplied onto what layer l hands upwards (not onto its own state).
    reset : ndarray of bool, (T, B), optional
        Where true, the state of that row is set to zero before that step.
    skip : int
        The losses of the first `skip` steps are not counted.

    Returns
    -------
    loss : float
        Mean negative log-likelihood in nats over the (T - skip) B tokens counted.
    new_state : list of dict
        What leaves the window.
    grads : dict of str to ndarray
        The derivative of `loss` by each parameter.
    dstate : list of dict
        The derivative of `loss` by `state`.

    Raises
    ------
    ValueError
        For an unknown cell, a negative token, or `skip` outside 0 to T - 1.

    References
    ----------
    Werbos (1990), "Backpropagation through time: what it does and how to do it", Proc. IEEE 78(10).

    Examples
    --------
    >>> from elman.insight.reference import draw_params, draw_state, loss_and_grads
    >>> rng = np.random.default_rng(0)
    >>> params = draw_params("rnn", rng, classes=7, embedding=4, hidden=3, scale=0.0)
    >>> x, y = np.array([[0], [1]]), np.array([[1], [2]])
    >>> state = draw_state("rnn", rng, batch=1, hidden=3)
    >>> value, state, grads, dstate = loss_and_grads(params, x, y, state, cell="rnn")
    >>> round(value, 4), round(np.log(7), 4)  # all weights zero: each of the 7 tokens is as likely
    (1.9459, np.float64(1.9459))
    """
    params, functions = in_float64(params), find_cell(cell, activation)
    new_state, tape = forward_pass(params, x, state, cell, activation, masks, reset)
    grads = zeros_like_each(params)
    dstate = [zeros_like_each(entry) for entry in new_state]  # no loss reads the state that leaves
    for t in reversed(range(len(x))):
        dh = output_backward(params, grads, tape, y, t, skip)
        for l in reversed(range(len(dstate))):
            dh = dropped(dh, masks, l, t)
            dstate[l]["h"] = dstate[l]["h"] + dh  # h goes to the next step and to the layer above
            before = tape.entering[t][l]
            dh, dstate[l] = functions.backward(
                dstate[l], tape.inputs[t][l], before, tape.kept[t][l], layer(params, l), layer(grads, l)
            )
        np.add.at(grads["embedding.E"], x[t], dh)  # a word may stand in several rows: they add up
        dstate = without_reset_rows(dstate, None if reset is None else reset[t])
    return mean_loss(tape, y, skip), new_state, grads, dstate


def zeros_like_each(arrays: Arrays) -> Arrays:
    """Return a dictionary of new zeros in the shapes of `arrays`."""
    return {name: np.zeros_like(array) for name, array in arrays.items()}


def output_backward(params: Arrays, grads: Arrays, tape: Tape, y: Tokens, t: int, skip: int) -> Array:
    """Backward through softmax and output weights at step t: add dV (or dE) and dc, return dh (B, H)."""
    h = tape.top[t]
    if t < skip:
        return np.zeros_like(h)
    dlogits = np.exp(tape.log_p[t])
    dlogits[np.arange(len(h)), y[t]] -= 1.0
    dlogits = dlogits / tokens_counted(y, skip)
    grads["output.c"] += dlogits.sum(axis=0)
    if "output.V" in params:
        grads["output.V"] += h.T @ dlogits
    else:
        grads["embedding.E"] += dlogits.T @ h
    return dlogits @ output_weights(params).T
