"""A model from a file of PyTorch's against what PyTorch computed with it, forward and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from elman.interop import torch as interop
from elman.network import LanguageModel

TOLERANCE = {"float32": 1e-6, "float64": 1e-12}
"""Of a number of the size 1; of larger ones, in proportion."""


def same(ours: Any, theirs: Any, what: str) -> None:
    """Hold two arrays equal within the tolerance of their type."""
    assert ours.shape == theirs.shape, what
    assert ours.dtype == theirs.dtype, what
    assert np.isfinite(theirs).all(), what
    error = np.abs(ours - theirs).max() / max(1.0, np.abs(theirs).max())
    assert error <= TOLERANCE[theirs.dtype.name], f"{what}: {error:.2e}"


def state_of(model: LanguageModel, given: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return PyTorch's states, ``(layers * directions, B, H)`` each, as ours."""
    state = []
    for l, zero in enumerate(model.initial_state(batch=given["h"].shape[1])):
        ways = 2 if any(name.endswith("_reverse") for name in zero._fields) else 1
        fields = {
            name: np.array(given[name.removesuffix("_reverse")][ways * l + name.endswith("_reverse")])
            for name in zero._fields
        }
        state.append(type(zero)(**fields))
    return tuple(state)


def hold_equal(model: LanguageModel, x: Any, y: Any, results: Mapping[str, Any]) -> None:
    """Compare logits, loss, states and every gradient.

    Parameters
    ----------
    model : LanguageModel
        As it was read.
    x, y : ndarray of int, shape (T, B)
        Tokens.
    results : mapping
        PyTorch's ``logits``, ``loss``, and under ``state/``, ``new_state/``, ``dstate/`` h and c, under
        ``grads/`` each weight by the name that `state_dict` gives it.
    """

    def under(start: str) -> dict[str, Any]:
        return {name.removeprefix(start): a for name, a in results.items() if name.startswith(start)}

    state = state_of(model, under("state/"))
    logits, leaving = model.logits(x, state)
    same(logits, results["logits"], "logits")
    grads = model.new_grads()
    done = model.backprop(x, y, state, grads, 1.0 / x.size)
    same(np.array(done.nll / x.size, model.dtype), np.array(results["loss"]), "loss")
    for kind, found in (("new_state/", leaving), ("dstate/", done.dstate)):
        for l, (ours, theirs) in enumerate(zip(found, state_of(model, under(kind)), strict=True)):
            for name in theirs._fields:
                same(getattr(ours, name), getattr(theirs, name), f"{kind}{l}/{name}")
    mapped, theirs = interop.gradients(model, grads), under("grads/")
    # A model of theirs may be without biases, which ours always has.
    assert {name for name in mapped if "bias" not in name} <= theirs.keys() <= mapped.keys()
    for name, array in theirs.items():
        same(mapped[name], array, f"grads/{name}")
