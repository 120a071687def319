"""Settings of the updates."""

from __future__ import annotations

from dataclasses import dataclass

from elman.errors import ConfigError
from elman.storage.settings.declare import SEEDS, setting

LEARNING_RATES = {"sgd": 1.0, "adagrad": 0.02, "rmsprop": 0.002, "adam": 0.002, "adamw": 0.002}
"""The rate where none is given."""

FEWEST = 5
"""Steps of the shortest window that is drawn."""


@dataclass
class TrainingSettings:
    """Windows, optimiser, schedule, and who does the work."""

    batch: int = setting(50, "Training", "Parallel streams of text, B.", 1)
    window: int = setting(50, "Training", "Steps between updates, T.", 1)
    random_window: bool = setting(
        False, "Training", "Draw the length of each window, near the window or half of it."
    )
    back: int | None = setting(
        None, "Training", "Steps each backward pass reaches back; by default the window.", 1
    )
    optimizer: str = setting(
        "adam", "Training", "sgd, adagrad, rmsprop, adam or adamw.", choices=tuple(LEARNING_RATES)
    )
    lr: float | None = setting(
        None, "Training", "Learning rate; by default that of the optimizer.", 0, above=0
    )
    momentum: float = setting(0.0, "Training", "Momentum of sgd and rmsprop.", 0, below=1)
    nesterov: bool = setting(False, "Training", "Nesterov's momentum, for sgd.")
    clip: float = setting(5.0, "Training", "Largest global norm of the gradient; 0 leaves it alone.", 0)
    schedule: str = setting(
        "cosine", "Training", "constant, step, exponential, cosine or plateau.",
        choices=("constant", "step", "exponential", "cosine", "plateau"),
    )  # fmt: skip
    warmup: int = setting(0, "Training", "Steps over which the rate first rises.", 0)
    decay: float = setting(
        0.5, "Training", "Factor of the step, exponential and plateau schedules.", 0, above=0
    )
    decay_every: int | None = setting(
        None, "Training", "Steps between decays (step, exponential); by default an epoch.", 1
    )
    decay_from: int | None = setting(
        None, "Training", "Epochs at the full rate, before the step schedule begins to decay.", 1
    )
    patience: int = setting(0, "Training", "Evaluations without progress before plateau decays.", 0)
    lr_min: float = setting(0.0, "Training", "Rate that cosine and plateau do not go below.", 0)
    average: int | None = setting(
        None, "Training", "Average the parameters once the validation loss is worse than the best of those "
        "before the last N evaluations.", 1,
    )  # fmt: skip
    seed: int = setting(0, "Training", "Seed of the initial weights, dropout and samples.", 0)
    threads: int | None = setting(
        None, "Training", "Workers that share the rows; by default one a core, 1 for a small model.", 1
    )

    def check_training(self) -> None:
        """Raise ConfigError for the first of these settings that contradicts another."""
        if self.random_window and self.window < 2 * FEWEST:
            raise ConfigError(
                f"random_window draws {FEWEST} steps or more, near the window or half of it: give a "
                f"window of at least {2 * FEWEST}, not {self.window}"
            )
        if self.back is not None and self.back < self.window:
            raise ConfigError(f"back ({self.back}) must be at least the window ({self.window})")
        if self.lr_min > self.learning_rate():
            raise ConfigError(f"lr_min ({self.lr_min}) must be at most lr ({self.learning_rate()})")
        if self.decay > 1:
            raise ConfigError(f"decay must be at most 1, not {self.decay}")
        if self.seed >= SEEDS:
            raise ConfigError(f"seed must be less than 2**63, not {self.seed}")
        if self.nesterov and self.optimizer == "sgd" and not self.momentum:
            raise ConfigError("nesterov needs a momentum greater than 0")

    def learning_rate(self) -> float:
        """Return `lr`, or the default of the optimizer."""
        return LEARNING_RATES[self.optimizer] if self.lr is None else self.lr
