"""The array of an explanation that a short name means."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any

import numpy as np

from elman.errors import ConfigError
from elman.insight.explain.explanation import Explanation
from elman.insight.explain.steps import Shares
from elman.insight.reference.cells import Array, Arrays


def look_up(explanation: Explanation, what: str, *, step: int | None = None, layer: int = -1) -> Array:
    """Return an array by its name.

    Parameters
    ----------
    explanation : Explanation
        Where to look.
    what : str
        A name of :attr:`Trace.values`, such as ``layers.0.a_i`` or ``output.p``; a short one, ``a_i`` or
        ``p``; ``Ux``, ``Wh`` or ``a`` for those of all gates; a parameter, ``U`` or ``embedding.E``; or any
        of them with ``d`` before it, for the derivative of the mean loss at the truncation: of a parameter,
        the share of each step.
    step : int, optional
        Only that step; by default all of them, and of a parameter's derivative the sum.
    layer : int
        Which layer a short name means; -1 is the last.

    Returns
    -------
    ndarray

    Raises
    ------
    ConfigError
        If there is no such name, step or layer, or a parameter is asked for by step.

    Examples
    --------
    >>> from elman.insight.explain import explain, small_model
    >>> from elman.insight.explain.lookup import look_up
    >>> model, tokenizer, _ = small_model("I like to play .", cell="gru")
    >>> found = explain(model, tokenizer, "I like to play .")
    >>> [look_up(found, name, step=3).shape for name in ("h", "dh", "a", "dW")]
    [(4,), (4,), (3, 4), (3, 4, 4)]
    """
    L = explanation.trace.layers
    if step is not None:
        explanation.check_step(step)
    if not -L <= layer < L:
        raise ConfigError(f"there is no layer {layer}: the layers are 0 to {L - 1}")
    values = {name: array[:, 0] for name, array in explanation.trace.values.items()}
    derivatives = _with_d(explanation.grads(explanation.back))
    shares, params = _with_d(explanation.shares(explanation.back)), explanation.trace.params
    for prefix in ("", f"layers.{layer % L}.", "output.", "embedding."):
        for table in (values, derivatives):
            found = _find(table, prefix, what, explanation.trace.gates)
            if found is not None:
                return found if step is None else np.asarray(found[step])
        if prefix + what in shares:
            share: Shares = shares[prefix + what]
            return share.total() if step is None else share.of(step)
        if prefix + what in params:
            if step is not None:
                raise ConfigError(f"{what} is the same at every step: ask for d{what}, or give no step")
            return params[prefix + what]
    names = {*values, *derivatives, *shares, *params}
    known = sorted({name.rsplit(".", 1)[-1] for name in names})
    near = get_close_matches(what, known, 1)
    hint = f"; did you mean {near[0]}?" if near else f": known are {', '.join(known)}"
    raise ConfigError(f"there is no {what!r} in this explanation{hint}")


def _with_d(table: dict[str, Any]) -> dict[str, Any]:
    """Put a d before the last part of each name."""
    parts = {name: name.rpartition(".") for name in table}
    return {f"{parts[name][0]}.d{parts[name][2]}": entry for name, entry in table.items()}


def _find(table: Arrays, prefix: str, what: str, gates: tuple[str, ...]) -> Array | None:
    """Return the array of that name, or of that name for all gates, ``(T, G, H)``."""
    if prefix + what in table:
        return table[prefix + what]
    every = [f"{prefix}{what}_{gate}" for gate in gates]
    if all(name in table for name in every):
        return np.stack([table[name] for name in every], axis=1)
    return None
