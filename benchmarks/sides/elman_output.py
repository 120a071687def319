"""Training steps with one of elman's outputs, on a text of ids, and the exact loss on another."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from elman import LanguageModel
from elman.network.threads import one_thread, usable_cores
from elman.training.optim import sgd
from elman.training.processes import make_workers


class Side:
    """Carried state, loss and gradients, clipping, update with plain gradient descent."""

    def __init__(self, s: dict[str, Any]) -> None:
        self.T, self.B, self.lr, self.clip = s["T"], s["B"], s["lr"], s["clip"]
        self.model = LanguageModel(
            vocab_size=s["K"], embedding=s["H"], hidden=s["H"], layers=s["layers"], tied=s["tied"],
            output=s["output"], seed=s.get("seed", 0), **s.get("given", {}),
        )  # fmt: skip
        self.train, self.valid = (streams(np.load(s[part]), self.B) for part in ("train", "valid"))
        self.threads, optimizer = usable_cores(), sgd()
        moments = optimizer.init(self.model.params)
        self.workers = make_workers(self.model, self.B, self.threads, self.T, optimizer, moments)
        self.steps = 0
        self.state = self.model.initial_state(self.B)
        self.check: list[float] = []

    def run(self, n: int) -> float:
        """Take so many steps; return the training loss of the last."""
        loss = 0.0
        with one_thread():
            for _ in range(n):
                x, y = self._window(self.train, self.steps)
                seed = (0, self.steps) if self.model.stochastic else None
                loss, self.state, _ = self.workers.loss_and_grads(x, y, self.state, seed=seed)
                self.workers.update(self.lr, self.clip)
                self.steps += 1
        return loss

    def evaluate(self, n: int) -> float:
        """Return the exact loss of so many windows of the other text, in nats a token."""
        state, losses = self.model.initial_state(self.B), []
        for i in range(n):
            nll, _, state = self.model.nll(*self._window(self.valid, i), state, guess=False)
            losses.append(float(nll.mean(dtype=np.float64)))
        return float(np.mean(losses))

    def _window(self, rows: NDArray[Any], number: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return x and y ``(T, B)`` of a window; after the last comes the first again."""
        start = number % ((rows.shape[1] - 1) // self.T) * self.T
        window = rows[:, start : start + self.T + 1].T.astype(np.intp)
        return np.ascontiguousarray(window[:-1]), np.ascontiguousarray(window[1:])


def streams(ids: NDArray[Any], rows: int) -> NDArray[Any]:
    """Cut a text into as many streams as there are rows, ``(B, steps)``."""
    return ids[: len(ids) // rows * rows].reshape(rows, -1)
