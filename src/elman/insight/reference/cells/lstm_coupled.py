"""Long short-term memory with coupled gates: the CIFG of Greff et al. (2017).

It forgets as much as it takes in, f = 1 - i. Gates i (input), o (output), g (candidate).
"""

import numpy as np

from .arrays import Array, Arrays
from .gates import (
    gates_backward,
    pre_activation,
    projected,
    projected_backward,
    sigmoid,
    sigmoid_slope,
    tanh_slope,
)
from .normalised import exposed, exposed_backward

I, O, G = range(3)


def lstm_coupled_step(x: Array, state: Arrays, p: Arrays) -> tuple[Arrays, Arrays]:
    """c = (1 - i) c_prev + i g, and h = o tanh(c)."""
    h_prev, c_prev = state["h"], state["c"]
    i = sigmoid(pre_activation(x, h_prev, p, I))
    o = sigmoid(pre_activation(x, h_prev, p, O))
    g = np.tanh(pre_activation(x, h_prev, p, G))
    c = (1.0 - i) * c_prev + i * g
    u = np.tanh(exposed(c, p))
    h = projected(o * u, p)
    return {"h": h, "c": c}, {"i": i, "o": o, "g": g, "c": c, "u": u}


def lstm_coupled_backward(
    dnew: Arrays, x: Array, state: Arrays, kept: Arrays, p: Arrays, d: Arrays
) -> tuple[Array, Arrays, Arrays]:
    """Backward step of `lstm_coupled_step`."""
    i, o, g, c, u = kept["i"], kept["o"], kept["g"], kept["c"], kept["u"]
    dm = projected_backward(dnew["h"], o * u, p, d)
    do = dm * u
    du = dm * o
    du_c = exposed_backward(du * tanh_slope(u), c, p, d)
    dc = dnew["c"] + du_c  # c is read by the next step and by h
    di = dc * g - dc * state["c"]  # i is read twice: it lets g in, and c_prev out
    dg = dc * i
    da_i = di * sigmoid_slope(i)
    da_o = do * sigmoid_slope(o)
    da_g = dg * tanh_slope(g)
    dx, dh_prev = gates_backward([da_i, da_o, da_g], x, state["h"], p, d)
    met = {"i": di, "o": do, "g": dg, "c": dc, "u": du}
    return dx, {"h": dh_prev, "c": dc * (1.0 - i)}, met | {"a_i": da_i, "a_o": da_o, "a_g": da_g}
