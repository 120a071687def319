"""A language model out of a file with PyTorch's weights."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from elman.errors import ConfigError
from elman.interop.building import assemble, check_finite
from elman.interop.files.guess import Guess, guess, models_of
from elman.interop.files.listing import Listing
from elman.interop.files.modules import MODULES, Module
from elman.interop.files.numbers import converted
from elman.interop.files.opened import open_tensors
from elman.interop.said import Imported, warn
from elman.interop.torch.names import KINDS, ORDER, ours
from elman.network import LanguageModel
from elman.typing import Floats


def load(path: str | Path, *, cell: str | None = None, prefix: str = "") -> LanguageModel:
    """Read a language model that PyTorch trained: embedding, one recurrent module, output layer.

    The weights are found by name and shape, wherever they stand: those of ``nn.RNN``, ``nn.GRU`` or
    ``nn.LSTM`` under the names that PyTorch gives them, a table of word vectors as wide as the module's
    inputs, and a matrix as wide as its outputs, with a bias or without. Where there is no such matrix, or
    it equals the word vectors, the model is tied.

    Parameters
    ----------
    path : path-like
        A safetensors file, or one of ``torch.save``, of which nothing but tensors is read.
    cell : str, optional
        ``rnn-relu`` for an ``nn.RNN`` with ``nonlinearity="relu"``, which cannot be seen in its weights.
        Otherwise what the cell must be.
    prefix : str
        Only names that begin so are looked at, as where a file holds several models.

    Returns
    -------
    LanguageModel
        In the precision of the file; of halves, in float32.

    Raises
    ------
    DataError
        If the file is missing, damaged, or holds a NaN, or more than tensors.
    ConfigError
        If it holds no model of that kind, or more than one; the message names what is missing or too much.

    Warns
    -----
    UserWarning
        Where something was converted or assumed: halves, a tanh, a tied output.

    Examples
    --------
    >>> import tempfile, elman
    >>> from elman.interop import torch
    >>> model = elman.LanguageModel(vocab_size=9, cell="gru", embedding=4, hidden=6, layers=2)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     torch.write(model, f"{folder}/model.safetensors")
    ...     torch.load(f"{folder}/model.safetensors")
    LanguageModel(vocab_size=9, cell='gru', embedding=4, hidden=6, layers=2, dtype='float32')
    """
    return warn(read(path, cell=cell, prefix=prefix))


def read(path: str | Path, *, cell: str | None = None, prefix: str = "") -> Imported:
    """Do as ``load``, and return what was converted or assumed in place of warnings.

    Parameters
    ----------
    path : path-like
        As for `load`.
    cell, prefix : str
        As for `load`.

    Returns
    -------
    Imported
        The model, and sentences.
    """
    file = open_tensors(path)
    said: list[str] = []
    shapes = _chosen(path, file.listing, prefix, said)
    found = guess(shapes)
    if found.problems:
        raise ConfigError(f"{path} is no language model that can be read: {'; '.join(found.problems)}")
    module = found.modules[0]
    kind = _cell(path, module, cell, file.listing.metadata, said)
    names = [name for name in shapes if name not in found.others]
    arrays: dict[str, Floats] = file.arrays(names)
    for name, array in arrays.items():
        check_finite(path, name, array)
    if found.by_name:
        said.append(
            f"{found.embedding} was taken for the word vectors and {found.output} for the output by their "
            "names, since their shapes are the same"
        )
    said += converted(file.listing.tensors[name].dtype for name in names)
    dtypes = sorted({array.dtype.name for array in arrays.values()})
    if len(dtypes) > 1:
        said.append(f"{' and '.join(dtypes)} weights stand side by side: all were read as float64")
    params = {"embedding.E": arrays[str(found.embedding)], **ours(module, arrays)}
    tied = _output(found, module, arrays, params, said)
    sizes: dict[str, Any] = {
        "vocab_size": len(params["embedding.E"]), "cell": kind, "embedding": module.inputs,
        "hidden": module.hidden, "layers": module.layers, "tied": tied, "dtype": dtypes[-1],
    }  # fmt: skip
    if module.projection:
        sizes["projection"] = module.projection
    if module.bidirectional:
        sizes["direction"] = "bidirectional"
    return Imported(assemble(path, sizes, params), tuple(said))


def _chosen(path: str | Path, listing: Listing, prefix: str, said: list[str]) -> dict[str, tuple[int, ...]]:
    """Return the shapes of the tensors of the one model in the file."""
    tensors = {name: tensor for name, tensor in listing.tensors.items() if name.startswith(prefix)}
    if not tensors:
        raise ConfigError(f"no name in {path} begins with {prefix!r}: elman info {path} lists them")
    groups = models_of(tensors)
    if len(groups) > 1:
        raise ConfigError(
            f"{path} holds recurrent weights in {len(groups)} dictionaries, {', '.join(groups[:3])}: "
            f"choose one by its prefix, such as {groups[0] + '.'!r}"
        )
    group = groups[0] if groups else ""
    chosen = {name: tensor.shape for name, tensor in tensors.items() if tensor.group == group or not groups}
    if len(chosen) < len(tensors):
        said.append(f"only {group or 'the outermost dictionary'} of the file was read")
    return chosen


def _cell(
    path: str | Path, module: Module, asked: str | None, metadata: Mapping[str, str], said: list[str]
) -> str:
    if asked is not None and (asked not in ORDER or KINDS[asked] != module.cell):
        raise ConfigError(
            f"{path} holds {MODULES[module.cell]}, which cannot be the cell {asked!r}: "
            f"it can be {' or '.join(cell for cell in ORDER if KINDS[cell] == module.cell)}"
        )
    if asked is not None:
        return asked
    if module.cell != "rnn":
        return module.cell
    known = {"tanh": "rnn", "relu": "rnn-relu"}.get(metadata.get("nonlinearity", ""))
    if known is None:
        said.append(
            "tanh was assumed, since nn.RNN's weights do not show it: for relu, give the cell rnn-relu"
        )
    return known or "rnn"


def _output(
    found: Guess, module: Module, arrays: Mapping[str, Floats], params: dict[str, Floats], said: list[str]
) -> bool:
    """Enter the output layer into params; return whether it is tied to the word vectors."""
    E = params["embedding.E"]
    tied = found.tied
    if tied:
        said.append(f"there is no output weight: {found.embedding} was taken for it (tied)")
    elif module.inputs == module.width and np.array_equal(arrays[str(found.output)], E):
        said.append(f"{found.output} equals {found.embedding}: they were read as one (tied)")
        tied = True
    else:
        params["output.V"] = arrays[str(found.output)].T
    params["output.c"] = np.zeros(len(E), E.dtype) if found.bias is None else arrays[found.bias]
    return tied
