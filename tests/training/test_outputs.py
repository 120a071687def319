"""Outputs in a team: what members do with their part of the words is what one alone does with all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from elman.network import LanguageModel
from elman.network.output import OUTPUTS
from elman.training import shared
from elman.training.optim import Optimizer, adam, sgd
from elman.training.processes import ProcessWorkers
from elman.training.workers import Workers

K, H, T, B = 150, 6, 5, 7
EXACT = 2  # the step without draws
RATE, CLIP, STEPS = 0.5, 1.0, 4

CASES = [(name, tied) for name in OUTPUTS for tied in (False, True)]
IN_PROCESSES = [("adaptive", False), ("sampled", True), ("nce", False), ("mixture", True)]


def of_each(cases: list[tuple[str, bool]]) -> pytest.MarkDecorator:
    names = [f"{name}{'-tied' * tied}" for name, tied in cases]
    return pytest.mark.parametrize(("name", "tied"), cases, ids=names)


@pytest.fixture(autouse=True)
def _small_vocabularies_are_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared, "SPLIT_CLASSES", 20)


def model_of(name: str, tied: bool) -> LanguageModel:
    model = LanguageModel(
        vocab_size=K, embedding=H, hidden=H, layers=1, cell="rnn", tied=tied, dtype="float64", output=name
    )
    for array in model.params.values():
        array *= 3
    return model


def window() -> tuple[Any, Any]:
    """Words as a text has them: the first often, the last hardly ever."""
    rng = np.random.default_rng(0)
    return np.minimum(rng.integers(K, size=(2, T, B)), rng.integers(K, size=(2, T, B)))  # type: ignore[return-value]


def seed_of(model: LanguageModel, step: int) -> tuple[int, ...] | None:
    return (1, step) if model.stochastic and step != EXACT else None


def alone(name: str, tied: bool, optimizer: Optimizer) -> tuple[list[Any], dict[str, Any]]:
    """Train without workers; return the losses and norms, and the parameters."""
    model, (x, y) = model_of(name, tied), window()
    state, seen = optimizer.init(model.params), []
    for step in range(STEPS):
        seed = seed_of(model, step)
        rng = None if seed is None else np.random.default_rng((*seed, 0))  # that of the first member
        loss, _, grads = model.loss_and_grads(x, y, model.initial_state(B), rng=rng)
        norm = float(np.sqrt(sum((array**2).sum() for array in grads.values())))
        seen.append((loss, norm))
        grads = {key: array * min(1.0, CLIP / norm) for key, array in grads.items()}
        optimizer.update(model.params, grads, state, RATE, inplace=True)
    return seen, model.params


def together(
    name: str, tied: bool, optimizer: Optimizer, threads: int, kind: type[Workers], average: Any = None
) -> tuple[list[Any], dict[str, Any]]:
    model, (x, y) = model_of(name, tied), window()
    workers = kind(model, B, threads, T, optimizer, optimizer.init(model.params), average)
    seen = []
    try:
        for step in range(STEPS):
            loss, _, _ = workers.loss_and_grads(x, y, model.initial_state(B), seed=seed_of(model, step))
            seen.append((loss, workers.norm))
            workers.update(RATE, CLIP, *(() if average is None else (1.0 / (step + 2),)))
    finally:
        workers.close()
    return seen, model.params


@of_each(CASES)
@pytest.mark.parametrize("make", [sgd, adam])
@pytest.mark.parametrize("threads", [1, 2, 5])
def test_members_are_as_one(name: str, tied: bool, threads: int, make: Callable[[], Optimizer]) -> None:
    """With draws, without, and with draws again: nothing is left of the gradient before."""
    expected, params = alone(name, tied, make())
    found, others = together(name, tied, make(), threads, Workers)
    np.testing.assert_allclose(found, expected, rtol=1e-9)
    for key, array in params.items():
        np.testing.assert_allclose(others[key], array, rtol=0, atol=1e-9, err_msg=key)


@of_each(IN_PROCESSES)
def test_processes_are_as_threads(name: str, tied: bool) -> None:
    found, params = together(name, tied, sgd(), 2, ProcessWorkers)
    expected, others = together(name, tied, sgd(), 2, Workers)
    assert found == expected
    for key, array in params.items():
        np.testing.assert_array_equal(others[key], array, err_msg=key)


@of_each(CASES)
def test_averages_are_of_all_weights(name: str, tied: bool) -> None:
    """Also of those that a step leaves as they are."""
    model = model_of(name, tied)
    average = {key: array.copy() for key, array in model.params.items()}
    flat = model.new_grads()
    for key, array in average.items():
        flat[key][...] = array
    sums = {key: array.copy() for key, array in average.items()}
    for steps in range(1, STEPS + 1):
        _, params = _after(name, tied, steps)
        for key, array in params.items():
            sums[key] += array
    together(name, tied, sgd(), 2, Workers, flat)
    for key, array in sums.items():
        np.testing.assert_allclose(flat[key], array / (STEPS + 1), rtol=0, atol=1e-12, err_msg=key)


def _after(name: str, tied: bool, steps: int) -> tuple[list[Any], dict[str, Any]]:
    model, (x, y), optimizer = model_of(name, tied), window(), sgd()
    workers = Workers(model, B, 2, T, optimizer, optimizer.init(model.params))
    for step in range(steps):
        workers.loss_and_grads(x, y, model.initial_state(B), seed=seed_of(model, step))
        workers.update(RATE, CLIP)
    workers.close()
    return [], model.params
