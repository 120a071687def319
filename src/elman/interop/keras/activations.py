"""Keras's activations by elman's names, and cells of them."""

from __future__ import annotations

from functools import lru_cache
from itertools import product
from typing import Any, NamedTuple

from elman.errors import ConfigError
from elman.interop.keras.fields import Fields, short
from elman.network.cells.variants import cell_of

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


class Kind(NamedTuple):
    """What of a layer of Keras makes its cell; activations by Keras's names."""

    layer: str
    activation: str
    recurrent: str = ""  # none of a SimpleRNN
    before: bool = False


def activation_of(fields: Fields, name: str, default: str) -> str:
    """Return the name of a layer's activation, if elman has it."""
    value: Any = fields.anything(name, default)
    if value is None:
        return "linear"
    if not isinstance(value, str):
        raise ConfigError(
            f"the {name} of the {fields} is an object or Python code, which is never run; elman has "
            f"{', '.join(ACTIVATIONS)}"
        )
    return known_activation(value, str(fields), name)


def known_activation(value: str, layer: str, name: str) -> str:
    """Return the name of an activation, if elman has it."""
    if value not in ACTIVATIONS:
        raise ConfigError(
            f"the {name} of the {layer} is {short(value)}, which elman has not; it has "
            f"{', '.join(ACTIVATIONS)}"
        )
    return value


def cell_name(kind: Kind) -> str:
    """Return elman's cell of a recurrent layer, such as ``lstm[softsign,tanh,tanh]``."""
    candidate = ACTIVATIONS[kind.activation]
    if kind.layer == "SimpleRNN":
        return cell_of("rnn", [candidate]).name
    gates = ACTIVATIONS[kind.recurrent]
    if kind.layer == "LSTM":
        return cell_of("lstm", [gates, candidate, candidate]).name
    return cell_of("gru", [gates, candidate], before=kind.before).name


@lru_cache
def kinds() -> dict[str, Kind]:
    """Return what computes each cell that Keras has."""
    found = [Kind("SimpleRNN", activation) for activation in ACTIVATIONS]
    for activation, recurrent in product(ACTIVATIONS, ACTIVATIONS):
        found.append(Kind("LSTM", activation, recurrent))
        found += [Kind("GRU", activation, recurrent, before) for before in (False, True)]
    return {cell_name(kind): kind for kind in found}
