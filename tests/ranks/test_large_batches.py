"""Large batches: windows put together, ranks by themselves, gradients that are sent in part."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from elman.errors import ConfigError
from elman.network import LanguageModel
from elman.ranks import ALONE, Ranks
from elman.ranks.threads import together
from elman.storage.run import Run
from elman.training.fit import fit
from elman.training.opening import begin, resume
from elman.training.optim import adam, sgd
from elman.training.session import Session
from elman.training.together import Together
from elman.training.workers import Workers
from tests.ranks.test_training import curve, train
from tests.training.test_fit import TEXT, config_of
from tests.training.test_teams import MODELS

K, H, T, B = 60, 5, 4, 4


def model_of(settings: dict[str, Any]) -> LanguageModel:
    sizes: dict[str, Any] = {"vocab_size": K, "embedding": H, "hidden": H, "layers": 2, "dtype": "float64"}
    model, rng = LanguageModel(**{**sizes, **settings}), np.random.default_rng(3)
    for array in model.params.values():
        array += 0.5 * rng.standard_normal(array.shape)
    return model


@pytest.mark.parametrize("make", [sgd, adam], ids=["sgd", "adam"])
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("output", ["full", "adaptive", "classes"])
def test_gradients_of_windows_add_up_to_that_of_all(
    monkeypatch: pytest.MonkeyPatch, output: str, threads: int, make: Any
) -> None:
    """Three windows of four steps are one of twelve, cut where the state is carried over."""
    monkeypatch.setattr("elman.training.shared.SPLIT_CLASSES", 20)
    rng = np.random.default_rng(0)
    x, y = rng.integers(K, size=(2, 3 * T, B))
    losses = []
    for _ in range(2):  # the second step starts from gradients that are there
        model = model_of({"output": output})
        optimizer = make()
        workers = Workers(
            model, B, threads, T, optimizer, optimizer.init(model.params), together=Together(accumulate=3)
        )
        plain = model_of({"output": output})
        single = [plain.initial_state(B)]
        for step in range(2):
            state, total, expected = model.initial_state(B), plain.new_grads(), 0.0
            single[0] = plain.initial_state(B)
            for i in range(3):
                some = slice(i * T, (i + 1) * T)
                loss, state, grads = workers.loss_and_grads(
                    x[some], y[some], state, counted=3 * T, more=i < 2
                )
                part, single[0], theirs = plain.loss_and_grads(x[some], y[some], single[0])
                expected += part / 3
                for name, grad in theirs.items():
                    total[name] += grad / 3
            assert loss == pytest.approx(expected, rel=1e-12)
            for name, grad in total.items():
                np.testing.assert_allclose(grads[name], grad, atol=1e-12, err_msg=name)
            norm = np.sqrt(sum(float(np.vdot(g, g)) for g in total.values()))
            assert workers.norm == pytest.approx(norm, rel=1e-10)
            losses.append(loss)
            if step == 0:
                workers.update(0.1)
                for name, array in model.params.items():
                    plain.params[name][...] = array
        workers.close()
    assert losses[:2] == losses[2:]


@pytest.mark.parametrize("more", [{}, {"random_window": True, "window": 12}])
def test_an_update_of_windows_is_counted_as_one(tmp_path: Path, more: dict[str, Any]) -> None:
    events = curve(train(ALONE, tmp_path / "run", accumulate=3, steps=7, eval_every=7))
    assert [event[0] for event in events[:7]] == list(range(1, 8))
    assert Run(tmp_path / "run").load_checkpoint()[1]["tokens"] == 7 * 3 * 8 * 4
    config = config_of(epochs=2, steps=None, accumulate=3, **more)
    with begin(config, tmp_path / "whole", text=TEXT) as session:
        updates = -(-session.stream.steps // (3 * 8))
        assert more or session.length() == 2 * updates
        *_, last = fit(session)
    assert (last.step, session.progress.epoch, session.progress.position) == (session.length(), 2, 0)


def test_accumulated_updates_over_ranks_are_those_of_one_process(tmp_path: Path) -> None:
    given = {"accumulate": 2, "dtype": "float64", "lr_scaling": "linear", "base_batch": 4, "warmup": 3}
    expected = curve(train(ALONE, tmp_path / "one", **given))
    for found in together(2, lambda ranks: curve(train(ranks, tmp_path / "two", **given))):
        np.testing.assert_allclose(found, expected, rtol=1e-9)


@pytest.mark.parametrize(("scaling", "factor"), [("linear", 6.0), ("sqrt", 6.0**0.5)])
def test_the_rate_grows_with_the_batch(tmp_path: Path, scaling: str, factor: float) -> None:
    plain = curve(train(ALONE, tmp_path / "plain", batch=12, steps=4, eval_every=4))
    grown = curve(
        train(
            ALONE, tmp_path / "grown", batch=12, accumulate=2, steps=4, eval_every=4, lr_scaling=scaling,
            base_batch=4,
        )
    )  # fmt: skip
    assert [event[2] for event in grown[:4]] == pytest.approx([factor * event[2] for event in plain[:4]])


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"lr_scaling": "linear"}, "lr_scaling and base_batch go together"),
        ({"base_batch": 4}, "lr_scaling and base_batch go together"),
        ({"sync_every": 2, "communicator": "topk"}, "communicator .topk. has no effect with sync_every 2"),
        ({"topk_ratio": 0.5}, "topk_ratio .0.5. has no effect with communicator flat"),
        ({"communicator": "ring"}, "communicator must be one of flat, overlap, naive, topk, onebit"),
        ({"topk_ratio": 0.0, "communicator": "topk"}, "topk_ratio must be greater than 0"),
        ({"accumulate": 0}, "accumulate must be at least 1"),
        (
            {"lr": 0.1, "lr_min": 0.05, "lr_scaling": "linear", "base_batch": 40},
            "lr_min .0.05. must be at most lr .0.1. as lr_scaling linear makes it, 0.01",
        ),
    ],
)
def test_settings_that_contradict_one_another(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        config_of(**settings)


def test_parameters_that_are_averaged_every_step_are_those_of_summed_gradients() -> None:
    """Of plain gradient descent without clipping: the mean of the updates is the update by the mean."""
    x, y = np.random.default_rng(1).integers(K, size=(2, T, B))

    def work(ranks: Ranks, every: int) -> dict[str, np.ndarray]:
        model, optimizer = model_of(MODELS[0]), sgd(momentum=0.9)
        moments = optimizer.init(model.params)
        how = Together(ranks, sync_every=every)
        workers = Workers(model, B, 1, T, optimizer, moments, together=how)
        some = workers.own
        workers.loss_and_grads(x[:, some], y[:, some], model.initial_state(workers.batch))
        workers.update(0.5)
        workers.synchronise()
        return {**model.params, **moments}

    apart, summed = (together(2, lambda ranks: work(ranks, every)) for every in (7, 1))  # noqa: B023
    for name, array in summed[0].items():
        np.testing.assert_allclose(apart[1][name], array, atol=1e-12, err_msg=name)
        np.testing.assert_array_equal(apart[1][name], apart[0][name])


@pytest.mark.parametrize(
    "given",
    [
        {"sync_every": 4}, {"communicator": "topk", "topk_ratio": 0.3}, {"communicator": "onebit"},
        {"communicator": "naive"},
        {"sync_every": 3, "accumulate": 2, "optimizer": "sgd", "average": 1, "lr": 2.0},
    ],
    ids=lambda given: "-".join(map(str, given.values())),
)  # fmt: skip
def test_a_run_with_less_sent_learns_and_is_the_same_on_all_ranks(
    tmp_path: Path, given: dict[str, Any]
) -> None:
    settings = {"steps": 60, "eval_every": 12, "lr": 0.02, "dtype": "float64", **given}
    first, second = (
        together(3, lambda ranks: curve(train(ranks, tmp_path / name, **settings)))  # noqa: B023
        for name in ("first", "second")
    )
    evaluations = [
        [event[:2] for event in found if len(event) == 4 and event[3] in (True, False)] for found in first
    ]
    assert evaluations[0] == evaluations[1] == evaluations[2]
    assert first == second
    (one, _), (two, _) = (Run(tmp_path / name).load_checkpoint() for name in ("first", "second"))
    for name, array in one.items():
        np.testing.assert_array_equal(two[name], array)
    alone = curve(train(ALONE, tmp_path / "alone", **{**settings, "accumulate": 1}))
    assert first[0][-1][1] < alone[0][1] - 0.2  # of what an untrained model has


def test_what_is_left_to_send_is_part_of_the_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {"communicator": "topk", "topk_ratio": 0.05, "steps": 40, "dtype": "float64"}
    expected = together(2, lambda ranks: curve(train(ranks, tmp_path / "one", **given)))[0]

    def go_on(ranks: Ranks) -> list[tuple[float, ...]]:
        with resume(tmp_path / "many", ranks=ranks) as session:
            parts.append(session.progress.left)
            return curve(list(fit(session)))

    def save(session: Session) -> None:
        parts[session.ranks.rank] = np.copy(session.progress.left)  # the sum takes its place
        saved(session)

    saved, parts = Session.save, [np.empty(0)] * 2
    with monkeypatch.context() as patched:
        patched.setattr(Session, "save", save)
        found = together(2, lambda ranks: curve(train(ranks, tmp_path / "many", 17, **given)))[0]
    left = Run(tmp_path / "many").load_checkpoint()[0]["left.all"]
    assert np.abs(left).max() > 0
    np.testing.assert_allclose(left, np.sum(parts, axis=0), atol=1e-12)
    parts.clear()
    found += together(3, go_on)[0]
    assert len(parts) == 3
    np.testing.assert_allclose(left, np.sum(parts, axis=0), atol=1e-12)
    # Shared out anew: close to what it would have been, and far from what it is without.
    np.testing.assert_allclose([e[1] for e in found], [e[1] for e in expected], rtol=0.02)


def test_what_is_left_to_send_goes_with_the_next_gradients_of_one_process(tmp_path: Path) -> None:
    given = {"communicator": "topk", "topk_ratio": 0.05, "steps": 40, "optimizer": "sgd", "dtype": "float64"}
    together(2, lambda ranks: train(ranks, tmp_path / "run", 17, **given))
    run = Run.existing(tmp_path / "run")
    before, left = run.load_checkpoint()[0], run.load_checkpoint()[0]["left.all"]
    with resume(run.path, {"steps": 18}) as session:
        model, stream, progress = session.model, session.stream, session.progress
        window = stream.window_at(progress.position, progress.position + stream.window)
        _, _, grads = model.loss_and_grads(window.x, window.y, progress.state, reset=window.reset)
        expected = np.concatenate([grad.reshape(-1) for grad in grads.values()]) + left
        *_, step, _, _ = list(fit(session))
    after = run.load_checkpoint()[0]
    names = [name for name in after if name.startswith("params.")]
    moved = np.concatenate([(before[name] - after[name]).reshape(-1) for name in names]) / step.lr
    np.testing.assert_allclose(moved, expected, atol=1e-9)
    assert "left.all" not in after


def test_ranks_of_several_numbers_of_threads_draw_each_their_own() -> None:
    def work(ranks: Ranks) -> list[int]:
        model = model_of(MODELS[0])
        workers = Workers(model, 7, 3 - ranks.rank, T, together=Together(ranks))
        try:
            return [workers._first + index for index in range(len(workers.rows))]
        finally:
            workers.close()

    assert together(3, work) == [[0, 1], [2, 3], [4]]


def test_lines_of_the_metrics_where_ranks_seldom_meet(tmp_path: Path) -> None:
    together(2, lambda ranks: train(ranks, tmp_path / "run", steps=60, eval_every=60, sync_every=7))
    steps = [record["step"] for record in Run(tmp_path / "run").metrics.read()]
    assert steps == [14, 28, 42, 56, 60]
