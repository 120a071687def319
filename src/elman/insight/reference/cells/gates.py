"""What all cells are made of: the pre-activation of a gate, the functions of gates, and the way back."""

import numpy as np

from .arrays import Array, Arrays
from .normalised import product, product_backward


def sigmoid(a: Array) -> Array:
    """Return 1 / (1 + exp(-a)), computed so that no exponential overflows.

    Examples
    --------
    >>> sigmoid(np.array([-1000.0, 0.0, 1000.0]))
    array([0. , 0.5, 1. ])
    """
    e = np.exp(-np.abs(a))  # in (0, 1] whatever the sign of a
    value: Array = np.where(a >= 0, 1.0, e) / (1.0 + e)
    return value


def log_softmax(logits: Array) -> Array:
    """Return the log-probabilities (B, K) of logits (B, K), shifted by the row's maximum before `exp`.

    Examples
    --------
    >>> log_softmax(np.array([[1000.0, 1000.0]])).round(4)
    array([[-0.6931, -0.6931]])
    """
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_p: Array = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return log_p


def sigmoid_slope(s: Array) -> Array:
    """Return the derivative of the sigmoid where its value is `s`."""
    return s * (1.0 - s)


def tanh_slope(t: Array) -> Array:
    """Return the derivative of tanh where its value is `t`."""
    return 1.0 - t * t


def pre_activation(x: Array, h_prev: Array, p: Arrays, g: int) -> Array:
    """Return a_g = x U_g + h_prev W_g + b_g, of normalised products where the layer has gains."""
    a: Array = product(x, p, "U", g) + product(h_prev, p, "W", g) + p["b"][g]
    return a


def pre_activation_backward(
    da: Array, x: Array, h_prev: Array, p: Arrays, d: Arrays, g: int
) -> tuple[Array, Array]:
    """Add dU_g, dW_g and db_g into `d`; return this gate's share of dx and dh_prev."""
    return candidate_backward(da, da, x, h_prev, p, d, g)


def input_activation(x: Array, p: Arrays, g: int) -> Array:
    """Return a_g = x U_g + b_g, of a cell without recurrent products."""
    a: Array = x @ p["U"][g] + p["b"][g]
    return a


def input_activations_backward(das: list[Array], x: Array, p: Arrays, d: Arrays) -> Array:
    """Add dU_g and db_g of the gates 0, 1, ... into `d`; return dx, the sum of their shares."""
    dx = np.zeros_like(x)
    for g, da in enumerate(das):
        d["U"][g] += x.T @ da
        d["b"][g] += da.sum(axis=0)
        dx = dx + da @ p["U"][g].T
    return dx


def projected(m: Array, p: Arrays) -> Array:
    """Return h = m R, (B, P), where there is a projection R (H, P); else h is m itself."""
    return m @ p["R"] if "R" in p else m


def projected_backward(dh: Array, m: Array, p: Arrays, d: Arrays) -> Array:
    """Add dR into `d`, if there is a projection; return dm."""
    if "R" not in p:
        return dh
    d["R"] += m.T @ dh
    return dh @ p["R"].T


def gates_backward(das: list[Array], x: Array, h_prev: Array, p: Arrays, d: Arrays) -> tuple[Array, Array]:
    """Sum the shares of the gates 0, 1, ... whose pre-activations have the derivatives `das`."""
    dx, dh_prev = np.zeros_like(x), np.zeros_like(h_prev)
    for g, da in enumerate(das):
        dx_g, dh_g = pre_activation_backward(da, x, h_prev, p, d, g)
        dx = dx + dx_g
        dh_prev = dh_prev + dh_g
    return dx, dh_prev


def candidate_backward(
    da: Array, dm: Array, x: Array, h_prev: Array, p: Arrays, d: Arrays, g: int
) -> tuple[Array, Array]:
    """Do the same for a gate whose recurrent product m = h_prev W_g is itself gated: `dm` is not `da`."""
    d["b"][g] += da.sum(axis=0)
    return product_backward(da, x, p, d, "U", g), product_backward(dm, h_prev, p, d, "W", g)
