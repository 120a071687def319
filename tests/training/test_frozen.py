"""Word vectors that stay as they are: no part of the norm, of decay, of updates or of averages."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from elman.network import LanguageModel
from elman.training.averages import begin_average, new_average
from elman.training.clip import clip_by_global_norm
from elman.training.optim import Optimizer, adamw, sgd
from elman.training.processes import ProcessWorkers
from elman.training.workers import Workers

K, H, T, B = 23, 5, 4, 6
OUTPUTS = ("full", "tied", "adaptive", "sampled", "tied sampled")


def model_of(output: str, **more: Any) -> LanguageModel:
    settings: dict[str, Any] = {"embedding": H} if output.startswith("tied") else {"embedding": 3}
    settings["tied"] = output.startswith("tied")
    name = output.split()[-1]
    settings |= {"output": name} if name in ("adaptive", "sampled") else {}
    settings |= {"cutoffs": (5,)} if name == "adaptive" else {}
    settings |= {"samples": 7} if name == "sampled" else {}
    sizes = {"vocab_size": K, "hidden": H, "layers": 2, "dtype": "float64", "seed": 2}
    return LanguageModel(**{**sizes, **settings, **more})


def window_of(model: LanguageModel, seed: int) -> dict[str, Any]:
    x, y = np.random.default_rng(seed).integers(0, K, (2, T, B))
    return {"x": x, "y": y, "state": model.initial_state(B)}


@pytest.mark.parametrize("optimizer", [sgd(), adamw(weight_decay=0.3)], ids=["sgd", "adamw"])
@pytest.mark.parametrize("split", [False, True], ids=["own classes", "shared classes"])
@pytest.mark.parametrize("output", OUTPUTS)
@pytest.mark.parametrize("threads", [1, 3])
def test_everything_else_is_as_if_there_were_no_word_vectors(
    optimizer: Optimizer, split: bool, output: str, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("elman.training.workers.splits", lambda model: split)
    model, alone = model_of(output), model_of(output)
    E = model.params["embedding.E"].copy()
    workers = Workers(model, B, threads, T, optimizer, optimizer.init(model.params), frozen=True)
    others = {name: array for name, array in alone.params.items() if name != "embedding.E"}
    state = optimizer.init(others)
    try:
        for step in range(3):
            window = window_of(model, step)
            loss, _, grads = alone.loss_and_grads(**window)
            del grads["embedding.E"]
            clipped, norm = clip_by_global_norm(grads, 0.2)
            others, state = optimizer.update(others, clipped, state, 0.05)
            for name, array in others.items():
                alone.params[name][...] = array
            assert workers.loss_and_grads(**window)[0] == pytest.approx(loss, rel=1e-12)
            assert workers.norm == pytest.approx(norm, rel=1e-12)
            workers.update(0.05, clip=0.2)
            for name, array in others.items():
                np.testing.assert_allclose(model.params[name], array, rtol=1e-9, atol=1e-12, err_msg=name)
            assert model.params["embedding.E"].tobytes() == E.tobytes()
    finally:
        workers.close()


@pytest.mark.parametrize("output", OUTPUTS)
def test_processes_leave_them_alone_too(output: str) -> None:
    model, threaded = model_of(output, dtype="float32"), model_of(output, dtype="float32")
    optimizer = adamw(weight_decay=0.1)
    E = model.params["embedding.E"].copy()
    teams = [
        kind(each, B, 2, T, optimizer, optimizer.init(each.params), frozen=True)
        for kind, each in ((ProcessWorkers, model), (Workers, threaded))
    ]
    try:
        for step in range(3):
            found = [team.loss_and_grads(**window_of(model, step), seed=(1, step))[0] for team in teams]
            assert found[0] == found[1]
            assert teams[0].norm == teams[1].norm
            for team in teams:
                team.update(0.05, clip=0.2)
    finally:
        for team in teams:
            team.close()
    assert model.params["embedding.E"].tobytes() == E.tobytes()
    for name, array in threaded.params.items():
        assert model.params[name].tobytes() == array.tobytes(), name


@pytest.mark.parametrize("split", [False, True], ids=["own classes", "shared classes"])
def test_their_average_is_what_they_are(split: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("elman.training.workers.splits", lambda model: split)
    model, optimizer = model_of("full"), sgd()
    average = new_average(model.params)
    begin_average(average, model.params)
    workers = Workers(model, B, 2, T, optimizer, optimizer.init(model.params), average, frozen=True)
    try:
        for step in range(3):
            workers.loss_and_grads(**window_of(model, step))
            workers.update(0.5, weight=1 / (step + 2))
    finally:
        workers.close()
    assert average["embedding.E"].tobytes() == model.params["embedding.E"].tobytes()
    assert (average["layers.0.W"] != model.params["layers.0.W"]).any()
