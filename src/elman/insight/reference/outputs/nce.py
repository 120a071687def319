"""Noise-contrastive estimation: is a word of the text or of the noise (Mnih & Teh 2012)?"""

import numpy as np

from ..cells import Array, Arrays, sigmoid
from .word import Ints, add_weights, weights, zeros


def nce(params: Arrays, h: Array, y: Ints, drawn: Ints, log_noise: Array) -> tuple[Array, Arrays, Array]:
    """Return losses, derivatives by the parameters and by h of noise-contrastive estimation.

    `drawn` ``(k,)`` are words of the noise, with those that were drawn twice twice; `log_noise` ``(K,)`` has
    the logs of their probabilities. The logits are taken for log-probabilities, their sum for one.
    """
    grads, dh, losses = zeros(params), np.zeros_like(h), np.zeros(len(h))
    for n in range(len(h)):
        for word, of_the_text in [(y[n], True), *((word, False) for word in drawn)]:
            one = np.array([word])
            V, c = weights(params, one)
            against = h[n] @ V + c - np.log(len(drawn)) - log_noise[one]  # log odds that it is of the text
            sign = 1.0 if of_the_text else -1.0
            losses[n] += np.logaddexp(0.0, -sign * against)[0]
            dz = -sign * sigmoid(-sign * against)
            add_weights(grads, one, np.outer(h[n], dz), dz)
            dh[n] += V @ dz
    return losses, grads, dh
