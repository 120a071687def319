"""The minimal gated recurrent unit of Feng et al. (2024), "Were RNNs all we needed?", section 3.1.

Gates z (update), n (candidate), of the input alone: there is no W. The candidate is linear.
"""

from .arrays import Array, Arrays
from .gates import input_activation, input_activations_backward, sigmoid, sigmoid_slope

Z, N = range(2)


def mingru_step(x: Array, state: Arrays, p: Arrays) -> tuple[Arrays, Arrays]:
    """h = (1 - z) h_prev + z n."""
    z = sigmoid(input_activation(x, p, Z))
    n = input_activation(x, p, N)
    h = (1.0 - z) * state["h"] + z * n
    return {"h": h}, {"z": z, "n": n}


def mingru_backward(
    dnew: Arrays, x: Array, state: Arrays, kept: Arrays, p: Arrays, d: Arrays
) -> tuple[Array, Arrays, Arrays]:
    """Backward step of `mingru_step`."""
    h_prev, dh = state["h"], dnew["h"]
    z, n = kept["z"], kept["n"]
    dn = dh * z
    dz = dh * (n - h_prev)
    da_z = dz * sigmoid_slope(z)
    da_n = dn
    dx = input_activations_backward([da_z, da_n], x, p, d)
    return dx, {"h": dh * (1.0 - z)}, {"z": dz, "n": dn, "a_z": da_z, "a_n": da_n}
