"""Long short-term memory: Hochreiter & Schmidhuber (1997), with the forget gate of Gers et al. (2000).

Gates i (input), f (forget), o (output), g (candidate).
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

LSTM_I, LSTM_F, LSTM_O, LSTM_G = range(4)


def lstm_step(x: Array, state: Arrays, p: Arrays) -> tuple[Arrays, Arrays]:
    """c = f c_prev + i g, and h = o tanh(c)."""
    h_prev, c_prev = state["h"], state["c"]
    i = sigmoid(pre_activation(x, h_prev, p, LSTM_I))
    f = sigmoid(pre_activation(x, h_prev, p, LSTM_F))
    o = sigmoid(pre_activation(x, h_prev, p, LSTM_O))
    g = np.tanh(pre_activation(x, h_prev, p, LSTM_G))
    c = f * c_prev + i * g
    u = np.tanh(exposed(c, p))
    h = projected(o * u, p)
    return {"h": h, "c": c}, {"i": i, "f": f, "o": o, "g": g, "c": c, "u": u}


def lstm_backward(
    dnew: Arrays, x: Array, state: Arrays, kept: Arrays, p: Arrays, d: Arrays
) -> tuple[Array, Arrays, Arrays]:
    """Backward step of `lstm_step`."""
    i, f, o, g, c, u = kept["i"], kept["f"], kept["o"], kept["g"], kept["c"], kept["u"]
    dm = projected_backward(dnew["h"], o * u, p, d)
    do = dm * u
    du = dm * o
    du_c = exposed_backward(du * tanh_slope(u), c, p, d)
    dc = dnew["c"] + du_c  # c is read by the next step and by h
    di = dc * g
    df = dc * state["c"]
    dg = dc * i
    da_i = di * sigmoid_slope(i)
    da_f = df * sigmoid_slope(f)
    da_o = do * sigmoid_slope(o)
    da_g = dg * tanh_slope(g)
    dx, dh_prev = gates_backward([da_i, da_f, da_o, da_g], x, state["h"], p, d)
    met = {"i": di, "f": df, "o": do, "g": dg, "c": dc, "u": du}
    return dx, {"h": dh_prev, "c": dc * f}, met | {"a_i": da_i, "a_f": da_f, "a_o": da_o, "a_g": da_g}
