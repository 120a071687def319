"""A language model of ours under PyTorch's names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from elman.disk.atomic import write_atomic
from elman.errors import ConfigError
from elman.interop.blocks import REWRITTEN
from elman.interop.files.modules import MODULES
from elman.interop.target import check_computable, check_depth, check_model, check_target, softmax_of
from elman.interop.torch.names import kind_of, places, theirs
from elman.network import LanguageModel
from elman.network.checks import check_gradients
from elman.typing import Floats, Params


def state_dict(model: LanguageModel) -> Params:
    """Return a model's weights under the names of PyTorch's modules.

    The names are ``embedding.weight`` (`nn.Embedding`), ``rnn.weight_ih_l0`` and its like (`nn.RNN`,
    `nn.GRU` or `nn.LSTM`), ``output.weight`` and ``output.bias`` (`nn.Linear`). A minimal gated unit
    becomes the GRU, and an LSTM with coupled gates the LSTM, that computes exactly the same.

    Parameters
    ----------
    model : LanguageModel
        With the cell ``rnn``, ``rnn-relu``, ``gru``, ``lstm``, ``mgu`` or ``lstm-coupled``.

    Returns
    -------
    dict of str to ndarray
        New arrays. With tied embeddings ``output.weight`` equals ``embedding.weight``.

    Raises
    ------
    ConfigError
        If PyTorch has no module that computes the model.

    Examples
    --------
    >>> import elman
    >>> from elman.interop import torch
    >>> model = elman.LanguageModel(vocab_size=9, cell="lstm", embedding=4, hidden=6, layers=1)
    >>> for name, array in torch.state_dict(model).items():
    ...     print(name, array.shape)
    embedding.weight (9, 4)
    rnn.weight_ih_l0 (24, 4)
    rnn.weight_hh_l0 (24, 6)
    rnn.bias_ih_l0 (24,)
    rnn.bias_hh_l0 (24,)
    output.weight (9, 6)
    output.bias (9,)
    """
    check_computable(model)
    check_depth(model, "PyTorch's modules")
    bidirectional = _is_bidirectional(model)
    _check_widths(model)
    V = softmax_of(model, "PyTorch's modules").weights(model.params)
    arrays = {"embedding.weight": model.params["embedding.E"].copy()}
    for start, end in places(len(model.stack.layers), bidirectional):
        for name, array in theirs(model.cell, start, model.params):
            arrays[f"rnn.{name}{end}"] = array
    arrays["output.weight"] = np.array(V.T, order="C")
    arrays["output.bias"] = model.params["output.c"].copy()
    return arrays


def gradients(model: LanguageModel, grads: Mapping[str, Floats]) -> Params:
    """Return a model's gradients under the names of PyTorch's modules, as its ``backward`` leaves them.

    The two biases of a gate have one derivative, since they are added up.

    Parameters
    ----------
    model : LanguageModel
        With the cell ``rnn``, ``rnn-relu``, ``gru`` or ``lstm``.
    grads : mapping of str to ndarray
        As from :meth:`~elman.LanguageModel.loss_and_grads`.

    Returns
    -------
    dict of str to ndarray
        New arrays. With tied embeddings there is no ``output.weight``: all of it is in ``embedding.weight``.

    Raises
    ------
    ConfigError
        If PyTorch's module has weights of which this model has one for two, and so one derivative for two; or
        if the output is not a softmax over all words.
    ShapeError
        If the gradients are not of this model.

    Examples
    --------
    >>> import numpy as np, elman
    >>> from elman.interop import torch
    >>> model = elman.LanguageModel(vocab_size=3, cell="gru", embedding=4, hidden=5, layers=1)
    >>> _, _, grads = model.loss_and_grads(np.array([[0]]), np.array([[1]]), model.initial_state(1))
    >>> torch.gradients(model, grads)["rnn.bias_hh_l0"].shape
    (15,)
    """
    if model.cell in REWRITTEN:
        raise ConfigError(
            f"of the cell {model.cell!r} one weight stands for several of {MODULES[kind_of(model.cell)]}, "
            "so that it has no derivative by each: take those of the model itself"
        )
    check_computable(model)
    softmax_of(model, "PyTorch's modules")
    check_depth(model, "PyTorch's modules")
    check_gradients(dict(grads), model.shapes(), model.dtype)
    found = {"embedding.weight": grads["embedding.E"].copy()}
    for start, end in places(len(model.stack.layers), _is_bidirectional(model)):
        for name, array in theirs(model.cell, start, grads):
            found[f"rnn.{name}{end}"] = array
        both = found[f"rnn.bias_ih{end}"].copy()
        if model.cell == "gru":
            both[2 * len(both) // 3 :] = grads[f"{start}b_candidate"]
        found[f"rnn.bias_hh{end}"] = both
    if "output.V" in grads:
        found["output.weight"] = np.array(grads["output.V"].T, order="C")
    found["output.bias"] = grads["output.c"].copy()
    return found


def write(model: LanguageModel, path: str | Path, *, overwrite: bool = False) -> None:
    """Write a model's weights as a safetensors file that PyTorch can load.

    Parameters
    ----------
    model : LanguageModel
        As for :func:`state_dict`.
    path : path-like
        The file to make; its metadata says which modules it is for, and their sizes.
    overwrite : bool
        Replace a file that is there.

    Raises
    ------
    ConfigError
        If PyTorch has no module that computes the model; if there is a file already, or no folder for it.
    DivergenceError
        If a parameter is not finite.
    CheckpointError
        If the file cannot be written.

    Examples
    --------
    >>> import tempfile, elman
    >>> from elman.interop import torch
    >>> model = elman.LanguageModel(vocab_size=9, cell="rnn-relu", embedding=4, hidden=6, layers=1)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     torch.write(model, f"{folder}/model.safetensors")
    ...     torch.load(f"{folder}/model.safetensors").cell
    'rnn-relu'
    """
    from safetensors.numpy import save

    path = Path(path)
    check_target(path, overwrite=overwrite)
    check_model(model)
    # safetensors writes what lies in memory, whatever the strides.
    arrays = {name: np.asarray(array, order="C") for name, array in state_dict(model).items()}
    about = metadata(model)
    write_atomic(path, save(arrays, about))


def metadata(model: LanguageModel) -> dict[str, str]:
    """Return what a reader of the file must know to build the modules again, as text."""
    first, kind = model.stack.layers[0], kind_of(model.cell)
    about = {
        "format": "pt",
        "module": MODULES[kind],
        "vocab_size": str(model.vocab_size),
        "embedding_dim": str(first.inputs),
        "hidden_size": str(first.hidden),
        "num_layers": str(len(model.stack.layers)),
        "bidirectional": str(_is_bidirectional(model)),
        "tied": str(model.output.tied),
    }
    if kind == "rnn":
        about["nonlinearity"] = "relu" if model.cell == "rnn-relu" else "tanh"
    if model.projection is not None:
        about["proj_size"] = str(model.projection)
    return about


def code(model: LanguageModel, path: str | Path) -> str:
    """Return the lines of PyTorch that load and run a file of :func:`write`."""
    about = metadata(model)
    width = model.output.hidden
    arguments = [about["embedding_dim"], about["hidden_size"], about["num_layers"]]
    if about.get("nonlinearity") == "relu":
        arguments.append('nonlinearity="relu"')
    if "proj_size" in about:
        arguments.append(f"proj_size={about['proj_size']}")
    if about["bidirectional"] == "True":
        arguments.append("bidirectional=True")
    double = ", dtype=torch.float64" if model.dtype == np.float64 else ""
    parts = [
        f'"embedding": nn.Embedding({model.vocab_size}, {about["embedding_dim"]}{double})',
        f'"rnn": {about["module"]}({", ".join(arguments)}{double})',
        f'"output": nn.Linear({width}, {model.vocab_size}{double})',
    ]
    entries = "".join(f"        {part},\n" for part in parts)
    return (
        "import torch\nfrom torch import nn\nfrom safetensors.torch import load_file\n\n"
        f"model = nn.ModuleDict(\n    {{\n{entries}    }}\n)\n"
        f"model.load_state_dict(load_file({str(path)!r}))\n"
        'logits = model["output"](model["rnn"](model["embedding"](tokens))[0])  # (T, B) tokens in'
    )


def _is_bidirectional(model: LanguageModel) -> bool:
    """Whether all layers go both ways; raise ConfigError where PyTorch's modules go as these do not."""
    directions = set(model.stack.directions)
    if directions not in ({"forward"}, {"bidirectional"}):
        raise ConfigError(
            f"the layers go {model.direction}: of PyTorch's modules all layers go forward, or all both ways"
        )
    return directions == {"bidirectional"}


def _check_widths(model: LanguageModel) -> None:
    """Raise ConfigError where PyTorch has no module with such widths."""
    kind = kind_of(model.cell)
    if model.hidden_last is not None:
        raise ConfigError(
            f"the last layer has {model.hidden_last} units and the others not: in PyTorch's "
            "modules all layers are of one width"
        )
    if model.projection is None:
        return
    if kind != "lstm":
        raise ConfigError(f"{MODULES[kind]} has no projection (proj_size), but the model has one")
    hidden = model.settings["hidden"]
    if model.projection >= hidden:
        raise ConfigError(
            f"the projection has {model.projection} outputs: proj_size of nn.LSTM must be less than the "
            f"{hidden} units"
        )
