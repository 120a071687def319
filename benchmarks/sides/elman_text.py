"""Training to a loss with elman: the recipe's windows and rates, and its evaluation."""

from __future__ import annotations

from typing import Any

import numpy as np

from elman.network.threads import one_thread

from .elman_train import Trainer
from .recipe import Text, rate


class Side:
    """`run` goes on with so many updates; `evaluate` returns the validation loss."""

    def __init__(self, s: dict[str, Any]) -> None:
        self.s, self.text, self.step = s, Text(s), 0
        self.trainer = Trainer(s, s["dropout"])
        self.threads = self.trainer.threads
        self.check = [self.evaluate(0)]

    def run(self, n: int) -> float:
        loss, trainer = 0.0, self.trainer
        with one_thread():
            for _ in range(n):
                x, y, anew = self.text.window(self.step)
                if anew:
                    trainer.state = trainer.model.initial_state(self.s["B"])
                loss = trainer.step(x, y, rate(self.s, self.step), seed=(self.s["seed"], self.step))
                self.step += 1
        return loss

    def evaluate(self, _: int) -> float:
        nats, counted = 0.0, 0
        model, state = self.trainer.model, None
        for x, y, counts in self.text.evaluation():
            nll, _best, state = model.nll(x, y, state or model.initial_state(x.shape[1]))
            nats += float(np.sum(nll, where=counts, dtype=np.float64))
            counted += int(counts.sum())
        return nats / counted
