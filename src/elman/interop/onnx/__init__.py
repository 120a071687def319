"""ONNX: models go out as files that ONNX Runtime runs; names are loaded when first used."""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOMES = {
    "export": "elman.interop.onnx.out.exporting",
    "Card": "elman.interop.onnx.out.card",
}

__all__ = ["Card", "export"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'elman.interop.onnx' has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_HOMES[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
