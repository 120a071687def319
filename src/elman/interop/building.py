"""A language model of arrays from elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elman.errors import DataError, ElmanError
from elman.interop.files.listing import by
from elman.network import LanguageModel

__all__ = ["assemble", "by", "check_finite"]


def assemble(
    source: str | Path, sizes: Mapping[str, Any], params: Mapping[str, NDArray[Any]]
) -> LanguageModel:
    """Build a model of these sizes and copy the parameters in, checking each.

    Parameters
    ----------
    source : str or path-like
        What the arrays came from, for messages.
    sizes : mapping
        Arguments of :class:`elman.LanguageModel`; `dtype` among them.
    params : mapping of str to ndarray
        Arrays under elman's names.

    Returns
    -------
    LanguageModel
        Whose arrays are copies.

    Raises
    ------
    DataError
        If an array is missing, surplus, of another shape, of a type that the model's cannot hold exactly, or
        not finite; or if the model does not fit into memory.
    ConfigError
        If the model is none that elman has.

    Examples
    --------
    >>> import numpy as np
    >>> sizes = {"vocab_size": 3, "cell": "rnn", "embedding": 2, "hidden": 2, "layers": 1, "tied": True}
    >>> arrays = {"embedding.E": np.eye(3, 2), "layers.0.U": np.zeros((1, 2, 2))}
    >>> assemble("some.file", {**sizes, "dtype": "float64"}, arrays)
    Traceback (most recent call last):
    elman.errors.DataError: some.file lacks layers.0.W, an array of 1 x 2 x 2
    """
    try:
        model = LanguageModel(**{**sizes, "init": "zeros"})
    except ElmanError:
        raise
    except (MemoryError, ValueError, OverflowError) as error:  # NumPy has all three for sizes
        raise DataError(f"{source}: a model of {_listed(sizes)} does not fit into memory ({error})") from None
    surplus = sorted(params.keys() - model.params.keys())
    if surplus:
        raise DataError(f"{source} gave {surplus[0]}, which a model of {_listed(sizes)} has no place for")
    for name, param in model.params.items():
        if name not in params:
            raise DataError(f"{source} lacks {name}, an array of {by(param.shape)}")
        np.copyto(param, _checked(source, name, params[name], param))
    return model


def _checked(source: str | Path, name: str, array: NDArray[Any], param: NDArray[Any]) -> NDArray[Any]:
    if array.shape != param.shape:
        raise DataError(f"{name} of {source} must be {by(param.shape)}, not {by(array.shape)}")
    if not np.can_cast(array.dtype, param.dtype, "safe"):
        raise DataError(f"{name} of {source} is {array.dtype}, which {param.dtype} cannot hold exactly")
    check_finite(source, name, array)
    return array


def check_finite(source: str | Path, name: str, array: NDArray[Any]) -> None:
    """Raise DataError, with the place, if an array holds a NaN or an infinity."""
    finite = np.isfinite(array)
    if not finite.all():
        place = tuple(map(int, np.unravel_index(np.argmin(finite), array.shape)))
        wrong = array.size - np.count_nonzero(finite)
        more = f", the first of {wrong:,} numbers that are not finite" if wrong > 1 else ""
        raise DataError(
            f"{name} of {source} holds {array[place]} at index {place}{more}: no model can be run with it"
        )


def _listed(sizes: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in sizes.items())
