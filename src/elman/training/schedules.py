"""Learning-rate schedules: pure functions of the step and, for plateau, of an explicit record.

Each factory returns a `Schedule`: ``schedule(step)`` is the rate of update number `step`, counted from 0. All
start with a linear warm-up over the first `warmup` updates if asked to: update s < warmup has the rate
lr (s + 1) / (warmup + 1), so that none is zero and update number `warmup` is the first at the full rate.
What follows counts its n from there: n = step − warmup.
"""

import math
from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias

from elman.training._checks import real, whole

__all__ = [
    "SCHEDULES",
    "Record",
    "Schedule",
    "constant",
    "cosine",
    "exponential",
    "plateau",
    "step_decay",
]

Record: TypeAlias = Sequence[tuple[int, float]]
"""Pairs (updates made so far, validation loss then), in the order of the evaluations."""


class Schedule(Protocol):
    """The rate of an update. The same arguments give the same rate: there is nothing to save or resume."""

    def __call__(self, step: int, record: Record = ()) -> float:
        """Return the rate of update number `step` (from 0), given the evaluations so far."""


def constant(lr: float, *, warmup: int = 0) -> Schedule:
    """The rate `lr` for ever.

    Parameters
    ----------
    lr : float
        The full rate, above 0.
    warmup : int, default 0
        Updates of linear warm-up before it.

    Returns
    -------
    Schedule

    Raises
    ------
    ConfigError
        If an argument is out of range.

    Examples
    --------
    >>> schedule = constant(1.0, warmup=3)
    >>> [schedule(step) for step in range(5)]
    [0.25, 0.5, 0.75, 1.0, 1.0]
    """
    lr = _rate(lr)
    return _after_warmup(lr, warmup, lambda n, losses: lr)


