"""What a layer reads: vectors, or words. The products of a whole window with the input weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

import numpy as np

from elman.network.functional import embedding, embedding_backward
from elman.network.team import Team
from elman.network.workspace import Workspace
from elman.typing import Floats, Ints

Blocks: TypeAlias = Floats | Sequence[Floats]
"""An array for each gate: one array of them all, or some that lie apart."""


class Words(NamedTuple):
    """Tokens and the vectors that they stand for: the input of the first layer."""

    E: Floats  # (K, D)
    tokens: Ints  # (T, B)
    dE: Floats | None = None  # (K, D): where the derivative by E goes; memory of the workspace if not given
    team: Team | None = None  # those whose words' derivatives go there too
    tied: bool = False  # whether dE has something already, if there is a team
    mask: Floats | None = None  # what the vectors are multiplied with: (T, B, D), any of which may be 1
    more: Floats | None = None  # (T, B, D): derivatives by the vectors that come past the layer

    @property
    def shape(self) -> tuple[int, int, int]:
        """``(T, B, D)``, as of the vectors themselves."""
        T, B = self.tokens.shape
        return T, B, self.E.shape[1]

    @property
    def tabled(self) -> bool:
        """Whether products of all K words are fewer operations than products of all T B tokens.

        Forward K of them take the place of T B; backward each of K words sums its tokens, as a product with
        T B rows of zeros and ones, and two products with T B rows become products with K.
        """
        (K, D), N = self.E.shape, self.tokens.size
        return self.team is None and self.mask is None and 3 * K * D + N * K < 3 * N * D

    def vectors(self, out: Floats) -> Floats:
        """Write the vectors ``(T, B, D)``."""
        return self.masked(embedding(self.E, self.tokens, out))

    def masked(self, array: Floats) -> Floats:
        """Multiply vectors, or derivatives by them, with the mask, in place."""
        return array if self.mask is None else np.multiply(array, self.mask, out=array)

    def reversed(self) -> Words:
        """Return the same with the last step first."""
        mask = self.mask if self.mask is None or len(self.mask) == 1 else self.mask[::-1]
        return self._replace(tokens=np.ascontiguousarray(self.tokens[::-1]), mask=mask)


class Projection:
    """Input products of one layer: ``a = x U + b`` of a whole window, and the way back.

    Parameters
    ----------
    space : Workspace
        Its memory; the names in it begin with `name`.
    name : str
        Of the layer.
    """

    def __init__(self, space: Workspace, name: str) -> None:
        self.space, self.name = space, name

    def forward(self, x: Floats | Words, U: Blocks, b: Blocks, a: Floats, half: int = 0) -> None:
        """Write ``x U + b`` into a ``(G, T, B, H)``; gate by gate, so that the sum finds it in cache.

        The first `half` gates are halved: exactly as if their weights were, without a copy of these.
        """
        G, T, B, H = a.shape
        if isinstance(x, Words) and x.tabled:
            table = self._take("table", (len(x.E), H), a)
            for g in range(G):
                self._gate(x.E, U[g], b[g], table, g, halve=g < half)
                # Tokens have been checked; mode="clip" only spares NumPy a buffered second copy.
                np.take(table, x.tokens, axis=0, out=a[g], mode="clip")
            return
        rows = self._rows(x, a)
        for g in range(G):
            self._gate(rows, U[g], b[g], a[g].reshape(T * B, H), g, halve=g < half)

    def backward(
        self, x: Floats | Words, U: Blocks, da: Floats, dU: Blocks, db: Blocks, beside: Floats | None = None
    ) -> Floats:
        """Write dU and db; return the derivative by x ``(T, B, D)``, or by all word vectors ``(K, D)``.

        What reaches x beside these products, ``(T, B, D)``, is added to it.
        """
        G, T, B, H = da.shape
        rows_of_a = da.reshape(G, T * B, H)
        if isinstance(x, Words) and x.tabled:
            # Each row of the table is a word; what its tokens' rows sum to goes on as if it were one row.
            picks = self._take("picks", (T * B, len(x.E)), da)
            picks.fill(0.0)
            picks[np.arange(T * B), x.tokens.reshape(-1)] = 1.0
            summed = self._take("summed", (G, len(x.E), H), da)
            np.matmul(picks.T, rows_of_a, out=summed)
            by_word = self._products(x.E, U, summed, dU, db, x.dE)
            for past in (x.more, beside):
                if past is not None:
                    part = self._take("past", by_word.shape, da)
                    np.matmul(picks.T, past.reshape(T * B, -1), out=part)
                    np.add(by_word, part, out=by_word)
            return by_word
        dx = self._products(self._rows(x, da, again=True), U, rows_of_a, dU, db).reshape(x.shape)
        if beside is not None:
            np.add(dx, beside, out=dx)
        if isinstance(x, Words):
            if x.more is not None:
                np.add(dx, x.more, out=dx)
            dE = self._take("dE", x.E.shape, da) if x.dE is None else x.dE
            x.masked(dx)
            if x.team is None:
                embedding_backward(dx, x.tokens, dE)
            else:
                x.team.add_words(dx, x.tokens, dE, tied=x.tied)
            return dE
        return dx

    def _gate(self, rows: Floats, U: Floats, b: Floats, out: Floats, g: int, *, halve: bool) -> None:
        """Write what rows ``(N, D)`` give to gate g, ``(N, H)``; U and b are its own."""
        self._multiply(rows, U, out, g)
        np.add(out, b, out=out)
        if halve:
            np.multiply(out, 0.5, out=out)

    def _multiply(self, rows: Floats, U: Floats, out: Floats, g: int) -> None:
        """Write what gate g adds its bias to."""
        np.matmul(rows, U, out=out)

    def _products(
        self, rows: Floats, U: Blocks, da: Floats, dU: Blocks, db: Blocks, out: Floats | None = None
    ) -> Floats:
        """Write dU and db for rows ``(N, D)`` and da ``(G, N, H)``; return the derivative by the rows."""
        N, D = rows.shape
        ones = self.space.ones(N, da.dtype)
        dx = self._take("dx", (N, D), da) if out is None else out
        part = self._take("dx_part", (N, D), da)
        for g, by_gate in enumerate(da):
            np.matmul(rows.T, by_gate, out=dU[g])
            np.matmul(ones, by_gate, out=db[g])  # a sum over rows, by BLAS: faster and more exact than reduce
            np.matmul(by_gate, U[g].T, out=part if g else dx)
            if g:
                np.add(dx, part, out=dx)
        return dx

    def _rows(self, x: Floats | Words, like: Floats, *, again: bool = False) -> Floats:
        """Return x as rows ``(T B, D)``; vectors of words are looked up, but `again` are still there."""
        T, B, D = x.shape
        if isinstance(x, Words):
            vectors = self._take("x", x.shape, like)
            return (vectors if again else x.vectors(vectors)).reshape(T * B, D)
        return x.reshape(T * B, D)

    def _take(self, name: str, shape: tuple[int, ...], like: Floats) -> Floats:
        return self.space.take(f"{self.name}.{name}", shape, like.dtype)
