"""The language model of the plain implementation: forward, loss, and back-propagation through time."""

import numpy as np
from numpy.typing import NDArray

from .cells import Array, Arrays, Cell, find_cell
from .depth import joined_backward
from .tape import (
    Masks,
    State,
    Tape,
    Tokens,
    begun_anew_backward,
    dropped,
    forward_pass,
    in_float64,
    layer,
    output_weights,
)


def steps_from(y: Tokens, skip: int) -> NDArray[np.bool_]:
    """Return which losses count, (T, B): those of the steps from `skip` on."""
    if not 0 <= skip < len(y):
        raise ValueError(f"skip={skip} of {len(y)} steps: give 0 or more, and fewer than there are steps")
    counted = np.zeros(np.shape(y), np.bool_)
    counted[skip:] = True
    return counted


def losses(tape: Tape, y: Tokens) -> Array:
    """Return the negative log-likelihood of every target, (T, B), in nats."""
    if np.min(y) < 0:
        raise ValueError(f"target {np.min(y)}: ids count from 0, and a negative one would wrap around")
    rows = np.arange(np.shape(y)[1])
    return np.array([-log_p[rows, y[t]] for t, log_p in enumerate(tape.log_p)])


def mean_loss(tape: Tape, y: Tokens, counted: NDArray[np.bool_]) -> float:
    """Return the mean negative log-likelihood in nats of the targets that count."""
    return float(losses(tape, y)[counted].sum() / counted.sum())


def forward(
    params: Arrays,
    x: Tokens,
    state: State,
    *,
    cell: str,
    activation: str = "tanh",
    masks: Masks | None = None,
    reset: NDArray[np.bool_] | None = None,
    connections: str = "none",
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
    leaving, tape = forward_pass(in_float64(params), x, state, cell, activation, masks, reset, connections)
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
    connections: str = "none",
    skip: int = 0,
) -> float:
    """Return the mean negative log-likelihood in nats a token; see `loss_and_grads`."""
    _, tape = forward_pass(in_float64(params), x, state, cell, activation, masks, reset, connections)
    return mean_loss(tape, y, steps_from(y, skip))


