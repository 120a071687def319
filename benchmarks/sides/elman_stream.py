"""Training steps on the streams of a text of ids, and the exact loss on another, for sides of elman."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from elman import LanguageModel
from elman.network.threads import one_thread
from elman.training.optim import Optimizer
from elman.training.sharing import make_workers


class StreamSide:
    """Carried state, which is zero again where the text begins again, gradients, clipping, update."""

    warmup: ClassVar[int] = 1  # steps over which the rate rises

    def __init__(
        self, s: dict[str, Any], model: LanguageModel, train: NDArray[Any], valid: NDArray[Any],
        optimizer: Optimizer, threads: int,
    ) -> None:  # fmt: skip
        self.T, self.B, self.lr, self.clip = s["T"], s["B"], s["lr"], s["clip"]
        self.model, self.threads = model, threads
        self.train, self.valid = streams(train, self.B), streams(valid, self.B)
        moments = optimizer.init(model.params)
        self.workers = make_workers(model, self.B, threads, self.T, optimizer, moments)
        self.steps = 0
        self.state = model.initial_state(self.B)
        self.check: list[float] = []

    def run(self, n: int) -> float:
        """Take so many steps; return the training loss of the last."""
        loss = 0.0
        with one_thread():
            for _ in range(n):
                if self.steps % self._windows(self.train) == 0:
                    self.state = self.model.initial_state(self.B)
                x, y = self._window(self.train, self.steps)
                seed = (0, self.steps) if self.model.stochastic else None
                loss, self.state, _ = self.workers.loss_and_grads(x, y, self.state, seed=seed)
                self.workers.update(self.lr * min(1.0, (self.steps + 1) / self.warmup), self.clip)
                self.steps += 1
        return loss

    def evaluate(self, n: int) -> float:
        """Return the exact loss of n windows of the other text, or of all of it, in nats a token."""
        state, losses = self.model.initial_state(self.B), []
        for i in range(min(n, self._windows(self.valid))):
            nll, _, state = self.model.nll(*self._window(self.valid, i), state, guess=False)
            losses.append(float(nll.mean(dtype=np.float64)))
        return float(np.mean(losses))

    def _windows(self, rows: NDArray[Any]) -> int:
        return (rows.shape[1] - 1) // self.T

    def _window(self, rows: NDArray[Any], number: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return x and y ``(T, B)`` of a window; after the last comes the first again."""
        start = number % self._windows(rows) * self.T
        window = rows[:, start : start + self.T + 1].T.astype(np.intp)
        return np.ascontiguousarray(window[:-1]), np.ascontiguousarray(window[1:])


def streams(ids: NDArray[Any], rows: int) -> NDArray[Any]:
    """Cut a text into as many streams as there are rows, ``(B, steps)``."""
    return ids[: len(ids) // rows * rows].reshape(rows, -1)
