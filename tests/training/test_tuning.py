"""The search for the numbers of dynamic evaluation and of the cache."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from elman.data import Part
from elman.training import tuning
from elman.training.adapted import evaluate_adapted
from elman.training.cache import Cache
from elman.training.dynamic import Dynamic, gradient_rms
from elman.training.tuning import THETAS, TUNED, WEIGHTS, beginning, tune
from tests.training.test_adapted import LETTERS, LINES, TRAIN, K, ids_of, model_of


def nats(part: Part, dynamic: Dynamic | None, cache: Cache | None, rms: Any = None) -> float:
    return evaluate_adapted(model_of(), part, LETTERS, dynamic=dynamic, cache=cache, rms=rms).nats


@pytest.mark.parametrize("rule", ["sgd", "rms"])
def test_a_rate_and_a_decay_that_neither_double_nor_half_betters(rule: str) -> None:
    part = Part.from_ids(ids_of(80))
    for rate in (0.01, 1.0) if rule == "sgd" else (1e-5,):
        first = Dynamic(rule, lr=rate, decay=0.05, window=6)
        rms = gradient_rms(model_of(), TRAIN, first) if rule == "rms" else None
        found, cache, tokens = tune(model_of(), part, LETTERS, dynamic=first, cache=None, rms=rms)
        assert (cache, tokens, found.window, found.rule) == (None, 80, 6, rule)
        best, (lr, decay) = nats(part, found, None, rms), found.numbers
        assert best < nats(part, first, None, rms)
        steps = math.log2(lr / rate)
        assert steps == int(steps)
        assert abs(steps) <= tuning.DOUBLINGS
        if abs(steps) < tuning.DOUBLINGS:  # with the decay that it was searched with
            for factor in (0.5, 2.0):
                other = Dynamic(rule, lr=lr * factor, decay=0.05, window=6)
                assert nats(part, other, None, rms) >= nats(
                    part, Dynamic(rule, lr=lr, decay=0.05, window=6), None, rms
                )
        if abs(math.log2(decay / 0.05)) < tuning.DOUBLINGS:
            for factor in (0.5, 2.0):
                other = Dynamic(rule, lr=lr, decay=decay * factor, window=6)
                assert nats(part, other, None, rms) >= best


@pytest.mark.parametrize("eos", [True, False])
@pytest.mark.parametrize("dynamic", [None, Dynamic("sgd", lr=0.2, window=7)])
def test_the_cache_is_the_best_of_the_grid(
    monkeypatch: pytest.MonkeyPatch, dynamic: Dynamic | None, eos: bool
) -> None:
    monkeypatch.setattr(tuning, "_climb", lambda dynamic, best, changed, loss: (dynamic, best))
    monkeypatch.setattr(tuning, "THETAS", THETAS[::4])
    monkeypatch.setattr(tuning, "WEIGHTS", WEIGHTS[::4])
    part = Part.from_ids(ids_of(60))
    _, found, _ = tune(model_of(), part, LINES, dynamic=dynamic, cache=Cache(30), eos=eos)
    losses = {
        (theta, weight): evaluate_adapted(
            model_of(), part, LINES, dynamic=dynamic, cache=Cache(30, theta, weight), eos=eos
        ).nats
        for theta in THETAS[::4]
        for weight in WEIGHTS[::4]
    }
    assert (found.theta, found.weight) == min(losses, key=lambda pair: (losses[pair], pair))
    assert found.size == 30
    assert found.weight > 0.0, "or the grid says nothing"


def test_a_cache_that_does_not_help_gets_no_weight() -> None:
    never_twice = np.arange(50) % K
    _, found, _ = tune(model_of(scale=0.0), Part.from_ids(never_twice), LETTERS, dynamic=None, cache=Cache(1))
    assert found.weight == 0.0


def test_no_more_than_the_beginning_is_used() -> None:
    whole = Part.from_ids(ids_of(50), starts=[0, 10, 20, 40])
    assert beginning(whole, 50) is whole
    part = beginning(whole, 20)
    assert part.ids.tolist() == whole.ids[:20].tolist()
    assert part.starts is not None
    assert part.starts.tolist() == [0, 10]
    assert beginning(Part.from_ids(ids_of(50)), 20).starts is None
    assert TUNED >= 10_000
