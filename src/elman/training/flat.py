"""Many named arrays as one vector, without a copy.

A model lays its parameters one after the other in one block of memory. An elementwise update then needs
one pass over one vector, where a dictionary of small arrays would need a call for each bias.
"""

from collections.abc import Mapping

import numpy as np

from elman.typing import Floats, Params

__all__ = ["BLOCK", "flat_copy", "flat_full", "flat_view"]

BLOCK = 32_768
"""Elements that a rule takes at a time. Parameters, gradients, two moments and scratch are then 640 KiB in
float32: every pass of the rule but the first finds them in the second-level cache."""


def flat_view(arrays: Mapping[str, Floats]) -> Floats | None:
    """Return the one vector of which all the arrays are consecutive pieces, or None.

    Parameters
    ----------
    arrays : Mapping of str to ndarray
        Arrays of one dtype, in the order in which they should lie in memory.

    Returns
    -------
    ndarray of shape (N,), or None
        A view: writing to it writes to the arrays. N is the sum of their sizes. None where the arrays do
        not lie one after the other, in this order and without gaps, inside one array.

    See Also
    --------
    flat_copy : copy arrays into such a layout.

    Examples
    --------
    >>> import numpy as np
    >>> base = np.arange(6.0)
    >>> arrays = {"U": base[:4].reshape(2, 2), "b": base[4:]}
    >>> flat_view(arrays)
    array([0., 1., 2., 3., 4., 5.])
    >>> flat_view({"b": arrays["b"], "U": arrays["U"]}) is None  # another order
    True
    """
    if not arrays:
        return None
    first = next(iter(arrays.values()))
    owner = _owner(first)
    if not isinstance(owner, np.ndarray) or not owner.flags.c_contiguous:
        return None
    start = end = _address(first)
    for array in arrays.values():
        same = _owner(array) is owner and array.dtype == first.dtype
        if not (same and array.flags.c_contiguous and _address(array) == end):
            return None
        end += array.nbytes
    # Through bytes, since the owner may be of another type: a raw buffer that was aligned by hand.
    raw = owner.reshape(-1).view(np.uint8)
    offset = start - _address(owner)
    view: Floats = raw[offset : offset + end - start].view(first.dtype)
    return view


def flat_full(like: Mapping[str, Floats], fill: float) -> Params:
    """Return arrays of the names, shapes and dtype of `like`, all `fill`, as pieces of one vector.

    Parameters
    ----------
    like : Mapping of str to ndarray
        Where the dtypes differ, each array gets memory of its own.
    fill : float
        The value of every element.

    Returns
    -------
    dict of str to ndarray
        New arrays, C-contiguous.

    Examples
    --------
    >>> import numpy as np
    >>> flat_full({"U": np.ones((1, 2)), "b": np.ones(1)}, 0.5)
    {'U': array([[0.5, 0.5]]), 'b': array([0.5])}
    """
    if len({array.dtype for array in like.values()}) != 1:
        return {name: np.full(array.shape, fill, array.dtype) for name, array in like.items()}
    dtype = next(iter(like.values())).dtype
    base = np.full(sum(array.size for array in like.values()), fill, dtype)
    pieces: Params = {}
    start = 0
    for name, array in like.items():
        pieces[name] = base[start : start + array.size].reshape(array.shape)
        start += array.size
    return pieces


def flat_copy(arrays: Mapping[str, Floats]) -> Params:
    """Copy the arrays into one vector, of which the returned arrays are the pieces.

    Parameters
    ----------
    arrays : Mapping of str to ndarray
        Of any memory layout; where the dtypes differ, each copy gets memory of its own.

    Returns
    -------
    dict of str to ndarray
        Copies of the same names, shapes and values, in the same order, C-contiguous.

    Examples
    --------
    >>> import numpy as np
    >>> flat_view(flat_copy({"U": np.eye(2), "b": np.array([5.0])}))
    array([1., 0., 0., 1., 5.])
    """
    copies = flat_full(arrays, 0.0)
    for name, array in arrays.items():
        copies[name][...] = array
    return copies


def _owner(array: Floats) -> object:
    """The array, or whatever else, whose memory `array` shows."""
    return array if array.base is None else array.base


def _address(array: Floats) -> int:
    address: int = array.__array_interface__["data"][0]
    return address
