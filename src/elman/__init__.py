"""Recurrent networks on NumPy that you can read, check and ship.

Names are loaded when first used: ``import elman`` itself loads the standard library alone. A name loads
what it needs (the errors nothing, the models NumPy), and only the command line loads typer and rich.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "elman.errors": (
        "ElmanError", "ShapeError", "ConfigError", "DataError", "CheckpointError", "DivergenceError",
    ),
    "elman.network": ("LanguageModel", "Truncation", "Cell", "register_cell"),
    "elman.data": (
        "Text", "CharTokenizer", "ByteTokenizer", "WordTokenizer", "SpaceTokenizer", "BpeTokenizer", "Corpus",
        "Stream", "encode_corpus",
    ),
    "elman.data.shards": ("prepare_corpus",),
    "elman.storage.config": ("TrainConfig",),
    "elman.training": ("clip_by_global_norm", "Evaluation"),
    "elman.training.optim": ("sgd", "adagrad", "rmsprop", "adam", "adamw"),
    "elman.training.schedules": ("constant", "step_decay", "exponential", "cosine", "plateau"),
    "elman.decoding": ("Sampling", "Score"),
    "elman.insight": ("gradcheck", "GradcheckReport", "trace", "Trace"),
    "elman.insight.explain": ("explain", "Explanation"),
    "elman.text_model": ("TextModel",),
    "elman.api": ("load", "train"),
}  # fmt: skip
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}
_ROOMS = ("network", "data", "storage", "training", "decoding", "insight", "interop")

__all__ = ["__version__", *_HOME_OF]


def __getattr__(name: str) -> Any:
    if name in _HOME_OF:
        value = getattr(import_module(_HOME_OF[name]), name)
    elif name in _ROOMS:
        value = import_module(f"elman.{name}")
    else:
        raise AttributeError(f"module 'elman' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*__all__, *_ROOMS])