def step_decay(
    lr: float, every: int, factor: float = 0.5, *, first: int | None = None, warmup: int = 0
) -> Schedule:
    """Multiply the rate by `factor` after the first updates, and then after every so many.

    It is lr factor^⌊n / every⌋, or with `first`, lr factor^max(0, 1 + ⌊(n − first) / every⌋).

    Parameters
    ----------
    lr : float
        The full rate, above 0.
    every : int
        Updates at one rate, 1 or more.
    factor : float, default 0.5
        In (0, 1].
    first : int, optional
        Updates at the full rate, 1 or more; by default `every`.
    warmup : int, default 0
        Updates of linear warm-up before it.

    Returns
    -------
    Schedule

    Raises
    ------
    ConfigError
        If an argument is out of range.

    Examples
    --------
    >>> schedule = step_decay(1.0, every=2)
    >>> [schedule(step) for step in range(5)]
    [1.0, 1.0, 0.5, 0.5, 0.25]
    >>> schedule = step_decay(1.0, every=1, first=4)
    >>> [schedule(step) for step in range(7)]
    [1.0, 1.0, 1.0, 1.0, 0.5, 0.25, 0.125]
    """
    lr, every, factor = _rate(lr), whole("every", every, at_least=1), real("factor", factor, "(0, 1]")
    start = every if first is None else whole("first", first, at_least=1)
    return _after_warmup(lr, warmup, lambda n, losses: lr * factor ** max(0, 1 + (n - start) // every))


def exponential(lr: float, factor: float, every: int = 1, *, warmup: int = 0) -> Schedule:
    """Let the rate fall smoothly, by `factor` in every so many updates: lr factor^(n / every).

    Parameters
    ----------
    lr : float
        The full rate, above 0.
    factor : float
        In (0, 1].
    every : int, default 1
        Updates in which the rate falls by `factor`, 1 or more.
    warmup : int, default 0
        Updates of linear warm-up before it.

    Returns
    -------
    Schedule

    Raises
    ------
    ConfigError
        If an argument is out of range.

    Examples
    --------
    >>> schedule = exponential(1.0, factor=0.25, every=2)
    >>> [schedule(step) for step in range(4)]
    [1.0, 0.5, 0.25, 0.125]
    """
    lr, factor, every = _rate(lr), real("factor", factor, "(0, 1]"), whole("every", every, at_least=1)
    return _after_warmup(lr, warmup, lambda n, losses: lr * factor ** (n / every))


def cosine(lr: float, total: int, *, warmup: int = 0, floor: float = 0.0) -> Schedule:
    """Half a cosine from `lr` down to `floor`, where it stays.

    Parameters
    ----------
    lr : float
        The full rate, above 0.
    total : int
        The update, warm-up included, that is the first at `floor`; more than `warmup`.
    warmup : int, default 0
        Updates of linear warm-up before it.
    floor : float, default 0
        The lowest rate after the warm-up, in [0, lr].

    Returns
    -------
    Schedule

    Raises
    ------
    ConfigError
        If an argument is out of range.

    References
    ----------
    I. Loshchilov, F. Hutter (2017), SGDR: stochastic gradient descent with warm restarts, ICLR, equation 5,
    without restarts.

    Examples
    --------
    >>> schedule = cosine(1.0, total=5, warmup=1, floor=0.2)
    >>> [round(schedule(step), 3) for step in range(7)]
    [0.5, 1.0, 0.883, 0.6, 0.317, 0.2, 0.2]
    """
    lr, warmup = _rate(lr), whole("warmup", warmup, at_least=0)
    low = real("floor", floor, f"[0, {lr!r}]")
    span = whole("total", total, at_least=warmup + 1) - warmup

    def rate(n: int, losses: Sequence[float]) -> float:
        share = 0.5 * (1.0 + math.cos(math.pi * min(1.0, n / span)))
        # Both ends exact, and never outside them by a rounding.
        return max(low, min(lr, lr * share + low * (1.0 - share)))

    return _after_warmup(lr, warmup, rate)


def plateau(
    lr: float,
    factor: float = 0.5,
    patience: int = 0,
    *,
    min_lr: float = 0.0,
    threshold: float = 1e-4,
    warmup: int = 0,
) -> Schedule:
    """Multiply the rate by `factor` each time the validation loss has stopped falling.

    An evaluation is better if its loss is below (1 − `threshold`) times the best so far. After more than
    `patience` evaluations in a row that are not, the rate falls once and the count starts again. This is
    PyTorch's ``ReduceLROnPlateau`` (mode min, relative threshold, no cooldown), read off a record and not
    kept in an object; its ``eps``, which ignores changes of the rate below 1e-8, has no counterpart here.

    Parameters
    ----------
    lr : float
        The full rate, above 0.
    factor : float, default 0.5
        In (0, 1].
    patience : int, default 0
        Evaluations without improvement that are let pass.
    min_lr : float, default 0
        The rate falls no lower; in [0, lr].
    threshold : float, default 1e-4
        The relative improvement that counts, in [0, 1).
    warmup : int, default 0
        Updates of linear warm-up before it. Evaluations before the end of the warm-up are not counted.

    Returns
    -------
    Schedule
        It looks only at the pairs of the record made after `step` updates or fewer, so the rate of an earlier
        update can be asked for again later. A loss of NaN is no improvement.

    Raises
    ------
    ConfigError
        If an argument is out of range.

    Examples
    --------
    >>> schedule = plateau(1.0)
    >>> record = [(10, 2.0), (20, 1.5), (30, 1.6), (40, 1.4), (50, 1.4)]
    >>> [schedule(step, record) for step in (0, 29, 30, 40, 50)]
    [1.0, 1.0, 0.5, 0.5, 0.25]
    """
    lr, factor, patience = (
        _rate(lr),
        real("factor", factor, "(0, 1]"),
        whole("patience", patience, at_least=0),
    )
    low, threshold = real("min_lr", min_lr, f"[0, {lr!r}]"), real("threshold", threshold, "[0, 1)")

    def rate(n: int, losses: Sequence[float]) -> float:
        now, best, bad = lr, math.inf, 0
        for loss in losses:
            if loss < best * (1.0 - threshold):
                best, bad = loss, 0
            else:
                bad += 1
            if bad > patience:
                now, bad = max(low, now * factor), 0
        return now

    return _after_warmup(lr, warmup, rate)


def _rate(lr: float) -> float:
    return real("lr", lr, "(0, inf)")


def _after_warmup(lr: float, warmup: int, rate: Callable[[int, Sequence[float]], float]) -> Schedule:
    """Put the linear warm-up before `rate`, a function of n and of the losses known by then."""
    warmup = whole("warmup", warmup, at_least=0)

    def schedule(step: int, record: Record = ()) -> float:
        step = whole("step", step, at_least=0)
        if step < warmup:
            return lr * ((step + 1) / (warmup + 1))
        return rate(step - warmup, [loss for made, loss in record if warmup <= made <= step])

    return schedule


SCHEDULES: dict[str, Callable[..., Schedule]] = {
    "constant": constant,
    "step": step_decay,
    "exponential": exponential,
    "cosine": cosine,
    "plateau": plateau,
}
"""The factories by the name that configurations use."""
