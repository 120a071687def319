"""Training steps of a model of one cell, on a text of ids or on random tokens; the loss on text not seen."""

from __future__ import annotations

from typing import Any

import numpy as np

from elman import LanguageModel
from elman.network.threads import one_thread
from elman.training.optim import adam
from elman.training.processes import best_threads, make_workers

from .elman_output import streams

WARMUP = 100  # steps


class Side:
    """Carried state, loss and gradients, clipping, update with Adam."""

    def __init__(self, s: dict[str, Any]) -> None:
        self.T, self.B, self.lr, self.clip = s["T"], s["B"], s["lr"], s["clip"]
        sizes = {"embedding": s["E"], "hidden": s["H"], "layers": s["layers"]}
        self.model = LanguageModel(vocab_size=s["K"], cell=s["cell"], seed=s.get("seed", 0), **sizes)
        text = {part: np.load(s[part]) for part in ("train", "valid") if part in s}
        drawn = np.random.default_rng(0).integers(0, s["K"], 9 * self.T * self.B)
        self.train = streams(text.get("train", drawn), self.B)
        self.valid = streams(text.get("valid", drawn), self.B)
        self.threads, optimizer = best_threads(self.model, self.B, self.T), adam()
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
                x, y, begins = self._window(self.train, self.steps)
                if begins:
                    self.state = self.model.initial_state(self.B)
                loss, self.state, _ = self.workers.loss_and_grads(x, y, self.state)
                self.workers.update(self.lr * min(1.0, (self.steps + 1) / WARMUP), self.clip)
                self.steps += 1
        return loss

    def evaluate(self, n: int) -> float:
        """Return the loss of n windows of the other text, or of all of it, in nats a token."""
        state, losses = self.model.initial_state(self.B), []
        for i in range(min(n, (self.valid.shape[1] - 1) // self.T)):
            x, y, _ = self._window(self.valid, i)
            nll, _, state = self.model.nll(x, y, state)
            losses.append(float(nll.mean(dtype=np.float64)))
        return float(np.mean(losses))

    def _window(self, rows: Any, number: int) -> tuple[Any, Any, bool]:
        """Return x and y ``(T, B)`` of a window, and whether it is the first, which comes after the last."""
        number %= (rows.shape[1] - 1) // self.T
        window = rows[:, number * self.T : (number + 1) * self.T + 1].T.astype(np.intp)
        return np.ascontiguousarray(window[:-1]), np.ascontiguousarray(window[1:]), number == 0
