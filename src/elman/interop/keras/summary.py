"""What a Keras file holds, whether or not it is a model that elman has."""

from __future__ import annotations

import math
import re
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

from numpy.typing import NDArray

from elman.errors import DataError, ElmanError
from elman.interop.files.listing import Listing, Tensor, regular_file
from elman.interop.keras.archive import opened, read_json, unpacked
from elman.interop.keras.config import plan_of
from elman.interop.keras.convert import imported
from elman.interop.keras.fields import short
from elman.interop.keras.guess import Told, guessed
from elman.interop.keras.names import BFLOAT16
from elman.interop.keras.plan import Plan
from elman.interop.keras.process import read_h5

Arrays = dict[str, NDArray[Any]]

SHOWN = ("input_dim", "output_dim", "units", "rate", "activation", "recurrent_activation", "mask_zero",
         "go_backwards", "return_sequences", "reset_after", "merge_mode")  # fmt: skip
"""Options of a layer that tell what it is."""

MOST_LAYERS = 1000
"""Of a config that names more, the first are shown."""


class Layer(NamedTuple):
    """A layer as config.json has it; what it says is not taken on trust."""

    name: str
    kind: str
    options: dict[str, Any]


class Summary(NamedTuple):
    """What is in a file.

    Attributes
    ----------
    listing : Listing
        Names, types and shapes of the arrays.
    layers : list of Layer
        Of config.json; none of a file of weights alone.
    model : str
        The model that it would be; empty if it is not read.
    said : tuple of str
        What would be converted or assumed.
    problem : str
        Why it is not read; empty if it is.
    """

    listing: Listing
    layers: list[Layer]
    model: str
    said: tuple[str, ...]
    problem: str


def summarize(path: str | Path) -> Summary:
    """Read a ``.keras`` or ``.weights.h5`` file and tell what is in it; nothing of it is run.

    Parameters
    ----------
    path : path-like
        The file.

    Returns
    -------
    Summary

    Raises
    ------
    DataError
        If it is damaged, or has what Keras does not write.
    ElmanError
        If h5py is not installed.

    Examples
    --------
    >>> import elman, tempfile
    >>> from elman.interop import keras
    >>> model = elman.LanguageModel(vocab_size=9, cell="gru", embedding=4, hidden=6, layers=1)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     keras.write(model, f"{folder}/model.keras")
    ...     found = summarize(f"{folder}/model.keras")
    >>> [layer.kind for layer in found.layers], found.listing.tensors["layers/dense/vars/0"].shape
    (['InputLayer', 'Embedding', 'GRU', 'Dense'], (6, 9))
    """
    path, _ = regular_file(path)
    source = str(path)
    config: dict[str, Any] | None = None
    try:
        if zipfile.is_zipfile(path):
            with opened(path) as archive:
                config = read_json(archive, path)
                with unpacked(archive) as weights:
                    arrays = read_h5(weights, f"model.weights.h5 of {path}")
        else:
            with path.open("rb") as file:
                if file.read(4) != b"\x89HDF":
                    raise DataError(f"{path} is neither a .keras archive nor HDF5, or is cut short")
            arrays = read_h5(path, path)
        layers = [] if config is None else _layers(config)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from None
    model, said, problem = _model(source, config, arrays)
    kind = "HDF5 file of weights" if config is None else "Keras archive"
    return Summary(Listing(kind, _tensors(arrays), {}), layers, model, said, problem)


def _model(source: str, config: dict[str, Any] | None, arrays: Arrays) -> tuple[str, tuple[str, ...], str]:
    """Return the model, what was said of it, and why there is none."""
    try:
        plan: Plan = guessed(source, arrays, Told()) if config is None else plan_of(source, config)
        made = imported(source, plan, arrays)
    except RecursionError:
        return "", (), f"config.json of {source} is nested too deeply"
    except ElmanError as error:
        return "", (), str(error)
    return str(made.model), made.said, ""


def _tensors(arrays: Arrays) -> dict[str, Tensor]:
    return {
        name.removesuffix(BFLOAT16): Tensor(
            "bfloat16" if name.endswith(BFLOAT16) else str(array.dtype), array.shape
        )
        for name, array in sorted(arrays.items(), key=_in_order)
    }


def _in_order(named: tuple[str, Any]) -> list[tuple[bool, int, str]]:
    """Return what puts layers/lstm_2 before layers/lstm_10."""
    parts = re.split(r"([0-9]+)", named[0])
    return [(part.isdecimal(), int(part) if part.isdecimal() else 0, part) for part in parts]


def _layers(config: dict[str, Any]) -> list[Layer]:
    """Return the layers that a config names; of what is none, nothing."""
    inner = config.get("config")
    entries = inner.get("layers") if isinstance(inner, dict) else None
    return [
        _layer(entry)
        for entry in (entries[:MOST_LAYERS] if isinstance(entries, list) else ())
        if isinstance(entry, dict)
    ]


def _layer(entry: dict[str, Any]) -> Layer:
    kind, config = short(entry.get("class_name", "?")), entry.get("config")
    given: dict[str, Any] = config if isinstance(config, dict) else {}
    options = {name: given[name] for name in SHOWN if given.get(name) is not None}
    within = given.get("layer")  # of a Bidirectional or a TimeDistributed
    if isinstance(within, dict):
        inner = within.get("config")
        kind = f"{kind}({short(within.get('class_name', '?'))})"
        if isinstance(inner, dict):
            options |= {name: inner[name] for name in SHOWN if inner.get(name) is not None}
    return Layer(short(given.get("name", "")), kind, {name: _plain(value) for name, value in options.items()})


def _plain(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):  # JSON has none
        return short(value)
    return value if isinstance(value, bool | int | float) and len(str(value)) < 60 else short(value)
