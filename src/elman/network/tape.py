"""The memory of one layer over a window: what the forward pass leaves for the backward one, cut in steps."""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

import numpy as np

from elman.network.cells import Cell, ScanCell, State
from elman.network.panels import Panels, new_panels, operand
from elman.network.workspace import Workspace
from elman.typing import Floats

CHUNK_BYTES = 2**18
"""Bytes of gates whose slopes are computed at once: with states and scratch they stay in a core's cache."""


# A plain tuple: Python takes a NamedTuple apart five times as slowly, as measured, and there is one a step.
Step: TypeAlias = tuple[
    Floats,  # a: (G, B, H) pre-activations, then gates, then their derivatives
    State,  # prev: (B, H) each
    State,  # new: (B, H) each
    Floats,  # keep: (keeps, B, H)
    Floats,  # work: (scratch, B, H)
    # Operands of products with panels:
    Floats,  # h: what the recurrent product reads
    Floats,  # da: of a, the blocks whose products are of h and not gated
    Floats | None,  # k: keep[0], the derivative by the gated product, or what the staged one reads
    Floats | None,  # dn: of a, the last block, if its product is staged
]
"""The slices of one time step, as a cell sees them."""


class Chunk(NamedTuple):
    """Steps that follow one another, and the slices of them all."""

    a: Floats  # (G, n, B, H)
    prev: State  # (n, B, H) each
    new: State  # (n, B, H) each
    keep: Floats  # (keeps, n, B, H)
    work: Floats  # (scratch, n, B, H)
    first: int
    steps: list[Step]


class ScanChunk(NamedTuple):
    """Steps that follow one another, of a layer without recurrent products."""

    a: Floats  # (G, n, B, H)
    prev: State  # (n, B, H) each
    new: State  # (n, B, H) each
    keep: Floats  # (keeps, n, B, H)
    work: Floats  # (scratch, n, B, H)
    first: int
    steps: list[tuple[Floats, State, State, Floats]]  # a, prev, new, work of each step
    lines: list[tuple[Floats, Floats, Floats, Floats]]  # a[-1], work[0], the carried state before and after


class Tape(NamedTuple):
    """What a forward pass leaves; memory of a workspace."""

    a: Floats  # (G, T, B, H)
    keep: Floats  # (keeps, T, B, H)
    before: State  # (T, B, H) each: the state entering each step
    after: State  # (T, B, H) each: the state that the cell made at each step
    read: Floats  # (T, B, width): what the recurrent product of each step reads
    h: Floats  # (T, B, width): the output, zero where a step does not count
    states: State  # (T, B, width or H) each: the state leaving each step, for those outside the layer
    made: State  # (T, B, width or H) each: what those of a step are before zoneout, likewise
    entered: State  # (T, B, width or H) each: the state entering each step, likewise
    first: State  # (B, width or H) each: the state entering the window, likewise
    r: Floats  # (G, B, H) recurrent products of one step
    W: Panels  # recurrent weights, multiplied into r
    chunks: list[Chunk]
    scans: tuple[ScanChunk, ...] = ()  # in place of chunks, of a layer without recurrent products
    zones: tuple[Any, ...] = ()  # what zoneout holds (elman.network.zoneout)

    @property
    def nbytes(self) -> int:
        """Bytes that grow with the window: gates, kept blocks and states."""
        states = {id(field): field.nbytes for field in (*self.after, *self.made, *self.states)}
        return self.a.nbytes + self.keep.nbytes + sum(states.values())

    def entering(self, t: int) -> State:
        """Return the state that enters step t, as those outside the layer see it: views."""
        # From a list: Python keeps the memory of tuples that it shortened, as it does those of a generator.
        return tuple([field[t] for field in self.entered])

    def left(self, t: int) -> State:
        """Return the state that the step before t left; before the first, that which enters it: views."""
        return tuple([field[t - 1] for field in self.states]) if t else self.first

    def leaving(self, step: int) -> State:
        """Return copies of the state after that many steps, 1 or more."""
        state: State = type(self.states)(*[field[step - 1].copy() for field in self.states])
        return state


