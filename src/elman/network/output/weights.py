"""The weights of some classes, or their derivatives, and the products with them."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import numpy as np

from elman.network.team import Team
from elman.network.workspace import Workspace
from elman.typing import Floats

WORTH_LOOKING = 2**16  # logits; a pass over fewer takes less time than looking where memory lies


class Columns(NamedTuple):
    """Some classes: weights or their derivatives, with the bias as last row where memory lies so."""

    V: Floats  # (H, k)
    c: Floats  # (k,)
    Vc: Floats | None  # (H + 1, k): c below V

    @property
    def classes(self) -> int:
        """How many, ``k``."""
        return len(self.c)

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

    def clear(self) -> None:
        """Become zero, where no row has any of these classes."""
        self.V.fill(0.0)
        self.c.fill(0.0)

    def back(self, e: Floats, dh: Floats, space: Workspace) -> None:
        """Write ``e V^T`` for e ``(n, k)``."""
        np.matmul(e, self.V.T, out=dh)


class Joined(NamedTuple):
    """Some classes, and behind them others whose weights lie elsewhere, as :class:`Columns` of all."""

    some: Columns
    others: Columns

    @property
    def classes(self) -> int:
        """How many there are together."""
        return self.some.classes + self.others.classes

    def part(self, columns: slice) -> Columns | Joined:
        """Return some of the columns."""
        at, start, stop = self.some.classes, columns.start, columns.stop
        if stop <= at:
            return self.some.part(columns)
        others = self.others.part(slice(max(start - at, 0), stop - at))
        return others if start >= at else Joined(self.some.part(slice(start, at)), others)

    def multiply(self, h: Floats, out: Floats) -> None:
        """Write ``h V + c`` of all."""
        at = self.some.classes
        self.some.multiply(h, out[:, :at])
        self.others.multiply(h, out[:, at:])

    def take(self, h: Floats, e: Floats) -> None:
        """Become the derivatives ``h^T e``."""
        at = self.some.classes
        self.some.take(h, e[:, :at])
        self.others.take(h, e[:, at:])

    def add(self, h: Floats, e: Floats, part: Floats) -> None:
        """Add them to what is there."""
        at = self.some.classes
        self.some.add(h, e[:, :at], part[:, :at])
        self.others.add(h, e[:, at:], part[:, at:])

    def back(self, e: Floats, dh: Floats, space: Workspace) -> None:
        """Write ``e V^T``."""
        at = self.some.classes
        self.some.back(e[:, :at], dh, space)
        more = space.take("output.dh_others", dh.shape, dh.dtype)
        self.others.back(e[:, at:], more, space)
        np.add(dh, more, out=dh)


AnyColumns: TypeAlias = Columns | Joined


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


def own_columns(team: Team | None, columns: Columns, dcolumns: Columns) -> tuple[int, Columns, Columns]:
    """Return the first of one's own classes, and the columns of these and of their derivatives.

    Without a team they are all.
    """
    if team is None:
        return 0, columns, dcolumns
    first, last = team.columns(columns.classes)
    return first, columns.part(slice(first, last)), dcolumns.part(slice(first, last))


def with_ones(h: Floats, R: Floats | None = None) -> Floats:
    """Return h ``(n, H)``, or ``h R``, with a column of ones, which multiplies biases."""
    rows = np.empty((len(h), (h if R is None else R).shape[1] + 1), h.dtype)
    if R is None:
        rows[:, :-1] = h
    else:
        np.matmul(h, R, out=rows[:, :-1])
    rows[:, -1] = 1.0
    return rows


def _address(array: Floats) -> int:
    address: int = array.__array_interface__["data"][0]
    return address
