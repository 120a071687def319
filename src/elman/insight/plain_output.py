"""The output of a model beside the plain layers: in float64, whatever the model computes in."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from elman.errors import ConfigError
from elman.insight.reference.cells import Array, Arrays, log_softmax
from elman.insight.reference.tape import output_weights
from elman.network import LanguageModel
from elman.network.output import Softmax
from elman.network.workspace import Workspace
from elman.typing import Params


def check_softmax(model: LanguageModel, what: str) -> None:
    """Raise ConfigError for a model with another output than one softmax over all words.

    Parameters
    ----------
    model : LanguageModel
        The model.
    what : str
        What was to be done with it, for the message: "traced".

    Raises
    ------
    ConfigError
        If it is ``adaptive``, ``classes`` or ``mixture``.

    Examples
    --------
    >>> import elman
    >>> from elman.insight.plain_output import check_softmax
    >>> check_softmax(elman.LanguageModel(vocab_size=9, output="classes"), "traced")
    Traceback (most recent call last):
        ...
    elman.errors.ConfigError: a model whose output is 'classes' cannot be traced: only one with a softmax ...
    """
    if not isinstance(model.output, Softmax):
        raise ConfigError(
            f"a model whose output is {model.output.name!r} cannot be {what}: "
            "only one with a softmax over all words, as full, sampled and nce are"
        )


def log_probabilities(model: LanguageModel, params: Arrays, h: Array) -> Array:
    """Return the log-probabilities ``(n, K)`` after hidden states h ``(n, H)``, of parameters in float64."""
    if isinstance(model.output, Softmax):
        return log_softmax(h @ output_weights(params) + params["output.c"])
    return log_softmax(np.asarray(model.output.logits(dict(params), h), np.float64))


def loss_slope(model: LanguageModel, params: Arrays, h: Array, y: NDArray[np.integer[Any]]) -> Array:
    """Return the derivative by h ``(n, H)`` of the loss of targets y ``(n,)``, of parameters in float64."""
    if isinstance(model.output, Softmax):
        V = output_weights(params)
        dlogits = np.exp(log_softmax(h @ V + params["output.c"]))
        dlogits[np.arange(len(y)), y] -= 1.0
        return dlogits @ V.T
    found = model.output
    exact = type(found)(found.hidden, found.classes, found.tied, np.dtype(np.float64), **found.settings)
    grads: Params = {n: np.empty_like(p) for n, p in params.items() if not n.startswith("layers.")}
    dh = np.empty_like(h)
    exact.nll_and_grads(dict(params), h, y, 1.0, Workspace(), grads, dh)
    return dh
