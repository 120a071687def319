"""What is asked before a model goes out, the same for every format."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from elman.errors import ConfigError, DivergenceError
from elman.network import LanguageModel
from elman.network.output import Softmax


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


def check_depth(model: LanguageModel, who: str, *, connections: bool = False) -> None:
    """Refuse what the recurrent layers of other frameworks have not.

    Parameters
    ----------
    model : LanguageModel
        What is to go out.
    who : str
        Whose layers, for the message: "PyTorch's modules".
    connections : bool
        Whether connections between layers have a place there.

    Raises
    ------
    ConfigError
        That names the first of such settings.
    """
    if model.layer_norm:
        raise ConfigError(f"the layers are normalised (layer_norm), and {who} normalise nothing")
    if model.connections != "none" and not connections:
        raise ConfigError(
            f"the model has {model.connections} connections past its layers, and {who} have none: "
            "elman export onnx writes them"
        )
    if model.learn_state:
        raise ConfigError(
            f"the model begins a text from a learnt state (learn_state), and {who} begin from zeros"
        )


def check_model(model: LanguageModel) -> None:
    """Refuse a model that has diverged, which no framework could use, or that none computes."""
    check_computable(model)
    for name, array in model.params.items():
        if not np.isfinite(array).all():
            raise DivergenceError(f"{name} holds NaN or infinity: the model has diverged; export another")


def softmax_of(model: LanguageModel, whose: str) -> Softmax:
    """Return the output of a model if that computes one softmax over all words; refuse others by name."""
    if not isinstance(model.output, Softmax):
        raise ConfigError(
            f"the output {model.output.name!r} is none of {whose}: only models with one softmax over all "
            "words can be written, those with the outputs full, sampled and nce"
        )
    return model.output


def check_computable(model: LanguageModel) -> None:
    """Refuse a model whose steps, in evaluation too, are those of no other framework."""
    for name in ("zoneout", "zoneout_cell"):
        rate = getattr(model.regularisers, name)
        if rate:
            raise ConfigError(
                f"{name} ({rate:g}) cannot be exported: in evaluation too a unit keeps that share of its "
                "value at every step, which no layer of PyTorch, Keras or ONNX does"
            )
