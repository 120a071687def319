"""Copies of a model: parameters laid out as before, scratch memory of their own."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable

import numpy as np
import pytest

from elman.network import LanguageModel
from elman.training.flat import flat_view


@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))],
    ids=["copy", "deepcopy", "pickle"],
)  # fmt: skip
def test_a_copy_computes_what_the_original_does(copied: Callable[[LanguageModel], LanguageModel]) -> None:
    model = LanguageModel(vocab_size=7, embedding=4, hidden=6, layers=2, dtype="float64")
    x, y = np.random.default_rng(0).integers(0, 7, (2, 5, 3))
    state = model.initial_state(3)
    loss, _, grads = model.loss_and_grads(x, y, state)  # its workspace is in use
    twin = copied(model)
    for _ in range(2):
        found, _, found_grads = twin.loss_and_grads(x, y, state)
        assert found == loss
        assert all((found_grads[name] == grad).all() for name, grad in grads.items())
    assert flat_view(twin.params) is not None
    twin.params["output.c"] += 1.0
    assert not np.shares_memory(twin.params["output.c"], model.params["output.c"])
    assert (model.params["output.c"] == 0).all()
