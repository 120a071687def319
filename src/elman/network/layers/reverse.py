"""A layer that goes from the last step to the first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from elman.errors import ConfigError
from elman.network.cells import Cell, State
from elman.network.inputs import Words
from elman.network.layers.layer import Layer
from elman.network.rows import Rows
from elman.network.tape import Tape
from elman.network.workspace import Workspace
from elman.typing import Floats, Params


class ReverseTape(NamedTuple):
    """What a way back leaves."""

    inner: Tape  # its first step is the last of the window
    x: Floats | Words  # (T, B, D): the last step first
    rows: Rows | None
    h: Floats  # (T, B, width): each output at its own step

    @property
    def nbytes(self) -> int:
        """Bytes that grow with the window."""
        return self.inner.nbytes + self.h.nbytes

    @property
    def states(self) -> State:
        """The state leaving each step, ``(T, B, ...)`` each; that of the last step comes first."""
        return self.inner.states

    def leaving(self, step: int) -> State:
        """Return copies of the state after the whole window: that of its first step."""
        if step != len(self.h):
            raise ConfigError("a layer in reverse has read every step or none: take the state after all")
        return self.inner.leaving(step)


@dataclass(frozen=True)
class Reverse:
    """A layer that reads the window from its last step to its first.

    Each output stands at its own step. A row that is shorter than the window begins at its own last step:
    steps that do not count change no state, and so it does not matter that they come first.

    Parameters
    ----------
    layer : Layer
        What is run.
    """

    layer: Layer

    @property
    def name(self) -> str:
        """Prefix of its parameters."""
        return self.layer.name

    @property
    def cell(self) -> Cell:
        """The recurrence."""
        return self.layer.cell

    @property
    def inputs(self) -> int:
        """Input width, ``D``."""
        return self.layer.inputs

    @property
    def hidden(self) -> int:
        """Hidden width, ``H``."""
        return self.layer.hidden

    @property
    def dtype(self) -> np.dtype[Any]:
        """float32 or float64."""
        return self.layer.dtype

    @property
    def width(self) -> int:
        """Width of the output."""
        return self.layer.width

    @property
    def direction(self) -> str:
        """The way over a sequence: one of `DIRECTIONS`."""
        return "reverse"

    @property
    def firsts(self) -> tuple[str | None, ...]:
        """Names of the parameters that rows begin from; None where that is zeros."""
        return self.layer.firsts

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the name and shape of each parameter."""
        return self.layer.shapes()

    @property
    def state_widths(self) -> Any:
        """The state's NamedTuple, with the width of each field in its place."""
        return self.layer.state_widths

    def state_shapes(self, batch: int) -> Any:
        """Return the state's NamedTuple, with the shape of each field in its place."""
        return self.layer.state_shapes(batch)

    def initial_state(self, batch: int) -> State:
        """Return zeros for each state of the cell."""
        return self.layer.initial_state(batch)

    def forward(
        self, params: Params, x: Floats | Words, state: State, space: Workspace, rows: Rows | None = None,
        *, lengths: Any = None, rng: np.random.Generator | None = None,
    ) -> ReverseTape:  # fmt: skip
        """Run over a window; see :meth:`elman.network.layers.Layer.forward`."""
        name = f"{self.name}.turned"
        if lengths is not None:
            rows = Rows.of_lengths(lengths, x.shape, self.dtype)
        if isinstance(x, Words):
            turned: Floats | Words = x.reversed()
        else:
            turned = _turned(x, space, f"{name}.x")
        back = None if rows is None else rows.reversed()
        inner = self.layer.forward(params, turned, state, space, back, rng=rng)
        return ReverseTape(inner, turned, back, _turned(inner.h, space, f"{name}.h"))

    def backward(
        self, params: Params, x: Floats | Words, tape: ReverseTape, dh: Floats, space: Workspace,
        grads: Params, rows: Rows | None = None, dstate: State | None = None, *, lengths: Any = None,
    ) -> tuple[Floats, State]:  # fmt: skip
        """Go back over a window; see :meth:`elman.network.layers.Layer.backward`."""
        name, turned = f"{self.name}.turned", tape.x
        if isinstance(turned, Words) and isinstance(x, Words):
            more = None if x.more is None else _turned(x.more, space, f"{name}.more")
            turned = turned._replace(dE=x.dE, tied=x.tied, more=more)
        dx, d = self.layer.backward(
            params, turned, tape.inner, _turned(dh, space, f"{name}.dh"), space, grads, tape.rows, dstate
        )
        return dx if isinstance(x, Words) else _turned(dx, space, f"{name}.dx"), d


def _turned(array: Floats, space: Workspace, name: str) -> Floats:
    """Return a copy ``(T, ...)`` that begins with the last step; memory of the workspace."""
    copy = space.take(name, array.shape, array.dtype)
    np.copyto(copy, array[::-1])
    return copy
