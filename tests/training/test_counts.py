"""What a step of training asks for beside the model's pass: bytes, products and meetings, counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from elman.network import LanguageModel
from elman.training.optim import adam, sgd
from elman.training.workers import Workers
from tests.network.counting import count, products, traced

__all__ = ["count"]  # a fixture

Count = Callable[[Callable[[], Any]], Counter[str]]
STATE = 2 * 2 * 4  # bytes a row and hidden unit of an LSTM of two layers: h and c


class Training:
    """A model, its workers, and one window that is trained on again and again."""

    def __init__(self, K: int, T: int, rows: int, threads: int, make: Any = adam, **settings: Any) -> None:
        sizes = {"embedding": 64, "hidden": 64, "layers": 2, **settings}
        self.model = LanguageModel(vocab_size=K, **sizes)
        self.x, self.y = np.random.default_rng(0).integers(0, K, (2, T, rows))
        self.state, optimizer = self.model.initial_state(rows), make()
        self.workers = Workers(self.model, rows, threads, T, optimizer, optimizer.init(self.model.params))

    def step(self) -> None:
        self.workers.loss_and_grads(self.x, self.y, self.state)
        self.workers.update(0.01, clip=1e-3)


@pytest.fixture
def training_of(request: pytest.FixtureRequest) -> Callable[..., Training]:
    """Make trainings whose threads end with the test."""

    def make(*arguments: Any, **settings: Any) -> Training:
        training = Training(*arguments, **settings)
        request.addfinalizer(training.workers.close)
        return training

    return make


@pytest.mark.parametrize(
    ("K", "split", "threads", "make"),
    [(20, False, 1, adam), (20, False, 3, sgd), (500, True, 1, adam), (500, True, 2, sgd)],
)
def test_a_step_allocates_the_state_and_a_few_numbers_a_token(
    training_of: Any, monkeypatch: pytest.MonkeyPatch, K: int, split: bool, threads: int, make: Any
) -> None:
    """The state twice: the rows of members are put together. Every thread may be in a call that buffers.

    Where classes are shared each member also has the rows of its words sorted, and sums them.
    """
    monkeypatch.setattr("elman.training.workers.splits", lambda model: split)
    rows, width = 12, 64
    for T in (80, 20):
        training = training_of(K, T, rows, threads, make)
        for _ in range(2):
            training.step()
        with traced() as memory:
            training.step()
        words = len(np.unique(training.x)) if split else 0
        by_word = (T * rows + words) * width * 4 + 32 * T * rows if split else 0
        returned, buffers = 2 * STATE * width * rows, 8192 * 4 * threads
        assert memory.peak < returned + 40 * T * rows + by_word + buffers + 10_000, T
    with traced() as memory:
        for _ in range(10):
            training.step()
    # Where only words that occurred are updated, their gradients wait in memory of the last step's.
    kept = words * width * 4 if split and make is sgd else 0
    assert memory.stays < kept + (12 if split else 3) * 1024


@pytest.mark.parametrize(("threads", "tied"), [(1, False), (2, False), (3, True)])
def test_the_logits_of_a_window_are_never_held(training_of: Any, threads: int, tied: bool) -> None:
    """At the first step, and with gradients and all else that members share: a fifth of the logits."""
    T, rows, K = 40, 32, 10_000
    with traced() as memory:
        training = training_of(K, T, rows, threads, sgd, embedding=8, hidden=8, tied=tied)
        assert training.workers.split
        training.step()
    assert memory.peak < T * rows * K * 4 // 5


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_members_that_share_the_classes_multiply_once(
    count: Count, training_of: Any, monkeypatch: pytest.MonkeyPatch, threads: int
) -> None:
    """What is multiplied of the layers each member does for its rows, and of the output for its classes."""
    monkeypatch.setattr("elman.training.workers.splits", lambda model: True)
    found = []
    for T in (4, 6):
        training = training_of(50, T, 6, threads)
        training.step()
        found.append(products(count(training.step)))
    assert found[1] - found[0] == 2 * threads * 2 * 2  # steps x members x layers x (forward, backward)
    assert found[0] == threads * (4 * 2 * 2 + 2 * 17 + 5)


@pytest.mark.parametrize("threads", [2, 3])
@pytest.mark.parametrize("split", [False, True], ids=["own classes", "shared classes"])
def test_members_meet_as_seldom_as_can_be(
    training_of: Any, monkeypatch: pytest.MonkeyPatch, threads: int, split: bool
) -> None:
    """Before gradients are added up; with shared classes also for h, the sums, dh, and the words."""
    monkeypatch.setattr("elman.training.workers.splits", lambda model: split)
    training = training_of(50, 4, 6, threads)
    meetings: Counter[int] = Counter()
    for member in training.workers.members:
        wait = member.meeting.wait

        def counted(index: int = member.index, wait: Callable[[], None] = wait) -> None:
            meetings[index] += 1
            wait()

        member.meeting = type("Counted", (), {"wait": staticmethod(counted)})()
    training.step()
    assert meetings == dict.fromkeys(range(threads), 5 if split else 1)
