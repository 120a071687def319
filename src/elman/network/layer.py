"""A recurrent layer: the matrix products and the loop over time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from elman.network.cells import Cell, State
from elman.network.workspace import Workspace
from elman.typing import Floats, Params


class Step(NamedTuple):
    """The slices of one time step, as a cell sees them."""

    a: Floats  # (G, B, H) pre-activations, then gates, then their derivatives
    prev: State  # (B, H) each
    new: State  # (B, H) each
    keep: Floats  # (keeps, B, H)


class Tape(NamedTuple):
    """What the forward pass over a window leaves for the backward pass; memory of a workspace."""

    a: Floats  # (G, T, B, H)
    keep: Floats  # (keeps, T, B, H)
    before: State  # (T, B, H) each: the state entering each step
    after: State  # (T, B, H) each: the state leaving each step
    r: Floats  # (G, B, H) recurrent products of one step
    work: Floats  # (scratch, B, H)
    steps: list[Step]

    @property
    def nbytes(self) -> int:
        """Bytes that grow with the window: gates, kept blocks and states."""
        return self.a.nbytes + self.keep.nbytes + sum(field.nbytes for field in self.after)


@dataclass(frozen=True)
class Layer:
    """One recurrent layer around an elementwise cell.

    One product of the whole window for the inputs, one small product a step for the state; backward, one
    product a window for each of ``dU``, ``dW`` and ``dx``. Memory is gate-major, ``(G, T, B, H)``, so that
    every gate of every step is contiguous.

    Parameters
    ----------
    name : str
        Prefix of its parameters, such as ``layers.0``.
    cell : Cell
        The recurrence.
    inputs : int
        Input width, ``D``.
    hidden : int
        Hidden width, ``H``.
    dtype : numpy.dtype
        float32 or float64.
    """

    name: str
    cell: Cell
    inputs: int
    hidden: int
    dtype: np.dtype[Any]

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the name and shape of each parameter."""
        G, D, H = self.cell.gates, self.inputs, self.hidden
        shapes: dict[str, tuple[int, ...]] = {"U": (G, D, H), "W": (G, H, H), "b": (G, H)}
        if self.cell.gated_bias:
            shapes["b_candidate"] = (H,)
        return {f"{self.name}.{letter}": shape for letter, shape in shapes.items()}

    def initial_state(self, batch: int) -> State:
        """Return zeros, ``(B, H)`` for each state of the cell."""
        fields = self.cell.state_type._fields
        state: State = self.cell.state_type(*(np.zeros((batch, self.hidden), self.dtype) for _ in fields))
        return state

    def forward(
        self, params: Params, x: Floats, state: State, space: Workspace, keep_rows: Floats | None = None
    ) -> Tape:
        """Run over a window.

        Parameters
        ----------
        params : dict
            The parameters of the model.
        x : ndarray of shape (T, B, D)
            Inputs, C-contiguous.
        state : State
            The state entering the window; not modified.
        space : Workspace
            Where the returned tape lives, until the next window.
        keep_rows : ndarray of shape (T, B, 1), optional
            0 where a row's state is set to zero before the step, 1 elsewhere.

        Returns
        -------
        Tape
            ``tape.after[0]`` is the output, ``(T, B, H)``.
        """
        T, B, _ = x.shape
        tape = self._tape(T, B, space, split=keep_rows is not None)
        _, W, b = scaled = self.scaled(params, space)
        self._input_products(x, scaled[0], b, tape.a)
        b_candidate = params[f"{self.name}.b_candidate"] if self.cell.gated_bias else None
        for entering, given in zip(tape.before, state, strict=True):
            np.copyto(entering[0], given)
        r, work, advance, gated = tape.r, tape.work, self.cell.forward, self.cell.gated
        for t, (a, prev, new, keep) in enumerate(tape.steps):
            if keep_rows is not None:
                for field, entering in enumerate(prev):
                    given = tape.after[field][t - 1] if t else entering
                    np.multiply(given, keep_rows[t], out=entering)
            np.matmul(prev[0], W, out=r)
            if gated:
                _copy_or_add(r[-1], b_candidate, keep[0])
            advance(a, r, prev, new, keep, work)
        return tape

    def backward(
        self,
        params: Params,
        x: Floats,
        tape: Tape,
        dh: Floats,
        space: Workspace,
        grads: Params,
        keep_rows: Floats | None = None,
        dstate: State | None = None,
    ) -> tuple[Floats, State]:
        """Go back over a window.

        Parameters
        ----------
        params, x, tape, space, keep_rows
            As given to, and made by, :meth:`forward`. The tape is used up.
        dh : ndarray of shape (T, B, H)
            Derivative by the output of each step.
        grads : dict
            Its entries for this layer are overwritten.
        dstate : State, optional
            Derivative by the state leaving the window; zero if not given.

        Returns
        -------
        dx : ndarray of shape (T, B, D)
            Derivative by the inputs; memory of the workspace.
        d : State
            Derivative by the state entering the window; memory of the workspace.
        """
        T, B, _ = x.shape
        G, H, cell = self.cell.gates, self.hidden, self.cell
        d: State = cell.state_type(*self._take(space, "d", (len(cell.state_type._fields), B, H)))
        for field, given in zip(d, dstate or [None] * len(d), strict=True):
            _copy_or_zero(given, field)
        # Products with a transposed view cost half as much again at these sizes: copy once a window.
        W_T = self._take(space, "W_T", (G, H, H))
        np.copyto(W_T, params[f"{self.name}.W"].transpose(0, 2, 1))
        back, through = self._take(space, "back", (G, B, H)), self._take(space, "through", (B, H))
        plain = G - 1 if cell.gated else G
        for t in reversed(range(T)):
            a, prev, new, keep = tape.steps[t]
            np.add(d[0], dh[t], out=d[0])
            cell.backward(a, d, prev, new, keep, tape.work)
            np.matmul(a[:plain], W_T[:plain], out=back[:plain])
            if cell.gated:
                np.matmul(keep[0], W_T[-1], out=back[-1])
            if cell.direct:
                np.add.reduce(back, axis=0, out=through)
                np.add(d[0], through, out=d[0])
            else:
                np.add.reduce(back, axis=0, out=d[0])
            if keep_rows is not None:
                for field in d:
                    np.multiply(field, keep_rows[t], out=field)
        return self._window_products(params, x, tape, space, grads), d

    def scaled(self, params: Params, space: Workspace) -> tuple[Floats, Floats, Floats]:
        """Return copies of U, W and b with the rows of sigmoid gates halved (see Cell.sigmoids)."""
        half = self.cell.sigmoids
        copies = []
        for letter in "UWb":
            source = params[f"{self.name}.{letter}"]
            copy = self._take(space, f"{letter}_scaled", source.shape)
            np.multiply(source[:half], 0.5, out=copy[:half])
            np.copyto(copy[half:], source[half:])
            copies.append(copy)
        U, W, b = copies
        return U, W, b

    def _input_products(self, x: Floats, U: Floats, b: Floats, a: Floats) -> None:
        """Write ``x U + b`` of the whole window into a; gate by gate, so that the sum finds it in cache."""
        T, B, D = x.shape
        rows = x.reshape(T * B, D)
        for g in range(self.cell.gates):
            block = a[g].reshape(T * B, self.hidden)
            np.matmul(rows, U[g], out=block)
            np.add(block, b[g], out=block)

    def _window_products(
        self, params: Params, x: Floats, tape: Tape, space: Workspace, grads: Params
    ) -> Floats:
        """Write dU, dW and db of the whole window; return dx."""
        T, B, D = x.shape
        G, H, N = self.cell.gates, self.hidden, T * B
        rows, entering = x.reshape(N, D), tape.before[0].reshape(N, H)
        dU, dW, db = (grads[f"{self.name}.{letter}"] for letter in "UWb")
        U = params[f"{self.name}.U"]
        ones = space.build("ones", (N, self.dtype), lambda: np.ones(N, self.dtype))
        dx, part = self._take(space, "dx", (N, D)), self._take(space, "dx_part", (N, D))
        for g in range(G):
            da = tape.a[g].reshape(N, H)
            np.matmul(rows.T, da, out=dU[g])
            np.matmul(ones, da, out=db[g])  # a sum over rows, by BLAS: faster and more exact than reduce
            np.matmul(da, U[g].T, out=part if g else dx)
            if g:
                np.add(dx, part, out=dx)
            dr = tape.keep[0].reshape(N, H) if self.cell.gated and g == G - 1 else da
            np.matmul(entering.T, dr, out=dW[g])
            if self.cell.gated_bias and g == G - 1:
                np.matmul(ones, dr, out=grads[f"{self.name}.b_candidate"])
        return dx.reshape(T, B, D)

    def _tape(self, T: int, B: int, space: Workspace, split: bool) -> Tape:
        return space.build(f"{self.name}.tape", (T, B, split), lambda: self._new_tape(T, B, space, split))

    def _new_tape(self, T: int, B: int, space: Workspace, split: bool) -> Tape:
        cell, H = self.cell, self.hidden
        a = self._take(space, "a", (cell.gates, T, B, H))
        keep = self._take(space, "keep", (cell.keeps, T, B, H))
        states = self._take(space, "states", (len(cell.state_type._fields), T + 1, B, H))
        after = cell.state_type(*states[:, 1:])
        # Rows that are reset enter a step with another state than they left the last one with.
        entering = self._take(space, "entering", (len(states), T, B, H)) if split else states[:, :T]
        before = cell.state_type(*entering)
        steps = [
            Step(
                a[:, t],
                cell.state_type(*(s[t] for s in before)),
                cell.state_type(*(s[t] for s in after)),
                keep[:, t],
            )
            for t in range(T)
        ]
        r = self._take(space, "r", (cell.gates, B, H))
        return Tape(a, keep, before, after, r, self._take(space, "work", (cell.scratch, B, H)), steps)

    def _take(self, space: Workspace, name: str, shape: tuple[int, ...]) -> Floats:
        return space.take(f"{self.name}.{name}", shape, self.dtype)


def _copy_or_add(product: Floats, bias: Floats | None, out: Floats) -> None:
    if bias is None:
        np.copyto(out, product)
    else:
        np.add(product, bias, out=out)


def _copy_or_zero(given: Floats | None, out: Floats) -> None:
    if given is None:
        out.fill(0.0)
    else:
        np.copyto(out, given)
