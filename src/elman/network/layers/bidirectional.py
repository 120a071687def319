"""Two layers side by side, one each way."""

from __future__ import annotations

import copyreg
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, TypeVar

import numpy as np

from elman.network.cells import Cell, State
from elman.network.inputs import Words
from elman.network.layers.layer import Layer
from elman.network.layers.reverse import Reverse, ReverseTape
from elman.network.rows import Rows
from elman.network.tape import Tape
from elman.network.workspace import Workspace
from elman.typing import Floats, Params

Fields = TypeVar("Fields", bound=tuple[Any, ...])


class BidirectionalTape(NamedTuple):
    """What both ways leave."""

    ahead: Tape
    back: ReverseTape
    h: Floats  # (T, B, 2 width): that of the way ahead, then that of the way back

    @property
    def nbytes(self) -> int:
        """Bytes that grow with the window."""
        return self.ahead.nbytes + self.back.nbytes + self.h.nbytes

    @property
    def states(self) -> State:
        """The state leaving each step, ``(T, B, ...)`` each: of the way ahead, then of the way back."""
        return _side_by_side(self.ahead.states, self.back.states)

    def leaving(self, step: int) -> State:
        """Return copies of the states after the whole window: that of the last step, and of the first."""
        return _side_by_side(self.ahead.leaving(step), self.back.leaving(step))


@dataclass(frozen=True)
class Bidirectional:
    """Two layers over the same inputs, one each way; the output is both outputs side by side.

    Parameters
    ----------
    ahead : Layer
        From the first step to the last.
    back : Reverse
        From the last to the first.

    References
    ----------
    Schuster, M. & Paliwal, K. K. (1997). Bidirectional recurrent neural networks. *IEEE Transactions on
    Signal Processing* 45, 2673-2681.
    """

    ahead: Layer
    back: Reverse

    @property
    def name(self) -> str:
        """Prefix of its parameters."""
        return self.ahead.name

    @property
    def cell(self) -> Cell:
        """The recurrence of the way ahead."""
        return self.ahead.cell

    @property
    def inputs(self) -> int:
        """Input width, ``D``."""
        return self.ahead.inputs

    @property
    def hidden(self) -> int:
        """Hidden width of each way, ``H``."""
        return self.ahead.hidden

    @property
    def dtype(self) -> np.dtype[Any]:
        """float32 or float64."""
        return self.ahead.dtype

    @property
    def width(self) -> int:
        """Width of the output."""
        return self.ahead.width + self.back.width

    @property
    def direction(self) -> str:
        """The way over a sequence: one of `DIRECTIONS`."""
        return "bidirectional"

    @property
    def firsts(self) -> tuple[str | None, ...]:
        """Names of the parameters that rows begin from; None where that is zeros."""
        return *self.ahead.firsts, *self.back.firsts

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the name and shape of each parameter."""
        return {**self.ahead.shapes(), **self.back.shapes()}

    @cached_property
    def state_widths(self) -> Any:
        """The state's NamedTuple, with the width of each field in its place."""
        return _side_by_side(self.ahead.state_widths, self.back.state_widths)

    def state_shapes(self, batch: int) -> Any:
        """Return the state's NamedTuple, with the shape of each field in its place."""
        return _side_by_side(self.ahead.state_shapes(batch), self.back.state_shapes(batch))

    def initial_state(self, batch: int) -> State:
        """Return zeros for each state of both ways."""
        return _side_by_side(self.ahead.initial_state(batch), self.back.initial_state(batch))

    def forward(
        self, params: Params, x: Floats | Words, state: State, space: Workspace, rows: Rows | None = None,
        *, lengths: Any = None, rng: np.random.Generator | None = None,
    ) -> BidirectionalTape:  # fmt: skip
        """Run over a window; see :meth:`elman.network.layers.Layer.forward`."""
        half = len(state) // 2
        if lengths is not None:
            rows = Rows.of_lengths(lengths, x.shape, self.dtype)
        ahead = self.ahead.forward(params, x, state[:half], space, rows, rng=rng)
        back = self.back.forward(params, x, state[half:], space, rows, rng=rng)
        h = space.take(f"{self.name}.both.h", (*ahead.h.shape[:2], self.width), self.dtype)
        np.concatenate([ahead.h, back.h], axis=2, out=h)
        return BidirectionalTape(ahead, back, h)

    def backward(
        self, params: Params, x: Floats | Words, tape: BidirectionalTape, dh: Floats, space: Workspace,
        grads: Params, rows: Rows | None = None, dstate: State | None = None, *, lengths: Any = None,
    ) -> tuple[Floats, State]:  # fmt: skip
        """Go back over a window; see :meth:`elman.network.layers.Layer.backward`."""
        if lengths is not None:
            rows = Rows.of_lengths(lengths, x.shape, self.dtype)
        cut, half = self.ahead.width, len(tape.ahead.states)
        parts = []
        for way, part in (("ahead", dh[..., :cut]), ("back", dh[..., cut:])):
            parts.append(space.take(f"{self.name}.both.{way}", part.shape, dh.dtype))
            np.copyto(parts[-1], part)
        after, before = (None, None) if dstate is None else (dstate[:half], dstate[half:])
        dx, d = self.ahead.backward(params, x, tape.ahead, parts[0], space, grads, rows, after)
        # With a team the derivatives by words go to one place: those of the way back are added there.
        again = x
        if isinstance(x, Words):
            again = x._replace(dE=x.dE if x.team else None, tied=True, more=None)
        more, d_back = self.back.backward(params, again, tape.back, parts[1], space, grads, rows, before)
        if more is not dx:
            np.add(dx, more, out=dx)
        return dx, _side_by_side(d, d_back)


_BOTH: dict[Any, Any] = {}


def both_ways(kind: Any) -> Any:
    """Return the NamedTuple of the states of both ways: the fields of `kind`, and ``h_reverse`` and so on."""
    if kind not in _BOTH:  # made once, so that states of different calls are of one type
        fields = [*kind._fields, *(f"{name}_reverse" for name in kind._fields)]
        _BOTH[kind] = NamedTuple(f"Both{kind.__name__}", [(name, Any) for name in fields])
        # pickle finds no class that is in no module: it is made anew, from the kind.
        copyreg.pickle(_BOTH[kind], lambda state: (_both, (kind, *state)))
    return _BOTH[kind]


def _side_by_side(ahead: Fields, back: Fields) -> Fields:
    """Return what belongs to the states of each way as one NamedTuple."""
    both: Fields = both_ways(type(ahead))(*ahead, *back)
    return both


def _both(kind: Any, *fields: Floats) -> State:
    """Return a state of both ways, as a copy or a pickle of it is made."""
    state: State = both_ways(kind)(*fields)
    return state
