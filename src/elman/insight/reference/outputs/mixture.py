"""The mixture of softmaxes: several over the same weights (Yang et al. 2018)."""

import numpy as np

from ..cells import Array, Arrays, log_softmax
from .word import Ints, add_weights, weights, zeros


def _experts(params: Arrays, h: Array) -> tuple[Array, Array]:
    """Return the logs of the prior ``(M,)`` and what each expert reads ``(M, H)``, of one row h ``(H,)``."""
    prior = log_softmax((h @ params["output.prior.V"])[None])[0]
    R, b = params["output.experts.R"], params["output.experts.c"]
    return prior, np.array([np.tanh(h @ R[m] + b[m]) for m in range(len(R))])


def mixture_log_p(params: Arrays, h: Array) -> Array:
    """Return log p ``(N, K)``, p = sum over experts m of prior_m softmax(tanh(h R_m + b_m) V + c)."""
    V, c = weights(params, np.arange(len(params["output.c"])))
    rows = []
    for row in h:
        prior, read = _experts(params, row)
        rows.append(np.logaddexp.reduce(prior[:, None] + log_softmax(read @ V + c), axis=0))
    return np.array(rows)


def mixture(params: Arrays, h: Array, y: Ints) -> tuple[Array, Arrays, Array]:
    """Return losses, derivatives by the parameters and by h of the mixture of softmaxes."""
    grads, dh, losses = zeros(params), np.zeros_like(h), np.zeros(len(h))
    words = np.arange(len(params["output.c"]))
    V, c = weights(params, words)
    for n in range(len(h)):
        prior, read = _experts(params, h[n])
        each = log_softmax(read @ V + c)  # (M, K)
        joint = prior + each[:, y[n]]
        losses[n] = -np.logaddexp.reduce(joint)
        share = np.exp(joint + losses[n])  # how far each expert accounts for the word: sums to one
        dprior = np.exp(prior) - share  # by what the softmax of the prior reads
        grads["output.prior.V"] += np.outer(h[n], dprior)
        dh[n] = params["output.prior.V"] @ dprior
        for m in range(len(prior)):
            dz = np.exp(each[m])
            dz[y[n]] -= 1.0
            dz *= share[m]
            add_weights(grads, words, np.outer(read[m], dz), dz)
            da = (V @ dz) * (1.0 - read[m] ** 2)
            grads["output.experts.R"][m] += np.outer(h[n], da)
            grads["output.experts.c"][m] += da
            dh[n] += params["output.experts.R"][m] @ da
    return losses, grads, dh
