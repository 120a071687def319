"""Softmax cross-entropy over some columns of the output weights, forward and backward.

The logits of a chunk of rows are written, exponentiated and summed in blocks of columns that stay in a
core's own cache, and are never normalised: with ``e = exp(z)`` and its row sums ``s``, the derivative
``scale (e / s - onehot)`` is ``diag(scale / s) (e - diag(s) onehot)``, so that the rows of ``h`` and ``dh``
are scaled in place of the many more numbers of ``e``. Nor are logits shifted by their maximum, unless a
row's sum shows that it must be: the exponential of a float32 leaves its range at 88.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import numpy as np

from elman.network.output.weights import AnyColumns
from elman.network.team import Team
from elman.network.workspace import Workspace
from elman.typing import Floats, Ints

BLOCK_NUMBERS = 2**18
"""Logits in a block of columns: 1 MiB in float32, half of what a core's own cache holds."""

NARROWEST = 128  # columns of a block, or the products get too thin

FEW = 32  # rows that Python looks through faster than NumPy

RANGE = {np.dtype(np.float32): (1e-18, 1e18), np.dtype(np.float64): (1e-150, 1e150)}
"""Sums of exponentials that need no shift: within the square roots of the ends of the range."""


class Apart(NamedTuple):
    """Rows whose target is in nobody's columns: its logit is one more in their sums, and theirs alone."""

    rows: Ints  # (m,), ascending
    logits: Floats  # (m,)
    derivatives: Floats  # (m,): overwritten with those of the loss by the logits

    def part(self, rows: slice) -> Apart:
        """Return those in a chunk, counted from its first."""
        start, stop = np.searchsorted(self.rows, (rows.start, rows.stop))
        some = slice(int(start), int(stop))
        return Apart(self.rows[some] - rows.start, self.logits[some], self.derivatives[some])


class Chunk(NamedTuple):
    """Some rows, and the targets that lie in these columns."""

    h: Floats  # (n, H + 1), with a column of ones
    rows: Ints  # of the targets, (m,)
    columns: Ints  # of the targets, (m,)
    e: Floats  # (n, k), scratch
    apart: Apart | None  # the targets that do not


Share: TypeAlias = Callable[[slice, Floats], tuple[float, Floats]]
"""Makes of some rows' losses ``(n,)`` the loss of them together, and its derivative by each, ``(n,)``."""


def columns_nll_and_grads(
    columns: AnyColumns,
    dcolumns: AnyColumns,
    first: int,
    h: Floats,
    y: Ints,
    scale: float,
    space: Workspace,
    dh: Floats,
    chunks: list[slice],
    team: Team | None = None,
    *,
    apart: Apart | None = None,
    share: Share | None = None,
) -> float:
    """Return the summed negative log-likelihood of all rows, and write the derivatives.

    Parameters
    ----------
    columns, dcolumns : Columns or Joined
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
    apart : Apart, optional
        The rows whose targets are among no columns.
    share : callable, optional
        What the losses of the rows of a chunk add up to, where that is not their sum.
    """
    H, k, nll = h.shape[1], columns.classes, 0.0
    for rows in chunks:
        n = rows.stop - rows.start
        own, inside = y[rows] - first, space.build("output.rows", (n,), lambda: np.arange(n))  # noqa: B023
        if team is not None or apart is not None:
            inside = np.flatnonzero((own >= 0) & (own < k))
        e, ones = space.take("output.e", (n, k), h.dtype), space.take("output.h1", (n, H + 1), h.dtype)
        np.copyto(ones[:, :H], h[rows])
        ones[:, H] = 1.0
        chunk = Chunk(ones, inside, own[inside], e, None if apart is None else apart.part(rows))
        sums, targets = _exponentials(columns, chunk, space, team)
        each = np.subtract(np.log(sums), targets)
        e[chunk.rows, chunk.columns] -= sums if inside.size == n else sums[chunk.rows]
        factor = np.divide(scale, sums)
        if chunk.apart is not None:
            np.multiply(np.expm1(-each[chunk.apart.rows]), scale, out=chunk.apart.derivatives)
        if share is None:
            nll += sum(each.tolist()) if n <= FEW else float(each.sum(dtype=np.float64))
        else:
            together, by_row = share(rows, each)
            nll += together
            factor *= by_row
        _gradients(columns, dcolumns, chunk, factor[:, None], space, dh[rows], first=rows.start == 0)
    return nll


def _exponentials(
    columns: AnyColumns, chunk: Chunk, space: Workspace, team: Team | None
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
    columns: AnyColumns, chunk: Chunk, shift: Floats | None, space: Workspace, team: Team | None
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
    if chunk.apart is not None:
        rows, logits, _ = chunk.apart
        targets[rows] = logits if shift is None else logits - shift[rows]
        sums[rows] += np.exp(targets[rows])
    sums, targets = both if team is None else team.total(both)
    return sums, targets


def _maxima(columns: AnyColumns, chunk: Chunk, team: Team | None) -> Floats:
    columns.multiply(chunk.h, chunk.e)
    maxima: Floats = chunk.e.max(axis=1, initial=-np.inf)  # a member may have no classes
    if chunk.apart is not None:
        maxima[chunk.apart.rows] = np.maximum(maxima[chunk.apart.rows], chunk.apart.logits)
    return maxima if team is None else team.largest(maxima)


def _gradients(
    columns: AnyColumns,
    dcolumns: AnyColumns,
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
    columns.back(chunk.e, dh, space)
    np.multiply(dh, factor, out=dh)


def _blocks(rows: int, columns: int) -> list[slice]:
    width = max(NARROWEST, BLOCK_NUMBERS // rows // 64 * 64)
    return [slice(start, min(start + width, columns)) for start in range(0, columns, width)]
