"""Processes that share memory: the bits of the threads, and a clean end."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest

from elman.errors import ElmanError
from elman.network import LanguageModel
from elman.network.backprop import Backprop
from elman.network.cells import CELLS, RNN
from elman.training.optim import adam, sgd
from elman.training.processes import ENOUGH_WORK, PASS, ProcessWorkers
from elman.training.sharing import best_threads, make_workers
from elman.training.workers import Workers
from tests.conformance.cells import settings_of
from tests.network.building import fitting
from tests.small import REGULARISED

K, T, B = 11, 6, 5
CELL_NAMES = (
    "rnn", "rnn-relu", "lstm", "lstm-peephole", "lstm-coupled", "gru", "gru-before", "mgu", "sru/learnt",
    "lstm[hard-sigmoid,elu,tanh;peepholes;coupled]", "lstm/projected",
    "lstm/normalised/learnt",
)  # fmt: skip
"""Cells; after a stroke, what their layers are to be."""


def model_of(**settings: Any) -> LanguageModel:
    sizes = {"vocab_size": K, "embedding": 6, "hidden": 6, "layers": 2, "dtype": "float64", "seed": 2}
    return LanguageModel(**{**sizes, **settings})


def window_of(model: LanguageModel, steps: int = T, batch: int = B) -> dict[str, Any]:
    rng = np.random.default_rng(steps)
    x, y = rng.integers(0, K, (2, steps, batch))
    state = tuple(
        type(layer)(*(rng.standard_normal(field.shape).astype(field.dtype) for field in layer))
        for layer in model.initial_state(batch)
    )
    return {"x": x, "y": y, "state": state}


def bits(loss: float, state: Any, grads: dict[str, Any]) -> list[Any]:
    fields = [field.tobytes() for layer in state for field in layer]
    return [loss, fields, {name: grad.tobytes() for name, grad in grads.items()}]


@pytest.mark.parametrize("cell", CELL_NAMES)
@pytest.mark.parametrize("split", [False, True], ids=["own classes", "shared classes"])
def test_processes_give_the_bits_of_threads(cell: str, split: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("elman.training.workers.splits", lambda model: split)
    settings = {**settings_of(cell), **fitting(cell.split("/")[0], REGULARISED)}
    settings |= {"tied": cell == "gru", "dtype": "float32"}
    if "lstm" in cell:
        settings["zoneout_cell"] = 0.2
    if cell == "sru":  # which has no recurrent weights, and no single steps to hold a state in
        settings |= {"dropout_weights": 0.0, "zoneout": 0.0}
    if "learnt" in cell:  # past the first layer too, which is as wide as the word vectors
        settings["connections"] = "residual"
    threaded, spread = model_of(**settings), model_of(**settings)
    optimizer = adam()
    threads = Workers(threaded, B, 3, T, optimizer, optimizer.init(threaded.params))
    processes = ProcessWorkers(spread, B, 3, T, optimizer, optimizer.init(spread.params))
    resets = np.random.default_rng(0).random((T, B)) < 0.3
    try:
        # Shorter windows after longer ones, every option, and parameters that change in between.
        for steps, reset, (skip, after), seed in product(
            (T, 2), (None, resets), ((0, None), (1, 0), (1, 2)), (None, (4, 2**40))
        ):
            found = []
            for workers, model in ((threads, threaded), (processes, spread)):
                result = workers.loss_and_grads(
                    **window_of(model, steps), seed=seed, skip=skip, state_after=after,
                    reset=None if reset is None else reset[:steps],
                )  # fmt: skip
                found.append(bits(*result))
                workers.update(0.01, clip=0.1)
            assert found[0] == found[1]
    finally:
        threads.close()
        processes.close()
    assert all((spread.params[name] == array).all() for name, array in threaded.params.items())


@pytest.mark.parametrize(("cell", "split", "batch", "threads"), [("lstm", True, 2, 4), ("gru", False, 5, 3)])
def test_processes_give_the_models_own_in_windows_of_any_size(
    cell: str, split: bool, batch: int, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fewer rows than processes were asked for, or rows that they do not divide; one step, and all."""
    monkeypatch.setattr("elman.training.workers.splits", lambda model: split)
    model = model_of(cell=cell)
    workers = ProcessWorkers(model, batch, threads, T)
    try:
        assert len(workers._children) == min(batch, threads) - 1
        for steps in (1, T, 2):
            window = window_of(model, steps, batch)
            loss, state, grads = model.loss_and_grads(**window)
            found_loss, found_state, found = workers.loss_and_grads(**window)
            assert found_loss == pytest.approx(loss, rel=1e-12)
            for layer, other in zip(state, found_state, strict=True):
                for field, found_field in zip(layer, other, strict=True):
                    np.testing.assert_allclose(found_field, field, rtol=0, atol=1e-12)
            for name, grad in grads.items():
                np.testing.assert_allclose(found[name], grad, rtol=0, atol=1e-12, err_msg=name)
    finally:
        workers.close()


