"""Functions of a pass; where one has a backward half, it stands beside it: ``f`` and ``f_backward``."""

from __future__ import annotations

import math

import numpy as np

from elman.typing import Floats, Ints

FEW = 16  # tokens that are added up one by one faster than sorted

SUMMED = 65_536
"""Numbers whose squares are added up in their own dtype."""

LEAST = 1e-30
"""Sums of squares in float32 that are less have lost terms to underflow."""


def embedding(E: Floats, tokens: Ints, out: Floats) -> Floats:
    """Look up word vectors.

    Parameters
    ----------
    E : ndarray of shape (K, D)
        Word vectors.
    tokens : ndarray of int, shape (T, B)
        Ids from 0 to K - 1; not checked.
    out : ndarray of shape (T, B, D)
        Overwritten with ``E[tokens]``.

    Returns
    -------
    ndarray
        `out`.

    Examples
    --------
    >>> import numpy as np
    >>> E = np.array([[0.0, 1.0], [2.0, 3.0]])
    >>> embedding(E, np.array([[1], [0]]), np.empty((2, 1, 2))).tolist()
    [[[2.0, 3.0]], [[0.0, 1.0]]]
    """
    # The model has checked the range; mode="clip" only spares NumPy a buffered second copy.
    return np.take(E, tokens, axis=0, out=out, mode="clip")


def embedding_backward(dx: Floats, tokens: Ints, dE: Floats) -> None:
    """Add up the derivatives of every place where a word stands.

    A scatter that adds one row at a time is slow; sorting the tokens makes each word's rows neighbours,
    and one call adds up all runs.

    Parameters
    ----------
    dx : ndarray of shape (T, B, D)
        Derivative by the word vectors that were looked up.
    tokens : ndarray of int, shape (T, B)
        As given to :func:`embedding`.
    dE : ndarray of shape (K, D)
        Overwritten: for each word the sum of dx over its places, zero for a word that does not occur.

    Examples
    --------
    >>> import numpy as np
    >>> dE = np.empty((3, 1))
    >>> embedding_backward(np.array([[[1.0]], [[2.0]], [[4.0]]]), np.array([[2], [0], [2]]), dE)
    >>> dE.tolist()
    [[2.0], [0.0], [5.0]]
    """
    dE.fill(0.0)
    rows, flat = dx.reshape(tokens.size, -1), tokens.reshape(-1)
    if len(flat) <= FEW:
        for token, row in zip(flat, rows, strict=True):
            dE[token] += row
        return
    words, sums = sum_by_word(rows, flat)
    dE[words] = sums


def sum_by_word(dx: Floats, tokens: Ints, inside: Ints | None = None) -> tuple[Ints, Floats]:
    """Add up the rows that belong to one word, for every word that occurs.

    Parameters
    ----------
    dx : ndarray of shape (N, D)
        Rows.
    tokens : ndarray of int, shape (N,)
        The word of each.
    inside : ndarray of int, optional
        Which rows count; all, if not given.

    Returns
    -------
    words : ndarray of int, shape (n,)
        Those that occur, in ascending order.
    sums : ndarray of shape (n, D)
        Of the rows of each, added up in the order in which they stand.

    Examples
    --------
    >>> import numpy as np
    >>> words, sums = sum_by_word(np.array([[1.0], [2.0], [4.0]]), np.array([2, 0, 2]))
    >>> words.tolist(), sums.tolist()
    ([0, 2], [[2.0], [5.0]])
    """
    some = tokens if inside is None else tokens[inside]
    order = np.argsort(some, kind="stable")
    ordered = some[order]
    starts = np.flatnonzero(np.diff(ordered, prepend=-1))
    if not len(starts):
        return starts, dx[:0]
    return ordered[starts], np.add.reduceat(dx[order if inside is None else inside[order]], starts, axis=0)


