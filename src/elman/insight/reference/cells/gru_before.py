"""The gated recurrent unit of Cho et al. (2014), as it was published: the reset gate acts before the product.

The candidate's recurrent product is of k = r h_prev, not of h_prev.
Gates r (reset), z (update), n (candidate).
"""

import numpy as np

from .arrays import Array, Arrays
from .gates import (
    gates_backward,
    pre_activation,
    pre_activation_backward,
    sigmoid,
    sigmoid_slope,
    tanh_slope,
)

R, Z, N = range(3)


def gru_before_step(x: Array, state: Arrays, p: Arrays) -> tuple[Arrays, Arrays]:
    """n = tanh(x U_n + (r h_prev) W_n + b_n), and h = (1 - z) n + z h_prev."""
    h_prev = state["h"]
    r = sigmoid(pre_activation(x, h_prev, p, R))
    z = sigmoid(pre_activation(x, h_prev, p, Z))
    k = r * h_prev
    n = np.tanh(pre_activation(x, k, p, N))
    h = (1.0 - z) * n + z * h_prev
    return {"h": h}, {"r": r, "z": z, "k": k, "n": n}


def gru_before_backward(
    dnew: Arrays, x: Array, state: Arrays, kept: Arrays, p: Arrays, d: Arrays
) -> tuple[Array, Arrays, Arrays]:
    """Backward step of `gru_before_step`."""
    h_prev, dh = state["h"], dnew["h"]
    r, z, k, n = kept["r"], kept["z"], kept["k"], kept["n"]
    dn = dh * (1.0 - z)
    dz = dh * (h_prev - n)
    da_n = dn * tanh_slope(n)
    dx_n, dk = pre_activation_backward(da_n, x, k, p, d, N)
    dr = dk * h_prev
    da_r = dr * sigmoid_slope(r)
    da_z = dz * sigmoid_slope(z)
    dx, dh_prev = gates_backward([da_r, da_z], x, h_prev, p, d)
    met = {"r": dr, "z": dz, "n": dn, "k": dk, "a_r": da_r, "a_z": da_z, "a_n": da_n}
    return dx + dx_n, {"h": dh_prev + dk * r + dh * z}, met  # h_prev: in the gates, in k and in h
