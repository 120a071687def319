"""Gradient descent, with momentum and with Nesterov's."""

from collections.abc import Sequence

import numpy as np

from elman.errors import ConfigError
from elman.training._checks import real
from elman.training.optim.optimizer import Optimizer, Rule
from elman.typing import Floats

__all__ = ["sgd"]


def sgd(momentum: float = 0.0, nesterov: bool = False, weight_decay: float = 0.0) -> Optimizer:
    """Stochastic gradient descent.

    Parameters
    ----------
    momentum : float, default 0
        μ in [0, 1): how much of the last direction is kept.
    nesterov : bool, default False
        Look ahead along the momentum; it needs a momentum above 0.
    weight_decay : float, default 0
        λ, 0 or more: λ p is added to the gradient of every parameter p, biases and embeddings included.

    Returns
    -------
    Optimizer
        Its state has the slot ``m`` where there is momentum.

    Raises
    ------
    ConfigError
        If a number is out of range, or `nesterov` is asked for without momentum.

    References
    ----------
    I. Sutskever, J. Martens, G. Dahl, G. Hinton (2013), On the importance of initialization and momentum in
    deep learning, ICML.

    Examples
    --------
    >>> import numpy as np
    >>> optimizer = sgd(momentum=0.5)
    >>> params = {"c": np.array([1.0])}
    >>> state = optimizer.init(params)
    >>> for _ in range(2):
    ...     params, state = optimizer.update(params, {"c": np.array([0.25])}, state, lr=1.0)
    >>> params["c"], state["m.c"]
    (array([0.375]), array([0.375]))
    """
    mu = real("momentum", momentum, "[0, 1)")
    decay = real("weight_decay", weight_decay, "[0, inf)")
    if nesterov and mu == 0.0:
        raise ConfigError("nesterov looks ahead along the momentum, which is 0: give a momentum in (0, 1)")

    def at(t: int, lr: float) -> Rule:
        def rule(p: Floats, g: Floats, slots: Sequence[Floats], s: Floats) -> None:
            if mu == 0.0:
                np.multiply(g, lr, out=s)
            else:
                (m,) = slots
                m *= mu
                m += g
                np.multiply(m, mu if nesterov else lr, out=s)
                if nesterov:
                    s += g
                    s *= lr
            p -= s

        return rule

    settings = {"momentum": mu, "nesterov": bool(nesterov), "weight_decay": decay}
    slots = {} if mu == 0.0 else {"m": 0.0}
    return Optimizer("sgd", settings, slots, at, sparse=mu == decay == 0.0, decay=decay)
