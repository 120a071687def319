"""Averaged SGD: when it begins, what is averaged, and that training itself goes on as it would have."""

from __future__ import annotations

import random
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from elman.errors import CheckpointError, ConfigError
from elman.storage.run import Run
from elman.storage.tensors import read_tensors, write_tensors
from elman.training.averages import begin_average, new_average, triggered
from elman.training.evaluation import evaluate
from elman.training.events import Evaluated
from elman.training.fit import fit
from elman.training.opening import begin
from elman.training.optim import adam, sgd
from elman.training.processes import ProcessWorkers
from elman.training.workers import Workers
from tests.small import assert_same_run, checkpoint_of, metrics_of
from tests.training.test_fit import TEXT, config_of, give_losses, go_on, train
from tests.training.test_workers import model_of, window_of

RISES = [3.0, 2.0, 2.1, 2.2, 2.3, 1.9, 2.4, 1.5, 2.6]
"""With n = 2 the fifth evaluation, 2.3, is worse than the best of the first two."""


def test_the_trigger_is_that_of_the_paper() -> None:
    """Merity et al. 2018, algorithm 1, as it is written: t counts the evaluations logged before this one."""
    rng, fired = random.Random(0), 0
    for _ in range(400):
        n, losses = rng.randint(1, 6), [rng.random() for _ in range(rng.randint(1, 12))]
        T, logs = 0, []
        for t, v in enumerate(losses):
            if T == 0 and t > n and v > min(logs[i] for i in range(t - n)):
                T = t + 1
            logs.append(v)
        first = next((k for k in range(1, len(losses) + 1) if triggered(losses[:k], n)), 0)
        assert first == T
        fired += T > 0
    assert 100 < fired < 300


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("make", [sgd, partial(sgd, momentum=0.9, weight_decay=0.1), adam])
@pytest.mark.parametrize("way", ["own", "shared", "shared tied", "shared sampled", "shared tied sampled"])
def test_averages_are_the_mean_of_all_parameters(
    monkeypatch: pytest.MonkeyPatch, make: Any, way: str, threads: int
) -> None:
    """Also of words that occurred, or were drawn, and are no more: plain SGD then does not touch them."""
    monkeypatch.setattr("elman.training.workers.splits", lambda model: way != "own")
    monkeypatch.setattr("elman.training.member.BLOCK", 64)  # so that there are several blocks
    settings: dict[str, Any] = {"embedding": 6, "tied": True} if "tied" in way else {}
    settings |= {"output": "sampled", "samples": 7} if "sampled" in way else {}
    model = model_of(vocab_size=40, **settings)
    optimizer, average = make(), new_average(model.params)
    workers = Workers(model, 4, threads, 9, optimizer, optimizer.init(model.params), average)
    seen: list[dict[str, Any]] = []
    try:
        for step in range(9):
            window = window_of(4, model)
            window["x"] = window["x"] // 2 + step
            workers.loss_and_grads(**window, seed=(0, step) if model.stochastic else None)
            workers.update(0.2, 0.5, 1.0 / (len(seen) + 1) if seen else 0.0)
            if step == 2:
                assert not any(array.any() for array in average.values())
                begin_average(average, model.params)
            if step >= 2:
                seen.append({name: array.copy() for name, array in model.params.items()})
    finally:
        workers.close()
    assert average.keys() == model.params.keys()
    for name, array in average.items():
        mean = np.mean([params[name] for params in seen], axis=0)
        np.testing.assert_allclose(array, mean, rtol=0, atol=1e-14, err_msg=name)


