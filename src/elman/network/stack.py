"""Layers in depth, with what is dropped on the way up, and connections past them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from elman.errors import ConfigError
from elman.network.cells import Cell, State
from elman.network.connections import Connection, JoinTape, connections_of
from elman.network.inputs import Words
from elman.network.layers import AnyLayer, new_layer
from elman.network.masks import Dropped, drop_weights, output_mask, recurrent_weights
from elman.network.regularisers import Regularisers
from elman.network.rows import Rows
from elman.network.workspace import Workspace
from elman.typing import Floats, Params


class StackTape(NamedTuple):
    """What the forward pass leaves for the backward pass."""

    inputs: list[Any]  # (T, B, width) or Words: the input of each layer, then the output of the stack
    tapes: list[Any]  # a tape of each layer
    dropped: list[Dropped | None]  # the recurrent weights of each layer, where some are zero
    masks: list[Floats | None]  # (T or 1, B, width): the dropout mask on the output of each layer
    rows: Rows | None
    top: Floats  # (T, B, width): the output of the last layer before dropout
    joins: list[JoinTape | None]  # what the connection of each layer leaves

    def states(self, step: int) -> tuple[State, ...]:
        """Return copies of the states after that many steps, 1 or more; ``(B, H)`` each."""
        return tuple([tape.leaving(step) for tape in self.tapes])


@dataclass(frozen=True)
class Stack:
    """Recurrent layers, the output of each the input of the next.

    Parameters
    ----------
    layers : tuple of Layer, Reverse or Bidirectional
        From the input upwards.
    regularisers : Regularisers
        What is dropped where a generator is given; zoneout is the layers' own.
    joints : tuple of Connection or None
        What joins each layer's input to its output, after dropout; none, if not given.
    """

    layers: tuple[AnyLayer, ...]
    regularisers: Regularisers = field(default_factory=Regularisers)
    joints: tuple[Connection | None, ...] = ()

    def __post_init__(self) -> None:
        if not self.joints:
            object.__setattr__(self, "joints", (None,) * len(self.layers))

    @property
    def dropout(self) -> float:
        """Rate of dropout on the output of the last layer."""
        return self.regularisers.dropout

    @property
    def width(self) -> int:
        """Width of the output."""
        return self.layers[-1].width

    @property
    def directions(self) -> tuple[str, ...]:
        """The way over a sequence of each layer."""
        return tuple(layer.direction for layer in self.layers)

    @cached_property
    def forwards(self) -> bool:
        """Whether a step sees the steps before it alone, so that a stream can be continued."""
        return set(self.directions) == {"forward"}

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the name and shape of each parameter."""
        shapes = {}
        for layer, joint in zip(self.layers, self.joints, strict=True):
            shapes.update(layer.shapes())
            if joint is not None:
                shapes.update(joint.shapes())
        return shapes

    def initial_state(self, batch: int, params: Params | None = None) -> tuple[State, ...]:
        """Return what rows begin from, ``(B, H)`` each: zeros, or what is learnt, if there is such."""
        state = tuple(layer.initial_state(batch) for layer in self.layers)
        for layer, fields in zip(self.layers, state, strict=True):
            for array, name in zip(fields, layer.firsts, strict=True):
                if name is not None and params is not None:
                    np.copyto(array, params[name])
        return state

    def forward(
        self,
        params: Params,
        x: Floats | Words,
        state: tuple[State, ...],
        space: Workspace,
        *,
        rng: np.random.Generator | None = None,
        rows: Rows | None = None,
    ) -> StackTape:
        """Run x ``(T, B, D)`` through all layers; ``inputs[-1]`` of the result is the output."""
        given, last = self.regularisers, len(self.layers)
        inputs: list[Any] = [x]
        tapes: list[Any] = []
        dropped: list[Dropped | None] = []
        masks: list[Floats | None] = []
        joins: list[JoinTape | None] = []
        for index, (layer, joint, entering) in enumerate(zip(self.layers, self.joints, state, strict=True)):
            weights, mask = None, None
            if rng is not None and given.dropout_weights > 0.0:
                weights = drop_weights(layer, params, given.dropout_weights, space, rng)
            used = params if weights is None else weights.params
            tape = layer.forward(used, inputs[-1], entering, space, rows, rng=rng)
            h, rate = tape.h, given.on_output(index, of=last)
            if rng is not None and rate > 0.0:
                mask = output_mask(layer, h.shape, rate, space, rng, variational=given.variational)
                h = np.multiply(h, mask, out=space.take(f"{layer.name}.dropped", h.shape, h.dtype))
            joined = None if joint is None else joint.forward(params, inputs[-1], h, space, rows)
            inputs.append(h if joined is None else joined.y)
            tapes.append(tape)
            dropped.append(weights)
            masks.append(mask)
            joins.append(joined)
        return StackTape(inputs, tapes, dropped, masks, rows, tapes[-1].h, joins)

    def backward(
        self, params: Params, tape: StackTape, dh: Floats, space: Workspace, grads: Params,
        by_top: Callable[[Floats], None] | None = None, ready: Callable[[str], None] | None = None,
    ) -> tuple[Floats, tuple[State, ...]]:  # fmt: skip
        """Go back from dh ``(T, B, H)``; return the derivatives by the input and by the initial state.

        That by the input is ``(T, B, D)``, or ``(K, D)`` of words. dh is used up. `by_top` adds to an array
        the derivative by the output of the last layer before dropout, where something else depends on that.
        `ready` is told the name of each layer whose gradients are all there.
        """
        dstates: list[State] = []
        for index in reversed(range(len(self.layers))):
            layer, joint, joined = self.layers[index], self.joints[index], tape.joins[index]
            x, mask, dropped = tape.inputs[index], tape.masks[index], tape.dropped[index]
            past, own, last = None, dh, index == len(self.layers) - 1
            if joint is not None and joined is not None:
                dh, past = joint.backward(params, joined, dh, space, grads, tape.rows)
                own = space.take(
                    f"{layer.name}.joined.own", dh.shape, dh.dtype
                )  # dh may go past the layer too
                if isinstance(x, Words):
                    x = x._replace(more=past)
            if mask is not None:
                dh = np.multiply(dh, mask, out=own)
            elif by_top is not None and last and dh is past:
                np.copyto(own, dh)
                dh = own
            if by_top is not None and last:
                by_top(dh)
            used = params if dropped is None else dropped.params
            dh, dstate = layer.backward(used, x, tape.tapes[index], dh, space, grads, tape.rows)
            if past is not None and not isinstance(x, Words):
                np.add(dh, past, out=dh)
            if dropped is not None:
                dropped.complete(grads)
            if ready is not None:
                ready(layer.name)
            dstates.append(dstate)
        return dh, tuple(reversed(dstates))


