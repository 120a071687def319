"""Training to a loss with PyTorch: the recipe's windows and rates, and its evaluation."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

from .recipe import Text, rate
from .torch_model import zeros
from .torch_train import Trainer


class Side:
    """`run` goes on with so many updates; `evaluate` returns the validation loss."""

    def __init__(self, s: dict[str, Any]) -> None:
        self.s, self.text, self.step = s, Text(s), 0
        self.trainer, self.threads = Trainer(s), s["threads"]
        self.check = [self.evaluate(0)]

    def run(self, n: int) -> float:
        loss, trainer = torch.zeros(()), self.trainer
        for _ in range(n):
            x, y, anew = self.text.window(self.step)
            if anew:
                trainer.state = zeros(self.s)
            for group in trainer.optimizer.param_groups:
                group["lr"] = rate(self.s, self.step)
            loss = trainer.step(torch.from_numpy(x), torch.from_numpy(y))
            self.step += 1
        return float(loss)

    def evaluate(self, _: int) -> float:
        nats, counted = 0.0, 0
        model, state = self.trainer.model.eval(), None
        with torch.inference_mode():
            for x, y, counts in self.text.evaluation():
                state = zeros({**self.s, "B": x.shape[1]}) if state is None else state
                logits, state = model(torch.from_numpy(x), state)
                nll = nn.functional.cross_entropy(
                    logits.view(-1, self.s["K"]), torch.from_numpy(y).view(-1), reduction="none"
                )
                nats += float(np.sum(nll.view(x.shape).numpy(), where=counts, dtype=np.float64))
                counted += int(counts.sum())
        model.train()
        return nats / counted
