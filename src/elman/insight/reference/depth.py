"""What joins a layer's input to its output: residual (He et al. 2016), highway (Srivastava et al. 2015)."""

from .cells import Array, Arrays, sigmoid
from .cells.gates import sigmoid_slope


def joined(h: Array, x: Array, p: Arrays, connections: str) -> Array:
    """Return what a layer hands on, given its output h (B, H), its input x, and its parameters.

    A layer that is not as wide as its input hands on h alone.
    """
    if connections == "none" or h.shape != x.shape:
        return h
    if connections == "residual":
        return h + x
    t = sigmoid(x @ p["T"] + p["b_T"])
    return t * h + (1.0 - t) * x


def joined_backward(
    dy: Array, h: Array, x: Array, p: Arrays, d: Arrays, connections: str
) -> tuple[Array, Array]:
    """Return dh, and the part of dx that passes by the layer; add dT and db_T into `d`."""
    if connections == "none" or h.shape != x.shape:
        return dy, 0.0 * x
    if connections == "residual":
        return dy, dy
    t = sigmoid(x @ p["T"] + p["b_T"])
    dt = dy * (h - x)
    da = dt * sigmoid_slope(t)
    d["T"] += x.T @ da
    d["b_T"] += da.sum(axis=0)
    return dy * t, dy * (1.0 - t) + da @ p["T"].T
