"""Models in the files of others: PyTorch, Keras, ONNX; a package each, loaded when first used.

Neither PyTorch nor Keras is ever loaded; the packages onnx and h5py are, where a file needs them.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any

_PACKAGES = ("torch", "keras", "onnx")


def __getattr__(name: str) -> Any:
    if name in _PACKAGES and find_spec(f"elman.interop.{name}"):
        return import_module(f"elman.interop.{name}")
    raise AttributeError(f"module 'elman.interop' has no attribute {name!r}")
