"""Softmax cross-entropy over some columns of the output weights, forward and backward.

The logits of a chunk of rows are written, exponentiated and summed in blocks of columns that stay in a
core's own cache, and are never normalised: with ``e = exp(z)`` and its row sums ``s``, the derivative
``scale (e / s - onehot)`` is ``diag(scale / s) (e - diag(s) onehot)``, so that the rows of ``h`` and ``dh``
are scaled in place of the many more numbers of ``e``. Nor are logits shifted by their maximum, unless a
row's sum shows that it must be: the exponential of a float32 leaves its range at 88.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from elman.network.team import Team
from elman.network.workspace import Workspace
from elman.typing import Floats, Ints

BLOCK_NUMBERS = 2**18
"""Logits in a block of columns: 1 MiB in float32, half of what a core's own cache holds."""

NARROWEST = 128  # columns of a block, or the products get too thin

FEW = 32  # rows that Python looks through faster than NumPy
WORTH_LOOKING = 2**16  # logits; a pass over fewer takes less time than looking where memory lies

RANGE = {np.dtype(np.float32): (1e-18, 1e18), np.dtype(np.float64): (1e-150, 1e150)}
"""Sums of exponentials that need no shift: within the square roots of the ends of the range."""


class Columns(NamedTuple):
    """Some classes: weights or their derivatives, with the bias as last row where memory lies so."""

    V: Floats  # (H, k)
    c: Floats  # (k,)
    Vc: Floats | None  # (H + 1, k): c below V

    def part(self, columns: slice) -> Columns:
        """Return some of the columns."""
        V, c, Vc = self
        return Columns(V[:, columns], c[columns], None if Vc is None else Vc[:, columns])

    def multiply(self, h: Floats, out: Floats) -> None:
        """Write ``h V + c`` for h ``(n, H + 1)`` with a column of ones."""
        if self.Vc is not None and len(h) == 1:
            np.dot(h[0], self.Vc, out[0])
        elif self.Vc is not None:
            np.matmul(h, self.Vc, out=out)
        else:
            np.matmul(h[:, :-1], self.V, out=out)
            np.add(out, self.c, out=out)

    def take(self, h: Floats, e: Floats) -> None:
        """Become the derivatives ``h^T e`` for h ``(n, H + 1)`` and e ``(n, k)``."""
        if self.Vc is not None:
            np.matmul(h.T, e, out=self.Vc)
        else:
            np.matmul(h[:, :-1].T, e, out=self.V)
            np.matmul(h[:, -1], e, out=self.c)

    def add(self, h: Floats, e: Floats, part: Floats) -> None:
        """Add them to what is there, with part ``(H + 1, k)`` as scratch."""
        np.matmul(h.T, e, out=part)
        np.add(self.V, part[:-1], out=self.V)
        np.add(self.c, part[-1], out=self.c)


def new_columns(V: Floats, c: Floats, rows: int | None) -> Columns:
    """Return V ``(H, K)`` and c ``(K,)`` as columns, for products of so many rows; None: for many products.

    In a model's parameters, and gradients, c lies behind V in memory, and is then one more row of it: the
    bias takes part in the product. Where there are many logits this costs a pass over them less.
    """
    base = V.base
    if rows is not None and rows * len(c) < WORTH_LOOKING:
        return Columns(V, c, None)
    if base is not c.base or base is None or not V.flags.c_contiguous:
        return Columns(V, c, None)
    start, below = _address(V) - _address(base), _address(c) - _address(V)
    if below != V.nbytes:
        return Columns(V, c, None)
    memory = base.reshape(-1).view(np.uint8)[start : start + V.nbytes + c.nbytes]
    return Columns(V, c, memory.view(V.dtype).reshape(len(V) + 1, len(c)))


def _address(array: Floats) -> int:
    address: int = array.__array_interface__["data"][0]
    return address


class Chunk(NamedTuple):
    """Some rows, and the targets that lie in these columns."""

    h: Floats  # (n, H + 1), with a column of ones
    rows: Ints  # of the targets, (m,)
    columns: Ints  # of the targets, (m,)
    e: Floats  # (n, k), scratch


