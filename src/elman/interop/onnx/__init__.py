"""ONNX: models go out as files that ONNX Runtime runs, and come in on a backend of our own.

Names are loaded when first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from elman.errors import ConfigError

_HOMES = {
    "export": "out.exporting",
    "Card": "out.card",
    "Backend": "backend",
    "Prepared": "backend",
    "load_model": "loading",
    "summarize": "summary",
}

__all__ = ["Backend", "Card", "Prepared", "export", "load_model", "summarize"]


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


def __dir__() -> list[str]:
    return sorted(__all__)
