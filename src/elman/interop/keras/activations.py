"""Keras's activations by elman's names, and cells of them."""

from __future__ import annotations

from typing import Any

from elman.errors import ConfigError
from elman.interop.keras.fields import Fields, short

ACTIVATIONS = {
    "tanh": "tanh",
    "sigmoid": "sigmoid",
    "relu": "relu",
    "linear": "affine:1:0",
    "hard_sigmoid": f"hard-sigmoid:{1 / 6!r}:0.5",  # relu6(x + 3) / 6
    "elu": "elu:1",
    "leaky_relu": "leaky-relu:0.2",
    "softsign": "softsign",
    "softplus": "softplus",
}
"""Names of Keras's functions, and what elman calls the same."""

NAMED = {
    ("SimpleRNN", "tanh"): "rnn",
    ("SimpleRNN", "relu"): "rnn-relu",
    ("LSTM", "sigmoid", "tanh"): "lstm",
    ("GRU", "sigmoid", "tanh"): "gru",
    ("GRUBefore", "sigmoid", "tanh"): "gru-before",
}
"""Cells that have a name of their own."""


def activation_of(fields: Fields, name: str, default: str) -> str:
    """Return a layer's activation as elman names it."""
    value: Any = fields.anything(name, default)
    if value is None:
        value = "linear"
    if not isinstance(value, str):
        raise ConfigError(
            f"the {name} of the {fields} is an object or Python code, which is never run; elman has "
            f"{', '.join(ACTIVATIONS)}"
        )
    return known_activation(value, str(fields), name)


def known_activation(value: str, layer: str, name: str) -> str:
    """Return elman's name of one of Keras's activations."""
    if value not in ACTIVATIONS:
        raise ConfigError(
            f"the {name} of the {layer} is {short(value)}, which elman has not; it has "
            f"{', '.join(ACTIVATIONS)}"
        )
    return ACTIVATIONS[value]


def cell_name(kind: str, activation: str, recurrent: str, before: bool) -> str:
    """Return the cell of a recurrent layer: a name, or a spec such as ``lstm[softsign,tanh,tanh]``."""
    if kind == "SimpleRNN":
        return NAMED.get((kind, activation), f"rnn[{activation}]")
    family = "GRUBefore" if before else kind
    spec = {
        "LSTM": f"lstm[{recurrent},{activation},{activation}]",
        "GRU": f"gru[{recurrent},{activation}]",
        "GRUBefore": f"gru-before[{recurrent},{activation}]",
    }[family]
    return NAMED.get((family, recurrent, activation), spec)
