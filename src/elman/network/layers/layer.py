"""A recurrent layer: the matrix products and the loop over time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import field as parameter
from functools import cached_property
from typing import Any

import numpy as np

from elman.network.cells import Cell, State
from elman.network.cells.base import with_peepholes
from elman.network.inputs import Projection, Words
from elman.network.panels import Pairs, new_panels
from elman.network.rows import Rows
from elman.network.tape import Tape, new_tape
from elman.network.workspace import Workspace
from elman.network.zoneout import ZonedRows, draw_zones
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
    zoneout : tuple of float
        For each state of the cell, the rate at which its units keep their value; none by default.
    learnt : bool
        Whether rows begin anew from a state that is learnt, parameters such as ``h0``, rather than zeros.
    """

    name: str
    cell: Cell
    inputs: int
    hidden: int
    dtype: np.dtype[Any]
    zoneout: tuple[float, ...] = parameter(default=(), kw_only=True)
    learnt: bool = parameter(default=False, kw_only=True)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the name and shape of each parameter."""
        G, D, H = self.cell.gates, self.inputs, self.hidden
        shapes: dict[str, tuple[int, ...]] = {"U": (G, D, H), "W": (G, self.width, H), "b": (G, H)}
        if self.cell.gated_bias:
            shapes["b_candidate"] = (H,)
        if self.cell.peepholes:
            shapes["p"] = (self.cell.peepholes, H)
        named = {f"{self.name}.{letter}": shape for letter, shape in shapes.items()}
        firsts = zip(self.firsts, self.state_widths, strict=True)
        return named | {name: (width,) for name, width in firsts if name is not None}

    @property
    def firsts(self) -> tuple[str | None, ...]:
        """Names of the parameters that rows begin from, one for each state; None where that is zeros."""
        return tuple(
            f"{self.name}.{state}0" if self.learnt else None for state in self.cell.state_type._fields
        )

    @property
    def width(self) -> int:
        """Width of the output, and of what the recurrent product reads."""
        return self.hidden

    @property
    def blocks(self) -> int:
        """How many blocks the input makes: the gates, and what a cell reads of the input beside them."""
        return self.cell.gates

    @property
    def echoes(self) -> bool:
        """Whether the last of them is the input itself."""
        return False

    @property
    def direction(self) -> str:
        """The way over a sequence: one of `DIRECTIONS`."""
        return "forward"

    @cached_property
    def state_widths(self) -> Any:
        """The state's NamedTuple, with the width of each field in its place."""
        kind = self.cell.state_type
        return kind(self.width, *[self.hidden] * (len(kind._fields) - 1))

    def state_shapes(self, batch: int) -> Any:
        """Return the state's NamedTuple, with the shape of each field in its place."""
        return type(self.state_widths)(*[(batch, width) for width in self.state_widths])

    def initial_state(self, batch: int) -> State:
        """Return zeros, ``(B, H)`` for each state of the cell."""
        shapes = self.state_shapes(batch)
        state: State = type(shapes)(*(np.zeros(shape, self.dtype) for shape in shapes))
        return state

    def forward(
        self, params: Params, x: Floats | Words, state: State, space: Workspace, rows: Rows | None = None,
        *, lengths: Any = None, rng: np.random.Generator | None = None,
    ) -> Tape:  # fmt: skip
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
        rows : Rows, optional
            Which rows begin anew at a step, and which have no such step.
        lengths : ndarray of int, shape (B,), or of bool, shape (T, B), optional
            In place of `rows`: how many steps of each row count, or True where one does.
        rng : numpy.random.Generator, optional
            Draws which units zoneout holds; without it they keep their rate's share of what they were.

        Returns
        -------
        Tape
            ``tape.h`` is the output, ``(T, B, width)``.
        """
        T, B, _ = x.shape
        if lengths is not None:
            rows = Rows.of_lengths(lengths, x.shape, self.dtype)
        split = rows is not None and rows.split
        tape = space.build(f"{self.name}.tape", (T, B, split), lambda: self._new_tape(T, B, space, split))
        if rows is not None:
            x = self._inputs(x, space, rows)
        pairs = space.clock.timed("input products", self._project)(params, x, space, tape)
        for entering, given in zip(tape.first, state, strict=True):
            np.copyto(entering, given)
        if self.zoneout:
            zones = draw_zones(self.zoneout, T, self.state_widths, B, space, self.name, self.dtype, rng)
            tape = tape._replace(zones=zones)
            rows = ZonedRows(rows, zones, tape, space, self.name)
        self._advance(params, tape, pairs, space, rows)
        return tape if rows is None else tape._replace(h=rows.output(tape.h, space, f"{self.name}.h"))

    def backward(
        self,
        params: Params,
        x: Floats | Words,
        tape: Tape,
        dh: Floats,
        space: Workspace,
        grads: Params,
        rows: Rows | None = None,
        dstate: State | None = None,
        *,
        lengths: Any = None,
    ) -> tuple[Floats, State]:
        """Go back over a window.

        Parameters
        ----------
        params, x, tape, space, rows, lengths
            As given to, and made by, :meth:`forward`. The tape is used up.
        dh : ndarray of shape (T, B, width)
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
        if lengths is not None:
            rows = Rows.of_lengths(lengths, x.shape, self.dtype)
        B, widths = dh.shape[1], self.state_widths
        fields = [self._take(space, f"d.{i}", (B, width)) for i, width in enumerate(widths)]
        d: State = type(widths)(*fields)
        for i, by_state in enumerate(fields):
            _copy_or_zero(dstate[i] if dstate else None, by_state)
        if rows is not None:
            dh = rows.output(dh, space, f"{self.name}.dh")
            x = self._inputs(x, space, rows)
        for name in filter(None, self.firsts):
            grads[name].fill(0.0)
        if self.zoneout:
            rows = ZonedRows(rows, tape.zones, tape, space, self.name)
        self._retreat(params, tape, dh, d, space, grads, rows)
        window_products = space.clock.timed("input products", self._window_products)
        return window_products(params, x, tape, space, grads), d

    def scaled(self, params: Params) -> tuple[Floats, Floats, Floats]:
        """Return copies of U, W and b whose blocks of sigmoid gates are halved (see Cell.sigmoids)."""
        copies = [params[f"{self.name}.{letter}"].copy() for letter in "UWb"]
        for copy in copies:
            copy[: self.cell.sigmoids] *= 0.5
        U, W, b = copies
        return U, W, b

    def normaliser(self, params: Params, gains: str, rows: int, gates: slice = slice(None)) -> Any:
        """Return what normalises products ``(G, B, H)`` of some gates outside of a window: None, here."""
        return None

    def bound(self, params: Params, method: Callable[..., None]) -> Callable[..., None]:
        """Return a method of the cell, with the peepholes that it takes, if it does."""
        return with_peepholes(method, params[f"{self.name}.p"]) if self.cell.sees else method

    def _ahead(self, params: Params, rows: Rows | None) -> tuple[Any, Any]:
        """Return what there is to do before and after a step, or None: see :attr:`Rows.ahead`."""
        if rows is None:
            return None, None
        return rows.ahead_from(self._firsts(params)) if self.learnt else rows.ahead

    def _back(self, grads: Params, rows: Rows | None) -> tuple[Any, Any, Any]:
        """Return what there is to do around a step back, or None: see :attr:`Rows.back`."""
        if rows is None:
            return None, None, None
        return rows.back_to(self._firsts(grads)) if self.learnt else rows.back

    def _firsts(self, arrays: Params) -> State:
        """Return the arrays of what rows begin from."""
        return tuple(arrays[name] for name in self.firsts if name is not None)

    def _advance(self, params: Params, tape: Tape, pairs: Pairs, space: Workspace, rows: Rows | None) -> None:
        """Run the loop over time."""
        b_candidate = params[f"{self.name}.b_candidate"] if self.cell.gated_bias else None
        r, gated, t = tape.r, self.cell.gated, 0
        norm, _ = self._norms(params, tape, space)
        matmul: Any = space.clock.timed("recurrent products", np.matmul)
        advance = self._timed(params, space, self.cell.forward)
        enter, hold = self._ahead(params, rows)
        for chunk in tape.chunks:
            for a, prev, new, keep, work, h, _, _, _ in chunk.steps:
                if enter is not None:
                    enter(t, tape)
                for weights, into in pairs:
                    matmul(h, weights, out=into)
                if norm is not None:
                    norm(t)
                if gated:
                    _copy_or_add(r[-1], b_candidate, keep[0])
                advance(a, r, prev, new, keep, work)
                if hold is not None:
                    hold(t, tape)
                t += 1

    def _retreat(
        self, params: Params, tape: Tape, dh: Floats, d: State, space: Workspace, grads: Params,
        rows: Rows | None,
    ) -> None:  # fmt: skip
        """Run the loop over time backwards: a becomes derivatives, d that by the state entering."""
        B, H = dh.shape[1:]
        G, cell = self.cell.gates, self.cell
        through, plain = self._take(space, "through", (B, H)), G - 1 if cell.gated else G
        # The product of a single gate block is the sum over all of them, and goes where that goes.
        single = G == 1 and not cell.direct
        back = d[0][None] if single else self._take(space, "back", (G, B, H))
        products = self._transposed(params, space, back)
        gated: Pairs = ()
        pairs = products
        if cell.gated:
            pairs, gated = gates_of(products, slice(0, plain)), gates_of(products, slice(plain, G))
        add, total = np.add, np.add.reduce
        matmul: Any = space.clock.timed("recurrent products", np.matmul)
        slopes = self._timed(params, space, cell.slopes)
        retreat = self._timed(params, space, cell.backward)
        direct, dh_total, derived = cell.direct, d[0], cell.derived
        remember, silence, leave = self._back(grads, rows)
        held: State | None = None
        unnorm, _ = self._unnorms(params, tape, space, grads)
        for chunk in reversed(tape.chunks):
            slopes(chunk.a, chunk.prev, chunk.new, chunk.keep, chunk.work)
            t = chunk.first + len(chunk.steps)
            for a, prev, new, keep, work, _, da, k, _ in reversed(chunk.steps):
                t -= 1
                add(dh_total, dh[t], dh_total)
                if remember is not None:
                    held = remember(t, d, space, self.name)
                retreat(a, d, prev, new, keep, work)
                if silence is not None:
                    silence(t, a, keep[derived] if derived else None)
                if unnorm is not None:
                    da, k = unnorm(t, a, keep)
                for weights, into in pairs:
                    matmul(da, weights, out=into)
                for weights, into in gated:
                    matmul(k, weights, out=into)
                if direct:
                    total(back, axis=0, out=through)
                    add(dh_total, through, dh_total)
                elif not single:
                    total(back, axis=0, out=dh_total)
                if leave is not None:
                    leave(t, d, held)

    def _project(self, params: Params, x: Floats | Words, space: Workspace, tape: Tape) -> Pairs:
        """Write the input products; bring the recurrent weights into place, and return their pairs."""
        U, W, b = params[f"{self.name}.U"], params[f"{self.name}.W"], params[f"{self.name}.b"]
        self._reader(params, space).forward(x, U, b, tape.a, half=self.cell.sigmoids)
        return tape.W.load(W, half=self.cell.sigmoids)

    def _norms(self, params: Params, tape: Tape, space: Workspace) -> tuple[Any, Any]:
        """Return what normalises the recurrent products of a step, and the one that waits, or None."""
        return None, None

    def _unnorms(self, params: Params, tape: Tape, space: Workspace, grads: Params) -> tuple[Any, Any]:
        """Return what goes back through :meth:`_norms`: from derivatives by what it made to operands."""
        return None, None

    def _window_products(
        self, params: Params, x: Floats | Words, tape: Tape, space: Workspace, grads: Params
    ) -> Floats:
        """Write dU, dW, db and dp of the whole window; return dx."""
        G, T, B, H = tape.a.shape
        U, dU, dW, db = params[f"{self.name}.U"], *(grads[f"{self.name}.{letter}"] for letter in "UWb")
        dx = self._reader(params, space, grads).backward(x, U, tape.a, dU, db)
        plain = G - 1 if self.cell.gated or self.cell.staged else G
        k = tape.keep[0] if plain < G else None
        by_last = tape.a[-1] if k is None or self.cell.staged else k
        self._recurrent_gradients(tape, tape.a[:plain], by_last, dW, space)
        if self.cell.gated_bias and k is not None:
            ones = space.ones(T * B, self.dtype)
            np.matmul(ones, k.reshape(T * B, H), out=grads[f"{self.name}.b_candidate"])
        if self.cell.peepholes:
            self.cell.peephole_gradients(tape.a, tape.before, tape.after, grads[f"{self.name}.p"])
        return dx

    def _recurrent_gradients(
        self, tape: Tape, by_plain: Floats, by_last: Floats, dW: Floats, space: Workspace
    ) -> None:
        """Write dW, given derivatives by the products: of the plain gates, and of one gated or staged."""
        plain, T, B, H = by_plain.shape
        entering = tape.read.reshape(T * B, -1).T
        np.matmul(entering, by_plain.reshape(plain, T * B, H), out=dW[:plain])
        if plain < len(dW):
            read = tape.keep[0].reshape(T * B, H).T if self.cell.staged else entering
            np.matmul(read, by_last.reshape(T * B, H), out=dW[-1])

    def _transposed(self, params: Params, space: Workspace, back: Floats) -> Pairs:
        """Bring the transposed recurrent weights into place, for products that go to `back`."""
        B = back.shape[1]
        panels = space.build(
            f"{self.name}.W_T", (B,), lambda: new_panels(space, self.hidden, back, lone=self._lone)
        )
        return panels.load(self._recurrent(params, space).transpose(0, 2, 1))

    def _recurrent(self, params: Params, space: Workspace) -> Floats:
        """Return the weights of the recurrent products, as they were multiplied on the way ahead."""
        return params[f"{self.name}.W"]

    def _reader(self, params: Params, space: Workspace, grads: Params | None = None) -> Projection:
        """Return what makes the input products, and goes back through them."""
        return Projection(space, self.name)

    @property
    def _held(self) -> tuple[bool, ...]:
        """Which states zoneout may hold."""
        return tuple(rate > 0.0 for rate in self.zoneout)

    @property
    def _lone(self) -> bool:
        return self.cell.lone

    def _timed(self, params: Params, space: Workspace, method: Callable[..., None]) -> Callable[..., None]:
        return space.clock.timed("elementwise", self.bound(params, method))

    def _inputs(self, x: Floats | Words, space: Workspace, rows: Rows) -> Floats | Words:
        """Return x, zero where a step does not count; the tokens there have been seen to."""
        return x if isinstance(x, Words) else rows.output(x, space, f"{self.name}.x_live")

    def _new_tape(self, T: int, B: int, space: Workspace, split: bool) -> Tape:
        return new_tape(
            self.cell, T, B, self.hidden, self.dtype, space, self.name, split=split, held=self._held
        )

    def _take(self, space: Workspace, name: str, shape: tuple[int, ...]) -> Floats:
        return space.take(f"{self.name}.{name}", shape, self.dtype)


def gates_of(pairs: Pairs, gates: slice) -> Pairs:
    """Return the pairs of some of the gates."""
    return tuple((weights[gates], into[gates]) for weights, into in pairs)


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
