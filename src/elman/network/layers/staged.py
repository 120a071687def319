"""A layer whose last recurrent product waits for the gates: a GRU that resets before the product."""

from __future__ import annotations

from typing import Any

import numpy as np

from elman.network.cells import State
from elman.network.layers.layer import Layer, gates_of
from elman.network.panels import Pairs
from elman.network.rows import Rows
from elman.network.tape import Tape
from elman.network.workspace import Workspace
from elman.typing import Floats, Params


class StagedLayer(Layer):
    """A layer around a cell that is `staged`: two products a step, the second of what the first decided.

    The last block of ``W`` multiplies ``keep[0]``, which the cell makes of its first gates and the state,
    such as ``r h``. Everything else is as in :class:`~elman.network.layers.Layer`.
    """

    def _advance(self, params: Params, tape: Tape, pairs: Pairs, space: Workspace, rows: Rows | None) -> None:
        G, r, t = self.cell.gates, tape.r, 0
        first, last = gates_of(pairs, slice(0, G - 1)), gates_of(pairs, slice(G - 1, G))
        matmul: Any = space.clock.timed("recurrent products", np.matmul)
        prepare, advance = (
            self._timed(params, space, method) for method in (self.cell.prepare, self.cell.forward)
        )
        enter, hold = self._ahead(params, rows)
        norm_first, norm_last = self._norms(params, tape, space)
        for chunk in tape.chunks:
            for a, prev, new, keep, work, h, _, k, _ in chunk.steps:
                if enter is not None:
                    enter(t, tape)
                for weights, into in first:
                    matmul(h, weights, out=into)
                if norm_first is not None:
                    norm_first(t)
                prepare(a, r, prev, keep, work)
                for weights, into in last:
                    matmul(k, weights, out=into)
                if norm_last is not None:
                    norm_last(t)
                advance(a, r, prev, new, keep, work)
                if hold is not None:
                    hold(t, tape)
                t += 1

    def _retreat(
        self, params: Params, tape: Tape, dh: Floats, d: State, space: Workspace, grads: Params,
        rows: Rows | None,
    ) -> None:  # fmt: skip
        B, H = dh.shape[1:]
        G, cell = self.cell.gates, self.cell
        through, back = self._take(space, "through", (B, H)), self._take(space, "back", (G, B, H))
        pairs = self._transposed(params, space, back)
        first, last = gates_of(pairs, slice(0, G - 1)), gates_of(pairs, slice(G - 1, G))
        add, total, plain, dk = np.add, np.add.reduce, back[:-1], back[-1]
        matmul: Any = space.clock.timed("recurrent products", np.matmul)
        slopes, retreat, unstage = (
            self._timed(params, space, method) for method in (cell.slopes, cell.backward, cell.unstage)
        )
        direct, dh_total = cell.direct, d[0]
        remember, silence, leave = self._back(grads, rows)
        held: State | None = None
        unnorm_first, unnorm_last = self._unnorms(params, tape, space, grads)
        by_last: Floats | None = None
        for chunk in reversed(tape.chunks):
            slopes(chunk.a, chunk.prev, chunk.new, chunk.keep, chunk.work)
            t = chunk.first + len(chunk.steps)
            for a, prev, new, keep, work, _, da, _, dn in reversed(chunk.steps):
                t -= 1
                add(dh_total, dh[t], dh_total)
                if remember is not None:
                    held = remember(t, d, space, self.name)
                retreat(a, d, prev, new, keep, work)
                if not direct:  # what the cell left there is not to be read; what passes through k comes
                    dh_total.fill(0.0)
                if unnorm_last is not None:
                    dn, by_last = unnorm_last(t, a, keep)
                for weights, into in last:
                    matmul(dn, weights, out=into)
                unstage(a, d, dk, prev, keep, work)
                if silence is not None:
                    silence(t, a, by_last)
                if unnorm_first is not None:
                    da, _ = unnorm_first(t, a, keep)
                for weights, into in first:
                    matmul(da, weights, out=into)
                total(plain, axis=0, out=through)
                add(dh_total, through, dh_total)
                if leave is not None:
                    leave(t, d, held)
