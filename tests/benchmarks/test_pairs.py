"""Sides take turns fairly, the best variant is chosen, and ratios are those of each round."""

import json
import sys
import time
from pathlib import Path

import pytest

from bench import side as side_module
from bench.environment import free_environment
from bench.figures import agree, best, figure, summary, times_better
from bench.pairs import Effort, choose, compare, contest, disagreement, started
from bench.preparation import prepared
from bench.procfs import cpu_seconds, family
from bench.side import Side, SideFailed
from bench.workloads import Workload

WARM = 0.1  # seconds of the one warm-up turn of a fake side: long enough not to be repeated


def measured(fake, *sides, rounds=2):
    with started(lambda: [fake(*side) if isinstance(side, tuple) else side for side in sides]) as running:
        return running, contest(running, seconds=0.1, rounds=rounds)


def test_the_order_turns_round_from_round_to_round(fake):
    measured(fake, ("one", WARM), ("two", WARM), rounds=3)
    turns = [line.split()[0] for line in fake.log.read_text().splitlines()]
    assert turns == ["one", "two", *("one", "two"), *("two", "one"), *("one", "two")]


def test_turns_last_as_long_for_a_slow_side_as_for_a_fast_one(fake):
    _, found = measured(fake, ("fast", 0.01), ("slow", 0.05))
    last = dict(line.split() for line in fake.log.read_text().splitlines())
    assert last == {"fast": "10", "slow": "2"}
    assert found.rates["fast"] == pytest.approx([100, 100])
    assert found.rates["slow"] == pytest.approx([20, 20])


def test_the_ratio_is_the_median_of_the_ratios_of_each_round(fake):
    # In the third round the machine is five times slower for both, in the second it stumbles over us alone.
    sides, found = measured(fake, ("elman", WARM, 0.1, 0.4, 0.5), ("rival", WARM, 0.2, 0.2, 1.0), rounds=3)
    row = compare(sides, found, per_step=10)
    assert row["ratio"] == pytest.approx({"median": 2.0, "low": 0.5, "high": 2.0})
    assert row["sides"][0]["values"] == pytest.approx([100, 25, 20])
    assert row["sides"][0]["median"] == pytest.approx(25)


def test_the_best_rival_is_compared_with(fake):
    sides, found = measured(fake, ("elman", 0.1), ("slow", 0.3), ("fast", 0.2))
    assert compare(sides, found, 1)["rival"]["name"] == "fast"
    assert compare(sides, found, 1)["ratio"]["median"] == pytest.approx(2)
    assert compare(sides, found, 1, against=["slow"])["ratio"]["median"] == pytest.approx(3)
    with pytest.raises(SideFailed, match="no rival"):
        compare(sides, found, 1, against=["nobody"])


def test_the_fastest_variant_is_chosen(fake):
    effort = Effort(seconds=1, rounds=9, trial=0.1, trials=1)
    settings, rates = choose(
        lambda: [fake("rival", 0.3, label="a"), fake("rival", 0.1, label="b"), fake("rival", 0.2, label="c")],
        effort,
    )
    assert settings["label"] == "b"
    assert settings["seconds"] == (0.1,)
    assert rates == pytest.approx({"a": 1 / 0.3, "b": 10, "c": 5})


def test_sides_that_computed_something_else_are_named(fake):
    with started(
        lambda: [
            fake("elman", 0.1, check=[4.17, 4.18]),
            fake("same", 0.1, check=[4.1701, 4.1801]),
            fake("other", 0.1, check=[4.17, 4.28], label="cells"),
        ]
    ) as sides:
        assert disagreement(sides) == ["other, cells"]
    assert not agree([1.0], [1.0, 1.0])


def test_a_side_that_ends_is_an_error(fake):
    with pytest.raises(SideFailed, match="broken has ended"):
        measured(fake, ("broken", None))


def test_a_side_that_is_busy_while_it_waits_is_an_error(monkeypatch):
    monkeypatch.setattr(side_module, "PATIENCE", 0.15)
    busy = "print('{\"threads\": 1}', flush=True)\nwhile True: pass"
    with Side("busy", "", {}, command=[sys.executable, "-c", busy]) as side:
        side.ready()
        if Path("/proc").exists():  # elsewhere nobody says who is busy
            with pytest.raises(SideFailed, match="busy while it waits"):
                side.rest()


def test_the_time_of_children_counts():
    program = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'input()'])"
    with Side("parent", "", {}, command=[sys.executable, "-c", program]) as side:
        deadline = time.monotonic() + 5
        while len(family(side.pid)) < 2 and time.monotonic() < deadline:
            time.sleep(0.01)
        if Path("/proc").exists():
            assert len(family(side.pid)) == 2
            assert cpu_seconds(family(side.pid)) > cpu_seconds([side.pid])


def test_no_side_is_held_back_by_the_environment(monkeypatch):
    for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.setenv(name, "1")
    assert not [name for name in free_environment() if name.startswith(("OPENBLAS", "OMP", "MKL"))]
    assert "PATH" in free_environment()


def test_elman_and_the_plain_side_start_from_the_same_loss():
    sizes = Workload("tiny", "lstm", 1, H=5, E=4, K=7, B=2, T=3)
    with (
        prepared(sizes) as settings,
        started(
            lambda: [
                Side("elman", "elman_train", {**settings, "threads": 1}),
                Side("plain", "plain_train", {**settings, "threads": 1}),
            ]
        ) as sides,
    ):
        assert disagreement(sides) == []
        losses = [side.turn("run", 5)["value"] for side in sides]
        assert losses[0] == pytest.approx(losses[1], rel=1e-4)
        assert losses[0] != pytest.approx(sides[0].check[0], rel=1e-4)
        json.dumps(sides[0].hello)


def test_figures():
    assert summary([3, 1, 2]) == {"median": 2, "low": 1, "high": 3}
    assert times_better([1, 2], [2, 8], higher=False)["median"] == 3
    assert best({"a": [1, 9], "b": [4, 4]}, higher=False) == "b"
    assert [figure(n) for n in (0, 0.2541, 7.746, 97.61, 757.2, 143_212.3, None)] == [
        *("0", "0.254", "7.75", "97.6", "757", "143,212", "—"),
    ]
    with pytest.raises(ValueError, match="nothing"):
        summary([])