def dropout_mask(out: Floats, rate: float, rng: np.random.Generator) -> Floats:
    """Draw a mask of inverted dropout: 0 with probability `rate`, else ``1 / (1 - rate)``.

    Applying it is ``h * mask``, forward, and ``dh * mask``, backward; the mean of a mask is 1, so that
    evaluation needs no factor.

    Parameters
    ----------
    out : ndarray of float
        Overwritten with the mask.
    rate : float
        At least 0 and less than 1.
    rng : numpy.random.Generator
        Moves on by one uniform number an element, in the precision of `out`.

    Returns
    -------
    ndarray
        `out`.

    References
    ----------
    Srivastava, N., Hinton, G., Krizhevsky, A., Sutskever, I. & Salakhutdinov, R. (2014). Dropout: a simple
    way to prevent neural networks from overfitting. *JMLR* 15, 1929-1958.

    Examples
    --------
    >>> import numpy as np
    >>> dropout_mask(np.empty(6), 0.5, np.random.default_rng(0)).tolist()
    [2.0, 0.0, 0.0, 0.0, 2.0, 2.0]
    """
    rng.random(out=out, dtype=out.dtype.type)
    np.greater_equal(out, rate, out=out)  # compared, not added and floored: exact for the smallest rates
    return np.multiply(out, 1.0 / (1.0 - rate), out=out)


def cross_entropy(logits: Floats, targets: Ints, nll: Floats) -> Floats:
    """Turn logits into probabilities, in place, and return the negative log-likelihood of the targets.

    The logits are shifted by their maximum before the exponential, so that none overflows, and
    ``-log p = log sum exp(shifted) - shifted[target]`` stays exact where ``p`` underflows.

    Parameters
    ----------
    logits : ndarray of shape (N, K)
        Overwritten with ``softmax(logits)``.
    targets : ndarray of int, shape (N,)
        Classes, 0 to K - 1; not checked.
    nll : ndarray of shape (N,)
        Overwritten with ``-log p[target]``, in nats.

    Returns
    -------
    ndarray
        `nll`.

    Examples
    --------
    >>> import numpy as np
    >>> logits = np.array([[1000.0, 1000.0], [-2000.0, 0.0]])
    >>> cross_entropy(logits, np.array([0, 0]), np.empty(2)).round(4).tolist()
    [0.6931, 2000.0]
    >>> logits.tolist()
    [[0.5, 0.5], [0.0, 1.0]]
    """
    logits -= logits.max(axis=1, keepdims=True)
    np.negative(np.take_along_axis(logits, targets[:, None], axis=1)[:, 0], out=nll)
    np.exp(logits, out=logits)
    total = logits.sum(axis=1)
    nll += np.log(total)
    logits /= total[:, None]
    return nll


def log_sums(logits: Floats) -> Floats:
    """Return the log of the sum of the exponentials of each row, shifted so that none overflows.

    Parameters
    ----------
    logits : ndarray of shape (..., K)
        Only read.

    Returns
    -------
    ndarray of shape (..., 1)
        What a row's logits are more than its log-probabilities.

    Examples
    --------
    >>> import numpy as np
    >>> log_sums(np.array([[1000.0, 1000.0], [-2000.0, 0.0]])).round(4).tolist()
    [[1000.6931], [0.0]]
    """
    maxima = logits.max(axis=-1, keepdims=True)
    sums: Floats = maxima + np.log(np.exp(logits - maxima).sum(axis=-1, keepdims=True))
    return sums


def squares(vector: Floats) -> float:
    """Return the sum of the squares of a vector, block by block; the blocks are added up in float64.

    Parameters
    ----------
    vector : ndarray of shape (N,)
        float32 or float64.

    Notes
    -----
    A float32 block is a scalar product in float32, unless that leaves the range of normal numbers.
    """
    total = 0.0
    for start in range(0, vector.size, SUMMED):
        block = vector[start : start + SUMMED]
        part = float(block.dot(block))
        if not LEAST < part < math.inf and block.dtype == np.float32:
            block = block.astype(np.float64)
            part = float(block.dot(block))
        total += part
    return total
