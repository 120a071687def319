"""The simple recurrent network of Elman (1990). One gate block."""

import numpy as np

from .arrays import Array, Arrays
from .gates import gates_backward, pre_activation, projected, projected_backward, tanh_slope


def rnn_tanh_step(x: Array, state: Arrays, p: Arrays) -> tuple[Arrays, Arrays]:
    """h = tanh(a)."""
    h = np.tanh(pre_activation(x, state["h"], p, 0))
    return {"h": projected(h, p)}, {"h": h}


def rnn_tanh_backward(
    dnew: Arrays, x: Array, state: Arrays, kept: Arrays, p: Arrays, d: Arrays
) -> tuple[Array, Arrays, Arrays]:
    """Backward step of `rnn_tanh_step`."""
    dh = projected_backward(dnew["h"], kept["h"], p, d)
    da = dh * tanh_slope(kept["h"])
    dx, dh_prev = gates_backward([da], x, state["h"], p, d)
    return dx, {"h": dh_prev}, {"h": dh, "a_h": da}


def rnn_relu_step(x: Array, state: Arrays, p: Arrays) -> tuple[Arrays, Arrays]:
    """h = max(a, 0)."""
    h = np.maximum(pre_activation(x, state["h"], p, 0), 0.0)
    return {"h": projected(h, p)}, {"h": h}


def rnn_relu_backward(
    dnew: Arrays, x: Array, state: Arrays, kept: Arrays, p: Arrays, d: Arrays
) -> tuple[Array, Arrays, Arrays]:
    """Backward step of `rnn_relu_step`; the slope at exactly 0 is taken as 0."""
    dh = projected_backward(dnew["h"], kept["h"], p, d)
    da = dh * (kept["h"] > 0)
    dx, dh_prev = gates_backward([da], x, state["h"], p, d)
    return dx, {"h": dh_prev}, {"h": dh, "a_h": da}
