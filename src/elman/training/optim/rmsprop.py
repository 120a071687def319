"""RMSprop."""

from collections.abc import Sequence

import numpy as np

from elman.training._checks import real
from elman.training.optim.optimizer import EPS_RANGE, Optimizer, Rule
from elman.typing import Floats

__all__ = ["rmsprop"]


def rmsprop(
    alpha: float = 0.99, eps: float = 1e-8, momentum: float = 0.0, weight_decay: float = 0.0
) -> Optimizer:
    """RMSprop: the gradient divided by a running root mean square of itself.

    Parameters
    ----------
    alpha : float, default 0.99
        α in [0, 1): how much of the last mean square is kept.
    eps : float, default 1e-8
        ε, added to the root.
    momentum : float, default 0
        μ in [0, 1), applied to the divided gradients.
    weight_decay : float, default 0
        λ, 0 or more: λ p is added to the gradient of every parameter p, before it is squared.

    Returns
    -------
    Optimizer
        Its state has the slot ``v``, the mean square, and where there is momentum, ``m``.

    Raises
    ------
    ConfigError
        If an argument is out of range.

    References
    ----------
    T. Tieleman, G. Hinton (2012), Lecture 6.5: rmsprop, Neural Networks for Machine Learning, Coursera.

    Examples
    --------
    >>> import numpy as np
    >>> optimizer, params = rmsprop(alpha=0.75), {"c": np.array([1.0, 1.0])}
    >>> params, _ = optimizer.update(params, {"c": np.array([9.0, -0.1])}, optimizer.init(params), lr=0.1)
    >>> params["c"].round(6)
    array([0.8, 1.2])
    """
    alpha = real("alpha", alpha, "[0, 1)")
    eps = real("eps", eps, EPS_RANGE)
    mu = real("momentum", momentum, "[0, 1)")
    decay = real("weight_decay", weight_decay, "[0, inf)")

    def at(t: int, lr: float) -> Rule:
        def rule(p: Floats, g: Floats, slots: Sequence[Floats], s: Floats) -> None:
            v = slots[0]
            v *= alpha
            np.multiply(g, g, out=s)
            s *= 1.0 - alpha
            v += s
            np.sqrt(v, out=s)
            s += eps
            np.divide(g, s, out=s)
            if mu == 0.0:
                s *= lr
            else:
                m = slots[1]
                m *= mu
                m += s
                np.multiply(m, lr, out=s)
            p -= s

        return rule

    settings = {"alpha": alpha, "eps": eps, "momentum": mu, "weight_decay": decay}
    slots = {"v": 0.0} if mu == 0.0 else {"v": 0.0, "m": 0.0}
    return Optimizer("rmsprop", settings, slots, at, decay=decay)
