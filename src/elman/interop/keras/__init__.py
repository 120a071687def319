"""Models in the files of Keras 3: ``.keras`` and ``.weights.h5``. Keras itself is not needed."""

from elman.interop.keras.reading import load, mask, read
from elman.interop.keras.writing import write

__all__ = ["load", "mask", "read", "write"]
