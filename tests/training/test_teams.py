"""Masks, penalties, resets, deep models and every output in a team: the parts put together by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from elman.network import LanguageModel
from elman.network.backprop import forward
from elman.network.penalties import penalise
from elman.training import shared
from elman.training.optim import sgd
from elman.training.shares import rows_of
from elman.training.workers import Workers
from tests.small import DEEP, REGULARISED

K, H, T, B, SKIP = 60, 5, 4, 7, 1
EVERYTHING = {**REGULARISED, **DEEP, "zoneout_cell": 0.3}
MODELS: list[dict[str, Any]] = [
    {"output": "full", "tied": True, **EVERYTHING},
    {"output": "adaptive", **EVERYTHING, "connections": "residual"},
    {"output": "sampled", "tied": True, **EVERYTHING},
    {"output": "sampled", "dropout_embedding": 0.4, "dropout_input": 0.4, "cell": "gru"},
    {"output": "nce", **EVERYTHING, "cell": "lstm-peephole"},
    {"output": "classes", "tied": True, **EVERYTHING, "dropout": 0.0},
    {"output": "mixture", **EVERYTHING, "temporal_reg": 0.0},
]


def by_hand(
    model: LanguageModel, workers: Workers, x: Any, y: Any, state: Any, seed: tuple[int, ...], reset: Any
) -> tuple[float, dict[str, Any]]:
    """Run every share up to the output, the output over the rows of all, and every share back."""
    scale, net = 1.0 / ((T - SKIP) * B), model.network
    generators = [np.random.default_rng((*seed, share)) for share in range(len(workers.rows))]
    spaces = [model.replica().network.space for _ in generators]
    tapes = [
        forward(net._replace(space=space), x[:, some], rows_of(state, some), rng=rng, reset=reset[:, some])
        for some, rng, space in zip(workers.rows, generators, spaces, strict=True)
    ]
    h = np.concatenate([tape.inputs[-1][SKIP:].reshape(-1, H) for tape in tapes])
    targets = np.concatenate([y[SKIP:, some].reshape(-1) for some in workers.rows])
    total, grads, dh = model.new_grads(), model.new_grads(), np.empty_like(h)
    # The first share draws the words, after its masks.
    loss = scale * model.output.nll_and_grads(
        model.params, h, targets, scale, net.space, total, dh, rng=generators[0]
    )
    start = 0
    for tape, space in zip(tapes, spaces, strict=True):
        by_h = np.zeros(tape.inputs[-1].shape)
        part = by_h[SKIP:]
        part[...] = dh[start : start + part.size // H].reshape(part.shape)
        start += part.size // H
        added = penalise(model.regularisers, tape, by_h, scale, SKIP, None, space)
        grads["embedding.E"], _ = model.stack.backward(model.params, tape, by_h, space, grads, added.by_top)
        loss += added.value
        for name, grad in grads.items():
            if not name.startswith("output."):
                total[name] += grad
    return loss, total


@pytest.mark.parametrize("settings", MODELS, ids=lambda settings: settings["output"])
@pytest.mark.parametrize("threads", [1, 2, 3])
def test_a_step_is_that_of_its_parts(
    monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any], threads: int
) -> None:
    monkeypatch.setattr(shared, "SPLIT_CLASSES", 20)
    sizes: dict[str, Any] = {"vocab_size": K, "embedding": H, "hidden": H, "layers": 2, "dtype": "float64"}
    model, rng = LanguageModel(**{**sizes, **settings}), np.random.default_rng(3)
    for array in model.params.values():
        array += 0.5 * rng.standard_normal(array.shape)
    optimizer = sgd(momentum=0.9)  # which looks at words without a gradient too
    workers = Workers(model, B, threads, T, optimizer, optimizer.init(model.params))
    try:
        for step in range(2):
            x, y = np.minimum(rng.integers(K, size=(2, T, B)), rng.integers(K, size=(2, T, B)))
            state, reset = model.initial_state(B), rng.random((T, B)) < 0.3
            loss, _, found = workers.loss_and_grads(x, y, state, seed=(4, step), reset=reset, skip=SKIP)
            expected, grads = by_hand(model, workers, x, y, state, (4, step), reset)
            assert loss == pytest.approx(expected, rel=1e-12)
            for name, grad in grads.items():
                np.testing.assert_allclose(found[name], grad, rtol=0, atol=1e-11, err_msg=name)
            assert workers.norm == pytest.approx(np.sqrt(sum((g**2).sum() for g in grads.values())), rel=1e-9)
    finally:
        workers.close()
