"""Storage: configuration files and run directories, written atomically and read with suspicion."""

from elman.storage.config import TrainConfig

# Run stays in elman.storage.run: it needs NumPy, and the command line asks for the settings alone.
__all__ = ["TrainConfig"]
