"""Long short-term memory with peepholes: Gers & Schmidhuber (2000), Gers, Schraudolph & Schmidhuber (2002).

The gates see the memory cell through weights p (3, H), one for each unit: i and f that of the step before, o
that of its own step. Gates i (input), f (forget), o (output), g (candidate); the rows of p are i, f, o.
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

I, F, O, G = range(4)


def lstm_peephole_step(x: Array, state: Arrays, p: Arrays) -> tuple[Arrays, Arrays]:
    """c = f c_prev + i g, and h = o tanh(c); i and f see c_prev, and o sees c."""
    h_prev, c_prev = state["h"], state["c"]
    i = sigmoid(pre_activation(x, h_prev, p, I) + p["p"][I] * c_prev)
    f = sigmoid(pre_activation(x, h_prev, p, F) + p["p"][F] * c_prev)
    g = np.tanh(pre_activation(x, h_prev, p, G))
    c = f * c_prev + i * g
    o = sigmoid(pre_activation(x, h_prev, p, O) + p["p"][O] * c)
    u = np.tanh(exposed(c, p))
    h = projected(o * u, p)
    return {"h": h, "c": c}, {"i": i, "f": f, "g": g, "c": c, "o": o, "u": u}


def lstm_peephole_backward(
    dnew: Arrays, x: Array, state: Arrays, kept: Arrays, p: Arrays, d: Arrays
) -> tuple[Array, Arrays, Arrays]:
    """Backward step of `lstm_peephole_step`."""
    i, f, o, g, c, u = kept["i"], kept["f"], kept["o"], kept["g"], kept["c"], kept["u"]
    c_prev = state["c"]
    dm = projected_backward(dnew["h"], o * u, p, d)
    do = dm * u
    du = dm * o
    da_o = do * sigmoid_slope(o)
    du_c = exposed_backward(du * tanh_slope(u), c, p, d)
    dc = dnew["c"] + du_c + da_o * p["p"][O]  # c is read by the next step, by h and by o
    di = dc * g
    df = dc * c_prev
    dg = dc * i
    da_i = di * sigmoid_slope(i)
    da_f = df * sigmoid_slope(f)
    da_g = dg * tanh_slope(g)
    d["p"][I] += (da_i * c_prev).sum(axis=0)
    d["p"][F] += (da_f * c_prev).sum(axis=0)
    d["p"][O] += (da_o * c).sum(axis=0)
    dc_prev = dc * f + da_i * p["p"][I] + da_f * p["p"][F]  # c_prev is read by c, by i and by f
    dx, dh_prev = gates_backward([da_i, da_f, da_o, da_g], x, state["h"], p, d)
    met = {"i": di, "f": df, "o": do, "g": dg, "c": dc, "u": du}
    return dx, {"h": dh_prev, "c": dc_prev}, met | {"a_i": da_i, "a_f": da_f, "a_o": da_o, "a_g": da_g}
