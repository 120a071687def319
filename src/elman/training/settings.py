"""The optimiser and the schedule that the settings name."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from elman.storage.config import TrainConfig
from elman.training import schedules
from elman.training.optim import OPTIMIZERS, Optimizer
from elman.training.schedules import Schedule

ENDLESS = 2**53  # steps of a run whose length is not known yet


def optimizer_of(config: TrainConfig) -> Optimizer:
    """Build the optimiser, with those settings that it has."""
    own: dict[str, dict[str, float | bool]] = {
        "sgd": {"momentum": config.momentum, "nesterov": config.nesterov},
        "adamw": {"weight_decay": config.weight_decay},
    }
    return OPTIMIZERS[config.optimizer](**own.get(config.optimizer, {}))


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
            config.schedule, config.learning_rate(), config.warmup, horizon or ENDLESS, config.lr_min,
            config.decay, config.decay_every or epoch, config.patience,
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
    patience: int


@lru_cache(maxsize=8)
def _build(c: _Choice) -> Schedule:
    if c.name == "cosine":
        # A run shorter than its warm-up still ends on the way down.
        return schedules.cosine(c.lr, total=c.total, warmup=min(c.warmup, c.total - 1), floor=c.lr_min)
    if c.name == "step":
        return schedules.step_decay(c.lr, every=c.every, factor=c.decay, warmup=c.warmup)
    if c.name == "exponential":
        return schedules.exponential(c.lr, factor=c.decay, every=c.every, warmup=c.warmup)
    if c.name == "plateau":
        return schedules.plateau(c.lr, factor=c.decay, patience=c.patience, min_lr=c.lr_min, warmup=c.warmup)
    return schedules.constant(c.lr, warmup=c.warmup)
