"""Rows of a batch that differ: those that begin anew at a step, and those that have no such step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elman.network.cells import State
from elman.network.lengths import check_lengths
from elman.network.tape import Tape
from elman.network.workspace import Workspace
from elman.typing import Floats

Live = NDArray[np.bool_]
"""``(T, B, 1)``: True where a step of a row counts."""


class Rows:
    """What is to be done to some rows before and after each step of a window.

    A row begins anew from zeros, or from a state that the layer has learnt. A step that does not count
    leaves the state of its row as it is, and lets derivatives by it pass as they are. Whatever stands there
    among the inputs changes nothing.

    Parameters
    ----------
    reset : ndarray of bool, shape (T, B), optional
        True where a row begins anew before the step.
    live : ndarray of bool, shape (T, B), optional
        True where a step counts. All do, if not given.
    dtype : numpy.dtype
        Of the states.
    """

    __slots__ = ("_begins", "_held", "_padded", "dtype", "keep", "live", "reset")

    def __init__(self, reset: Live | None, live: Live | None, dtype: np.dtype[Any]) -> None:
        if live is not None and live.all():
            live = None
        if reset is not None and live is not None:
            reset = reset & live
        self.reset, self.dtype = reset, dtype
        self.keep = None if reset is None else np.subtract(1, reset[..., None], dtype=dtype)  # (T, B, 1)
        self._begins = b""  # a bit for each step: whether some row begins anew
        if reset is not None:
            self._begins = np.packbits(reset.any(axis=1), bitorder="little").tobytes()
        self.live: Live | None = None if live is None else np.ascontiguousarray(live)[..., None]
        self._padded = None if self.live is None else ~self.live
        # A byte for each step: whether some row has no such step.
        self._held = b"" if self._padded is None else self._padded.any(axis=(1, 2)).tobytes()

    @classmethod
    def of_lengths(cls, lengths: Any, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Rows:
        """Return what lengths say of a window of that shape: whole numbers ``(B,)``, or bools ``(T, B)``."""
        return cls(None, check_lengths(lengths, shape[:2]), dtype)

    @property
    def split(self) -> bool:
        """Whether rows may enter a step with another state than they left the last one with."""
        return self.keep is not None

    @property
    def ahead(self) -> tuple[Callable[..., None] | None, Callable[..., None] | None]:
        """What there is to do around a step: `enter` and `hold`, or None where there is nothing."""
        return None if self.keep is None else self.enter, None if self._padded is None else self.hold

    def ahead_from(self, first: State) -> tuple[Callable[..., None] | None, Callable[..., None] | None]:
        """Return the same where rows begin anew from a state, a vector ``(H,)`` for each field."""
        _, hold = self.ahead
        return None if self.keep is None else lambda t, tape: self.enter(t, tape, first), hold

    @property
    def back(
        self,
    ) -> tuple[Callable[..., State | None] | None, Callable[..., None] | None, Callable[..., None]]:
        """What there is to do around a step back: `remember` and `silence`, or None, and `leave`."""
        if self._padded is None:
            return None, None, self.leave
        return self.remember, self.silence, self.leave

    def back_to(self, dfirst: State) -> tuple[Any, Any, Callable[..., None]]:
        """Return the same where rows begin anew from a state; derivatives by it are added to `dfirst`."""
        remember, silence, _ = self.back
        return remember, silence, lambda t, d, remembered: self.leave(t, d, remembered, dfirst)

    def reversed(self) -> Rows:
        """Return the same for a layer that goes from the last step to the first.

        A row that begins anew at step t is new to such a layer once it has been at step t: at the next
        step, back from t, that the row has.
        """
        live = None if self.live is None else self.live[::-1, :, 0]
        reset = None
        if self.reset is not None:
            reset = np.zeros_like(self.reset)
            reset[1:] = self.reset[:0:-1]
            if live is not None:
                for t in range(1, len(reset)):
                    reset[t] |= reset[t - 1] & ~live[t - 1]
        return Rows(reset, live, self.dtype)

    def enter(self, t: int, tape: Tape, first: State = ()) -> None:
        """Write the state that enters step t: in rows that begin anew zero, or what they begin from."""
        if self.keep is None:
            return
        keep = self.keep[t]
        if t == 0:
            for field in tape.first:
                np.multiply(field, keep, out=field)
        else:
            for left, entered in zip(tape.states, tape.entered, strict=True):
                np.multiply(left[t - 1], keep, out=entered[t])
        if first and self._begins[t >> 3] >> (t & 7) & 1 and self.reset is not None:
            for field, value in zip(tape.entering(t), first, strict=True):
                np.copyto(field, value, where=self.reset[t][:, None])

    def hold(self, t: int, tape: Tape) -> None:
        """Undo step t in rows that do not have it."""
        if self._padded is not None and self._held[t]:
            for entering, left in zip(tape.entering(t), tape.left(t + 1), strict=True):
                np.copyto(left, entering, where=self._padded[t])

    def enter_field(self, t: int, tape: Tape, field: int, first: State = ()) -> None:
        """Do as :meth:`enter` for one field of the state; `first` is what that begins from, if not zero."""
        if self.keep is not None:
            left = tape.states[field][t - 1] if t else tape.first[field]
            np.multiply(left, self.keep[t], out=tape.entered[field][t])
            if first and self.reset is not None and self._begins[t >> 3] >> (t & 7) & 1:
                np.copyto(tape.entered[field][t], first[0], where=self.reset[t][:, None])

    def hold_field(self, t: int, tape: Tape, field: int) -> None:
        """Do as :meth:`hold` for one field of the state."""
        if self._padded is not None and self._held[t]:
            np.copyto(tape.states[field][t], tape.entered[field][t], where=self._padded[t])

    def output(self, array: Floats, space: Workspace, name: str) -> Floats:
        """Return an array ``(T, B, width)``, or a copy of it that is zero where a step does not count."""
        if self._padded is None:
            return array
        copy = space.take(name, array.shape, array.dtype)
        np.copyto(copy, array)
        np.copyto(copy, 0.0, where=self._padded)  # not multiplied: what stands there may be NaN
        return copy

    def clear(self, array: Floats) -> None:
        """Set an array ``(T, B, width)`` to zero where a step does not count."""
        if self._padded is not None:
            np.copyto(array, 0.0, where=self._padded)

    def remember(self, t: int, d: State, space: Workspace, name: str) -> State | None:
        """Return a copy of the derivatives by the state after step t, if some row has no such step."""
        if self._padded is None or not self._held[t]:
            return None
        fields = [space.take(f"{name}.held.{i}", field.shape, field.dtype) for i, field in enumerate(d)]
        for copy, field in zip(fields, d, strict=True):
            np.copyto(copy, field)
        return tuple(fields)

    def silence(self, t: int, *blocks: Floats | None) -> None:
        """Set derivatives ``(G, B, H)`` of step t to zero in rows that do not have it."""
        if self._padded is not None and self._held[t]:
            for block in blocks:
                if block is not None:
                    np.copyto(block, 0.0, where=self._padded[t])

    def forget(self, first: int, by_state: Floats, dfirst: State = ()) -> None:
        """Set derivatives ``(n, B, H)`` by the states before steps `first` and on to zero where they are new.

        For what reaches those states beside :meth:`leave`; to dfirst those by what rows begin from are added.
        """
        if self.keep is not None:
            keep = self.keep[first : first + len(by_state)]
            for total in dfirst:
                np.add(total, np.einsum("tb,tbh->h", 1 - keep[..., 0], by_state), out=total)
            np.multiply(by_state, keep, out=by_state)

    def hand_on(self, t: int, after: Floats, before: Floats) -> None:
        """Let the derivative by a state pass step t as it is, in rows that do not have it."""
        if self._padded is not None and self._held[t]:
            np.copyto(before, after, where=self._padded[t])

    def leave(self, t: int, d: State, remembered: State | None, dfirst: State = ()) -> None:
        """Complete the derivatives by the state before step t; dfirst gets those by what rows begin from."""
        if remembered is not None and self._padded is not None:
            for field, before in zip(d, remembered, strict=True):
                np.copyto(field, before, where=self._padded[t])
        if self.keep is not None and self._begins[t >> 3] >> (t & 7) & 1:
            keep = self.keep[t]
            for total, field in zip(dfirst, d, strict=False):
                np.add(total, (1 - keep[:, 0]) @ field, out=total)
            for field in d:
                np.multiply(field, keep, out=field)
