"""The weights of a word, the softmax over some logits, and the full softmax."""

import numpy as np
from numpy.typing import NDArray

from ..cells import Array, Arrays, log_softmax

Ints = NDArray[np.intp]


def weights(params: Arrays, words: Ints) -> tuple[Array, Array]:
    """Return the weights of some words ``(H, n)`` and their biases ``(n,)``; with tied vectors rows of E."""
    V = params["output.V"] if "output.V" in params else params["embedding.E"].T
    return V[:, words], params["output.c"][words]


def add_weights(grads: Arrays, words: Ints, dV: Array, dc: Array) -> None:
    """Add derivatives by the weights of some words, none of them twice, to those of the parameters."""
    if "output.V" in grads:
        grads["output.V"][:, words] += dV
    else:
        grads["embedding.E"][words] += dV.T
    grads["output.c"][words] += dc


def zeros(params: Arrays) -> Arrays:
    """Return a derivative of zero for every parameter of the output."""
    names = [name for name in params if name.startswith("output.")]
    names += [] if "output.V" in params else ["embedding.E"]
    return {name: np.zeros_like(params[name]) for name in names}


def softmax_step(h: Array, V: Array, c: Array, target: int) -> tuple[float, Array, Array, Array]:
    """Return -log softmax(h V + c)[target] of one row h ``(H,)``, and its derivatives by V, c and h."""
    log_p = log_softmax((h @ V + c)[None])[0]
    dz = np.exp(log_p)
    dz[target] -= 1.0
    return -float(log_p[target]), np.outer(h, dz), dz, V @ dz


def full_log_p(params: Arrays, h: Array) -> Array:
    """Return log p ``(N, K)`` of the full softmax, p = softmax(h V + c)."""
    V, c = weights(params, np.arange(len(params["output.c"])))
    return log_softmax(h @ V + c)


def full(params: Arrays, h: Array, y: Ints) -> tuple[Array, Arrays, Array]:
    """Return losses, derivatives by the parameters and by h of the full softmax."""
    grads, dh, losses = zeros(params), np.zeros_like(h), np.zeros(len(h))
    words = np.arange(len(params["output.c"]))
    for n in range(len(h)):
        losses[n], dV, dc, dh[n] = softmax_step(h[n], *weights(params, words), y[n])
        add_weights(grads, words, dV, dc)
    return losses, grads, dh
