"""Adagrad."""

from collections.abc import Sequence

import numpy as np

from elman.training._checks import real
from elman.training.optim.optimizer import EPS_RANGE, Optimizer, Rule
from elman.typing import Floats

__all__ = ["adagrad"]


def adagrad(eps: float = 1e-10, initial_accumulator: float = 0.0, weight_decay: float = 0.0) -> Optimizer:
    """Adagrad: a rate for each parameter that falls with the squared gradients seen so far.

    Parameters
    ----------
    eps : float, default 1e-10
        ε, added to the root.
    initial_accumulator : float, default 0
        What the sum of squared gradients starts from; 0.1 in some libraries.
    weight_decay : float, default 0
        λ, 0 or more: λ p is added to the gradient of every parameter p.

    Returns
    -------
    Optimizer
        Its state has the slot ``v``, the sum of squared gradients.

    Raises
    ------
    ConfigError
        If an argument is out of range.

    References
    ----------
    J. Duchi, E. Hazan, Y. Singer (2011), Adaptive subgradient methods for online learning and stochastic
    optimization, JMLR 12.

    Examples
    --------
    >>> import numpy as np
    >>> optimizer, params = adagrad(), {"c": np.array([1.0, 1.0])}
    >>> params, state = optimizer.update(params, {"c": np.array([4.0, 0.0])}, optimizer.init(params), lr=0.5)
    >>> params["c"].round(6), state["v.c"]
    (array([0.5, 1. ]), array([16.,  0.]))
    """
    eps = real("eps", eps, EPS_RANGE)
    start = real("initial_accumulator", initial_accumulator, "[0, inf)")
    decay = real("weight_decay", weight_decay, "[0, inf)")

    def at(t: int, lr: float) -> Rule:
        def rule(p: Floats, g: Floats, slots: Sequence[Floats], s: Floats) -> None:
            (v,) = slots
            np.multiply(g, g, out=s)
            v += s
            np.sqrt(v, out=s)
            s += eps
            np.divide(g, s, out=s)
            s *= lr
            p -= s

        return rule

    settings = {"eps": eps, "initial_accumulator": start, "weight_decay": decay}
    return Optimizer("adagrad", settings, {"v": start}, at, decay=decay)
