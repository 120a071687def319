"""Zoneout: units of a state that keep, at some steps, the value that they had."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from elman.network.cells import State
from elman.network.rows import Rows
from elman.network.tape import Tape
from elman.network.workspace import Workspace


class Zone(NamedTuple):
    """What one state of a layer keeps of the step before, at every step."""

    field: int
    keeps: list[Any]  # zeros and ones (B, width) for each step, or the rate
    takes: list[Any]  # one less each


def draw_zones(
    rates: tuple[float, ...], T: int, widths: Any, B: int, space: Workspace, name: str,
    dtype: np.dtype[Any], rng: np.random.Generator | None,
) -> tuple[Zone, ...]:  # fmt: skip
    """Draw what is held at each step of a window; without a generator it is the expectation.

    Parameters
    ----------
    rates : tuple of float
        One a state of the layer.
    T, widths, B : int, tuple of int, int
        Steps, the width of each state, rows.
    space : Workspace
        Where the masks lie, under names that begin with `name`.
    name : str
        Of the layer.
    dtype : numpy.dtype
        Of the states.
    rng : numpy.random.Generator, optional
        Moves on by a uniform number for each step, row and unit of every state that has a rate.
    """
    zones = []
    for field, (rate, width) in enumerate(zip(rates, widths, strict=True)):
        if rate == 0.0:
            continue
        if rng is None:
            zones.append(Zone(field, [rate] * T, [1.0 - rate] * T))
            continue
        keeps, takes = (
            space.take(f"{name}.{which}.{field}", (T, B, width), dtype) for which in ("keeps", "takes")
        )
        rng.random(out=keeps, dtype=dtype.type)
        np.less(keeps, rate, out=keeps)
        np.subtract(1.0, keeps, out=takes)
        zones.append(Zone(field, list(keeps), list(takes)))
    return tuple(zones)


class ZonedRows(Rows):
    r"""What is to be done before and after each step, with zoneout.

    .. math::

        s_t = d_t \odot s_{t-1} + (1 - d_t) \odot \tilde{s}_t

    where the cell makes the new state, with a tilde, from the old, and ``d`` is one where a unit keeps its
    value. Each state has its own ``d``. A memory that is held does not change the ``h`` of its step: that is
    of the new memory, as the cell made it. On the way back a derivative is parted the same way: one part
    passes by the step, the other goes through it.

    Steps that a row does not have are undone after this, and undone steps come first on the way back.

    Parameters
    ----------
    rows : Rows, optional
        How rows differ, if they do.
    zones : tuple of Zone
        What is held.
    tape : Tape
        Made for states that are held (see ``elman.network.tape``).
    space : Workspace
        Scratch, under names that begin with `name`.
    name : str
        Of the layer.

    References
    ----------
    Krueger, D. et al. (2017). Zoneout: regularizing RNNs by randomly preserving hidden activations. *ICLR*.
    arXiv:1606.01305.
    """

    __slots__ = ("_held_back", "_spare", "zones")

    def __init__(
        self, rows: Rows | None, zones: tuple[Zone, ...], tape: Tape, space: Workspace, name: str
    ) -> None:
        of_rows = Rows(None, None, tape.h.dtype) if rows is None else rows
        for slot in Rows.__slots__:
            setattr(self, slot, getattr(of_rows, slot))
        self.zones = zones
        shapes = [tape.states[zone.field][0].shape for zone in zones]
        self._spare = [space.take(f"{name}.spare.{width}", (B, width), self.dtype) for B, width in shapes]
        self._held_back = [
            space.take(f"{name}.held back.{zone.field}", shape, self.dtype)
            for zone, shape in zip(zones, shapes, strict=True)
        ]

    @property
    def ahead(self) -> tuple[Callable[..., None] | None, Callable[..., None] | None]:
        """What there is to do around a step: `enter` or None, and `hold`."""
        return super().ahead[0], self.hold

    @property
    def back(
        self,
    ) -> tuple[Callable[..., State | None] | None, Callable[..., None] | None, Callable[..., None]]:
        """What there is to do around a step back: `remember`, `silence` or None, and `leave`."""
        return self.remember, super().back[1], self.leave

    def hold(self, t: int, tape: Tape) -> None:
        """Write the state that leaves step t: of what entered what is held, the rest of what was made."""
        for (field, keeps, takes), spare in zip(self.zones, self._spare, strict=True):
            state = tape.states[field][t]
            # Products with zeros and ones are exact: a unit keeps its value to the bit.
            np.multiply(tape.made[field][t], takes[t], out=state)
            np.multiply(tape.entered[field][t], keeps[t], out=spare)
            np.add(state, spare, out=state)
        super().hold(t, tape)

    def remember(self, t: int, d: State, space: Workspace, name: str) -> State | None:
        """Put aside what passes by step t, and leave what goes through it."""
        undone = super().remember(t, d, space, name)
        for (field, keeps, _), by in zip(self.zones, self._held_back, strict=True):
            np.multiply(d[field], keeps[t], out=by)
            np.subtract(d[field], by, out=d[field])
        return undone

    def leave(self, t: int, d: State, remembered: State | None, dfirst: State = ()) -> None:
        """Complete the derivatives by the state before step t."""
        for zone, by in zip(self.zones, self._held_back, strict=True):
            np.add(d[zone.field], by, out=d[zone.field])
        super().leave(t, d, remembered, dfirst)
