"""Settings of large batches, and of processes that train together."""

from __future__ import annotations

from dataclasses import dataclass

from elman.errors import ConfigError
from elman.storage.settings.declare import setting

SCALINGS = {"none": 0.0, "sqrt": 0.5, "linear": 1.0}
"""The power of the batch's size, over that of the base, which the learning rate is multiplied with."""


@dataclass
class RanksSettings:
    """How many rows make an update, and what ranks send one another for it."""

    accumulate: int = setting(
        1, "Ranks", "Windows whose gradients make one update, as a batch so many times as large would.", 1
    )
    lr_scaling: str = setting(
        "none", "Ranks", "Multiply the rate by the rows of an update over the base batch: linear, sqrt or "
        "none; give it a warm-up.", choices=tuple(SCALINGS),
    )  # fmt: skip
    base_batch: int | None = setting(None, "Ranks", "Rows that the rate was found for.", 1)
    communicator: str = setting(
        "flat", "Ranks", "How ranks add up gradients: flat, overlap or naive, which are exact; topk or "
        "onebit, which send part of each gradient, and the rest with the next.",
        choices=("flat", "overlap", "naive", "topk", "onebit"),
    )  # fmt: skip
    topk_ratio: float = setting(0.01, "Ranks", "Share of the gradient that topk sends.", 0, above=0, below=1)
    sync_every: int = setting(
        1, "Ranks", "Updates that each rank makes by itself before parameters are averaged (local SGD).", 1
    )

    def check_ranks(self) -> None:
        """Raise ConfigError for the first of these settings that contradicts another."""
        if (self.base_batch is None) != (self.lr_scaling == "none"):
            raise ConfigError(
                "lr_scaling and base_batch go together: the rate is that of a base batch, and is scaled to "
                "the rows of an update; give both or neither"
            )
        if self.sync_every > 1 and self.communicator != "flat":
            raise ConfigError(
                f"communicator ({self.communicator}) has no effect with sync_every {self.sync_every}, which "
                "averages parameters and adds up no gradients: leave one out"
            )

    def check_rate(self, batch: int, rate: float, lowest: float) -> None:
        """Raise ConfigError where the rate that is scaled begins below the one that it ends at.

        Parameters
        ----------
        batch : int
            Rows of a window.
        rate : float
            The rate as it is given, for the base batch.
        lowest : float
            The rate at the end.

        Raises
        ------
        ConfigError
            If the first, scaled, is less than the last.
        """
        if lowest > rate * self.scale_of(batch):
            raise ConfigError(
                f"lr_min ({lowest}) must be at most lr ({rate}) as lr_scaling {self.lr_scaling} makes it, "
                f"{rate * self.scale_of(batch):g}"
            )

    def scale_of(self, batch: int) -> float:
        """Return what the rate is multiplied with, for so many rows of a window.

        Parameters
        ----------
        batch : int
            The rows, of all ranks.

        Returns
        -------
        float
            1 where nothing is scaled.
        """
        if self.base_batch is None:
            return 1.0
        factor: float = (batch * self.accumulate / self.base_batch) ** SCALINGS[self.lr_scaling]
        return factor
