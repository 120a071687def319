"""Weights laid out for single steps of a few rows, and the memory of such a step."""

from __future__ import annotations

from typing import Any

import numpy as np

from elman.network import LanguageModel
from elman.network.cells import State
from elman.network.checks import check_forwards
from elman.network.layers import Layer
from elman.network.panels import new_panels, operand
from elman.network.workspace import Workspace, aligned
from elman.typing import Floats, Ints, Params


def forward_layers(model: LanguageModel) -> tuple[Layer, ...]:
    """Return the layers of a model that reads forward alone, or raise ConfigError."""
    check_forwards(model.stack, "reading token by token")
    return tuple(layer for layer in model.stack.layers if isinstance(layer, Layer))


class Product:
    """``x W`` of a few rows into gate-major memory; W keeps the layout that suits their number.

    Parameters
    ----------
    weights : ndarray of shape (G, D, H)
        Copied.
    rows : int
        Rows, ``B``.
    out : ndarray of shape (G, B, H)
        Where products go.
    """

    def __init__(self, weights: Floats, rows: int, out: Floats) -> None:
        G, D, H = weights.shape
        self._single, self._outputs = rows == 1, H
        if self._single:
            # A vector and one matrix whose rows have all gates: the fewest calls, the longest runs of memory.
            self._weights = aligned(weights.size, weights.dtype).reshape(D, G * H)
            np.copyto(self._weights.reshape(D, G, H), weights.transpose(1, 0, 2))
            self._out = out.reshape(G * H)
        else:
            self._pairs = new_panels(Workspace(), D, out).load(weights)

    def __call__(self, x: Floats) -> None:
        """Multiply x ``(B, D)``."""
        if self._single:
            np.dot(x[0], self._weights, self._out)
            return
        rows = operand(x, self._outputs)
        for weights, into in self._pairs:
            np.matmul(rows, weights, out=into)


class Lookup:
    """Word vectors, or for a small vocabulary a table of their products with the first layer's weights.

    Parameters
    ----------
    model : LanguageModel
        The model.
    rows : int
        Rows, ``B``.
    """

    def __init__(self, model: LanguageModel, rows: int) -> None:
        layer, self.E = forward_layers(model)[0], model.params["embedding.E"]
        G, H, (K, D) = layer.blocks, layer.hidden, self.E.shape
        self.table: Floats | None = None
        self._x1 = with_ones(rows, D, model.dtype)
        if model.n_params >= K * G * H:  # it is never larger than the model
            U, _, b = layer.scaled(model.params)
            self.table = np.matmul(self.E, U)
            normalise = layer.normaliser(model.params, "gamma_x", K)
            if normalise is not None:
                normalise(self.table)
            np.add(self.table, b[:, None], out=self.table)
            if layer.echoes:
                self.table = np.concatenate([self.table, self.E[None]])

    def vectors(self, tokens: Ints) -> Floats:
        """Return the vectors of the words, and a column of ones: ``(B, D + 1)``."""
        D = self.E.shape[1]
        if len(tokens) == 1:
            self._x1[0, :D] = self.E[tokens[0]]
        else:
            self._x1[:, :D] = self.E[tokens]
        return self._x1

    def products(self, tokens: Ints, a: Floats) -> None:
        """Write the products of the words, ``(G, B, H)``, the bias in them."""
        assert self.table is not None
        if len(tokens) == 1:
            np.copyto(a[:, 0], self.table[:, tokens[0]])
        else:
            np.take(self.table, tokens, axis=1, out=a, mode="clip")