def new_tape(
    cell: Cell, T: int, B: int, H: int, dtype: np.dtype[Any], space: Workspace, name: str, *, split: bool,
    projection: int | None = None, held: tuple[bool, ...] = (),
) -> Tape:  # fmt: skip
    """Lay out the memory of a layer for windows of T steps and B rows.

    Parameters
    ----------
    cell : Cell
        Says how many blocks it needs.
    T, B, H : int
        Steps, rows, hidden width.
    dtype : numpy.dtype
        float32 or float64.
    space : Workspace
        Where the memory is taken, under names that begin with `name`.
    name : str
        Of the layer.
    split : bool
        Whether rows may be reset: they then enter a step with another state than they left the last one with.
    projection : int, optional
        Width of what is read and given out in place of the hidden state, P.
    held : tuple of bool, optional
        Which states zoneout may hold, so that they leave a step as others than were made; none by default.
    """

    def take(block: str, *shape: int) -> Floats:
        return space.take(f"{name}.{block}", shape, dtype)

    fields = len(cell.state_type._fields)
    a, keep = take("a", cell.gates, T, B, H), take("keep", cell.keeps, T, B, H)
    blocks = take("states", fields, T + 1, B, H)
    before = cell.state_type(*(take("entering", fields, T, B, H) if split else blocks[:, :T]))
    after = cell.state_type(*blocks[:, 1:])
    read, states = before[0], after
    if projection is not None:
        shorts = take("projected", T + 1, B, projection)
        read = take("projected entering", T, B, projection) if split else shorts[:T]
        states = cell.state_type(shorts[1:], *after[1:])
    made = states
    if any(held):
        pairs = enumerate(zip(states, held, strict=True))
        made = cell.state_type(*(take(f"made.{i}", *f.shape) if apart else f for i, (f, apart) in pairs))
        after = cell.state_type(made[0] if projection is None else after[0], *made[1:])
    n = max(1, min(T, CHUNK_BYTES // a[:, 0].nbytes))
    work = take("work", cell.scratch, n, B, H)
    r = take("r", cell.gates, B, H)
    plain, chunks = cell.gates - (cell.gated or cell.staged), []
    lone = cell.lone and projection is None
    width = read.shape[-1]
    for first in range(0, T, n):
        part = slice(first, min(first + n, T))
        some = work[:, : part.stop - first]
        state_before, state_after = (cell.state_type(*(f[part] for f in s)) for s in (before, after))
        steps: list[Step] = [
            (
                a[:, t],
                cell.state_type(*(f[t] for f in before)),
                cell.state_type(*(f[t] for f in after)),
                keep[:, t],
                work[:, t - first],
                operand(read[t], H, lone=lone),
                operand(a[:plain, t], width, lone=lone),
                operand(keep[0, t], H) if cell.gated or cell.staged else None,
                operand(a[-1, t], H) if cell.staged else None,
            )
            for t in range(part.start, part.stop)
        ]
        chunks.append(Chunk(a[:, part], state_before, state_after, keep[:, part], some, first, steps))
    W = new_panels(space, width, r, lone=lone)
    entered = cell.state_type(read, *before[1:])
    entering = cell.state_type(*[field[0] for field in entered])
    return Tape(a, keep, before, after, read, states[0], states, made, entered, entering, r, W, chunks)


def new_scan_tape(
    cell: ScanCell, T: int, B: int, H: int, dtype: np.dtype[Any], space: Workspace, name: str, *, split: bool
) -> Tape:  # fmt: skip
    """Lay out the memory of a layer without recurrent products; the parameters are those of :func:`new_tape`.

    What is kept lies behind the gates in one block, ``{name}.a``: the input products of both are one call.
    """

    def take(block: str, *shape: int) -> Floats:
        return space.take(f"{name}.{block}", shape, dtype)

    fields, place = len(cell.state_type._fields), cell.place
    both = take("a", cell.gates + cell.keeps, T, B, H)
    a, keep = both[: cell.gates], both[cell.gates :]
    blocks = take("states", fields, T + 1, B, H)
    before = cell.state_type(*(take("entering", fields, T, B, H) if split else blocks[:, :T]))
    after = cell.state_type(*blocks[:, 1:])
    n = max(1, min(T, CHUNK_BYTES // both[:, 0].nbytes))
    work, scans = take("work", cell.scratch, n, B, H), []
    for first in range(0, T, n):
        part = slice(first, min(first + n, T))
        some = work[:, : part.stop - first]
        prev, new = (cell.state_type(*(f[part] for f in s)) for s in (before, after))
        steps, lines = [], []
        for t in range(part.start, part.stop):
            one, entering, leaving = (
                work[:, t - first], *(cell.state_type(*(f[t] for f in s)) for s in (before, after)),
            )  # fmt: skip
            steps.append((a[:, t], entering, leaving, one))
            lines.append((a[-1, t], one[0], entering[place], leaving[place]))
        scans.append(ScanChunk(a[:, part], prev, new, keep[:, part], some, first, steps, lines))
    first_state = cell.state_type(*[field[0] for field in before])
    nothing = Panels((), (), False)
    return Tape(
        a, keep, before, after, before[place], after[0], after, after, before, first_state, a[:0, 0], nothing,
        [], tuple(scans),
    )  # fmt: skip
