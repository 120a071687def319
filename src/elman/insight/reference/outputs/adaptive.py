"""The adaptive softmax: frequent words beside the clusters of the others (Grave et al. 2017)."""

import numpy as np

from ..cells import Array, Arrays, log_softmax
from .word import Ints, add_weights, softmax_step, weights, zeros


def _tail(params: Arrays, i: int, first: int, last: int, h: Array) -> tuple[Array, Array, Array]:
    """Return what the words of tail i read of one row h ``(H,)``, their weights and their biases."""
    if f"output.tails.{i}.R" in params:  # narrower: a product comes between
        V, c = params[f"output.tails.{i}.V"], params[f"output.tails.{i}.c"]
        return h @ params[f"output.tails.{i}.R"], V, c
    return h, *weights(params, np.arange(first, last))


def _head(params: Arrays, first: int) -> tuple[Array, Array]:
    """Return the weights and biases of the frequent words and, behind them, of the clusters."""
    V, c = weights(params, np.arange(first))
    return (
        np.concatenate([V, params["output.clusters.V"]], axis=1),
        np.concatenate([c, params["output.clusters.c"]]),
    )


def adaptive_log_p(params: Arrays, h: Array, cutoffs: list[int]) -> Array:
    """Return log p ``(N, K)``: the head's, and of a tail's words log p(cluster) + log p(word | cluster).

    `cutoffs` are the ends of the head and of every tail; the last is K.
    """
    first = cutoffs[0]
    log_p = np.zeros((len(h), cutoffs[-1]))
    for n in range(len(h)):
        V, c = _head(params, first)
        head = log_softmax((h[n] @ V + c)[None])[0]
        log_p[n, :first] = head[:first]
        for i in range(len(cutoffs) - 1):
            g, V, c = _tail(params, i, cutoffs[i], cutoffs[i + 1], h[n])
            log_p[n, cutoffs[i] : cutoffs[i + 1]] = head[first + i] + log_softmax((g @ V + c)[None])[0]
    return log_p


def adaptive(params: Arrays, h: Array, y: Ints, cutoffs: list[int]) -> tuple[Array, Arrays, Array]:
    """Return losses, derivatives by the parameters and by h of the adaptive softmax."""
    grads, dh, losses = zeros(params), np.zeros_like(h), np.zeros(len(h))
    first = cutoffs[0]
    for n in range(len(h)):
        i = int(np.searchsorted(cutoffs, y[n], side="right")) - 1  # -1: the head has the word itself
        losses[n], dV, dc, dh[n] = softmax_step(h[n], *_head(params, first), y[n] if i < 0 else first + i)
        add_weights(grads, np.arange(first), dV[:, :first], dc[:first])
        grads["output.clusters.V"] += dV[:, first:]
        grads["output.clusters.c"] += dc[first:]
        if i < 0:
            continue
        g, V, c = _tail(params, i, cutoffs[i], cutoffs[i + 1], h[n])
        loss, dV, dc, dg = softmax_step(g, V, c, y[n] - cutoffs[i])
        losses[n] += loss
        if f"output.tails.{i}.R" in params:
            grads[f"output.tails.{i}.V"] += dV
            grads[f"output.tails.{i}.c"] += dc
            grads[f"output.tails.{i}.R"] += np.outer(h[n], dg)
            dg = params[f"output.tails.{i}.R"] @ dg
        else:
            add_weights(grads, np.arange(cutoffs[i], cutoffs[i + 1]), dV, dc)
        dh[n] += dg
    return losses, grads, dh
