"""One step of each cell, forward and backward, one gate at a time.

Vectors are rows: a batch of inputs is `x` (B, D), the state that enters a step is `h_prev` (B, H), and the
pre-activation of gate `g` is

    a_g = x U_g + h_prev W_g + b_g        (B, H)

with `U` (G, D, H), `W` (G, H, H) and `b` (G, H). A derivative of the loss is `d` + the name.

Every `*_step(x, state, p)` returns the new state and, by name, the gates and what else its backward step
needs. Every `*_backward(dnew, x, state, kept, p, d)` is the chain rule through the same lines read upwards:
it takes the derivative of the new state, adds those of the parameters into `d`, and returns those of the
input, of the state that entered, and by name what it met on the way: the derivatives of the gates and of what
went into them (`a_i` for the gate `i`).
"""

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.float64]
Arrays: TypeAlias = dict[str, Array]

LSTM_I, LSTM_F, LSTM_O, LSTM_G = range(4)
GRU_R, GRU_Z, GRU_N = range(3)
MGU_F, MGU_N = range(2)


def sigmoid(a: Array) -> Array:
    """Return 1 / (1 + exp(-a)), computed so that no exponential overflows.

    Examples
    --------
    >>> sigmoid(np.array([-1000.0, 0.0, 1000.0]))
    array([0. , 0.5, 1. ])
    """
    e = np.exp(-np.abs(a))  # in (0, 1] whatever the sign of a
    value: Array = np.where(a >= 0, 1.0, e) / (1.0 + e)
    return value


def log_softmax(logits: Array) -> Array:
    """Return the log-probabilities (B, K) of logits (B, K), shifted by the row's maximum before `exp`.

    Examples
    --------
    >>> log_softmax(np.array([[1000.0, 1000.0]])).round(4)
    array([[-0.6931, -0.6931]])
    """
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_p: Array = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return log_p


def sigmoid_slope(s: Array) -> Array:
    """Return the derivative of the sigmoid where its value is `s`."""
    return s * (1.0 - s)


def tanh_slope(t: Array) -> Array:
    """Return the derivative of tanh where its value is `t`."""
    return 1.0 - t * t


def pre_activation(x: Array, h_prev: Array, p: Arrays, g: int) -> Array:
    """Return a_g = x U_g + h_prev W_g + b_g."""
    a: Array = x @ p["U"][g] + h_prev @ p["W"][g] + p["b"][g]
    return a


def pre_activation_backward(
    da: Array, x: Array, h_prev: Array, p: Arrays, d: Arrays, g: int
) -> tuple[Array, Array]:
    """Add dU_g, dW_g and db_g into `d`; return this gate's share of dx and dh_prev."""
    d["U"][g] += x.T @ da
    d["W"][g] += h_prev.T @ da
    d["b"][g] += da.sum(axis=0)
    return da @ p["U"][g].T, da @ p["W"][g].T


def gates_backward(das: list[Array], x: Array, h_prev: Array, p: Arrays, d: Arrays) -> tuple[Array, Array]:
    """Sum the shares of the gates 0, 1, ... whose pre-activations have the derivatives `das`."""
    dx, dh_prev = np.zeros_like(x), np.zeros_like(h_prev)
    for g, da in enumerate(das):
        dx_g, dh_g = pre_activation_backward(da, x, h_prev, p, d, g)
        dx = dx + dx_g
        dh_prev = dh_prev + dh_g
    return dx, dh_prev


# rnn: Elman (1990). One gate block.


def rnn_tanh_step(x: Array, state: Arrays, p: Arrays) -> tuple[Arrays, Arrays]:
    """h = tanh(a)."""
    h = np.tanh(pre_activation(x, state["h"], p, 0))
    return {"h": h}, {"h": h}


def rnn_tanh_backward(
    dnew: Arrays, x: Array, state: Arrays, kept: Arrays, p: Arrays, d: Arrays
) -> tuple[Array, Arrays, Arrays]:
    """Backward step of `rnn_tanh_step`."""
    da = dnew["h"] * tanh_slope(kept["h"])
    dx, dh_prev = gates_backward([da], x, state["h"], p, d)
    return dx, {"h": dh_prev}, {"h": dnew["h"], "a_h": da}


def rnn_relu_step(x: Array, state: Arrays, p: Arrays) -> tuple[Arrays, Arrays]:
    """h = max(a, 0)."""
    h = np.maximum(pre_activation(x, state["h"], p, 0), 0.0)
    return {"h": h}, {"h": h}


def rnn_relu_backward(
    dnew: Arrays, x: Array, state: Arrays, kept: Arrays, p: Arrays, d: Arrays
) -> tuple[Array, Arrays, Arrays]:
    """Backward step of `rnn_relu_step`; the slope at exactly 0 is taken as 0."""
    da = dnew["h"] * (kept["h"] > 0)
    dx, dh_prev = gates_backward([da], x, state["h"], p, d)
    return dx, {"h": dh_prev}, {"h": dnew["h"], "a_h": da}


