"""Truncated back-propagation through time, as a sum of exact gradients of shorter windows."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .cells import Array, Arrays
from .model import loss, loss_and_grads, states_entering, zeros_like_each
from .tape import Masks, State, Tokens


def chunks(steps: int, every: int, back: int) -> Iterator[tuple[int, int, int]]:
    """Yield (start, first, end) of each backward pass over a window of `steps`.

    It counts the losses of the steps `first` to `end - 1` and reaches back to `start`.

    Raises
    ------
    ValueError
        Unless 1 <= every <= back: with `back < every` some losses would lie outside every backward pass.

    Examples
    --------
    >>> list(chunks(5, every=2, back=3))
    [(0, 0, 2), (1, 2, 4), (2, 4, 5)]
    """
    if not 1 <= every <= back:
        raise ValueError(f"every={every}, back={back}: truncation needs 1 <= every <= back")
    for first in range(0, steps, every):
        end = min(first + every, steps)
        yield max(0, end - back), first, end


def part(masks: Masks | None, start: int, end: int) -> list[Array | None] | None:
    """Return the dropout masks of the steps `start` to `end - 1`."""
    return None if masks is None else [None if mask is None else mask[start:end] for mask in masks]


def truncated_loss(
    params: Arrays,
    x: Tokens,
    y: Tokens,
    entering: Sequence[State],
    *,
    every: int,
    back: int,
    cell: str,
    activation: str = "tanh",
    masks: Masks | None = None,
    reset: NDArray[np.bool_] | None = None,
    connections: str = "none",
) -> float:
    """Return the objective whose exact gradient truncated back-propagation is.

    It is the mean loss of the window in which every backward pass starts from a state held constant:
    `entering[t]` for the pass that reaches back to step t, as `states_entering` gives it once, at the
    parameters in question. There its value is the plain loss; its gradient is not.

    Returns
    -------
    float
        Nats a token.
    """
    total, steps = 0.0, len(x)
    for start, first, end in chunks(steps, every, back):
        mean = loss(
            params,
            x[start:end],
            y[start:end],
            entering[start],
            cell=cell,
            activation=activation,
            masks=part(masks, start, end),
            reset=None if reset is None else reset[start:end],
            connections=connections,
            skip=first - start,
        )
        total += mean * (end - first) / steps
    return total


def truncated_loss_and_grads(
    params: Arrays,
    x: Tokens,
    y: Tokens,
    state: State,
    *,
    every: int,
    back: int,
    **options: Any,
) -> tuple[float, list[Arrays], Arrays, list[Arrays]]:
    """Return what `loss_and_grads` returns, each backward pass reaching at most `back` steps back.

    After every `every` steps one backward pass takes the gradient of the losses since the last one, with the
    state that entered `back` steps ago held constant. `every = back` is the usual window with carried state,
    `every = 1` the `bptt_truncate` of older tutorials, and `back >= T` the full gradient.

    Parameters
    ----------
    params, x, y, state
        As for `loss_and_grads`.
    every, back : int
        1 <= every <= back. The last chunk may be shorter than `every`.
    **options
        `cell`, `activation`, `masks`, `reset` and `connections`, as for `loss_and_grads`.

    Returns
    -------
    loss, new_state, grads, dstate
        The gradients are those of `truncated_loss`; `dstate` collects the passes that reach step 0.

    References
    ----------
    Williams & Peng (1990), "An efficient gradient-based algorithm for on-line training of recurrent network
    trajectories", Neural Computation 2(4): BPTT(h; h') with h = back, h' = every.

    Examples
    --------
    >>> from elman.insight.reference import draw_params, draw_state, loss_and_grads
    >>> rng = np.random.default_rng(0)
    >>> params = draw_params("lstm", rng, classes=5, embedding=3, hidden=3)
    >>> state = draw_state("lstm", rng, batch=2, hidden=3)
    >>> tokens = rng.integers(5, size=(7, 2))
    >>> x, y = tokens[:-1], tokens[1:]
    >>> _, _, full, _ = loss_and_grads(params, x, y, state, cell="lstm")
    >>> _, _, short, _ = truncated_loss_and_grads(params, x, y, state, every=1, back=2, cell="lstm")
    >>> _, _, whole, _ = truncated_loss_and_grads(params, x, y, state, every=1, back=6, cell="lstm")
    >>> (
    ...     np.allclose(short["layers.0.W"], full["layers.0.W"]),
    ...     np.allclose(whole["layers.0.W"], full["layers.0.W"]),
    ... )
    (False, True)
    """
    steps = len(x)
    masks, reset = options.pop("masks", None), options.pop("reset", None)
    entering = states_entering(params, x, state, masks=masks, reset=reset, **options)
    total, grads = 0.0, zeros_like_each(params)
    dstate = [zeros_like_each(entry) for entry in entering[0]]
    for start, first, end in chunks(steps, every, back):
        mean, leaving, dparams, dentering = loss_and_grads(
            params,
            x[start:end],
            y[start:end],
            entering[start],
            masks=part(masks, start, end),
            reset=None if reset is None else reset[start:end],
            skip=first - start,
            **options,
        )
        share = (end - first) / steps  # of the window's tokens
        total += share * mean
        for name, dparam in dparams.items():
            grads[name] += share * dparam
        if start == 0:
            for layer_total, layer_part in zip(dstate, dentering, strict=True):
                for name, da in layer_part.items():
                    layer_total[name] += share * da
    return total, leaving, grads, dstate