def columns_nll_and_grads(
    columns: Columns,
    dcolumns: Columns,
    first: int,
    h: Floats,
    y: Ints,
    scale: float,
    space: Workspace,
    dh: Floats,
    chunks: list[slice],
    team: Team | None = None,
) -> float:
    """Return the summed negative log-likelihood of all rows, and write the derivatives.

    Parameters
    ----------
    columns, dcolumns : Columns
        One's own classes, and where their derivatives go: all classes, or with a team the member's.
    first : int
        The first of them.
    h : ndarray of shape (N, H)
        Hidden states.
    y : ndarray of shape (N,)
        Targets, among all classes.
    scale : float
        Of the loss whose derivatives are written.
    space : Workspace
        Scratch.
    dh : ndarray of shape (N, H)
        Overwritten with the derivative by `h`, as far as it passes through one's own classes.
    chunks : list of slice
        The rows whose logits are in memory at once.
    team : Team, optional
        Those who have the other classes.
    """
    (H, k), nll = columns.V.shape, 0.0
    for rows in chunks:
        n = rows.stop - rows.start
        own, inside = y[rows] - first, space.build("output.rows", (n,), lambda: np.arange(n))  # noqa: B023
        if team is not None:
            inside = np.flatnonzero((own >= 0) & (own < k))
        e, ones = space.take("output.e", (n, k), h.dtype), space.take("output.h1", (n, H + 1), h.dtype)
        np.copyto(ones[:, :H], h[rows])
        ones[:, H] = 1.0
        chunk = Chunk(ones, inside, own[inside], e)
        sums, targets = _exponentials(columns, chunk, space, team)
        each = np.subtract(np.log(sums), targets)
        nll += sum(each.tolist()) if n <= FEW else float(each.sum(dtype=np.float64))
        e[chunk.rows, chunk.columns] -= sums if team is None else sums[chunk.rows]
        factor = np.divide(scale, sums)
        _gradients(columns, dcolumns, chunk, factor[:, None], space, dh[rows], first=rows.start == 0)
    return nll


def _exponentials(
    columns: Columns, chunk: Chunk, space: Workspace, team: Team | None
) -> tuple[Floats, Floats]:
    """Write ``e``; return the row sums over all classes, and the targets' logits, shifted alike."""
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        sums, targets = _summed(columns, chunk, None, space, team)
    # The gradient multiplies by scale / sum: both must stay far from the ends of the range.
    least, most = RANGE[sums.dtype]
    few = sums.tolist() if len(sums) <= FEW else None
    lowest, highest = (sums.min(), sums.max()) if few is None else (min(few), max(few))
    if least < lowest and highest < most:
        return sums, targets
    with np.errstate(under="ignore", invalid="ignore"):
        return _summed(columns, chunk, _maxima(columns, chunk, team), space, team)


def _summed(
    columns: Columns, chunk: Chunk, shift: Floats | None, space: Workspace, team: Team | None
) -> tuple[Floats, Floats]:
    n, k = chunk.e.shape
    ones, both = space.ones(k, chunk.e.dtype), np.zeros((2, n), chunk.e.dtype)
    sums, targets = both
    blocks = _blocks(n, k)
    for block in blocks:
        e, some = (chunk.e, columns) if len(blocks) == 1 else (chunk.e[:, block], columns.part(block))
        some.multiply(chunk.h, e)
        if shift is not None:
            np.subtract(e, shift[:, None], out=e)
        rows, at = chunk.rows, chunk.columns
        if len(blocks) > 1:
            here = np.flatnonzero((at >= block.start) & (at < block.stop))
            rows, at = rows[here], at[here] - block.start
        targets[rows] = e[rows, at]
        np.exp(e, out=e)
        sums += np.matmul(e, ones[block])
    sums, targets = both if team is None else team.total(both)
    return sums, targets


def _maxima(columns: Columns, chunk: Chunk, team: Team | None) -> Floats:
    columns.multiply(chunk.h, chunk.e)
    maxima: Floats = chunk.e.max(axis=1, initial=-np.inf)  # a member may have no classes
    return maxima if team is None else team.largest(maxima)


def _gradients(
    columns: Columns,
    dcolumns: Columns,
    chunk: Chunk,
    factor: Floats,
    space: Workspace,
    dh: Floats,
    *,
    first: bool,
) -> None:
    """Write, or add to, dV and dc; write dh."""
    n, k = chunk.e.shape
    h = np.multiply(chunk.h, factor, out=chunk.h)
    blocks = _blocks(n, k)
    for block in blocks:
        e, derivatives = (
            (chunk.e, dcolumns) if len(blocks) == 1 else (chunk.e[:, block], dcolumns.part(block))
        )
        if first:
            derivatives.take(h, e)
        else:
            derivatives.add(h, e, space.take("output.dV", (h.shape[1], e.shape[1]), dh.dtype))
    np.matmul(chunk.e, columns.V.T, out=dh)
    np.multiply(dh, factor, out=dh)


def _blocks(rows: int, columns: int) -> list[slice]:
    width = max(NARROWEST, BLOCK_NUMBERS // rows // 64 * 64)
    return [slice(start, min(start + width, columns)) for start in range(0, columns, width)]
