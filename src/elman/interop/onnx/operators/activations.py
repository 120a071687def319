"""The activations of RNN, LSTM and GRU nodes, in the words of the house's cells."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from elman.errors import DataError
from elman.interop.onnx.operators.node import Node


class Activation(NamedTuple):
    """What ONNX says of one: our name for it, and its alpha and beta with their defaults."""

    name: str
    alpha: float | None = None
    beta: float | None = None


_NO_DEFAULT = math.nan

ACTIVATIONS = {
    "relu": Activation("relu"),
    "tanh": Activation("tanh"),
    "sigmoid": Activation("sigmoid"),
    "affine": Activation("affine", 1.0, 0.0),
    "leakyrelu": Activation("leaky-relu", 0.01),
    "thresholdedrelu": Activation("thresholded-relu", 1.0),
    "scaledtanh": Activation("scaled-tanh", _NO_DEFAULT, _NO_DEFAULT),
    "hardsigmoid": Activation("hard-sigmoid", 0.2, 0.5),
    "elu": Activation("elu", 1.0),
    "softsign": Activation("softsign"),
    "softplus": Activation("softplus"),
}
"""By their names in ONNX, in lower case: capitals do not matter there.

The defaults are those of the operators of the same names, as the specification says. Affine and ScaledTanh
were operators up to opset 9; ScaledTanh had none.
"""


def read_activations(node: Node, usual: tuple[str, ...], directions: int) -> list[tuple[str, ...]]:
    """Return the activations of each direction, as the words of a cell.

    ``activation_alpha`` and ``activation_beta`` are consumed in the order of the activations, by those that
    take one. A list that has more than they take is refused: whoever wrote it counted in another way, and
    the numbers would go to the wrong places.

    Parameters
    ----------
    node : Node
        An RNN, LSTM or GRU.
    usual : tuple of str
        Those of one direction, if the node names none.
    directions : int
        1 or 2.

    Returns
    -------
    list of tuple of str
        Such as ``("hard-sigmoid:0.2:0.5", "tanh")``.
    """
    names = node.attributes.get("activations") or list(usual) * directions
    wanted = len(usual) * directions
    if not isinstance(names, list) or len(names) != wanted:
        raise DataError(f"activations must be {wanted} names, and are {names!r:.80}")
    alphas, betas = _Numbers(node, "activation_alpha"), _Numbers(node, "activation_beta")
    words = [_word(str(name), alphas, betas) for name in names]
    for numbers in (alphas, betas):
        numbers.check_used_up(names)
    return [tuple(words[first : first + len(usual)]) for first in range(0, wanted, len(usual))]


class _Numbers:
    """A list of alphas or betas, consumed from the front."""

    def __init__(self, node: Node, name: str) -> None:
        given = node.attributes.get(name) or []
        if not isinstance(given, list) or not all(isinstance(v, float) and math.isfinite(v) for v in given):
            raise DataError(f"{name} must be a list of finite numbers, not {given!r:.60}")
        self.name, self.count, self.taken = name, len(given), 0
        self._rest: Iterator[float] = iter(given)

    def take(self, default: float, whose: str) -> str:
        """Return the next number, or the default once there is none, as a word."""
        value = next(self._rest, None)
        self.taken += value is not None
        if value is None:
            if math.isnan(default):
                raise DataError(f"{self.name} has no number for {whose}, which has no default")
            value = float(np.float32(default))
        return repr(value)

    def check_used_up(self, names: list[str]) -> None:
        if self.taken != self.count:
            raise DataError(
                f"{self.name} has {self.count} numbers, and {', '.join(map(str, names))} take {self.taken}: "
                f"it must have one for each activation that takes one, in their order"
            )


def _word(name: str, alphas: _Numbers, betas: _Numbers) -> str:
    activation = ACTIVATIONS.get(name.lower())
    if activation is None:
        raise DataError(f"there is no activation {name!r:.40}: expected one of {', '.join(ACTIVATIONS)}")
    parts = [activation.name]
    if activation.alpha is not None:
        parts.append(alphas.take(activation.alpha, name))
    if activation.beta is not None:
        parts.append(betas.take(activation.beta, name))
    return ":".join(parts)
