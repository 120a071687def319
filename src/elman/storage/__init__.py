"""Storage: configuration files and run directories, written atomically and read with suspicion."""

from elman.storage.config import TrainConfig
from elman.storage.run import Run

__all__ = ["Run", "TrainConfig"]