@pytest.mark.parametrize("split", [False, True], ids=["own classes", "shared classes"])
def test_processes_average_to_the_bits_of_threads(split: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("elman.training.workers.splits", lambda model: split)
    found = []
    for kind in (Workers, ProcessWorkers):
        model, optimizer = model_of(dtype="float32"), sgd(weight_decay=0.01)
        average = new_average(model.params)
        begin_average(average, model.params)
        workers = kind(model, 5, 3, 9, optimizer, optimizer.init(model.params), average)
        try:
            for n in range(2, 6):
                workers.loss_and_grads(**window_of(5, model))
                workers.update(0.3, 1.0, 1.0 / n)
        finally:
            workers.close()
        assert len({id(array.base) for array in average.values()}) == 1  # laid out end to end, as it was
        found.append([array.tobytes() for arrays in (model.params, average) for array in arrays.values()])
    assert found[0] == found[1]


@pytest.fixture
def rising(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let evaluations find losses that begin to rise."""
    give_losses(monkeypatch, RISES)


SETTINGS: dict[str, Any] = {"steps": 90, "average": 2, "optimizer": "adam", "weight_decay": 1e-3}


def test_from_the_trigger_on_all_but_training_uses_the_averages(tmp_path: Path, rising: None) -> None:
    raw: list[dict[str, Any]] = []
    evaluated, sampled, averages = {}, {}, {}

    def sample(model: Any, step: int) -> str:
        sampled[step] = {name: array.copy() for name, array in model.params.items()}
        return ""

    with begin(config_of(**SETTINGS), tmp_path / "run", text=TEXT) as session:
        for event in fit(session, sample=sample):
            if isinstance(event, Evaluated):
                evaluated[event.step] = event
                averages[event.step] = {n: a.copy() for n, a in session.progress.average.items()}
            elif event.step > len(raw):
                raw.append({name: array.copy() for name, array in session.model.params.items()})
    assert {step: event.averaged for step, event in evaluated.items()} == {
        10: 0, 20: 0, 30: 0, 40: 0, 50: 0, 60: 11, 70: 21, 80: 31, 90: 41,
    }  # fmt: skip
    for name in raw[0]:
        assert (sampled[50][name] == raw[49][name]).all()
        for step in (60, 70, 80, 90):
            mean = np.mean([raw[n][name] for n in range(49, step)], axis=0)
            np.testing.assert_allclose(sampled[step][name], mean, rtol=1e-4, atol=1e-6, err_msg=name)
            assert (sampled[step][name] != raw[step - 1][name]).any()
    # The best is the eighth, after 80 steps: of averages.
    model, (arrays, note) = Run.existing(tmp_path / "run").load_model(), checkpoint_of(tmp_path / "run")
    for name, array in model.params.items():
        assert (array == averages[80][name]).all()
        assert arrays[f"average.{name}"] == averages[90][name].tobytes()
        assert arrays[f"params.{name}"] == raw[89][name].tobytes()
    assert note["averaged"] == 41
    lines = {line["step"]: line.get("averaged") for line in metrics_of(tmp_path / "run")}
    assert lines == {step: event.averaged or None for step, event in evaluated.items()}


def test_training_goes_on_as_it_would_have(tmp_path: Path, rising: None, monkeypatch: Any) -> None:
    """Parameters, moments, rates, carried state: nothing is rebuilt, and nothing is left out."""
    train(tmp_path / "averaged", **SETTINGS)
    give_losses(monkeypatch, RISES)
    train(tmp_path / "plain", **{**SETTINGS, "average": None})
    one, other = checkpoint_of(tmp_path / "averaged")[0], checkpoint_of(tmp_path / "plain")[0]
    assert other == {name: data for name, data in one.items() if not name.startswith("average.")}
    names = {name.removeprefix("params.") for name in one if name.startswith("params.")}
    assert {name.removeprefix("average.") for name in one if name.startswith("average.")} == names
    rates = [[line["lr"] for line in metrics_of(tmp_path / run)] for run in ("averaged", "plain")]
    assert rates[0] == rates[1]


def test_the_loss_is_that_of_the_averages(tmp_path: Path) -> None:
    """A rate that is far too high, so that the loss goes up and down."""
    settings = {"steps": 120, "average": 1, "optimizer": "sgd", "lr": 6.0, "eval_every": 5}
    events = train(tmp_path / "run", **settings, schedule="constant")
    losses = {e.step: e.valid.nats_per_token for e in events if isinstance(e, Evaluated) and e.averaged}
    assert losses
    run = Run.existing(tmp_path / "run")
    arrays, _ = read_tensors(run.checkpoint_path)
    model = run.new_model()
    for name, array in model.params.items():
        array[...] = arrays[f"average.{name}"]
    found = evaluate(model, run.corpus().parts["valid"], run.tokenizer).nats_per_token
    assert losses[120] == found
    for name, array in model.params.items():
        array[...] = arrays[f"params.{name}"]
    assert evaluate(model, run.corpus().parts["valid"], run.tokenizer).nats_per_token != found


@pytest.mark.parametrize("stop_at", [50, 51, 60, 77])
def test_a_stop_before_or_after_the_trigger_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop_at: int
) -> None:
    settings = {"steps": 90, "average": 2, "optimizer": "sgd", "momentum": 0.5, "lr": 2.0, "eval_every": 10}
    give_losses(monkeypatch, RISES)
    train(tmp_path / "whole", **settings)
    give_losses(monkeypatch, RISES)
    train(tmp_path / "broken", stop_at=stop_at, **settings)
    # An evaluation that was due in the step after which it stopped was made.
    give_losses(monkeypatch, RISES[stop_at // 10 :])
    go_on(tmp_path / "broken")
    assert_same_run(tmp_path / "whole", tmp_path / "broken")
    assert checkpoint_of(tmp_path / "broken")[1]["averaged"] == 41


def test_processes_train_and_average_a_run_as_threads_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped after the trigger, taken up by the others, and with windows of random length."""
    settings = {**SETTINGS, "threads": 2, "window": 12, "random_window": True}
    for name, work in {"threads": float("inf"), "processes": 0.0}.items():
        give_losses(monkeypatch, RISES)
        monkeypatch.setattr("elman.training.processes.ENOUGH_WORK", work)
        train(tmp_path / name, stop_at=64, **settings)
        give_losses(monkeypatch, RISES[6:])
        monkeypatch.setattr("elman.training.processes.ENOUGH_WORK", 0.0)
        go_on(tmp_path / name)
    assert_same_run(tmp_path / "threads", tmp_path / "processes")
    assert checkpoint_of(tmp_path / "processes")[1]["averaged"] == 41


def test_a_checkpoint_without_its_averages_is_damaged(tmp_path: Path, rising: None) -> None:
    train(tmp_path / "run", **SETTINGS, stop_at=60)
    path = Run.existing(tmp_path / "run").checkpoint_path
    arrays, note = read_tensors(path)
    for missing in ("average.output.V", "average."):
        kept = {name: array for name, array in arrays.items() if not name.startswith(missing)}
        write_tensors(path, kept, note)
        with pytest.raises(CheckpointError, match=r"lacks \S+, which config.toml calls for"):
            go_on(tmp_path / "run")
    write_tensors(path, arrays, {**note, "averaged": 0})
    text = (tmp_path / "run" / "config.toml").read_text().replace("average = 2\n", "")
    (tmp_path / "run" / "config.toml").write_text(text)
    with pytest.raises(CheckpointError, match=r"holds \S+, which config.toml does not call for"):
        go_on(tmp_path / "run")


def test_averaging_goes_by_the_validation_loss() -> None:
    with pytest.raises(ConfigError, match="average goes by the validation loss, but there is no validation"):
        config_of(average=5, split="100/0/0")
    with pytest.raises(ConfigError, match="average must be at least 1"):
        config_of(average=0)