@pytest.mark.parametrize("shares", [2, 3])
@pytest.mark.parametrize("split", [False, True], ids=["own classes", "shared classes"])
def test_processes_give_the_same_bits_from_run_to_run(
    split: bool, shares: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Five windows, again and again from the same parameters: nothing depends on who came first."""
    monkeypatch.setattr("elman.training.workers.splits", lambda model: split)
    model, optimizer = model_of(dtype="float32", dropout=0.3), adam()
    moments = optimizer.init(model.params)
    begin = {name: array.copy() for name, array in (*model.params.items(), *moments.items())}
    window, runs = window_of(model), []
    for _ in range(2):
        workers = ProcessWorkers(model, B, shares, T, optimizer, moments)
        try:
            for _ in range(2):
                for name, array in begin.items():
                    (model.params | moments)[name][...] = array
                found = []
                for step in range(5):
                    found.append(bits(*workers.loss_and_grads(**window, seed=(3, step))))
                    workers.update(0.1, clip=0.5)
                runs.append((found, [array.tobytes() for array in model.params.values()]))
        finally:
            workers.close()
    assert runs[1:] == runs[:1] * 3
    assert len({run[0] for run in runs[0][0]}) == 5  # and parameters do change


def test_closing_gives_the_parameters_memory_of_their_own() -> None:
    model = model_of()
    before = {name: array.copy() for name, array in model.params.items()}
    workers = ProcessWorkers(model, B, 2, T)
    shared = model.params["output.V"]
    children = list(workers._children)
    workers.close()
    assert all(child.returncode == 0 for child in children)
    assert not np.shares_memory(model.params["output.V"], shared)
    assert all((model.params[name] == array).all() for name, array in before.items())
    bases = {id(array.base) for array in model.params.values()}
    assert len(bases) == 1  # laid out end to end, as they were


def test_a_process_that_dies_is_an_error_and_not_a_wait() -> None:
    model = model_of()
    workers = ProcessWorkers(model, B, 2, T)
    try:
        workers._children[0].kill()
        workers._children[0].wait()
        with pytest.raises(ElmanError, match="worker process ended with status -9"):
            workers.loss_and_grads(**window_of(model))
    finally:
        workers.close()


def test_an_error_in_a_process_is_an_error_here(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # A seed that no generator takes; our own share is spared it.
    monkeypatch.setattr(
        "elman.training.member.perform", lambda model, task, *rest: Backprop(0.0, task.state, ())
    )
    model = model_of()
    workers = ProcessWorkers(model, B, 2, T)
    try:
        with pytest.raises(ElmanError, match="worker process ended with status 1"):
            workers.loss_and_grads(**window_of(model), seed=(1, -5))
    finally:
        workers.close()
    assert "ValueError" in capfd.readouterr().err


def test_processes_serve_large_batches_of_built_in_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    class Own(RNN):
        name = "own"

    monkeypatch.setitem(CELLS, "own", Own())
    large = {"hidden": 128, "embedding": 128, "layers": 1}
    assert not ProcessWorkers.can_serve(model_of(), B, T)
    assert ProcessWorkers.can_serve(model_of(**large), 50, 100)
    assert not ProcessWorkers.can_serve(model_of(cell="own", **large), 50, 10_000)
    assert best_threads(model_of(), B, T) == 1
    assert best_threads(model_of(**large), 1, int(ENOUGH_WORK)) == 1
    small = make_workers(model_of(), B, 2, T)
    assert type(small) is Workers
    small.close()
    one = make_workers(model_of(**large), 50, 1, 100)
    assert type(one) is Workers
    one.close()
    several = make_workers(model_of(**large), 50, 2, 100)
    assert type(several) is ProcessWorkers
    several.close()


def test_a_process_that_says_something_else_is_an_error_and_not_a_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("elman.training.processes.PATIENCE", 0.1)
    model = model_of()
    workers = ProcessWorkers(model, B, 2, T)
    try:
        workers._lines[0].send(PASS)  # nothing is asked of it, and what it answers is not this
        with pytest.raises(ElmanError, match="worker process ended with status"):
            workers._lines[0].expect(b"?")
    finally:
        workers.close()


def test_an_optimizer_of_ones_own_is_not_taken_for_its_namesake() -> None:
    large = model_of(hidden=128, embedding=128, layers=1)
    own = replace(sgd(), rule=lambda t, lr: lambda p, g, slots, s: None)
    assert ProcessWorkers.can_serve(large, 50, 100, sgd())
    assert not ProcessWorkers.can_serve(large, 50, 100, own)
