"""Ranks that train together: the same numbers as one process that has all rows."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from elman.errors import CheckpointError, ConfigError, DataError, DivergenceError, LeaderError
from elman.network import LanguageModel
from elman.ranks import ALONE, Ranks
from elman.ranks.threads import together
from elman.storage.run import Run
from elman.training import keeper, shared
from elman.training.evaluation import evaluate
from elman.training.events import Evaluated, Event, Finished
from elman.training.fit import fit
from elman.training.loop import StepRecord
from elman.training.opening import begin, resume
from elman.training.optim import adam, sgd
from elman.training.together import Together
from elman.training.workers import Workers
from tests.training.test_fit import TEXT, config_of
from tests.training.test_teams import MODELS

K, H, T, B = 60, 5, 4, 8
PLAIN: list[dict[str, Any]] = [
    {"output": output, "tied": tied}
    for output in ("full", "adaptive", "sampled", "nce", "classes")
    for tied in (False, True)
]


def steps_of(
    settings: dict[str, Any],
    ranks: Ranks,
    threads: int,
    make: Any,
    communicator: str = "flat",
    *,
    frozen: bool = False,
) -> tuple[list[tuple[float, float, float]], dict[str, np.ndarray]]:
    """Make three updates; return losses, penalties and norms, and the parameters."""
    sizes: dict[str, Any] = {"vocab_size": K, "embedding": H, "hidden": H, "layers": 2, "dtype": "float64"}
    model, rng, optimizer = LanguageModel(**{**sizes, **settings}), np.random.default_rng(3), make()
    for array in model.params.values():
        array += 0.5 * rng.standard_normal(array.shape)
    moments = optimizer.init(model.params)
    workers = Workers(
        model, B, threads, T, optimizer, moments, together=Together(ranks, communicator), frozen=frozen
    )
    found = []
    try:
        state = model.initial_state(workers.batch)
        for step in range(3):
            x, y = np.minimum(rng.integers(K, size=(2, T, B)), rng.integers(K, size=(2, T, B)))
            reset = rng.random((T, B)) < 0.3
            own = [np.ascontiguousarray(array[:, workers.own]) for array in (x, y, reset)]
            seed = (5, step) if model.stochastic else None
            loss, state, _ = workers.loss_and_grads(own[0], own[1], state, seed=seed, reset=own[2], skip=1)
            found.append((loss, workers.penalty, workers.norm))
            workers.update(0.05, clip=0.7)
    finally:
        workers.close()
    return found, model.params


@pytest.mark.parametrize("make", [sgd, adam, lambda: sgd(momentum=0.9)], ids=["sgd", "adam", "momentum"])
@pytest.mark.parametrize("split", [True, False])
@pytest.mark.parametrize("settings", [*PLAIN, *MODELS], ids=lambda s: f"{s['output']}-{len(s)}")
def test_updates_are_those_of_one_process_with_as_many_shares(
    monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any], split: bool, make: Any
) -> None:
    monkeypatch.setattr(shared, "SPLIT_CLASSES", 20 if split else 10_000)
    expected, params = steps_of(settings, ALONE, 4, make)
    for size in (2, 4):
        every = together(size, lambda ranks: steps_of(settings, ranks, 4 // size, make))  # noqa: B023
        for found, theirs in every:
            np.testing.assert_allclose(found, expected, rtol=1e-10)
            for name, array in params.items():
                np.testing.assert_allclose(theirs[name], array, rtol=0, atol=1e-10, err_msg=name)
                np.testing.assert_array_equal(theirs[name], every[0][1][name])


@pytest.mark.parametrize("split", [True, False])
def test_frozen_word_vectors_are_no_part_of_it(monkeypatch: pytest.MonkeyPatch, split: bool) -> None:
    monkeypatch.setattr(shared, "SPLIT_CLASSES", 20 if split else 10_000)
    expected, params = steps_of({"output": "full"}, ALONE, 2, sgd, frozen=True)
    for found, theirs in together(2, lambda ranks: steps_of({"output": "full"}, ranks, 1, sgd, frozen=True)):
        np.testing.assert_allclose(found, expected, rtol=1e-10)
        for name, array in params.items():
            np.testing.assert_allclose(theirs[name], array, rtol=0, atol=1e-10, err_msg=name)


@pytest.mark.parametrize("size", [2, 3])
def test_both_kinds_of_sums_train_alike_and_again_to_the_bit(size: int) -> None:
    settings = MODELS[0]
    first, second, naive = (
        together(size, lambda ranks: steps_of(settings, ranks, 1, adam, kind))  # noqa: B023
        for kind in ("flat", "flat", "naive")
    )
    for other in (second, naive):
        assert other[0][0] == first[0][0]
        for name, array in first[0][1].items():
            np.testing.assert_array_equal(other[-1][1][name], array)


@pytest.mark.parametrize("settings", [*MODELS, {"output": "full", "connections": "highway", "tied": True}])
def test_sums_that_begin_early_are_of_whole_gradients(settings: dict[str, Any]) -> None:
    flat, early = (
        together(3, lambda ranks: steps_of(settings, ranks, 1, adam, kind))  # noqa: B023
        for kind in ("flat", "overlap")
    )
    np.testing.assert_allclose(early[0][0], flat[0][0], rtol=1e-12)
    for name, array in flat[0][1].items():
        np.testing.assert_allclose(early[0][1][name], array, atol=1e-12, err_msg=name)
        np.testing.assert_array_equal(early[1][1][name], early[0][1][name])


def curve(events: list[Event]) -> list[tuple[float, ...]]:
    """Return the losses of steps and evaluations."""
    found: list[tuple[float, ...]] = []
    for event in events:
        if isinstance(event, StepRecord):
            found.append((event.step, event.loss, event.lr, event.grad_norm))
        elif isinstance(event, Evaluated):
            assert event.valid is not None
            found.append((event.step, event.valid.nats_per_token, event.valid.tokens, event.best))
        elif isinstance(event, Finished) and event.test is not None:
            found.append((event.step, event.test.nats_per_token, event.test.correct or 0, event.test.tokens))
    return found


def train(ranks: Ranks, out: Path, stop_at: int | None = None, **settings: Any) -> list[Event]:
    stop = lambda: ranks.rank == ranks.size - 1 and session.progress.step == stop_at  # noqa: E731
    with begin(config_of(**settings), out, text=TEXT, ranks=ranks) as session:
        return list(fit(session, stop=stop))


@pytest.mark.parametrize("size", [2, 3, 4])
def test_a_run_is_that_of_one_process(tmp_path: Path, size: int) -> None:
    given = {"dtype": "float64", "early_stop": 2, "lr": 0.02}
    expected = curve(train(ALONE, tmp_path / "one", **given))
    every = together(size, lambda ranks: curve(train(ranks, tmp_path / "many", **given)))
    for found in every:
        np.testing.assert_allclose(found, expected, rtol=1e-9)
        assert found == every[0]
    (one, notes), (many, others) = (Run(tmp_path / name).load_checkpoint() for name in ("one", "many"))
    assert one.keys() == many.keys()
    for name, array in one.items():
        np.testing.assert_allclose(many[name], array, rtol=1e-6, atol=1e-9, err_msg=name)
    assert {k: v for k, v in notes.items() if k in ("step", "position", "tokens")}.items() <= others.items()


def test_a_run_goes_on_with_more_and_with_fewer_ranks(tmp_path: Path) -> None:
    given = {"dtype": "float64", "steps": 40}
    expected = curve(train(ALONE, tmp_path / "one", **given))

    def go_on(ranks: Ranks, stop_at: int | None) -> list[Event]:
        with resume(tmp_path / "many", ranks=ranks) as session:
            return list(fit(session, stop=lambda: session.progress.step == stop_at))

    found = curve(together(2, lambda ranks: train(ranks, tmp_path / "many", 13, **given))[0])
    for size, stop_at in ((4, 21), (1, 30), (3, None)):
        found += curve(together(size, lambda ranks: go_on(ranks, stop_at))[-1])  # noqa: B023
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_a_rank_that_is_asked_to_stop_stops_all(tmp_path: Path) -> None:
    for events in together(3, lambda ranks: train(ranks, tmp_path / "run", 7)):
        assert events[-1] == Finished("stopped", 7, events[-1].seconds)  # type: ignore[union-attr]


def test_time_is_that_of_the_first_rank(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    speed: dict[int, float] = {}
    clock = SimpleNamespace(monotonic=lambda: time.monotonic() * speed[threading.get_ident()])
    monkeypatch.setattr(keeper, "time", clock)

    def work(ranks: Ranks) -> tuple[int, int]:
        speed[threading.get_ident()] = 1.0 + ranks.rank  # the clocks of the others are fast
        config = config_of(minutes=0.01, steps=None, eval_every=None)
        with begin(config, tmp_path / "run", text=TEXT, ranks=ranks) as session:
            *_, last = fit(session)
        assert isinstance(last, Finished)
        return last.step, session.progress.horizon

    found = together(3, work)
    assert len(set(found)) == 1
    assert found[0][1] > 0


def test_a_run_that_is_given_more_time_is_planned_anew_by_all(tmp_path: Path) -> None:
    train(ALONE, tmp_path / "run", minutes=0.005, steps=None, eval_every=None)
    planned = Run(tmp_path / "run").load_checkpoint()[1]["horizon"]
    assert planned > 0

    def work(ranks: Ranks) -> tuple[int, int]:
        with resume(tmp_path / "run", {"minutes": 0.02}, ranks=ranks) as session:
            assert session.progress.horizon == 0
            *_, last = fit(session)
        assert isinstance(last, Finished)
        return last.step, session.progress.horizon

    found = together(2, work)
    assert found[0] == found[1]
    assert found[0][0] > planned


def test_a_rank_that_cannot_join_ends_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    existing = Run.existing

    def unseen(path: Any) -> Run:
        if threading.current_thread().name == "other":
            raise CheckpointError(f"there is no run at {path}")
        return existing(path)

    def work(ranks: Ranks) -> None:
        if not ranks.leads:
            threading.current_thread().name = "other"
        train(ranks, tmp_path / "run", steps=1)

    monkeypatch.setattr(Run, "existing", unseen)
    with pytest.raises(CheckpointError, match="there is no run at"):
        together(2, work)
    assert "elman: rank 1 of 2, on " in capsys.readouterr().err  # as `fail` says before it ends them


def test_divergence_is_said_by_the_first_where_it_was_wherever_that_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def work(ranks: Ranks) -> str:
        with begin(config_of(clip=0.0), tmp_path / "run", text=TEXT, ranks=ranks) as session:
            if not ranks.leads:  # rows 2 and 3 of the batch
                session.progress.state[0].h[1] = np.inf
            with pytest.raises((DivergenceError, LeaderError)) as caught:
                list(fit(session))
            return str(caught.value)

    first, second = together(2, work)
    assert "of layers.0 became NaN or infinite at time step 0, batch row 3" in first
    assert second == "the first rank says why"


def test_what_is_wrong_is_said_by_the_first_and_ends_all(tmp_path: Path) -> None:
    def work(ranks: Ranks) -> str:
        with pytest.raises((ConfigError, DataError, LeaderError)) as caught:
            train(ranks, tmp_path / "run", hidden=8, batch=2)
        return str(caught.value)

    wrong = "a batch of 2 cannot be shared by 3 ranks: give a larger --batch"
    assert together(3, work) == [wrong, "the first rank says why", "the first rank says why"]
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("guesses", [True, False])
@pytest.mark.parametrize("size", [2, 5])
def test_evaluation_is_exact(tmp_path: Path, size: int, guesses: bool) -> None:
    train(ALONE, tmp_path / "run", dtype="float64")
    run = Run.existing(tmp_path / "run")
    model, corpus = run.load_model(), run.corpus()
    part = corpus.parts["train"]
    for eos in (True, False):
        expected = evaluate(model, part, corpus.tokenizer, eos=eos, guesses=guesses)
        plain = evaluate(model, part, corpus.tokenizer, eos=eos, guesses=guesses, batch=1)
        assert expected.nats == pytest.approx(plain.nats, rel=1e-9)

        def work(ranks: Ranks) -> Any:
            return evaluate(model.replica(), part, corpus.tokenizer, eos=eos, guesses=guesses, ranks=ranks)  # noqa: B023

        for found in together(size, work):
            assert replace(found, nats=expected.nats) == expected
            assert found.nats == pytest.approx(expected.nats, rel=1e-9)
