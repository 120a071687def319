"""A model out of another's file, and what was said on the way."""

from __future__ import annotations

import warnings
from typing import NamedTuple

from elman.network import LanguageModel


class Imported(NamedTuple):
    """A model, and what was converted or assumed to make it.

    Parameters
    ----------
    model : LanguageModel
        The model.
    said : tuple of str
        A sentence each, such as "float16 weights were converted to float32"; empty where the file said all.
    """

    model: LanguageModel
    said: tuple[str, ...] = ()


def warn(imported: Imported) -> LanguageModel:
    """Return the model, and give what was said as warnings to the caller of the caller."""
    for sentence in imported.said:
        warnings.warn(sentence, UserWarning, stacklevel=3)
    return imported.model
