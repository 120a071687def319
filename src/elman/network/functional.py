"""Functions with their backward halves beside them: ``f`` and ``f_backward``."""

from __future__ import annotations

import numpy as np

from elman.typing import Floats, Ints


def embedding(E: Floats, tokens: Ints, out: Floats) -> Floats:
    """Look up word vectors: row ``tokens[t, b]`` of E ``(K, D)`` into out ``(T, B, D)``."""
    # The model has checked the range; mode="clip" only spares NumPy a buffered second copy.
    return np.take(E, tokens, axis=0, out=out, mode="clip")


def embedding_backward(dx: Floats, tokens: Ints, dE: Floats) -> None:
    """Overwrite dE ``(K, D)`` with the sum of dx ``(T, B, D)`` over the places of each token.

    A scatter that adds one row at a time is slow; sorting the tokens makes each word's rows neighbours,
    and one call adds up all runs.
    """
    flat = tokens.reshape(-1)
    order = np.argsort(flat, kind="stable")
    ordered = flat[order]
    starts = np.flatnonzero(np.diff(ordered, prepend=-1))
    dE.fill(0.0)
    dE[ordered[starts]] = np.add.reduceat(dx.reshape(flat.size, -1)[order], starts, axis=0)


def dropout_mask(out: Floats, rate: float, rng: np.random.Generator) -> Floats:
    """Fill out with 0 (with probability `rate`) or ``1 / (1 - rate)``: inverted dropout.

    Applying it is ``h * mask``, forward, and ``dh * mask``, backward.
    """
    rng.random(out=out, dtype=out.dtype.type)
    np.add(out, 1.0 - rate, out=out)
    np.floor(out, out=out)  # 1 where the draw was at least `rate`
    return np.multiply(out, 1.0 / (1.0 - rate), out=out)


def cross_entropy(logits: Floats, targets: Ints, nll: Floats) -> Floats:
    """Turn logits ``(N, K)`` into probabilities in place, and write ``-log p[target]`` into nll ``(N,)``.

    The logits are shifted by their maximum before the exponential, so that none overflows, and
    ``-log p = log sum exp(shifted) - shifted[target]`` stays exact where ``p`` underflows.
    """
    logits -= logits.max(axis=1, keepdims=True)
    np.negative(np.take_along_axis(logits, targets[:, None], axis=1)[:, 0], out=nll)
    np.exp(logits, out=logits)
    total = logits.sum(axis=1)
    nll += np.log(total)
    logits /= total[:, None]
    return nll


def cross_entropy_backward(probabilities: Floats, targets: Ints, scale: float) -> Floats:
    """Turn probabilities ``(N, K)`` in place into the derivative of ``scale * sum(nll)`` by the logits."""
    probabilities[np.arange(len(targets)), targets] -= 1.0
    probabilities *= scale
    return probabilities
