"""Adam and AdamW."""

import math
from collections.abc import Sequence

import numpy as np

from elman.training._checks import real
from elman.training.optim.optimizer import EPS_RANGE, Optimizer, Rule
from elman.typing import Floats

__all__ = ["adam", "adamw"]


def adam(beta1: float = 0.9, beta2: float = 0.999, eps: float = 1e-8, weight_decay: float = 0.0) -> Optimizer:
    """Adam: running mean of the gradient over its running root mean square, both corrected for their start.

    Parameters
    ----------
    beta1, beta2 : float, default 0.9 and 0.999
        β₁ and β₂ in [0, 1): how much of the last mean and mean square is kept.
    eps : float, default 1e-8
        ε, added to the corrected root.
    weight_decay : float, default 0
        λ, 0 or more: λ p is added to the gradient of every parameter p, and goes through both means. `adamw`
        has the other kind.

    Returns
    -------
    Optimizer
        Its state has the slots ``m`` and ``v``, the two means before correction.

    Raises
    ------
    ConfigError
        If an argument is out of range.

    References
    ----------
    D. P. Kingma, J. Ba (2015), Adam: a method for stochastic optimization, ICLR, algorithm 1.

    Examples
    --------
    >>> import numpy as np
    >>> optimizer, params = adam(), {"c": np.array([1.0, 1.0])}
    >>> params, _ = optimizer.update(params, {"c": np.array([9.0, -0.1])}, optimizer.init(params), lr=0.1)
    >>> params["c"].round(6)
    array([0.9, 1.1])
    """
    return _adam("adam", beta1, beta2, eps, weight_decay, decoupled=False)


def adamw(
    beta1: float = 0.9, beta2: float = 0.999, eps: float = 1e-8, weight_decay: float = 0.01
) -> Optimizer:
    """Adam with decoupled weight decay: every parameter also shrinks by the factor 1 − lr λ.

    Parameters
    ----------
    beta1, beta2, eps : float
        As in `adam`.
    weight_decay : float, default 0.01
        λ, 0 or more. It acts on every parameter, biases and embeddings included.

    Returns
    -------
    Optimizer
        Its state has the slots ``m`` and ``v``, the two means before correction.

    Raises
    ------
    ConfigError
        If an argument is out of range.

    References
    ----------
    I. Loshchilov, F. Hutter (2019), Decoupled weight decay regularization, ICLR, algorithm 2, with PyTorch's
    reading of it: λ is multiplied by the learning rate.

    Examples
    --------
    >>> import numpy as np
    >>> optimizer, params = adamw(weight_decay=0.5), {"c": np.array([1.0, 1.0])}
    >>> params, _ = optimizer.update(params, {"c": np.array([9.0, 0.0])}, optimizer.init(params), lr=0.1)
    >>> params["c"].round(6)
    array([0.85, 0.95])
    """
    return _adam("adamw", beta1, beta2, eps, weight_decay, decoupled=True)


def _adam(
    name: str, beta1: float, beta2: float, eps: float, weight_decay: float, *, decoupled: bool
) -> Optimizer:
    beta1, beta2 = real("beta1", beta1, "[0, 1)"), real("beta2", beta2, "[0, 1)")
    eps = real("eps", eps, EPS_RANGE)
    decay = real("weight_decay", weight_decay, "[0, inf)")

    def at(t: int, lr: float) -> Rule:
        # m̂ / (√v̂ + ε) = (r / (1 − β₁ᵗ)) m / (√v + r ε) with r = √(1 − β₂ᵗ): one pass fewer than as written.
        r = math.sqrt(1.0 - beta2**t)
        scale, eps_r = lr * r / (1.0 - beta1**t), eps * r

        def rule(p: Floats, g: Floats, slots: Sequence[Floats], s: Floats) -> None:
            m, v = slots
            if decoupled:
                p *= 1.0 - lr * decay
            m *= beta1
            np.multiply(g, 1.0 - beta1, out=s)
            m += s
            v *= beta2
            np.multiply(g, g, out=s)
            s *= 1.0 - beta2
            v += s
            np.sqrt(v, out=s)
            s += eps_r
            np.divide(m, s, out=s)
            s *= scale
            p -= s

        return rule

    settings = {"beta1": beta1, "beta2": beta2, "eps": eps, "weight_decay": decay}
    return Optimizer(name, settings, {"m": 0.0, "v": 0.0}, at, decay=0.0 if decoupled else decay)
