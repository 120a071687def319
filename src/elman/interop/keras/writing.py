"""A language model of ours as a ``.keras`` file."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from elman import __version__
from elman.disk.atomic import write_atomic
from elman.errors import ConfigError, ElmanError
from elman.interop.blocks import REWRITTEN, in_order
from elman.interop.keras.activations import Kind, kinds
from elman.interop.keras.chain import snake
from elman.interop.keras.convert import ORDER
from elman.interop.target import check_depth, check_model, check_target, softmax_of
from elman.network import LanguageModel
from elman.typing import Floats

_EARLIEST = (1980, 1, 1, 0, 0, 0)  # so that the same model is the same file


class _Written(NamedTuple):
    """A layer of Keras: its entry in config.json, and its arrays by the groups they lie in."""

    kind: str
    config: dict[str, Any]
    arrays: Mapping[str, list[Floats]] = MappingProxyType({})


def write(model: LanguageModel, path: str | Path, *, overwrite: bool = False) -> None:
    """Write a model as a ``.keras`` file, that ``keras.saving.load_model`` reads.

    It is a Sequential model: an Embedding, recurrent layers, each with its Dropout (or SpatialDropout1D, for
    variational masks) where the model has a rate, and a Dense layer whose outputs are the same logits.
    Keras has no layer for what else a model drops in training. A minimal gated unit becomes the GRU, and an
    LSTM with coupled gates the LSTM, that computes exactly the same.

    Parameters
    ----------
    model : LanguageModel
        With a cell that Keras has: ``rnn``, ``rnn-relu``, ``lstm``, ``gru``, ``gru-before``, also with other
        activations of Keras, ``mgu`` or ``lstm-coupled``; without projection.
    path : path-like
        The file to make; its name ends in ``.keras``.
    overwrite : bool
        Replace a file that is there.

    Raises
    ------
    ConfigError
        If Keras has no layers that compute the model; if there is a file already, or no folder for it.
    DivergenceError
        If a parameter is not finite.
    CheckpointError
        If the file cannot be written.
    ElmanError
        If h5py is not installed.

    Examples
    --------
    >>> import tempfile, elman
    >>> model = elman.LanguageModel(vocab_size=9, cell="gru", embedding=4, hidden=6, layers=1)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     elman.interop.keras.write(model, f"{folder}/model.keras")
    ...     elman.interop.keras.load(f"{folder}/model.keras").cell
    'gru'
    """
    path = Path(path)
    if path.suffix != ".keras":
        raise ConfigError(f"{path} must end in .keras, by which Keras knows its files")
    check_target(path, overwrite=overwrite)
    check_model(model)
    check_depth(model, "Keras's layers")
    if find_spec("h5py") is None:
        raise ElmanError(
            f"{path} is to hold HDF5, which h5py writes: install it with pip install 'elman[keras]'"
        )
    layers = list(_layers(model))
    members = {
        "metadata.json": json.dumps({"keras_version": "3.0.0", "made_by": f"elman {__version__}"}).encode(),
        "config.json": json.dumps(_config(model, layers)).encode(),
        "model.weights.h5": _weights(layers),
    }
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:  # uncompressed, as Keras's own
        for name, content in members.items():
            file.writestr(zipfile.ZipInfo(name, _EARLIEST), content)
    write_atomic(path, archive.getvalue())


def _layers(model: LanguageModel) -> Iterator[_Written]:
    kind = _kind(model)
    E = model.params["embedding.E"]
    yield _Written("InputLayer", {"batch_shape": [None, None]})
    yield _Written("Embedding", {"input_dim": E.shape[0], "output_dim": E.shape[1]}, {"vars": [E]})
    given = model.regularisers
    yield from _dropout(model, given.dropout_input)
    turned = False  # whether what comes in is last step first
    for index, way in enumerate(model.stack.directions):
        name = f"layers.{index}"
        if way == "bidirectional":
            # Of what is turned, backwards is forwards. The outputs so come first step first again.
            one = _recurrent(model, kind, name, turned)
            yield _both(model, one, _recurrent(model, kind, f"{name}.reverse", not turned))
            turned = False
        else:
            back = (way == "reverse") != turned
            yield _recurrent(model, kind, name, back)
            turned ^= back
        yield from _dropout(model, given.on_output(index, of=len(model.stack.layers)))
    if turned:
        raise ConfigError(
            "the last layer reads in reverse: Keras leaves the outputs of such a layer last step first, "
            "where they do not stand at their tokens"
        )
    V = softmax_of(model, "Keras's layers").weights(model.params)
    arrays = {"vars": [V, model.params["output.c"]]}
    yield _Written("Dense", {"units": model.vocab_size, "activation": "linear", "use_bias": True}, arrays)


def _dropout(model: LanguageModel, rate: float) -> Iterator[_Written]:
    if rate:  # SpatialDropout1D has one mask for all steps
        yield _Written("SpatialDropout1D" if model.regularisers.variational else "Dropout", {"rate": rate})


def _kind(model: LanguageModel) -> Kind:
    found = kinds().get(REWRITTEN.get(model.cell, model.cell))
    if found is None or model.projection is not None:
        what = f"the cell {model.cell!r}" if found is None else "a projection"
        raise ConfigError(f"Keras has no layer that computes {what}: it has SimpleRNN, LSTM and GRU")
    return found


def _recurrent(model: LanguageModel, kind: Kind, name: str, backwards: bool) -> _Written:
    of = {letter: model.params[f"{name}.{letter}"] for letter in ("U", "W", "b")}
    H = of["U"].shape[-1]
    blocks = {letter: in_order(model.cell, array, ORDER[kind.layer]) for letter, array in of.items()}
    U, W = (np.concatenate(blocks[letter], axis=-1) for letter in ("U", "W"))
    bias = np.concatenate(blocks["b"])
    config = {
        "units": H, "activation": kind.activation, "use_bias": True, "return_sequences": True,
        "go_backwards": backwards,
    }  # fmt: skip
    if kind.layer != "SimpleRNN":
        config["recurrent_activation"] = kind.recurrent
    if kind.layer == "GRU":
        config["reset_after"] = not kind.before
        if not kind.before:
            inner = np.zeros_like(bias)
            inner[2 * H :] = model.params.get(f"{name}.b_candidate", 0.0)
            bias = np.stack([bias, inner])
    return _Written(kind.layer, config, {"cell/vars": [U, W, bias]})


def _both(model: LanguageModel, one: _Written, other: _Written) -> _Written:
    config: dict[str, Any] = {"merge_mode": "concat"}
    arrays = {}
    for key, place, part in (("layer", "forward_layer", one), ("backward_layer", "backward_layer", other)):
        config[key] = _entry(model, part, place)
        arrays.update({f"{place}/{group}": found for group, found in part.arrays.items()})
    return _Written("Bidirectional", config, arrays)


def _named(layers: list[_Written]) -> Iterator[tuple[str, _Written]]:
    """Yield each layer with the name that Keras would give it, which its group has too."""
    used: dict[str, int] = {}
    for layer in layers:
        name = snake(layer.kind)
        used[name] = used.get(name, -1) + 1
        yield (f"{name}_{used[name]}" if used[name] else name), layer


def _entry(model: LanguageModel, layer: _Written, name: str) -> dict[str, Any]:
    dtype = "int32" if layer.kind == "InputLayer" else model.dtype.name
    return {
        "module": "keras.layers",
        "class_name": layer.kind,
        "config": {"name": name, "dtype": dtype, **layer.config},
        "registered_name": None,
    }


def _config(model: LanguageModel, layers: list[_Written]) -> dict[str, Any]:
    entries = [_entry(model, layer, name) for name, layer in _named(layers)]
    return {
        "module": "keras",
        "class_name": "Sequential",
        "config": {"name": "elman", "dtype": model.dtype.name, "layers": entries},
        "registered_name": None,
    }


def _weights(layers: list[_Written]) -> bytes:
    import h5py

    memory = io.BytesIO()
    with h5py.File(memory, "w") as file:
        for name, layer in _named(layers):
            for group, arrays in layer.arrays.items():
                for index, array in enumerate(arrays):
                    file[f"layers/{name}/{group}/{index}"] = array
    return memory.getvalue()
