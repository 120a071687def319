r"""Activation regularisation and temporal activation regularisation: what is added to the loss.

.. math::

    \alpha \, \mathrm{mean}(\hat h_t^2) + \beta \, \mathrm{mean}\bigl((h_t - h_{t-1})^2\bigr)

The first is of the last layer's output as the output weights see it, after dropout, over the tokens that
count and the units. The second is of that output before dropout, over the pairs of neighbouring steps of a
row within the window of which the later counts, and the units. Where a row begins anew between two steps,
their pair adds nothing.

Means are of a whole pass. Of several passes (truncation), and of rows that are done apart, each adds its mean
in proportion to the tokens that it counts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from elman.network.regularisers import Regularisers
from elman.network.rows import Rows
from elman.network.stack import StackTape
from elman.network.workspace import Workspace
from elman.typing import Floats, Ints


class Penalty(NamedTuple):
    """What a pass adds to the loss, and how its derivative reaches the output before dropout."""

    value: float
    by_top: Callable[[Floats], None] | None = None


def penalise(
    given: Regularisers, tape: StackTape, dh: Floats, scale: float, skip: int,
    live: NDArray[np.bool_] | None, space: Workspace,
) -> Penalty:  # fmt: skip
    """Return the penalties of a pass, and add the derivative by its output to dh.

    Parameters
    ----------
    given : Regularisers
        The coefficients.
    tape : StackTape
        Of the pass.
    dh : ndarray of shape (T, B, H)
        The derivative of the loss by the output, added to.
    scale : float
        One over the number of tokens that the loss is the mean of.
    skip : int
        Steps before this do not count.
    live : ndarray of bool, shape (T, B), optional
        Which steps count.
    space : Workspace
        Scratch.
    """
    value, by_top = 0.0, None
    if given.activation_reg > 0.0:
        h = tape.inputs[-1][skip:]  # zero where a step does not count
        factor = given.activation_reg * scale / h.shape[-1]
        value += factor * _square(h)
        slope = space.take("penalty.slope", h.shape, h.dtype)
        np.multiply(h, 2.0 * factor, out=slope)
        np.add(dh[skip:], slope, out=dh[skip:])
    if given.temporal_reg > 0.0:
        changes = _Changes(tape.top, skip, live, tape.rows, space)
        if changes.pairs:
            factor = given.temporal_reg * scale * changes.counted / changes.pairs / tape.top.shape[-1]
            value += factor * _square(changes.of)
            np.multiply(changes.of, 2.0 * factor, out=changes.of)
            by_top = changes.add_to
    return Penalty(value, by_top)


def _square(array: Floats) -> float:
    flat = array.reshape(-1)
    return float(np.dot(flat, flat))


class _Changes:
    """The change of the output at each step from the step before that the row has."""

    def __init__(
        self, h: Floats, skip: int, live: NDArray[np.bool_] | None, rows: Rows | None, space: Workspace
    ) -> None:
        T, B, H = h.shape
        self.first = max(skip, 1)  # the first step that counts and has one before it
        self.before: Ints | None = None  # (T - first, B, 1): which step is before, if not the one before
        shape = (T - self.first, B, H)
        self.of = space.take("penalty.changes", shape, h.dtype)
        if live is None:
            self.counted, self.pairs = (T - skip) * B, shape[0] * B
            np.subtract(h[self.first :], h[self.first - 1 : -1], out=self.of)
        else:
            # Steps that a row has not stand between others, or after them: each goes with the last it has.
            last = np.maximum.accumulate(np.where(live, np.arange(T)[:, None], -1))[self.first - 1 : -1]
            paired = live[self.first :] & (last >= 0)
            self.counted, self.pairs = int(live[skip:].sum()), int(paired.sum())
            self.before = np.maximum(last, 0)[..., None]
            np.subtract(h[self.first :], np.take_along_axis(h, self.before, axis=0), out=self.of)
            np.copyto(self.of, 0.0, where=~paired[..., None])
        if rows is not None and rows.reset is not None:
            np.copyto(self.of, 0.0, where=rows.reset[self.first :, :, None])

    def add_to(self, dh: Floats) -> None:
        """Add the derivative by the output: `of` holds that by the change."""
        np.add(dh[self.first :], self.of, out=dh[self.first :])
        if self.before is None:
            np.subtract(dh[self.first - 1 : -1], self.of, out=dh[self.first - 1 : -1])
            return
        # A step is before one other at most, but for those whose change is zero: these are left out.
        t, b = np.nonzero(self.of.any(axis=2))
        dh[self.before[t, b, 0], b] -= self.of[t, b]
