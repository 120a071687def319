"""Output layers: hidden states and targets in, summed negative log-likelihood and its backward out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from elman.errors import ConfigError
from elman.network.output.adaptive import Adaptive
from elman.network.output.base import Output
from elman.network.output.classes import Classes
from elman.network.output.mixture import Mixture
from elman.network.output.nce import NCE
from elman.network.output.sampled import Sampled
from elman.network.output.softmax import Softmax

__all__ = [
    "NCE",
    "OUTPUTS",
    "Adaptive",
    "Classes",
    "Mixture",
    "Output",
    "Sampled",
    "Softmax",
    "choose_output",
    "new_output",
]

OUTPUTS: dict[str, type[Output]] = {
    kind.name: kind for kind in (Softmax, Adaptive, Sampled, NCE, Classes, Mixture)
}
"""The output layers by name. What is registered here runs the conformance suite."""


SETTINGS = {"cutoffs": ("adaptive",), "samples": ("sampled", "nce"), "experts": ("mixture",)}
"""What can be set of an output beside its name, and of which."""

MANY = 20_000
"""Words from which on the adaptive softmax costs little loss; with 10,000 it was 5 % and more."""


def choose_output(classes: int, *, ranked: bool = True) -> str:
    """Return the name that ``auto`` stands for.

    Parameters
    ----------
    classes : int
        Size of the vocabulary, ``K``.
    ranked : bool
        Whether words are numbered by falling frequency, as those of word tokenizers are.

    Returns
    -------
    str
        ``adaptive`` for many words that are ranked, else ``full``.

    Examples
    --------
    >>> choose_output(65), choose_output(33_278), choose_output(33_278, ranked=False)
    ('full', 'adaptive', 'full')
    """
    return "adaptive" if ranked and classes >= MANY else "full"


def new_output(
    name: str, hidden: int, classes: int, tied: bool, dtype: np.dtype[Any], *,
    cutoffs: Sequence[int] | str | None = None, samples: int | None = None, experts: int | None = None,
) -> Output:  # fmt: skip
    """Return the output layer of that name, with its settings; others must be None.

    Raises
    ------
    ConfigError
        If the name is unknown, or a setting wrong or of another output.
    """
    if name == "auto":
        name = choose_output(classes)
    if not isinstance(name, str) or name not in OUTPUTS:
        raise ConfigError(f"unknown output {name!r}: expected one of {', '.join(OUTPUTS)}, auto")
    given = {"cutoffs": cutoffs, "samples": samples, "experts": experts}
    for setting, users in SETTINGS.items():
        if given[setting] is None:
            del given[setting]
        elif name not in users:
            raise ConfigError(
                f"{setting} ({given[setting]}) has no effect with output {name}: leave it out, or choose "
                f"{' or '.join(users)}"
            )
    return OUTPUTS[name](hidden, classes, tied, dtype, **given)