def states_entering(
    params: Arrays,
    x: Tokens,
    state: State,
    *,
    cell: str,
    activation: str = "tanh",
    masks: Masks | None = None,
    reset: NDArray[np.bool_] | None = None,
    connections: str = "none",
) -> list[list[Arrays]]:
    """Return the state that enters each step of the window: T lists of L dictionaries."""
    return forward_pass(in_float64(params), x, state, cell, activation, masks, reset, connections)[1].entering


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
    connections: str = "none",
    skip: int = 0,
) -> tuple[float, list[Arrays], Arrays, list[Arrays]]:
    """Return the mean loss of a window and its exact gradient, by back-propagation through time.

    Parameters
    ----------
    params : dict of str to ndarray
        `embedding.E` (K, D), `layers.<l>.U` (G, D, H), `layers.<l>.W` (G, H, H), `layers.<l>.b` (G, H), for
        gru also `layers.<l>.b_candidate` (H,), for lstm-peephole `layers.<l>.p` (3, H), with a projection
        `layers.<l>.R` (H, P) and W (G, P, H), normalised also `layers.<l>.gamma_x` and `layers.<l>.gamma_h`
        (G, H), and of an lstm `layers.<l>.gamma_c` and `layers.<l>.beta_c` (H,), `output.V` (H, K) unless the
        embeddings are tied (then the model multiplies by E transposed), and `output.c` (K,). Indrnn, mingru,
        minlstm and sru have no W; indrnn has p (1, H), sru p (2, H) and, where D is not H,
        `layers.<l>.U_skip` (D, H).
    x, y : ndarray of int, (T, B)
        Tokens, and the token that follows each.
    state : sequence of L dictionaries or tuples of ndarray (B, H)
        What enters the window: {"h"}, for an lstm {"h", "c"}.
    cell : str
        Which cell: a name in `CELLS`, such as "rnn", "gru" or "mingru".
    activation : {"tanh", "relu"}
        Of `rnn`; the others know only "tanh".
    masks : sequence of L entries, each None or ndarray (T, B, H), optional
        Dropout masks, already scaled, multiplied onto what layer l hands upwards (not onto its own state).
    reset : ndarray of bool, (T, B), optional
        Where true, that row begins anew before that step: from zeros, or from `layers.<l>.h0` (H,) and, of
        an lstm, `layers.<l>.c0`, where the parameters have them.
    connections : {"none", "residual", "highway"}
        What joins the input of each layer to its output, where they are of one width; for a highway the
        parameters have `layers.<l>.T` (H, H) and `layers.<l>.b_T` (H,).
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
    params, counted = in_float64(params), steps_from(y, skip)
    new_state, tape = forward_pass(params, x, state, cell, activation, masks, reset, connections)
    grads, dstate = backward_pass(params, x, y, tape, cell, activation, masks, reset, counted, connections)
    return mean_loss(tape, y, counted), new_state, grads, dstate


def unrolled(
    params: Arrays,
    x: Tokens,
    y: Tokens,
    state: State,
    *,
    cell: str | Cell,
    activation: str = "tanh",
    counted: NDArray[np.bool_] | None = None,
) -> tuple[Tape, Arrays]:
    """Return every number of a forward and a backward pass, and the gradients.

    Parameters
    ----------
    params, x, y, state, cell, activation
        As for `loss_and_grads`; `cell` may also be a `Cell` that is not in the table.
    counted : ndarray of bool, (T, B), optional
        Which losses count; by default all do.

    Returns
    -------
    tape : Tape
        What every step read, kept and handed on, and the derivative of the mean loss by each.
    grads : dict of str to ndarray
        The derivative of the mean loss by each parameter.

    Examples
    --------
    >>> from elman.insight.reference import draw_params, draw_state, unrolled
    >>> rng = np.random.default_rng(0)
    >>> params = draw_params("gru", rng, classes=5, embedding=3, hidden=2)
    >>> x, y = np.array([[0], [1]]), np.array([[1], [2]])
    >>> tape, grads = unrolled(params, x, y, draw_state("gru", rng, batch=1, hidden=2), cell="gru")
    >>> sorted(tape.dkept[0][0])  # at step 0, in layer 0
    ['a_n', 'a_r', 'a_z', 'm', 'n', 'r', 'z']
    """
    params = in_float64(params)
    counted = steps_from(y, 0) if counted is None else counted
    _, tape = forward_pass(params, x, state, cell, activation, None, None)
    grads, _ = backward_pass(params, x, y, tape, cell, activation, None, None, counted)
    return tape, grads


def backward_pass(
    params: Arrays,
    x: Tokens,
    y: Tokens,
    tape: Tape,
    cell: str | Cell,
    activation: str,
    masks: Masks | None,
    reset: NDArray[np.bool_] | None,
    counted: NDArray[np.bool_],
    connections: str = "none",
) -> tuple[Arrays, list[Arrays]]:
    """Go back over the tape, and write on it; return the derivatives of the parameters and first states."""
    functions, grads = find_cell(cell, activation), zeros_like_each(params)
    dstate = [zeros_like_each(entry) for entry in tape.leaving[-1]]  # no loss reads the state that leaves
    for t in reversed(range(len(x))):
        dlogits, dh = output_backward(params, grads, tape, y, t, counted)
        tape.dlogits.append(dlogits)
        tape.dtop.append(dh)
        dh = stack_backward(params, grads, tape, functions, dh, dstate, t, masks, connections)
        np.add.at(grads["embedding.E"], x[t], dh)  # a word may stand in several rows: they add up
        dstate = begun_anew_backward(dstate, None if reset is None else reset[t], grads)
        tape.dentering.append([dict(entry) for entry in dstate])
    for back in (tape.dlogits, tape.dtop, tape.dleaving, tape.dkept, tape.dinputs, tape.dentering):
        back.reverse()
    return grads, dstate


def stack_backward(
    params: Arrays,
    grads: Arrays,
    tape: Tape,
    functions: Cell,
    dh: Array,
    dstate: list[Arrays],
    t: int,
    masks: Masks | None = None,
    connections: str = "none",
) -> Array:
    """Backward through step t of all layers: add to `grads`, and write on the tape.

    It takes what reaches the top (B, H), and in `dstate` what the next step sends to the states; in that it
    leaves what this step sends to the one before, and it returns the derivative by its input (B, D).
    """
    dleaving, dkept, dinputs = [], [], []  # from the top layer down
    for l in reversed(range(len(dstate))):
        past = None
        if connections != "none":
            h, x = dropped(tape.leaving[t][l]["h"], masks, l, t), tape.inputs[t][l]
            dh, past = joined_backward(dh, h, x, layer(params, l), layer(grads, l), connections)
        dh = dropped(dh, masks, l, t)
        dstate[l]["h"] = dstate[l]["h"] + dh  # h goes to the next step and to the layer above
        dleaving.append(dstate[l])
        before = tape.entering[t][l]
        dh, dstate[l], met = functions.backward(
            dstate[l], tape.inputs[t][l], before, tape.kept[t][l], layer(params, l), layer(grads, l)
        )
        dh = dh if past is None else dh + past  # x goes into the layer, and past it
        dkept.append(met)
        dinputs.append(dh)
    tape.dleaving.append(dleaving[::-1])
    tape.dkept.append(dkept[::-1])
    tape.dinputs.append(dinputs[::-1])
    return dh


def zeros_like_each(arrays: Arrays) -> Arrays:
    """Return a dictionary of new zeros in the shapes of `arrays`."""
    return {name: np.zeros_like(array) for name, array in arrays.items()}


def output_backward(
    params: Arrays, grads: Arrays, tape: Tape, y: Tokens, t: int, counted: NDArray[np.bool_]
) -> tuple[Array, Array]:
    """Backward through softmax and output weights at step t: add dV (or dE) and dc.

    Returns the derivatives by the logits (B, K) and by h (B, H).
    """
    h = tape.top[t]
    dlogits = np.exp(tape.log_p[t])
    dlogits[np.arange(len(h)), y[t]] -= 1.0
    dlogits = dlogits * counted[t][:, None] / counted.sum()
    grads["output.c"] += dlogits.sum(axis=0)
    if "output.V" in params:
        grads["output.V"] += h.T @ dlogits
    else:
        grads["embedding.E"] += dlogits.T @ h
    return dlogits, dlogits @ output_weights(params).T