# lstm: Hochreiter & Schmidhuber (1997), with the forget gate of Gers, Schmidhuber & Cummins (2000).
# Gates i (input), f (forget), o (output), g (candidate).


def lstm_step(x: Array, state: Arrays, p: Arrays) -> tuple[Arrays, Arrays]:
    """c = f c_prev + i g, and h = o tanh(c)."""
    h_prev, c_prev = state["h"], state["c"]
    i = sigmoid(pre_activation(x, h_prev, p, LSTM_I))
    f = sigmoid(pre_activation(x, h_prev, p, LSTM_F))
    o = sigmoid(pre_activation(x, h_prev, p, LSTM_O))
    g = np.tanh(pre_activation(x, h_prev, p, LSTM_G))
    c = f * c_prev + i * g
    u = np.tanh(c)
    h = o * u
    return {"h": h, "c": c}, {"i": i, "f": f, "o": o, "g": g, "u": u}


def lstm_backward(
    dnew: Arrays, x: Array, state: Arrays, kept: Arrays, p: Arrays, d: Arrays
) -> tuple[Array, Arrays, Arrays]:
    """Backward step of `lstm_step`."""
    i, f, o, g, u = kept["i"], kept["f"], kept["o"], kept["g"], kept["u"]
    do = dnew["h"] * u
    du = dnew["h"] * o
    dc = dnew["c"] + du * tanh_slope(u)  # c is read by the next step and by h
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


# gru: Cho et al. (2014), in the form of cuDNN and PyTorch: the reset gate multiplies the recurrent product,
# which therefore has a bias of its own, b_candidate. Gates r (reset), z (update), n (candidate).


def gru_step(x: Array, state: Arrays, p: Arrays) -> tuple[Arrays, Arrays]:
    """n = tanh(x U_n + b_n + r (h_prev W_n + b_candidate)), and h = (1 - z) n + z h_prev."""
    h_prev = state["h"]
    r = sigmoid(pre_activation(x, h_prev, p, GRU_R))
    z = sigmoid(pre_activation(x, h_prev, p, GRU_Z))
    m = h_prev @ p["W"][GRU_N] + p["b_candidate"]
    n = np.tanh(x @ p["U"][GRU_N] + p["b"][GRU_N] + r * m)
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


def candidate_backward(
    da: Array, dm: Array, x: Array, h_prev: Array, p: Arrays, d: Arrays, g: int
) -> tuple[Array, Array]:
    """Do the same for a gate whose recurrent product m = h_prev W_g is itself gated: `dm` is not `da`."""
    d["U"][g] += x.T @ da
    d["W"][g] += h_prev.T @ dm
    d["b"][g] += da.sum(axis=0)
    return da @ p["U"][g].T, dm @ p["W"][g].T


# mgu: the minimal gated unit of Zhou et al. (2016), with its gate after the recurrent product, as in gru. The
# published form multiplies f into h_prev before the product: n = tanh(x U_n + b_n + (f h_prev) W_n).
# Gates f (forget), n (candidate).


def mgu_step(x: Array, state: Arrays, p: Arrays) -> tuple[Arrays, Arrays]:
    """n = tanh(x U_n + b_n + f (h_prev W_n)), and h = (1 - f) h_prev + f n."""
    h_prev = state["h"]
    f = sigmoid(pre_activation(x, h_prev, p, MGU_F))
    m = h_prev @ p["W"][MGU_N]
    n = np.tanh(x @ p["U"][MGU_N] + p["b"][MGU_N] + f * m)
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


class Cell(NamedTuple):
    """A cell: its forward and backward step, the names of its gates and states, and what is gated.

    The gates are in the order of U and W. If the recurrent product m of the last one is itself multiplied by
    a gate, `gated_by` names that.
    """

    step: Callable[[Array, Arrays, Arrays], tuple[Arrays, Arrays]]
    backward: Callable[[Arrays, Array, Arrays, Arrays, Arrays, Arrays], tuple[Array, Arrays, Arrays]]
    gates: tuple[str, ...]
    states: tuple[str, ...]
    gated_by: str | None = None


CELLS = {
    ("rnn", "tanh"): Cell(rnn_tanh_step, rnn_tanh_backward, ("h",), ("h",)),
    ("rnn", "relu"): Cell(rnn_relu_step, rnn_relu_backward, ("h",), ("h",)),
    ("lstm", "tanh"): Cell(lstm_step, lstm_backward, ("i", "f", "o", "g"), ("h", "c")),
    ("gru", "tanh"): Cell(gru_step, gru_backward, ("r", "z", "n"), ("h",), "r"),
    ("mgu", "tanh"): Cell(mgu_step, mgu_backward, ("f", "n"), ("h",), "f"),
}
"""The cells, by name and activation."""


def find_cell(cell: str | Cell, activation: str) -> Cell:
    """Return the cell of that name, or say which there are. A cell of one's own is taken as it is."""
    if isinstance(cell, Cell):
        return cell
    if (cell, activation) not in CELLS:
        raise ValueError(f"cell={cell!r} with activation={activation!r}: choose one of {sorted(CELLS)}")
    return CELLS[cell, activation]
