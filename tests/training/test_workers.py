"""Rows split over threads: the same mathematics, and the same bits from run to run."""

from __future__ import annotations

import copy
from functools import partial
from itertools import product
from typing import Any

import numpy as np
import pytest

from elman.network import CELLS, LanguageModel
from elman.network.threads import one_thread, usable_cores
from elman.training.clip import clip_by_global_norm
from elman.training.optim import adam, sgd
from elman.training.workers import Workers
from tests.small import DEEP, REGULARISED

K, T = 11, 9


def model_of(**settings: Any) -> LanguageModel:
    sizes = {"vocab_size": K, "embedding": 4, "hidden": 6, "layers": 2, "dtype": "float64", "seed": 2}
    return LanguageModel(**{**sizes, **settings})


def window_of(batch: int, model: LanguageModel, steps: int = T) -> dict[str, Any]:
    rng = np.random.default_rng(batch)
    x, y = rng.integers(0, K, (2, steps, batch))
    state = tuple(
        type(layer)(*(rng.standard_normal(field.shape) for field in layer))
        for layer in model.initial_state(batch)
    )
    return {"x": x, "y": y, "state": state}


@pytest.fixture
def workers_of(request: pytest.FixtureRequest):  # type: ignore[no-untyped-def]
    """Make Workers that are closed at the end."""

    def make(model: LanguageModel, batch: int, threads: int, *optimizer: Any) -> Workers:
        workers = Workers(model, batch, threads, T, *optimizer)
        request.addfinalizer(workers.close)
        return workers

    return make


