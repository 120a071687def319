"""The optimiser and the schedule that the settings name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from inspect import signature
from typing import Any

from elman.storage.config import TrainConfig
from elman.training.optim import OPTIMIZERS, Optimizer
from elman.training.schedules import SCHEDULES, Schedule

OPTIMIZER_SETTINGS = ("momentum", "nesterov", "weight_decay")
"""The settings that an optimiser is given if its factory has a parameter of that name."""

ENDLESS = 2**53  # steps of a run whose length is not known yet


def optimizer_of(config: TrainConfig) -> Optimizer:
    """Build the optimiser, with those settings that it has, and its own defaults where they are None."""
    make = OPTIMIZERS[config.optimizer]
    values = {name: getattr(config, name) for name in OPTIMIZER_SETTINGS}
    return make(**_taken(make, {name: value for name, value in values.items() if value is not None}))


def schedule_of(config: TrainConfig, horizon: int, epoch: int) -> Schedule:
    """Build the schedule.

    Parameters
    ----------
    config : TrainConfig
        The settings.
    horizon : int
        Steps the run will take; 0 while that is not known.
    epoch : int
        Steps of a pass over the text, after which rates decay unless the settings say otherwise.
    """
    return _build(
        _Choice(
            config.schedule, config.learning_rate() * config.scale_of(config.batch), config.warmup,
            horizon or ENDLESS, config.lr_min,
            config.decay, config.decay_every or epoch, config.decay_from and config.decay_from * epoch,
            config.patience,
        )
    )  # fmt: skip


@dataclass(frozen=True)
class _Choice:
    """What a schedule is made of; hashable, so that it is made once and not at every step."""

    name: str
    lr: float
    warmup: int
    total: int
    lr_min: float
    decay: float
    every: int
    first: int | None
    patience: int


@lru_cache(maxsize=8)
def _build(c: _Choice) -> Schedule:
    make = SCHEDULES[c.name]
    values = _taken(make, {
        "lr": c.lr, "warmup": c.warmup, "total": c.total, "floor": c.lr_min, "min_lr": c.lr_min,
        "factor": c.decay, "every": c.every, "first": c.first, "patience": c.patience,
    })  # fmt: skip
    if "total" in values:
        # Where minutes make a run shorter than its warm-up, it still ends on the way down.
        values["warmup"] = min(c.warmup, c.total - 1)
    return make(**values)


def _taken(make: Callable[..., object], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of the values that a factory has a parameter for."""
    parameters = signature(make).parameters
    return {name: value for name, value in values.items() if name in parameters}