def new_stack(
    cell: Cell, inputs: int, hidden: Sequence[int], dtype: np.dtype[Any], *,
    regularisers: Regularisers | None = None, projection: int | None = None, direction: str = "forward",
    layer_norm: bool = False, connections: str = "none", learn_state: bool = False,
) -> Stack:  # fmt: skip
    """Return a stack of layers of one cell.

    Parameters
    ----------
    cell : Cell
        The recurrence.
    inputs : int
        Width of the inputs, D.
    hidden : sequence of int
        Width of each layer, H.
    dtype : numpy.dtype
        float32 or float64.
    regularisers : Regularisers, optional
        As of the stack; the rates of zoneout go to its layers. Without it there are none.
    projection : int, optional
        Width of the output of every layer, where it is not H.
    direction : str
        That of all layers, or one for each, joined by commas.
    connections : str
        ``none``, ``residual`` or ``highway``, over every layer that is as wide as its input.
    learn_state : bool
        Whether rows begin anew from learnt parameters rather than zeros.
    layer_norm : bool
        Whether products are normalised, and memory cells.

    Raises
    ------
    ConfigError
        If there is no such direction, another number of them than of layers, the cell cannot be
        projected, a rate is of something that the layers have not, or there is nothing to connect.
    """
    ways = [way.strip() for way in direction.split(",")]
    if len(ways) == 1:
        ways *= len(hidden)
    if len(ways) != len(hidden):
        raise ConfigError(
            f"direction {direction!r} names {len(ways)} layers of {len(hidden)}: "
            "give one for all, or one for each"
        )
    given = regularisers or Regularisers()
    made: list[AnyLayer] = []
    for i, (way, width) in enumerate(zip(ways, hidden, strict=True)):
        D = made[-1].width if made else inputs
        layer = new_layer(
            f"layers.{i}", cell, D, width, dtype, projection=projection, direction=way,
            zoneout=given.zoneout, zoneout_cell=given.zoneout_cell, layer_norm=layer_norm,
            learn_state=learn_state,
        )  # fmt: skip
        if given.dropout_weights and not recurrent_weights(layer):
            raise ConfigError(
                f"dropout_weights ({given.dropout_weights}) has no effect with cell {cell.name}: it has no W"
            )
        made.append(layer)
    return Stack(tuple(made), given, connections_of(connections, made))
