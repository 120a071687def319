"""Settings of how long, and how often."""

from __future__ import annotations

from dataclasses import dataclass

from elman.errors import ConfigError
from elman.storage.settings.declare import setting


@dataclass
class LengthSettings:
    """When training ends, and what happens on the way."""

    epochs: int | None = setting(
        None, "Length", "Passes over the text; without any length 10, or enough for 500 steps.", 1
    )
    steps: int | None = setting(None, "Length", "Updates.", 1)
    minutes: float | None = setting(None, "Length", "Minutes; whichever of the three ends first.", 0, above=0)
    early_stop: int | None = setting(
        None, "Length", "Stop after this many evaluations in a row without progress.", 1
    )
    eval_every: int | None = setting(
        None, "Length", "Steps between evaluations; by default a tenth of the run.", 1
    )
    eval_epochs: int | None = setting(
        None, "Length", "Evaluate at the end of every so many epochs, in place of steps.", 1
    )
    checkpoint_every: int | None = setting(
        None, "Length", "Steps between checkpoints; by default one a minute.", 1
    )
    checkpoint_minutes: float | None = setting(
        None, "Length", "Minutes between checkpoints, in place of steps.", 0, above=0
    )
    sample: int = setting(
        200, "Length", "Tokens of sample text at each evaluation (of words a fifth); 0 for none.", 0
    )

    def check_length(self) -> None:
        """Raise ConfigError for the first of these settings that contradicts another."""
        if self.eval_every and self.eval_epochs:
            raise ConfigError("eval_every counts steps and eval_epochs epochs: give one of them")
        if self.checkpoint_every and self.checkpoint_minutes:
            raise ConfigError(
                "checkpoint_every counts steps and checkpoint_minutes minutes: give one of them"
            )
