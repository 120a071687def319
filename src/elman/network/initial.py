"""Initial values of the parameters. Every function takes a generator and returns float64.

The shape is that of a parameter, ``(..., fan_in, fan_out)``, and hidden the width H of the layer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from elman.errors import ConfigError
from elman.network.cells import Cell
from elman.network.connections import TRANSFER_BIAS
from elman.typing import Params

Initializer: TypeAlias = "Callable[[tuple[int, ...], int, np.random.Generator], NDArray[np.float64]]"
"""A function of the shape, the hidden width H and a generator."""


def uniform(shape: tuple[int, ...], hidden: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Uniform in ``(-1/sqrt(H), 1/sqrt(H))``, as PyTorch initialises recurrent layers."""
    bound = hidden**-0.5
    return rng.uniform(-bound, bound, shape)


def glorot(shape: tuple[int, ...], hidden: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Uniform with variance ``2 / (fan_in + fan_out)`` for each gate block.

    References
    ----------
    Glorot, X. & Bengio, Y. (2010). Understanding the difficulty of training deep feedforward neural
    networks. *AISTATS*.
    """
    bound = (6.0 / (shape[-2] + shape[-1])) ** 0.5
    return rng.uniform(-bound, bound, shape)


def orthogonal(shape: tuple[int, ...], hidden: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return a random orthogonal matrix for each gate block, uniform over the rotations and reflections.

    References
    ----------
    Saxe, A. M., McClelland, J. L. & Ganguli, S. (2014). Exact solutions to the nonlinear dynamics of
    learning in deep linear neural networks. *ICLR*. arXiv:1312.6120.
    """
    q, r = np.linalg.qr(rng.standard_normal(shape))
    # Without the signs of R's diagonal the factor is not uniform over the rotations.
    signs: NDArray[np.float64] = np.sign(np.diagonal(r, axis1=-2, axis2=-1))
    return np.asarray(q * signs[..., None, :], np.float64)


def identity(shape: tuple[int, ...], hidden: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return the identity for each gate block, for rectified RNNs.

    References
    ----------
    Le, Q. V., Jaitly, N. & Hinton, G. E. (2015). A simple way to initialize recurrent networks of
    rectified linear units. arXiv:1504.00941.
    """
    return np.broadcast_to(np.eye(shape[-2], shape[-1]), shape).copy()


INPUT_INITIALIZERS: dict[str, Initializer] = {"uniform": uniform, "glorot": glorot}
RECURRENT_INITIALIZERS: dict[str, Initializer] = {
    **INPUT_INITIALIZERS,
    "orthogonal": orthogonal,
    "identity": identity,
}


ALWAYS = {"gamma_x": 1.0, "gamma_h": 1.0, "gamma_c": 1.0, "beta_c": 0.0, "b_T": TRANSFER_BIAS}
"""What some parameters begin with, however the others are drawn."""


def named(name: str, table: dict[str, Initializer]) -> Initializer:
    """Return the initialiser of that name, or raise ConfigError naming those there are."""
    if not isinstance(name, str) or name not in table:
        raise ConfigError(f"unknown initialiser {name!r}: expected one of {', '.join(table)}")
    return table[name]


def initialise(
    params: Params, *, cell: Cell, hidden: Sequence[int], tied: bool, seed: int, init: str,
    init_recurrent: str | None, forget_bias: float, init_scale: float | None = None,
) -> None:  # fmt: skip
    """Write the initial values of a language model into its parameters; see :class:`elman.LanguageModel`.

    ``hidden`` has the width H of every layer; that of the last goes for the parameters of no layer.
    """
    rng = np.random.default_rng(seed)
    if init_scale is not None:
        _within(params, init_scale, rng)
        for name, array in params.items():
            if name.endswith(".b") and cell.forget is not None:
                array[cell.forget] += forget_bias
        return
    if init_recurrent is None:
        init_recurrent = "identity" if cell.name == "rnn-relu" else init
    for_input = named(init, INPUT_INITIALIZERS)
    for_state = named(init_recurrent, RECURRENT_INITIALIZERS)
    # Tied vectors are output weights too, and must not start with logits of the size of sqrt(D).
    spread = hidden[-1] ** -0.5 if tied else 1.0
    for name, array in params.items():
        letter = name.rpartition(".")[2]
        width = hidden[int(name.split(".")[1])] if name.startswith("layers.") else hidden[-1]
        if letter == "E":
            array[...] = rng.standard_normal(array.shape) * spread
        elif letter in ("U", "V", "R", "T", "U_skip"):
            array[...] = for_input(array.shape, width, rng)
        elif letter == "W":
            array[...] = for_state(array.shape, width, rng)
        elif letter == "p":
            low, high = cell.span or (-(width**-0.5), width**-0.5)
            array[...] = rng.uniform(low, high, array.shape)
        elif letter in ALWAYS:
            array[...] = ALWAYS[letter]
        elif letter == "b" and cell.forget is not None:
            array[cell.forget] = forget_bias


def _within(params: Params, scale: float, rng: np.random.Generator) -> None:
    """Let every parameter begin uniform within ``(-scale, scale)``, biases and word vectors too.

    But for those of `ALWAYS`, and for learnt states, which begin at zero.
    """
    for name, array in params.items():
        letter = name.rpartition(".")[2]
        if letter in ALWAYS:
            array[...] = ALWAYS[letter]
        elif not (name.startswith("layers.") and letter.endswith("0")):
            array[...] = rng.uniform(-scale, scale, array.shape)
