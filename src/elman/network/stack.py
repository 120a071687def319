"""Layers in depth, with dropout on the output of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from elman.errors import ConfigError
from elman.network.cells import Cell, State
from elman.network.functional import dropout_mask
from elman.network.inputs import Words
from elman.network.layers import AnyLayer, new_layer
from elman.network.rows import Rows
from elman.network.workspace import Workspace
from elman.typing import Floats, Params


class StackTape(NamedTuple):
    """What the forward pass leaves for the backward pass."""

    inputs: list[Any]  # (T, B, width) or Words: the input of each layer, then the output of the stack
    tapes: list[Any]  # a tape of each layer
    masks: list[Floats | None]  # (T, B, width): the dropout mask on the output of each layer
    rows: Rows | None

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
    dropout : float
        Rate of inverted dropout on the output of every layer, the last included, as in Zaremba et al.
        (2014), arXiv:1409.2329; the recurrent connections are left alone. It acts only where a generator
        is given.
    """

    layers: tuple[AnyLayer, ...]
    dropout: float = 0.0

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

    def initial_state(self, batch: int) -> tuple[State, ...]:
        """Return zeros for every layer, ``(B, H)`` each."""
        return tuple(layer.initial_state(batch) for layer in self.layers)

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
        inputs: list[Any] = [x]
        tapes, masks = [], []
        for layer, entering in zip(self.layers, state, strict=True):
            tape = layer.forward(params, inputs[-1], entering, space, rows)
            h, mask = tape.h, None
            if rng is not None and self.dropout > 0.0:
                mask = space.take(f"{layer.name}.mask", h.shape, h.dtype)
                dropout_mask(mask, self.dropout, rng)
                h = np.multiply(h, mask, out=space.take(f"{layer.name}.dropped", h.shape, h.dtype))
            inputs.append(h)
            tapes.append(tape)
            masks.append(mask)
        return StackTape(inputs, tapes, masks, rows)

    def backward(
        self, params: Params, tape: StackTape, dh: Floats, space: Workspace, grads: Params
    ) -> tuple[Floats, tuple[State, ...]]:
        """Go back from dh ``(T, B, H)``; return the derivatives by the input and by the initial state.

        That by the input is ``(T, B, D)``, or ``(K, D)`` of words. dh is used up.
        """
        dstates: list[State] = []
        for index in reversed(range(len(self.layers))):
            mask = tape.masks[index]
            if mask is not None:
                np.multiply(dh, mask, out=dh)
            dh, dstate = self.layers[index].backward(
                params, tape.inputs[index], tape.tapes[index], dh, space, grads, tape.rows
            )
            dstates.append(dstate)
        return dh, tuple(reversed(dstates))


def new_stack(
    cell: Cell, inputs: int, hidden: Sequence[int], dtype: np.dtype[Any], *, dropout: float = 0.0,
    projection: int | None = None, direction: str = "forward",
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
    dropout : float
        As of the stack.
    projection : int, optional
        Width of the output of every layer, where it is not H.
    direction : str
        That of all layers, or one for each, joined by commas.

    Raises
    ------
    ConfigError
        If there is no such direction, another number of them than of layers, or the cell cannot be
        projected.
    """
    ways = [way.strip() for way in direction.split(",")]
    if len(ways) == 1:
        ways *= len(hidden)
    if len(ways) != len(hidden):
        raise ConfigError(
            f"direction {direction!r} names {len(ways)} layers of {len(hidden)}: "
            "give one for all, or one for each"
        )
    made: list[AnyLayer] = []
    for i, (way, width) in enumerate(zip(ways, hidden, strict=True)):
        D = made[-1].width if made else inputs
        layer = new_layer(f"layers.{i}", cell, D, width, dtype, projection=projection, direction=way)
        made.append(layer)
    return Stack(tuple(made), dropout)