@pytest.fixture(
    params=[
        "own", "shared", "shared tied", "own penalised", "shared penalised", "own deep", "shared deep tied",
    ]
)  # fmt: skip
def model(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> LanguageModel:
    """A model whose classes every member has for itself, or whose members share them."""
    monkeypatch.setattr("elman.training.workers.splits", lambda model: "own" not in request.param)
    monkeypatch.setattr("elman.training.member.BLOCK", 64)  # so that there are several blocks
    tied = {"embedding": 6, "tied": True} if "tied" in request.param else {}
    penalties = {"activation_reg": 2.0, "temporal_reg": 3.0, "zoneout": 0.2}
    deep = DEEP if "deep" in request.param else {}
    return model_of(**tied, **deep, **(penalties if "penalised" in request.param else {}))


@pytest.mark.parametrize(("threads", "batch"), list(product([1, 2, 3, 5], [1, 2, 4, 7])))
@pytest.mark.parametrize(
    "options",
    [{}, {"skip": 4}, {"state_after": 3}, {"skip": 2, "state_after": 0}, {"reset": True}],
    ids=lambda options: " ".join(options) or "plain",
)
def test_any_number_of_threads_gives_the_models_own(
    model: LanguageModel, workers_of: Any, threads: int, batch: int, options: dict[str, Any]
) -> None:
    window = window_of(batch, model)
    if "reset" in options:
        options = {"reset": np.random.default_rng(0).random((T, batch)) < 0.3}
    loss, state, grads = model.loss_and_grads(**window, **options)
    workers = workers_of(model, batch, threads)
    assert len(workers.rows) == min(threads, batch)
    found_loss, found_state, found = workers.loss_and_grads(**window, **options)
    assert found_loss == pytest.approx(loss, rel=1e-12)
    for layer, other in zip(state, found_state, strict=True):
        for field, found_field in zip(layer, other, strict=True):
            np.testing.assert_allclose(found_field, field, rtol=0, atol=1e-12)
    assert list(found) == list(grads)
    for name, grad in grads.items():
        np.testing.assert_allclose(found[name], grad, rtol=0, atol=1e-12, err_msg=name)
    assert workers.norm == pytest.approx(clip_by_global_norm(grads, None)[1], rel=1e-12)


@pytest.mark.parametrize("threads", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("split", [False, True], ids=["own classes", "shared classes"])
@pytest.mark.parametrize("cell", CELLS)
def test_every_cell_in_windows_of_any_size(
    monkeypatch: pytest.MonkeyPatch, workers_of: Any, cell: str, split: bool, threads: int
) -> None:
    """One step or several, rows that the threads do not divide, fewer rows than threads; long after short."""
    monkeypatch.setattr("elman.training.workers.splits", lambda model: split)
    model = model_of(cell=cell)
    for array in model.params.values():
        array *= 1.5
    for batch in (1, 3, 4, 7):
        workers = workers_of(model, batch, threads)
        sizes = [part.stop - part.start for part in workers.rows]
        assert (len(sizes), sum(sizes), max(sizes) - min(sizes) <= 1) == (min(threads, batch), batch, True)
        for steps in (1, 2, T, 1):
            window = window_of(batch, model, steps)
            reset = np.random.default_rng(steps).random((steps, batch)) < 0.3
            loss, state, grads = model.loss_and_grads(**window, reset=reset)
            found_loss, found_state, found = workers.loss_and_grads(**window, reset=reset)
            assert found_loss == pytest.approx(loss, rel=1e-12)
            for layer, other in zip(state, found_state, strict=True):
                assert type(layer) is type(other)
                for field, found_field in zip(layer, other, strict=True):
                    np.testing.assert_allclose(found_field, field, rtol=0, atol=1e-12)
            for name, grad in grads.items():
                np.testing.assert_allclose(found[name], grad, rtol=0, atol=1e-12, err_msg=name)


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("make", [sgd, partial(sgd, momentum=0.9), adam], ids=["sgd", "momentum", "adam"])
@pytest.mark.parametrize("clip", [None, 1e-2])
def test_updates_are_the_optimizers_own(
    model: LanguageModel, workers_of: Any, threads: int, make: Any, clip: float | None
) -> None:
    """Windows of other words one after the other: what a step has touched the next must not keep."""
    optimizer, plain = make(), copy.deepcopy(model)
    moments, expected = (optimizer.init(model.params) for _ in range(2))
    workers = workers_of(model, 4, threads, optimizer, moments)
    for step in range(4):
        window = window_of(4, model)
        window["x"] = (window["x"] + step) % 3 + 2 * step
        _, _, grads = plain.loss_and_grads(**window)
        clip_by_global_norm(grads, clip, inplace=True)
        optimizer.update(plain.params, grads, expected, 0.1, inplace=True)
        workers.loss_and_grads(**window)
        workers.update(0.1, clip)
    for name, array in plain.params.items():
        np.testing.assert_allclose(model.params[name], array, rtol=0, atol=1e-12, err_msg=name)
    assert int(moments["t"]) == 4
    for name, array in expected.items():
        np.testing.assert_allclose(moments[name], array, rtol=0, atol=1e-12, err_msg=name)


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("split", [False, True])
def test_the_same_bits_from_run_to_run(
    monkeypatch: pytest.MonkeyPatch, workers_of: Any, threads: int, split: bool
) -> None:
    monkeypatch.setattr("elman.training.workers.splits", lambda model: split)
    model = model_of(dtype="float32", dropout=0.3)
    window = window_of(7, model)
    window["state"] = model.initial_state(7)
    runs = []
    for _ in range(8):
        loss, state, grads = workers_of(model, 7, threads).loss_and_grads(**window, seed=(5, 1))
        arrays = [*grads.values(), *(field for layer in state for field in layer)]
        runs.append((loss, [array.tobytes() for array in arrays]))
    assert all(run == runs[0] for run in runs)


@pytest.mark.parametrize(
    "settings", [{"dropout": 0.5}, {**REGULARISED, "zoneout_cell": 0.3}], ids=["one", "all"]
)
def test_masks_are_drawn_from_the_seed_and_the_share(workers_of: Any, settings: dict[str, Any]) -> None:
    model = model_of(**settings)
    window = window_of(4, model)
    workers = workers_of(model, 4, 2)
    losses = [workers.loss_and_grads(**window, seed=seed)[0] for seed in ((1, 0), (1, 1), (2, 0), (1, 0))]
    assert losses[0] == losses[3]
    assert len(set(losses)) == 3
    plain = workers.loss_and_grads(**window)[0]
    assert plain == pytest.approx(model.loss_and_grads(**window)[0], rel=1e-12)
    # The shares draw from generators of their own: what each drops is what the model alone drops with it.
    halves = []
    for index, rows in enumerate((slice(0, 2), slice(2, 4))):
        state = tuple(type(layer)(*(field[rows] for field in layer)) for layer in window["state"])
        rng = np.random.default_rng((1, 0, index))
        halves.append(model.loss_and_grads(window["x"][:, rows], window["y"][:, rows], state, rng=rng)[0])
    assert losses[0] == pytest.approx(np.mean(halves), rel=1e-12)


def test_gradients_do_not_accumulate_over_calls(workers_of: Any) -> None:
    model = model_of()
    window = window_of(5, model)
    workers = workers_of(model, 5, 3)
    first = {name: grad.copy() for name, grad in workers.loss_and_grads(**window)[2].items()}
    again = workers.loss_and_grads(**window)[2]
    for name, grad in first.items():
        assert (again[name] == grad).all()


def test_a_state_that_was_returned_is_not_overwritten(workers_of: Any) -> None:
    model = model_of()
    window = window_of(4, model)
    workers = workers_of(model, 4, 2)
    _, state, _ = workers.loss_and_grads(**window)
    before = [field.copy() for layer in state for field in layer]
    workers.loss_and_grads(window["y"], window["x"], state)
    assert all((a == b).all() for a, b in zip(before, (f for layer in state for f in layer), strict=True))


def test_an_error_in_a_thread_reaches_the_caller(workers_of: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    model = model_of()
    workers = workers_of(model, 4, 2)

    def broken(*arguments: object, **named: object) -> None:
        raise MemoryError("planted")

    monkeypatch.setattr(workers.members[1].model, "backprop", broken)
    with pytest.raises(MemoryError, match="planted"):
        workers.loss_and_grads(**window_of(4, model))


def test_blas_has_one_thread_meanwhile() -> None:
    from threadpoolctl import threadpool_info

    def blas_threads() -> set[int]:
        return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}

    before = blas_threads()
    for _ in range(2):
        with one_thread():
            assert blas_threads() == {1}
        assert blas_threads() == before
    assert usable_cores() >= 1
