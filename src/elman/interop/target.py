"""What is asked before a model goes out, the same for every format."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from elman.errors import ConfigError, DivergenceError
from elman.network import LanguageModel


def check_target(path: Path, *, overwrite: bool) -> None:
    """Refuse a file that cannot or must not be written, before the work is done."""
    if path.is_dir():
        raise ConfigError(f"{path} is a folder: name a file to write")
    if not path.parent.is_dir():
        raise ConfigError(f"there is no folder {path.parent} to write {path.name} in: make it first")
    if path.exists() and not overwrite:
        raise ConfigError(
            f"{path} exists already: replace it by overwrite (--overwrite), or name another file"
        )


def check_model(model: LanguageModel) -> None:
    """Refuse a model that has diverged, which no framework could use, or that none computes."""
    check_computable(model)
    for name, array in model.params.items():
        if not np.isfinite(array).all():
            raise DivergenceError(f"{name} holds NaN or infinity: the model has diverged; export another")


def check_computable(model: LanguageModel) -> None:
    """Refuse a model whose steps, in evaluation too, are those of no other framework."""
    for name in ("zoneout", "zoneout_cell"):
        rate = getattr(model.regularisers, name)
        if rate:
            raise ConfigError(
                f"{name} ({rate:g}) cannot be exported: in evaluation too a unit keeps that share of its "
                "value at every step, which no layer of PyTorch, Keras or ONNX does"
            )
