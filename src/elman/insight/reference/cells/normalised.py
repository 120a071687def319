"""Layer normalisation: Ba, Kiros & Hinton (2016), of the products of each gate, and of the memory cell.

A row of numbers is brought to mean 0 and variance 1, over the units of its layer, and multiplied by gains.
"""

import numpy as np

from .arrays import Array, Arrays

EPSILON = 1e-5


def normalised(a: Array) -> Array:
    """Return (a - mean) / sqrt(variance + epsilon) of each row.

    Examples
    --------
    >>> normalised(np.array([[1.0, 3.0], [5.0, 5.0]])).round(4)
    array([[-1.,  1.],
           [ 0.,  0.]])
    """
    centred = a - a.mean(axis=1, keepdims=True)
    variance = (centred**2).mean(axis=1, keepdims=True)
    n: Array = centred / np.sqrt(variance + EPSILON)
    return n


def normalised_backward(dn: Array, a: Array) -> Array:
    """Return da: every number of a row enters its own n, the mean and the variance."""
    n = normalised(a)
    deviation = np.sqrt(a.var(axis=1, keepdims=True) + EPSILON)
    through_mean = dn.mean(axis=1, keepdims=True)
    through_variance = n * (dn * n).mean(axis=1, keepdims=True)
    da: Array = (dn - through_mean - through_variance) / deviation
    return da


def product(x: Array, p: Arrays, letter: str, g: int) -> Array:
    """Return x U_g (or h W_g); where the layer has gains for it, normalised and multiplied by them."""
    a: Array = x @ p[letter][g]
    gain = p.get(GAINS[letter])
    return a if gain is None else gain[g] * normalised(a)


def product_backward(da: Array, x: Array, p: Arrays, d: Arrays, letter: str, g: int) -> Array:
    """Add the derivatives by the weights, and by the gains, into `d`; return dx."""
    name = GAINS[letter]
    if name in p:
        a = x @ p[letter][g]
        d[name][g] += (da * normalised(a)).sum(axis=0)
        da = normalised_backward(da * p[name][g], a)
    d[letter][g] += x.T @ da
    dx: Array = da @ p[letter][g].T
    return dx


GAINS = {"U": "gamma_x", "W": "gamma_h"}
"""The gains of the products with each of the weights, (G, H)."""


def exposed(c: Array, p: Arrays) -> Array:
    """Return the memory cell as the output gate lets it out: normalised, where it has a gain and a bias."""
    return c if "gamma_c" not in p else p["gamma_c"] * normalised(c) + p["beta_c"]


def exposed_backward(de: Array, c: Array, p: Arrays, d: Arrays) -> Array:
    """Add the derivatives by gain and bias into `d`; return dc."""
    if "gamma_c" not in p:
        return de
    d["gamma_c"] += (de * normalised(c)).sum(axis=0)
    d["beta_c"] += de.sum(axis=0)
    return normalised_backward(de * p["gamma_c"], c)
