"""The minimal gated unit of Zhou et al. (2016), with its gate after the recurrent product, as in gru.

The published form multiplies f into h_prev before the product: n = tanh(x U_n + b_n + (f h_prev) W_n).
Gates f (forget), n (candidate).
"""

import numpy as np

from .arrays import Array, Arrays
from .gates import (
    candidate_backward,
    gates_backward,
    pre_activation,
    sigmoid,
    sigmoid_slope,
    tanh_slope,
)
from .normalised import product

MGU_F, MGU_N = range(2)


def mgu_step(x: Array, state: Arrays, p: Arrays) -> tuple[Arrays, Arrays]:
    """n = tanh(x U_n + b_n + f (h_prev W_n)), and h = (1 - f) h_prev + f n."""
    h_prev = state["h"]
    f = sigmoid(pre_activation(x, h_prev, p, MGU_F))
    m = product(h_prev, p, "W", MGU_N)
    n = np.tanh(product(x, p, "U", MGU_N) + p["b"][MGU_N] + f * m)
    h = (1.0 - f) * h_prev + f * n
    return {"h": h}, {"f": f, "m": m, "n": n}


def mgu_backward(
    dnew: Arrays, x: Array, state: Arrays, kept: Arrays, p: Arrays, d: Arrays
) -> tuple[Array, Arrays, Arrays]:
    """Backward step of `mgu_step`."""
    h_prev, dh = state["h"], dnew["h"]
    f, m, n = kept["f"], kept["m"], kept["n"]
    dn = dh * f
    da_n = dn * tanh_slope(n)
    dm = da_n * f
    df = dh * (n - h_prev) + da_n * m  # f is read twice: in h and in n
    da_f = df * sigmoid_slope(f)
    dx, dh_prev = gates_backward([da_f], x, h_prev, p, d)
    dx_n, dh_n = candidate_backward(da_n, dm, x, h_prev, p, d, MGU_N)
    met = {"f": df, "n": dn, "m": dm, "a_f": da_f, "a_n": da_n}
    return dx + dx_n, {"h": dh_prev + dh_n + dh * (1.0 - f)}, met
