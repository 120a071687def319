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


class Columns(NamedTuple):
    """Some classes: their weights, and where the derivatives go."""

    V: Floats  # (H, k)
    c: Floats  # (k,)
    dV: Floats  # (H, k)
    dc: Floats  # (k,)
    first: int = 0  # the class of column 0

    def part(self, start: int, stop: int) -> Columns:
        """Return a member's columns."""
        V, c, dV, dc, first = self
        return Columns(V[:, start:stop], c[start:stop], dV[:, start:stop], dc[start:stop], first + start)


class Chunk(NamedTuple):
    """Some rows, and the targets that lie in these columns."""

    h: Floats  # (n, H + 1), with a column of ones
    rows: Ints  # of the targets, (m,)
    columns: Ints  # of the targets, (m,)
    e: Floats  # (n, k), scratch


def columns_nll_and_grads(
    columns: Columns,
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
    columns : Columns
        One's own classes: all of them, or with a team the member's.
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
        own = y[rows] - columns.first
        inside = np.flatnonzero((own >= 0) & (own < k))
        e, ones = space.take("output.e", (n, k), h.dtype), space.take("output.h1", (n, H + 1), h.dtype)
        np.copyto(ones[:, :H], h[rows])
        ones[:, H] = 1.0
        chunk = Chunk(ones, inside, own[inside], e)
        sums, targets = _exponentials(columns, chunk, team)
        nll += float(np.log(sums).sum(dtype=np.float64)) - float(targets.sum(dtype=np.float64))
        e[chunk.rows, chunk.columns] -= sums[chunk.rows]
        factor = np.divide(scale, sums)
        _gradients(columns, chunk, factor[:, None], space, dh[rows], first=rows.start == 0)
    return nll


def _exponentials(columns: Columns, chunk: Chunk, team: Team | None) -> tuple[Floats, Floats]:
    """Write ``e``; return the row sums over all classes, and the targets' logits, shifted alike."""
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        sums, targets = _summed(columns, chunk, None, team)
    info = np.finfo(sums.dtype)
    # The gradient multiplies by scale / sum: both must stay far from the ends of the range.
    if sums.min() > np.sqrt(info.tiny) and sums.max() < np.sqrt(info.max):
        return sums, targets
    with np.errstate(invalid="ignore"):
        return _summed(columns, chunk, _maxima(columns, chunk, team), team)


def _summed(columns: Columns, chunk: Chunk, shift: Floats | None, team: Team | None) -> tuple[Floats, Floats]:
    V, c = columns.V, columns.c
    n, k = chunk.e.shape
    ones, both = np.ones(k, chunk.e.dtype), np.zeros((2, n), chunk.e.dtype)
    sums, targets = both
    for block in _blocks(n, k):
        e = chunk.e[:, block]
        _multiply(chunk.h, V[:, block], c[block], e)
        if shift is not None:
            np.subtract(e, shift[:, None], out=e)
        at = np.flatnonzero((chunk.columns >= block.start) & (chunk.columns < block.stop))
        targets[chunk.rows[at]] = e[chunk.rows[at], chunk.columns[at] - block.start]
        np.exp(e, out=e)
        sums += np.matmul(e, ones[block])
    sums, targets = both if team is None else team.total(both)
    return sums, targets


def _maxima(columns: Columns, chunk: Chunk, team: Team | None) -> Floats:
    _multiply(chunk.h, columns.V, columns.c, chunk.e)
    maxima: Floats = chunk.e.max(axis=1)
    return maxima if team is None else team.largest(maxima)


def _gradients(
    columns: Columns, chunk: Chunk, factor: Floats, space: Workspace, dh: Floats, *, first: bool
) -> None:
    """Write, or add to, dV and dc; write dh."""
    n, k = chunk.e.shape
    h = np.multiply(chunk.h, factor, out=chunk.h)
    for block in _blocks(n, k):
        e, dV, dc = chunk.e[:, block], columns.dV[:, block], columns.dc[block]
        if first:
            _multiply_transposed(h, e, dV, dc)
        else:
            part = space.take("output.dV", (len(dV) + 1, len(dc)), dh.dtype)
            np.matmul(h.T, e, out=part)
            np.add(dV, part[:-1], out=dV)
            np.add(dc, part[-1], out=dc)
    np.matmul(chunk.e, columns.V.T, out=dh)
    np.multiply(dh, factor, out=dh)


def _multiply(h: Floats, V: Floats, c: Floats, out: Floats) -> None:
    """Write ``h V + c``, h with its column of ones."""
    Vc = _stacked(V, c)
    if Vc is None:
        np.matmul(h[:, :-1], V, out=out)
        np.add(out, c, out=out)
    else:
        np.matmul(h, Vc, out=out)


def _multiply_transposed(h: Floats, e: Floats, dV: Floats, dc: Floats) -> None:
    """Write ``h^T e`` and the sums of ``e``, weighted by what was the column of ones."""
    dVc = _stacked(dV, dc)
    if dVc is None:
        np.matmul(h[:, :-1].T, e, out=dV)
        np.matmul(h[:, -1], e, out=dc)
    else:
        np.matmul(h.T, e, out=dVc)


def _stacked(V: Floats, c: Floats) -> Floats | None:
    """Return V with c as its last row, where c does lie behind V in memory, as in a model's parameters.

    The bias is then part of the product: it costs a pass over all logits less.
    """
    (H, k), (row, element) = V.shape, V.strides
    follows = c.ctypes.data == V.ctypes.data + H * row
    if not (follows and element == c.strides[0] == c.itemsize):
        return None
    return np.lib.stride_tricks.as_strided(V, (H + 1, k), (row, element))


def _blocks(rows: int, columns: int) -> list[slice]:
    width = max(NARROWEST, BLOCK_NUMBERS // rows // 64 * 64)
    return [slice(start, min(start + width, columns)) for start in range(0, columns, width)]