class DecodedLayer:
    """A layer ready for single steps: weights laid out once, and two states that take turns.

    Parameters
    ----------
    layer : Layer
        The layer.
    params : dict
        Of the model.
    state : State
        To begin with, ``(1, H)`` each; the same for all rows.
    rows : int
        Rows, ``B``.
    reads : bool
        Whether it reads vectors; the first layer may find its input products in a table.

    Attributes
    ----------
    a : ndarray of shape (G, B, H)
        Where input products are awaited; that of a skip is behind them.
    """

    def __init__(self, layer: Layer, params: Params, state: State, rows: int, *, reads: bool) -> None:
        self.cell = cell = layer.cell
        H, P, dtype = layer.hidden, layer.width, layer.dtype
        U, W, b = layer.scaled(params)
        self.b_candidate = params.get(f"{layer.name}.b_candidate")
        both, self._r = (
            aligned(n * rows * H, dtype).reshape(n, rows, H) for n in (cell.gates + cell.keeps, len(W))
        )
        self.a, self._gates, self._keep = both[: layer.blocks], both[: cell.gates], both[cell.gates :]
        self._work = np.empty((cell.scratch, rows, H), dtype)
        # Hidden states lie in rows that end with a one, which multiplies the biases of whoever reads them.
        self._ones = [with_ones(rows, P, dtype) for _ in range(2)]
        # Several such rows are not contiguous, as a cell is promised: they are copies then.
        self._copied = rows > 1
        h = [np.empty((rows, P), dtype) if self._copied else ones[:, :P] for ones in self._ones]
        h[0][:] = state[0]
        self.state, self._other = (
            type(state)(entering, *(np.repeat(field, rows, axis=0) for field in state[1:])) for entering in h
        )
        # What the cell gives out, where that is projected before it is h; and the part of W that waits.
        self._R = params.get(f"{layer.name}.R")
        self._m = None if self._R is None else np.empty((rows, H), dtype)
        first = self._first = len(W) - cell.staged
        self._recur = Product(W[:first], rows, self._r[:first]) if first else None
        self._recur_last = Product(W[first:], rows, self._r[first:]) if cell.staged else None
        self._prepare, self._forward = (
            layer.bound(params, method) for method in (cell.prepare, cell.forward)
        )
        parts = (slice(first), slice(first, None))
        self._norms = [layer.normaliser(params, "gamma_h", rows, part) for part in parts]
        self._norm_x = layer.normaliser(params, "gamma_x", rows)
        self._b = b[:, None]
        # Where products are normalised, the bias comes after.
        last = self._b if self._norm_x is None else np.zeros_like(self._b)
        weights = np.concatenate([U, last], axis=1)
        self._read = Product(weights, rows, self.a[: len(U)]) if reads else None
        self._echoes = layer.echoes
        # What zoneout holds, as its expectation: the state, the rate, scratch.
        self._held: list[tuple[int, float, Floats]] = [
            (field, rate, np.empty((rows, layer.state_widths[field]), dtype))
            for field, rate in enumerate(layer.zoneout)
            if rate
        ]

    def read(self, x1: Floats) -> None:
        """Write the products of inputs ``(B, D + 1)``, which end with a one."""
        assert self._read is not None
        self._read(x1)
        if self._norm_x is not None:
            self._norm_x(self.a)
            np.add(self.a, self._b, out=self.a)
        if self._echoes:
            np.copyto(self.a[-1], x1[:, :-1])

    def advance(self) -> Floats:
        """Take one step; return h with a column of ones, ``(B, H + 1)``."""
        cell, keep, a = self.cell, self._keep, self._gates
        norm, norm_last = self._norms
        if self._recur is not None:
            self._recur(self.state[0])
        if norm is not None:
            norm(self._r[: self._first])
        if self.b_candidate is not None:
            np.add(self._r[-1], self.b_candidate, out=keep[0])
        elif cell.gated:
            np.copyto(keep[0], self._r[-1])
        elif self._recur_last is not None:
            self._prepare(a, self._r, self.state, keep, self._work)
            self._recur_last(keep[0])
            if norm_last is not None:
                norm_last(self._r[-1:])
        if self._R is None or self._m is None:
            self._forward(a, self._r, self.state, self._other, keep, self._work)
        else:
            new = type(self._other)(self._m, *self._other[1:])
            self._forward(a, self._r, self.state, new, keep, self._work)
            np.matmul(self._m, self._R, out=self._other[0])
        for field, rate, spare in self._held:
            entered, left = self.state[field], self._other[field]
            np.multiply(left, 1.0 - rate, out=left)
            np.add(left, np.multiply(entered, rate, out=spare), out=left)
        self.state, self._other = self._other, self.state
        self._ones.reverse()
        if self._copied:
            np.copyto(self._ones[0][:, :-1], self.state[0])
        return self._ones[0]

    def reorder(self, parents: Ints) -> None:
        """Let row i go on from the state that row ``parents[i]`` has reached; any may be taken twice."""
        for field, other in zip(self.state, self._other, strict=True):
            np.take(field, parents, axis=0, out=other, mode="clip")
        self.state, self._other = self._other, self.state
        self._ones.reverse()


def with_ones(rows: int, width: int, dtype: np.dtype[Any]) -> Floats:
    """Return memory for rows that end with a one."""
    array = aligned(rows * (width + 1), dtype).reshape(rows, width + 1)
    array[:, width] = 1.0
    return array
