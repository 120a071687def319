"""The simple recurrent unit of Lei et al. (2018), with its highway connection.

Gates f (forget), r (highway), n (candidate). f and r see the memory of the step before through weights
p (2, H), which the paper calls v; there is no W. The highway leads s past the memory: the input itself where
it is as wide as h, and else x U_skip. No step reads the h of the one before.
"""

from .arrays import Array, Arrays
from .gates import input_activation, input_activations_backward, sigmoid, sigmoid_slope

F, R, N = range(3)


def sru_step(x: Array, state: Arrays, p: Arrays) -> tuple[Arrays, Arrays]:
    """c = f c_prev + (1 - f) n, and h = r c + (1 - r) s."""
    c_prev = state["c"]
    f = sigmoid(input_activation(x, p, F) + p["p"][F] * c_prev)
    r = sigmoid(input_activation(x, p, R) + p["p"][R] * c_prev)
    n = input_activation(x, p, N)
    s = x @ p["U_skip"] if "U_skip" in p else x
    c = f * c_prev + (1.0 - f) * n
    h = r * c + (1.0 - r) * s
    return {"h": h, "c": c}, {"f": f, "r": r, "n": n, "s": s}


def sru_backward(
    dnew: Arrays, x: Array, state: Arrays, kept: Arrays, p: Arrays, d: Arrays
) -> tuple[Array, Arrays, Arrays]:
    """Backward step of `sru_step`."""
    c_prev, dh = state["c"], dnew["h"]
    f, r, n, s = kept["f"], kept["r"], kept["n"], kept["s"]
    c = f * c_prev + (1.0 - f) * n
    dr = dh * (c - s)
    ds = dh * (1.0 - r)
    dc = dnew["c"] + dh * r  # c is read by the next step and by h
    df = dc * (c_prev - n)
    dn = dc * (1.0 - f)
    da_f = df * sigmoid_slope(f)
    da_r = dr * sigmoid_slope(r)
    da_n = dn
    d["p"][F] += (da_f * c_prev).sum(axis=0)
    d["p"][R] += (da_r * c_prev).sum(axis=0)
    dc_prev = dc * f + da_f * p["p"][F] + da_r * p["p"][R]  # c_prev is read by c, by f and by r
    dx = input_activations_backward([da_f, da_r, da_n], x, p, d)
    if "U_skip" in p:
        d["U_skip"] += x.T @ ds
        dx = dx + ds @ p["U_skip"].T
    else:
        dx = dx + ds
    met = {"f": df, "r": dr, "n": dn, "s": ds, "c": dc}
    return dx, {"h": 0.0 * dh, "c": dc_prev}, met | {"a_f": da_f, "a_r": da_r, "a_n": da_n}
