"""A layer whose output is a projection of the cell's: the LSTM with a recurrent projection layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from elman.network.cells import State
from elman.network.layers.layer import Layer
from elman.network.panels import Pairs
from elman.network.rows import Rows
from elman.network.tape import Tape, new_tape
from elman.network.workspace import Workspace
from elman.typing import Floats, Params


@dataclass(frozen=True)
class ProjectedLayer(Layer):
    r"""A layer that gives out ``h = m R`` where the cell makes `m`, and reads that `h` in the next step.

    ``R`` is ``(H, P)`` and ``W`` ``(G, P, H)``: with `P` less than `H`, a wide memory costs narrow products.
    Any cell will do that does not carry ``h`` over elementwise.

    Parameters
    ----------
    projection : int
        Width of the output, ``P``.

    References
    ----------
    Sak, H., Senior, A. & Beaufays, F. (2014). Long short-term memory recurrent neural network architectures
    for large scale acoustic modeling. *Interspeech*.
    """

    projection: int

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the name and shape of each parameter."""
        return {**super().shapes(), f"{self.name}.R": (self.hidden, self.projection)}

    @property
    def width(self) -> int:
        """Width of the output, and of what the recurrent product reads."""
        return self.projection

    def _advance(self, params: Params, tape: Tape, pairs: Pairs, space: Workspace, rows: Rows | None) -> None:
        r, t, R, projected = tape.r, 0, params[f"{self.name}.R"], tape.made[0]
        matmul: Any = space.clock.timed("recurrent products", np.matmul)
        advance = self._timed(params, space, self.cell.forward)
        enter, hold = self._ahead(params, rows)
        norm, _ = self._norms(params, tape, space)
        for chunk in tape.chunks:
            for a, prev, new, keep, work, h, _, _, _ in chunk.steps:
                if enter is not None:
                    enter(t, tape)
                for weights, into in pairs:
                    matmul(h, weights, out=into)
                if norm is not None:
                    norm(t)
                advance(a, r, prev, new, keep, work)
                matmul(new[0], R, out=projected[t])
                if hold is not None:
                    hold(t, tape)
                t += 1

    def _retreat(
        self, params: Params, tape: Tape, dh: Floats, d: State, space: Workspace, grads: Params,
        rows: Rows | None,
    ) -> None:  # fmt: skip
        T, B, P = dh.shape
        G, H, cell = self.cell.gates, self.hidden, self.cell
        totals = self._take(space, "totals", (T, B, P))  # derivatives by every h, for that by R
        dm = self._take(space, "dm", (B, H))
        back = self._take(space, "back", (G, B, P))
        pairs, R_T = self._transposed(params, space, back), params[f"{self.name}.R"].T.copy()
        matmul: Any = space.clock.timed("recurrent products", np.matmul)
        slopes, retreat = (self._timed(params, space, method) for method in (cell.slopes, cell.backward))
        dh_total, inner = d[0], cell.state_type(dm, *d[1:])
        remember, silence, leave = self._back(grads, rows)
        held: State | None = None
        derived = cell.derived
        unnorm, _ = self._unnorms(params, tape, space, grads)
        for chunk in reversed(tape.chunks):
            slopes(chunk.a, chunk.prev, chunk.new, chunk.keep, chunk.work)
            t = chunk.first + len(chunk.steps)
            for a, prev, new, keep, work, _, da, _, _ in reversed(chunk.steps):
                t -= 1
                np.add(dh_total, dh[t], out=dh_total)
                if remember is not None:
                    held = remember(t, d, space, self.name)
                np.copyto(totals[t], dh_total)
                matmul(dh_total, R_T, out=dm)
                retreat(a, inner, prev, new, keep, work)
                if silence is not None:
                    silence(t, a, totals[t][None], keep[derived] if derived else None)
                if unnorm is not None:
                    da, _ = unnorm(t, a, keep)
                for weights, into in pairs:
                    matmul(da, weights, out=into)
                np.add.reduce(back, axis=0, out=dh_total)
                if leave is not None:
                    leave(t, d, held)
        m = tape.after[0].reshape(T * B, H)
        np.matmul(m.T, totals.reshape(T * B, P), out=grads[f"{self.name}.R"])

    @property
    def _lone(self) -> bool:
        return False

    def _new_tape(self, T: int, B: int, space: Workspace, split: bool) -> Tape:
        return new_tape(
            self.cell, T, B, self.hidden, self.dtype, space, self.name, split=split,
            projection=self.projection, held=self._held,
        )  # fmt: skip
