"""Layers in depth, with dropout on the output of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from elman.network.cells import State
from elman.network.functional import dropout_mask
from elman.network.inputs import Words
from elman.network.layer import Layer
from elman.network.tape import Tape
from elman.network.workspace import Workspace
from elman.typing import Floats, Params


class StackTape(NamedTuple):
    """What the forward pass leaves for the backward pass."""

    inputs: list[Any]  # (T, B, D or H) or Words: the input of each layer, then the output of the stack
    tapes: list[Tape]
    masks: list[Floats | None]  # (T, B, H): the dropout mask on the output of each layer
    keep_rows: Floats | None  # (T, B, 1)

    def states(self, step: int) -> tuple[State, ...]:
        """Return copies of the states after that many steps, 1 or more; ``(B, H)`` each."""
        return tuple(
            type(tape.after)(*(field[step - 1].copy() for field in tape.after)) for tape in self.tapes
        )


@dataclass(frozen=True)
class Stack:
    """Recurrent layers, the output of each the input of the next.

    Parameters
    ----------
    layers : tuple of Layer
        From the input upwards.
    dropout : float
        Rate of inverted dropout on the output of every layer, the last included, as in Zaremba et al.
        (2014), arXiv:1409.2329; the recurrent connections are left alone. It acts only where a generator
        is given.
    """

    layers: tuple[Layer, ...]
    dropout: float = 0.0

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
        keep_rows: Floats | None = None,
    ) -> StackTape:
        """Run x ``(T, B, D)`` through all layers; ``inputs[-1]`` of the result is the output."""
        inputs: list[Any] = [x]
        tapes, masks = [], []
        for layer, entering in zip(self.layers, state, strict=True):
            tape = layer.forward(params, inputs[-1], entering, space, keep_rows)
            h, mask = tape.after[0], None
            if rng is not None and self.dropout > 0.0:
                mask = space.take(f"{layer.name}.mask", h.shape, h.dtype)
                dropout_mask(mask, self.dropout, rng)
                h = np.multiply(h, mask, out=space.take(f"{layer.name}.dropped", h.shape, h.dtype))
            inputs.append(h)
            tapes.append(tape)
            masks.append(mask)
        return StackTape(inputs, tapes, masks, keep_rows)

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
                params, tape.inputs[index], tape.tapes[index], dh, space, grads, tape.keep_rows
            )
            dstates.append(dstate)
        return dh, tuple(reversed(dstates))
