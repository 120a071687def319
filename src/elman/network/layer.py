"""A recurrent layer: the matrix products and the loop over time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from elman.network.cells import Cell, State
from elman.network.inputs import Projection, Words
from elman.network.panels import Pairs, new_panels
from elman.network.tape import Tape, new_tape
from elman.network.workspace import Workspace
from elman.typing import Floats, Params


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
        self,
        params: Params,
        x: Floats | Words,
        state: State,
        space: Workspace,
        keep_rows: Floats | None = None,
    ) -> Tape:
        """Run over a window.

        Parameters
        ----------
        params : dict
            The parameters of the model.
        x : ndarray of shape (T, B, D), or Words
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
        split = keep_rows is not None
        tape = space.build(f"{self.name}.tape", (T, B, split), lambda: self._new_tape(T, B, space, split))
        pairs = space.clock.timed("input products", self._project)(params, x, space, tape)
        for entering, given in zip(tape.before, state, strict=True):
            np.copyto(entering[0], given)
        b_candidate = params[f"{self.name}.b_candidate"] if self.cell.gated_bias else None
        r, gated, t = tape.r, self.cell.gated, 0
        matmul: Any = space.clock.timed("recurrent products", np.matmul)
        advance = space.clock.timed("elementwise", self.cell.forward)
        for chunk in tape.chunks:
            for a, prev, new, keep, work, h, _, _ in chunk.steps:
                if keep_rows is not None:
                    for field, entering in enumerate(prev):
                        given = tape.after[field][t - 1] if t else entering
                        np.multiply(given, keep_rows[t], out=entering)
                    t += 1
                for weights, into in pairs:
                    matmul(h, weights, out=into)
                if gated:
                    _copy_or_add(r[-1], b_candidate, keep[0])
                advance(a, r, prev, new, keep, work)
        return tape

    def backward(
        self,
        params: Params,
        x: Floats | Words,
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
            Derivative by the inputs, or ``(K, D)`` by the vectors of words; memory of the workspace.
        d : State
            Derivative by the state entering the window; memory of the workspace.
        """
        B, H = dh.shape[1:]
        G, cell = self.cell.gates, self.cell
        d: State = cell.state_type(*self._take(space, "d", (len(cell.state_type._fields), B, H)))
        for field, given in zip(d, dstate or [None] * len(d), strict=True):
            _copy_or_zero(given, field)
        through, plain = self._take(space, "through", (B, H)), G - 1 if cell.gated else G
        # The product of a single gate block is the sum over all of them, and goes where that goes.
        single = G == 1 and not cell.direct
        back = d[0][None] if single else self._take(space, "back", (G, B, H))
        W_T = space.build(f"{self.name}.W_T", (B,), lambda: new_panels(space, H, back, lone=cell.lone))
        products = W_T.load(params[f"{self.name}.W"].transpose(0, 2, 1))
        gated: Pairs = ()
        pairs = products
        if cell.gated:
            pairs, gated = (
                tuple((weights[gates], into[gates]) for weights, into in products)
                for gates in (slice(0, plain), slice(plain, G))
            )
        timed, add, total = space.clock.timed, np.add, np.add.reduce
        matmul: Any = timed("recurrent products", np.matmul)
        slopes, retreat = timed("elementwise", cell.slopes), timed("elementwise", cell.backward)
        direct, dh_total = cell.direct, d[0]
        for chunk in reversed(tape.chunks):
            slopes(chunk.a, chunk.prev, chunk.new, chunk.keep, chunk.work)
            t = chunk.first + len(chunk.steps)
            for a, prev, new, keep, work, _, da, dr in reversed(chunk.steps):
                t -= 1
                add(dh_total, dh[t], dh_total)
                retreat(a, d, prev, new, keep, work)
                for weights, into in pairs:
                    matmul(da, weights, out=into)
                for weights, into in gated:
                    matmul(dr, weights, out=into)
                if direct:
                    total(back, axis=0, out=through)
                    add(dh_total, through, dh_total)
                elif not single:
                    total(back, axis=0, out=dh_total)
                if keep_rows is not None:
                    for field in d:
                        np.multiply(field, keep_rows[t], out=field)
        window_products = timed("input products", self._window_products)
        return window_products(params, x, tape, space, grads), d

    def scaled(self, params: Params) -> tuple[Floats, Floats, Floats]:
        """Return copies of U, W and b whose blocks of sigmoid gates are halved (see Cell.sigmoids)."""
        copies = [params[f"{self.name}.{letter}"].copy() for letter in "UWb"]
        for copy in copies:
            copy[: self.cell.sigmoids] *= 0.5
        U, W, b = copies
        return U, W, b

    def _project(self, params: Params, x: Floats | Words, space: Workspace, tape: Tape) -> Pairs:
        """Write the input products; bring the recurrent weights into place, and return their pairs."""
        U, W, b = (params[f"{self.name}.{letter}"] for letter in "UWb")
        Projection(space, self.name).forward(x, U, b, tape.a, half=self.cell.sigmoids)
        return tape.W.load(W, half=self.cell.sigmoids)

    def _window_products(
        self, params: Params, x: Floats | Words, tape: Tape, space: Workspace, grads: Params
    ) -> Floats:
        """Write dU, dW and db of the whole window; return dx."""
        G, T, B, H = tape.a.shape
        U, dU, dW, db = params[f"{self.name}.U"], *(grads[f"{self.name}.{letter}"] for letter in "UWb")
        dx = Projection(space, self.name).backward(x, U, tape.a, dU, db)
        entering = tape.before[0].reshape(T * B, H).T
        plain = G - 1 if self.cell.gated else G
        np.matmul(entering, tape.a[:plain].reshape(plain, T * B, H), out=dW[:plain])
        if self.cell.gated:
            dr = tape.keep[0].reshape(T * B, H)
            np.matmul(entering, dr, out=dW[-1])
            if self.cell.gated_bias:
                np.matmul(space.ones(T * B, self.dtype), dr, out=grads[f"{self.name}.b_candidate"])
        return dx

    def _new_tape(self, T: int, B: int, space: Workspace, split: bool) -> Tape:
        return new_tape(self.cell, T, B, self.hidden, self.dtype, space, self.name, split=split)

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
