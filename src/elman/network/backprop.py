"""Forward and backward over one window: embedding, stack, output, and back."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from elman.network.cells import State
from elman.network.inputs import Words
from elman.network.masks import drop_words
from elman.network.output import Output
from elman.network.penalties import penalise
from elman.network.rows import Rows
from elman.network.stack import Stack, StackTape
from elman.network.team import Team
from elman.network.truncation import Truncation
from elman.network.workspace import Workspace
from elman.typing import Floats, Ints, Params


class Network(NamedTuple):
    """The parts a pass runs through, and the memory it runs in."""

    stack: Stack
    output: Output
    params: Params
    space: Workspace


class Backprop(NamedTuple):
    """The result of one pass; the gradients are in the dictionary it was given."""

    nll: float  # summed over the counted tokens, in nats
    state: tuple[State, ...]  # (B, H) each: after the steps that were asked for
    dstate: tuple[State, ...]  # (B, H) each: derivative by the state that entered
    penalty: float = 0.0  # what the objective has beside `scale` times `nll`


def forward(
    net: Network,
    x: Ints,
    state: tuple[State, ...],
    *,
    rng: np.random.Generator | None = None,
    reset: NDArray[np.bool_] | None = None,
    live: NDArray[np.bool_] | None = None,
    team: Team | None = None,
) -> StackTape:
    """Run tokens x ``(T, B)`` through embedding and stack; `live` is True where a step counts."""
    E = net.params["embedding.E"]
    rows = None if reset is None and live is None else Rows(reset, live, E.dtype)
    words = Words(E, x, team=team, tied=net.output.tied)
    if rng is not None:
        words = drop_words(words, net.stack.regularisers, net.space, rng)
    return net.stack.forward(net.params, words, state, net.space, rng=rng, rows=rows)


def backprop(
    net: Network,
    x: Ints,
    y: Ints,
    state: tuple[State, ...],
    grads: Params,
    *,
    scale: float,
    rng: np.random.Generator | None = None,
    reset: NDArray[np.bool_] | None = None,
    live: NDArray[np.bool_] | None = None,
    skip: int = 0,
    state_after: int | None = None,
    team: Team | None = None,
    ready: Callable[[str], None] | None = None,
) -> Backprop:
    """Write into grads the gradient of `scale` times the summed loss from step `skip` on, and of penalties.

    With `live`, only the steps where it is True count. The state returned is that after `state_after` steps,
    or after all. With a team, rows, state, penalty and the gradients of the layers are the member's own; the
    loss is that of all members, and of embedding and output the gradients of the member's own classes are
    written. An output that does not share its classes has the loss and the gradient of the member's own rows.
    `ready` is told "output", where it has gradients of its own, and each layer, when these are all there.
    """
    tape = forward(net, x, state, rng=rng, reset=reset, live=live, team=team)
    if state_after == 0:  # the tape has it only after resets, which belong to the step that follows
        leaving = tuple(type(layer)(*(field.copy() for field in layer)) for layer in state)
    else:
        leaving = tape.states(len(x) if state_after is None else state_after)
    h = tape.inputs[-1]
    dh = net.space.take("output.dh", h.shape, h.dtype)
    nll = _loss(net, h, y, dh, grads, scale, skip, live, team, rng)
    if ready is not None:
        ready("output")
    added = penalise(net.stack.regularisers, tape, dh, scale, skip, live, net.space)
    dE, alone_and_tied = grads["embedding.E"], net.output.tied and team is None
    tape.inputs[0] = tape.inputs[0]._replace(dE=None if alone_and_tied else dE)
    by_words, dstate = net.stack.backward(net.params, tape, dh, net.space, grads, added.by_top, ready)
    if alone_and_tied:  # dE has what passes through the output already
        np.add(dE, by_words, out=dE)
    return Backprop(nll, leaving, dstate, added.value)


def _loss(
    net: Network, h: Floats, y: Ints, dh: Floats, grads: Params, scale: float, skip: int,
    live: NDArray[np.bool_] | None, team: Team | None, rng: np.random.Generator | None,
) -> float:  # fmt: skip
    """Write into dh and grads the derivatives of the loss of the steps that count; return that loss."""
    H = h.shape[-1]
    counted, targets, dcounted = h[skip:].reshape(-1, H), y[skip:].reshape(-1), dh[skip:].reshape(-1, H)
    dh[:skip] = 0.0
    nll_and_grads = net.space.clock.timed("softmax", net.output.nll_and_grads)
    assert live is None or team is None, "members of a team meet at rows of one length"
    if live is not None:
        inside = np.flatnonzero(live[skip:])
        if not len(inside):
            dh.fill(0.0)
            for name in (*net.output.shapes(), "embedding.E"):
                grads[name].fill(0.0)
            return 0.0
        dinside = np.empty((len(inside), H), h.dtype)
        nll = nll_and_grads(
            net.params, counted[inside], targets[inside], scale, net.space, grads, dinside, rng=rng
        )
        dcounted.fill(0.0)
        dcounted[inside] = dinside
        return nll
    if team is None or not net.output.shares:
        return nll_and_grads(net.params, counted, targets, scale, net.space, grads, dcounted, rng=rng)
    every, all_targets = team.gather(counted, targets)
    part = team.parts(len(every))
    nll = nll_and_grads(net.params, every, all_targets, scale, net.space, grads, part, rng=rng, team=team)
    team.scatter(dcounted)
    return nll


def truncated_backprop(
    net: Network,
    x: Ints,
    y: Ints,
    state: tuple[State, ...],
    grads: Params,
    truncation: Truncation,
    *,
    scale: float,
    rng: np.random.Generator | None = None,
    reset: NDArray[np.bool_] | None = None,
    live: NDArray[np.bool_] | None = None,
) -> Backprop:
    """Write into grads the sum of the gradients of the backward passes of `truncation`.

    Parameters are those of the call throughout; states are computed once, by the passes themselves.
    The derivative by the state that entered sums the passes that reach it.
    """
    reaches = list(truncation.reaches(len(x)))
    part = {name: np.empty_like(grad) for name, grad in grads.items()}
    dstate = tuple(type(layer)(*map(np.zeros_like, layer)) for layer in state)
    nll, penalty, entering = 0.0, 0.0, state
    for reach, following in zip(reaches, [*reaches[1:], None], strict=True):
        steps = slice(reach.start, reach.stop)
        done = backprop(
            net,
            x[steps],
            y[steps],
            entering,
            part if reach.counted else grads,
            scale=scale,
            rng=rng,
            reset=None if reset is None else reset[steps],
            live=None if live is None else live[steps],
            skip=reach.counted - reach.start,
            state_after=(following.start if following else reach.stop) - reach.start,
        )
        nll, penalty, entering = nll + done.nll, penalty + done.penalty, done.state
        if reach.counted:
            for name, grad in grads.items():
                np.add(grad, part[name], out=grad)
        if reach.start == 0:
            for total, more in zip(dstate, done.dstate, strict=True):
                for field, addend in zip(total, more, strict=True):
                    np.add(field, addend, out=field)
    return Backprop(nll, entering, dstate, penalty)
