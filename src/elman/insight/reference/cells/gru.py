"""The gated recurrent unit of Cho et al. (2014), in the form of cuDNN and PyTorch.

The reset gate multiplies the recurrent product, which therefore has a bias of its own, b_candidate.
Gates r (reset), z (update), n (candidate).
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

GRU_R, GRU_Z, GRU_N = range(3)


def gru_step(x: Array, state: Arrays, p: Arrays) -> tuple[Arrays, Arrays]:
    """n = tanh(x U_n + b_n + r (h_prev W_n + b_candidate)), and h = (1 - z) n + z h_prev."""
    h_prev = state["h"]
    r = sigmoid(pre_activation(x, h_prev, p, GRU_R))
    z = sigmoid(pre_activation(x, h_prev, p, GRU_Z))
    m = product(h_prev, p, "W", GRU_N) + p["b_candidate"]
    n = np.tanh(product(x, p, "U", GRU_N) + p["b"][GRU_N] + r * m)
    h = (1.0 - z) * n + z * h_prev
    return {"h": h}, {"r": r, "z": z, "m": m, "n": n}


def gru_backward(
    dnew: Arrays, x: Array, state: Arrays, kept: Arrays, p: Arrays, d: Arrays
) -> tuple[Array, Arrays, Arrays]:
    """Backward step of `gru_step`."""
    h_prev, dh = state["h"], dnew["h"]
    r, z, m, n = kept["r"], kept["z"], kept["m"], kept["n"]
    dn = dh * (1.0 - z)
    dz = dh * (h_prev - n)
    da_n = dn * tanh_slope(n)
    dm = da_n * r
    dr = da_n * m
    da_r = dr * sigmoid_slope(r)
    da_z = dz * sigmoid_slope(z)
    dx, dh_prev = gates_backward([da_r, da_z], x, h_prev, p, d)
    d["b_candidate"] += dm.sum(axis=0)
    dx_n, dh_n = candidate_backward(da_n, dm, x, h_prev, p, d, GRU_N)
    met = {"r": dr, "z": dz, "n": dn, "m": dm, "a_r": da_r, "a_z": da_z, "a_n": da_n}
    return dx + dx_n, {"h": dh_prev + dh_n + dh * z}, met
