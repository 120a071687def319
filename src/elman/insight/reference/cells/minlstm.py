"""The minimal long short-term memory of Feng et al. (2024), "Were RNNs all we needed?", section 3.2.

Gates f (forget), i (input), n (candidate), of the input alone: there is no W. What counts of the first two is
the share k that f has of their sum q. The candidate is linear, and h is the memory.
"""

from .arrays import Array, Arrays
from .gates import input_activation, input_activations_backward, sigmoid, sigmoid_slope

F, I, N = range(3)


def minlstm_step(x: Array, state: Arrays, p: Arrays) -> tuple[Arrays, Arrays]:
    """h = k h_prev + (1 - k) n, with k = f / q and q = f + i."""
    f = sigmoid(input_activation(x, p, F))
    i = sigmoid(input_activation(x, p, I))
    n = input_activation(x, p, N)
    q = f + i
    k = f / q
    h = k * state["h"] + (1.0 - k) * n
    return {"h": h}, {"f": f, "i": i, "q": q, "k": k, "n": n}


def minlstm_backward(
    dnew: Arrays, x: Array, state: Arrays, kept: Arrays, p: Arrays, d: Arrays
) -> tuple[Array, Arrays, Arrays]:
    """Backward step of `minlstm_step`."""
    h_prev, dh = state["h"], dnew["h"]
    f, i, q, k, n = kept["f"], kept["i"], kept["q"], kept["k"], kept["n"]
    dn = dh * (1.0 - k)
    dk = dh * (h_prev - n)
    dq = -dk * f / q**2
    df = dk / q + dq  # f is read by k and by q
    di = dq
    da_f = df * sigmoid_slope(f)
    da_i = di * sigmoid_slope(i)
    da_n = dn
    dx = input_activations_backward([da_f, da_i, da_n], x, p, d)
    met = {"f": df, "i": di, "q": dq, "k": dk, "n": dn}
    return dx, {"h": dh * k}, met | {"a_f": da_f, "a_i": da_i, "a_n": da_n}
