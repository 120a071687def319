"""The sampled softmax: the right word against some others that were drawn (Jean et al. 2015)."""

import numpy as np

from ..cells import Array, Arrays
from .word import Ints, add_weights, softmax_step, weights, zeros


def sampled(
    params: Arrays, h: Array, y: Ints, drawn: Ints, log_expected: Array
) -> tuple[Array, Arrays, Array]:
    """Return losses, derivatives by the parameters and by h of the sampled softmax.

    `drawn` are the words that were drawn, each once; `log_expected` ``(K,)`` is for every word the log of the
    probability that it is among them. That is taken from its logit, also from the right word's: of a set to
    which each other word came with its own probability, the right one is then found with the probabilities
    of the softmax over all words. A right word that was drawn too counts once.
    """
    grads, dh, losses = zeros(params), np.zeros_like(h), np.zeros(len(h))
    for n in range(len(h)):
        others = drawn[drawn != y[n]]
        words = np.concatenate([y[n : n + 1], others])
        V, c = weights(params, words)
        losses[n], dV, dc, dh[n] = softmax_step(h[n], V, c - log_expected[words], 0)
        add_weights(grads, words, dV, dc)
    return losses, grads, dh
