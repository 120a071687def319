"""The independently recurrent network of Li et al. (2018), with the rectifier.

One gate, h itself. A unit reads its own state alone, through the weights p (1, H); there is no W.
"""

import numpy as np

from .arrays import Array, Arrays
from .gates import input_activation, input_activations_backward


def indrnn_step(x: Array, state: Arrays, p: Arrays) -> tuple[Arrays, Arrays]:
    """h = max(0, x U + p h_prev + b)."""
    h = np.maximum(input_activation(x, p, 0) + p["p"][0] * state["h"], 0.0)
    return {"h": h}, {"h": h}


def indrnn_backward(
    dnew: Arrays, x: Array, state: Arrays, kept: Arrays, p: Arrays, d: Arrays
) -> tuple[Array, Arrays, Arrays]:
    """Backward step of `indrnn_step`."""
    h_prev = state["h"]
    da = dnew["h"] * (kept["h"] > 0.0)
    d["p"][0] += (da * h_prev).sum(axis=0)
    dx = input_activations_backward([da], x, p, d)
    return dx, {"h": da * p["p"][0]}, {"a_h": da}
