"""A layer without recurrent products: gates of many steps at once, and a loop of two small operations."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import numpy as np

from elman.network.cells import ScanCell, State
from elman.network.inputs import Projection, Words
from elman.network.layers.layer import Layer
from elman.network.panels import Pairs
from elman.network.rows import Rows
from elman.network.tape import ScanChunk, Tape, new_scan_tape
from elman.network.workspace import Workspace
from elman.typing import Floats, Params


class ScanLayer(Layer):
    """A layer around a :class:`~elman.network.cells.ScanCell`, whose units hear of themselves alone.

    There is no ``W``. All products are of the whole window; the loop over time is elementwise, and works
    through the window in chunks of steps that a core's cache holds: the gates of a chunk, its steps, its
    outputs, and then the next.
    """

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the name and shape of each parameter."""
        shapes = super().shapes()
        del shapes[f"{self.name}.W"]
        if self._scan.skip and not self.echoes:
            shapes[f"{self.name}.U_skip"] = (self.inputs, self.hidden)
        return shapes

    @property
    def blocks(self) -> int:
        """How many blocks the input makes: the gates, and what a cell reads of the input beside them."""
        return self.cell.gates + self._scan.skip

    @property
    def firsts(self) -> tuple[str | None, ...]:
        """Names of the parameters that rows begin from: of the state that is carried."""
        fields = self.cell.state_type._fields
        return tuple(f"{self.name}.{f}0" if self.learnt and f == self._scan.carried else None for f in fields)

    @property
    def echoes(self) -> bool:
        """Whether the output reads the input itself, which is as wide as it."""
        return self._scan.skip and self.inputs == self.hidden

    def scaled(self, params: Params) -> tuple[Floats, Floats, Floats]:
        """Return copies of U and b, the blocks of sigmoid gates halved, that of a skip last, and no W."""
        U, b = (np.stack(blocks) for blocks in self._blocks(params, self._no_bias()))
        for copy in (U, b):
            copy[: self.cell.sigmoids] *= 0.5
        return U, np.zeros((0, self.hidden, self.hidden), self.dtype), b

    def bound(self, params: Params, method: Callable[..., None]) -> Callable[..., None]:
        """Return a method of the cell that goes forward, with the weights by which gates see a state."""
        if not self.cell.sees:
            return method
        p = params[f"{self.name}.p"][:, None].copy()  # (peepholes, 1, H)
        self._halve(p)
        return lambda *step: method(*step, p)

    @property
    def _scan(self) -> ScanCell:
        return cast(ScanCell, self.cell)

    def _project(self, params: Params, x: Floats | Words, space: Workspace, tape: Tape) -> Pairs:
        U, b = self._blocks(params, space.build(f"none {self.hidden}", (self.dtype,), self._no_bias))
        both = self._both(space, tape)
        Projection(space, self.name).forward(x, U, b, both[: len(U)], half=self.cell.sigmoids)
        if self.echoes:
            if isinstance(x, Words):
                x.vectors(tape.keep[0])
            else:
                np.copyto(tape.keep[0], x)
        return ()

    def _advance(self, params: Params, tape: Tape, pairs: Pairs, space: Workspace, rows: Rows | None) -> None:
        cell, p = self._scan, self._seen(params, tape, space)
        self._halve(p)
        first = self._firsts(params)
        begin, walk, finish = (
            space.clock.timed("elementwise", method) for method in (cell.begin, self._walk, cell.finish)
        )
        for chunk in tape.scans:
            begin(chunk.a, chunk.keep, chunk.work, p)
            walk(chunk, tape, p, rows, first)
            finish(chunk.a, chunk.prev, chunk.new, chunk.keep, chunk.work, p)
            if cell.place and rows is not None and rows.live is not None:  # what is not carried came after
                for t in range(chunk.first, chunk.first + len(chunk.lines)):
                    rows.enter_field(t, tape, 0)
                    rows.hold_field(t, tape, 0)

    def _walk(self, chunk: ScanChunk, tape: Tape, p: Floats, rows: Rows | None, first: State) -> None:
        """Advance the carried state, step by step."""
        multiply, add, step, carried = np.multiply, np.add, self._scan.step, self._scan.place
        if rows is None:
            if self._scan.linear:
                for factor, added, before, after in chunk.lines:
                    multiply(factor, before, after)
                    add(after, added, after)
            else:
                for a, prev, new, work in chunk.steps:
                    step(a, prev, new, work, p)
            return
        for t, (line, args) in enumerate(zip(chunk.lines, chunk.steps, strict=True), chunk.first):
            rows.enter_field(t, tape, carried, first)
            if self._scan.linear:
                factor, added, before, after = line
                multiply(factor, before, after)
                add(after, added, after)
            else:
                step(*args, p)
            rows.hold_field(t, tape, carried)

    def _retreat(
        self, params: Params, tape: Tape, dh: Floats, d: State, space: Workspace, grads: Params,
        rows: Rows | None,
    ) -> None:  # fmt: skip
        cell, p = self._scan, self._seen(params, tape, space)
        if cell.place and d[0].any():
            dh = self._with_last(dh, d[0], space, rows)
        gather, walk, spread = (
            space.clock.timed("elementwise", method) for method in (cell.gather, self._walk_back, cell.spread)
        )
        silence, dfirst = None if rows is None else rows.back[1], self._firsts(grads)
        beside = self._take(space, "beside", dh.shape[1:])  # what a step sends back beside the carried state
        if cell.passes:
            beside.fill(0.0)
        for chunk in reversed(tape.scans):
            part = slice(chunk.first, chunk.first + len(chunk.lines))
            gather(chunk.a, dh[part], chunk.prev, chunk.new, chunk.keep, chunk.work, p)
            walk(chunk, d, beside, rows, dfirst)
            spread(chunk.a, chunk.prev, chunk.new, chunk.keep, chunk.work, p)
            if silence is not None:
                for t in range(part.start, part.stop):
                    silence(t, tape.a[:, t], tape.keep[:1, t] if cell.skip else None)
        if cell.passes:
            np.add(d[cell.place], beside, out=d[cell.place])

    def _walk_back(
        self, chunk: ScanChunk, d: State, beside: Floats, rows: Rows | None, dfirst: State
    ) -> None:
        """Go back over the carried state, step by step: ``work[0]`` becomes the derivative by it."""
        multiply, add, by_carried = np.multiply, np.add, d[self._scan.place]
        if self._scan.passes:
            reaches, passes = chunk.work[:2]
            if rows is not None:
                rows.forget(chunk.first, passes, dfirst)
            add(reaches[:-1], passes[1:], reaches[:-1])
            add(reaches[-1], beside, reaches[-1])
            np.copyto(beside, passes[0])
        if rows is None:
            for factor, total, _, _ in reversed(chunk.lines):
                add(total, by_carried, total)
                multiply(total, factor, by_carried)
        else:
            t = chunk.first + len(chunk.lines)
            for factor, total, _, _ in reversed(chunk.lines):
                t -= 1
                add(total, by_carried, total)
                multiply(total, factor, by_carried)
                rows.hand_on(t, total, by_carried)
                rows.leave(t, (by_carried,), None, dfirst)

    def _with_last(self, dh: Floats, by_last: Floats, space: Workspace, rows: Rows | None) -> Floats:
        """Return dh with the derivative by the last output of each row; of that, leave what is left."""
        total = self._take(space, "dh total", dh.shape)
        np.copyto(total, dh)
        if rows is None or rows.live is None:
            np.add(total[-1], by_last, out=total[-1])
            by_last.fill(0.0)
            return total
        for t in reversed(range(len(dh))):
            np.add(total[t], by_last, out=total[t], where=rows.live[t])
            np.copyto(by_last, 0.0, where=rows.live[t])
        return total

    def _window_products(
        self, params: Params, x: Floats | Words, tape: Tape, space: Workspace, grads: Params
    ) -> Floats:
        """Write dU, db and dp of the whole window; return dx."""
        none = self._take(space, "none", (self.hidden,))
        (U, _), (dU, db) = self._blocks(params, none), self._blocks(grads, none)  # its derivative is not read
        da, beside = self._both(space, tape)[: len(U)], tape.keep[0] if self.echoes else None
        dx = Projection(space, self.name).backward(x, U, da, dU, db, beside)
        if self.cell.peepholes:
            self.cell.peephole_gradients(tape.a, tape.before, tape.after, grads[f"{self.name}.p"])
        return dx

    def _blocks(self, arrays: Params, none: Floats) -> tuple[list[Floats], list[Floats]]:
        """Return the blocks of U and of b, or of their derivatives; `none` stands for the bias of a skip."""
        U, b = [*arrays[f"{self.name}.U"]], [*arrays[f"{self.name}.b"]]
        if self._scan.skip and not self.echoes:
            U.append(arrays[f"{self.name}.U_skip"])
            b.append(none)
        return U, b

    def _no_bias(self) -> Floats:
        return np.zeros(self.hidden, self.dtype)

    def _both(self, space: Workspace, tape: Tape) -> Floats:
        """Return gates and what is kept as one block, as the tape has them."""
        return self._take(space, "a", (len(tape.a) + len(tape.keep), *tape.a.shape[1:]))

    def _seen(self, params: Params, tape: Tape, space: Workspace) -> Floats:
        """Return the weights by which gates see a state, ``(peepholes, B, H)``."""
        p = self._take(space, "p", (self.cell.peepholes, *tape.a.shape[2:]))
        if self.cell.peepholes:
            np.copyto(p, params[f"{self.name}.p"][:, None])
        return p

    def _halve(self, p: Floats) -> None:
        """Halve the weights of sigmoid gates, as their pre-activations are."""
        for row, (gate, _) in zip(p, self.cell.sees, strict=True):
            if gate < self.cell.sigmoids:
                np.multiply(row, 0.5, out=row)

    def _new_tape(self, T: int, B: int, space: Workspace, split: bool) -> Tape:
        return new_scan_tape(self._scan, T, B, self.hidden, self.dtype, space, self.name, split=split)
