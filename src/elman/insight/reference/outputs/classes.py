"""The two-level softmax: first the class of a word, then the word in it (Goodman 2001)."""

import numpy as np

from ..cells import Array, Arrays, log_softmax
from .word import Ints, add_weights, softmax_step, weights, zeros


def classes_log_p(params: Arrays, h: Array, ends: list[int]) -> Array:
    """Return log p ``(N, K)``, p(word) = p(class) p(word | class); class j has the words up to `ends[j]`."""
    log_p = np.zeros((len(h), ends[-1]))
    above = log_softmax(h @ params["output.classes.V"] + params["output.classes.c"])
    for j, (first, last) in enumerate(zip([0, *ends], ends, strict=False)):
        V, c = weights(params, np.arange(first, last))
        log_p[:, first:last] = above[:, j : j + 1] + log_softmax(h @ V + c)
    return log_p


def classes(params: Arrays, h: Array, y: Ints, ends: list[int]) -> tuple[Array, Arrays, Array]:
    """Return losses, derivatives by the parameters and by h of the two-level softmax."""
    grads, dh, losses = zeros(params), np.zeros_like(h), np.zeros(len(h))
    for n in range(len(h)):
        j = int(np.searchsorted(ends, y[n], side="right"))
        first, last = (ends[j - 1] if j else 0), ends[j]
        above = softmax_step(h[n], params["output.classes.V"], params["output.classes.c"], j)
        within = softmax_step(h[n], *weights(params, np.arange(first, last)), y[n] - first)
        losses[n], dh[n] = above[0] + within[0], above[3] + within[3]
        grads["output.classes.V"] += above[1]
        grads["output.classes.c"] += above[2]
        add_weights(grads, np.arange(first, last), within[1], within[2])
    return losses, grads, dh
