"""Reading a Keras file: from its name to a model."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elman.errors import ConfigError, DataError, ShapeError
from elman.interop.files.listing import regular_file
from elman.interop.keras.archive import opened, read_json, unpacked
from elman.interop.keras.config import plan_of
from elman.interop.keras.convert import imported
from elman.interop.keras.guess import Told, guessed
from elman.interop.keras.process import read_h5
from elman.interop.said import Imported, warn
from elman.network import LanguageModel
from elman.typing import Ints


def read(
    path: str | Path,
    *,
    activation: str | None = None,
    recurrent_activation: str | None = None,
    go_backwards: bool | Sequence[bool] | None = None,
    mask_zero: bool | None = None,
) -> Imported:
    """Return the model of a ``.keras`` or ``.weights.h5`` file, and what was converted or assumed.

    As ``load``, which warns of it instead and takes the same arguments.
    """
    path, _ = regular_file(path)
    told = (activation, recurrent_activation, go_backwards, mask_zero)
    try:
        if not zipfile.is_zipfile(path):
            with path.open("rb") as file:
                if file.read(4) != b"\x89HDF":
                    raise DataError(f"{path} is neither a .keras archive nor HDF5, or is cut short")
            arrays = read_h5(path, path)
            assumed = Told(activation, recurrent_activation, go_backwards, mask_zero)
            return imported(str(path), guessed(str(path), arrays, assumed), arrays)
        if any(argument is not None for argument in told):
            raise ConfigError(
                f"{path} has a config.json, which says activations, go_backwards and mask_zero itself"
            )
        with opened(path) as archive:
            plan = plan_of(str(path), read_json(archive, path))
            with unpacked(archive) as weights:
                arrays = read_h5(weights, f"model.weights.h5 of {path}")
        return imported(str(path), plan, arrays)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from None
    except RecursionError:
        raise DataError(f"config.json of {path} is nested too deeply") from None


def load(
    path: str | Path,
    *,
    activation: str | None = None,
    recurrent_activation: str | None = None,
    go_backwards: bool | Sequence[bool] | None = None,
    mask_zero: bool | None = None,
) -> LanguageModel:
    """Return the model of a file that Keras 3 saved: ``.keras``, or ``.weights.h5``.

    An Embedding, one or more layers of SimpleRNN, LSTM or GRU, alone or in a Bidirectional, and a Dense
    layer, all in one line. Nothing in the file is run, and HDF5 is read in a process of its own; that needs
    h5py (``pip install 'elman[keras]'``) and not Keras. The model's outputs are logits: those before Keras's
    softmax.

    Parameters
    ----------
    path : path-like
        The file.
    activation, recurrent_activation : str, optional
        Keras's names of the activations. These and the following are for ``.weights.h5``, which does not hold
        them, and have Keras's defaults; a ``.keras`` says them itself.
    go_backwards : bool or sequence of bool, optional
        Of all recurrent layers, or of each.
    mask_zero : bool, optional
        Of the Embedding.

    Returns
    -------
    LanguageModel
        In the file's precision; float16 and bfloat16 become float32.

    Raises
    ------
    DataError
        If the file is damaged or has what Keras does not write.
    ConfigError
        If the model has something that elman has not; the message names the layer.
    ElmanError
        If h5py is not installed.

    Warns
    -----
    UserWarning
        Of what was converted, assumed, or is different in elman.

    Examples
    --------
    >>> import elman
    >>> elman.interop.keras.load("nowhere.keras")
    Traceback (most recent call last):
    elman.errors.DataError: cannot read nowhere.keras: No such file or directory
    """
    return warn(
        read(
            path, activation=activation, recurrent_activation=recurrent_activation, go_backwards=go_backwards,
            mask_zero=mask_zero,
        )
    )  # fmt: skip


def mask(tokens: Ints) -> NDArray[np.bool_]:
    """Return the steps that count where Keras has an Embedding with ``mask_zero``: tokens that are not 0.

    Parameters
    ----------
    tokens : ndarray of int, shape (T, B)
        Time-major, as all of elman's arrays; Keras's are ``(B, T)``.

    Returns
    -------
    ndarray of bool, shape (T, B)
        For `lengths` of the model's methods.

    Raises
    ------
    ShapeError
        If `tokens` are not whole numbers.

    Examples
    --------
    >>> import numpy as np, elman
    >>> elman.interop.keras.mask(np.array([[0, 3], [2, 0]]))
    array([[False,  True],
           [ True, False]])
    """
    array: NDArray[Any] = np.asarray(tokens)
    if array.dtype.kind not in "iu":
        raise ShapeError(f"tokens must be whole numbers, not {array.dtype}")
    counts: NDArray[np.bool_] = array != 0
    return counts
