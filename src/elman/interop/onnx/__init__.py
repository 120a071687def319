"""ONNX: models in, on a backend of our own. Nothing here needs ONNX Runtime to run them."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from elman.errors import ConfigError

_HOMES = {
    "Backend": "backend",
    "Prepared": "backend",
    "load_model": "loading",
}

__all__ = ["Backend", "Prepared", "load_model"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'elman.interop.onnx' has no attribute {name!r}")
    try:
        value = getattr(import_module(f"elman.interop.onnx.{_HOMES[name]}"), name)
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] not in ("onnx", "google"):
            raise
        raise ConfigError("ONNX files need the package onnx: pip install 'elman[onnx]'") from error
    globals()[name] = value
    return value
