"""Training steps with elman: what `elman train` does in a step, on random tokens."""

from __future__ import annotations

from typing import Any

import numpy as np

from elman import LanguageModel
from elman.network.threads import one_thread
from elman.network.threads import usable_cores as cores
from elman.training.optim import OPTIMIZERS
from elman.training.processes import ProcessWorkers
from elman.training.sharing import best_threads, make_workers
from elman.training.workers import Workers

from . import common


class Trainer:
    """A model in training; `step` is what the loop of ``elman.training.loop`` does in a step."""

    def __init__(self, s: dict[str, Any], dropout: float = 0.0) -> None:
        self.clip = s["clip"]
        self.model = model = LanguageModel(
            vocab_size=s["K"], cell=s["cell"], embedding=s["E"], hidden=s["H"], layers=s["layers"],
            dropout=dropout,
        )  # fmt: skip
        for name, array in common.parameters(s).items():
            np.copyto(model.params[name], array)
        optimizer, self.state = OPTIMIZERS[s["optimizer"]](), model.initial_state(s["B"])
        kinds: dict[str, tuple[Any, int]] = {
            "alone": (Workers, 1), "threads": (Workers, cores()), "processes": (ProcessWorkers, cores()),
        }  # fmt: skip
        make, threads = kinds.get(s.get("kind", ""), (make_workers, s.get("threads")))
        self.threads = threads or best_threads(model, s["B"], s["T"])
        self.workers = make(model, s["B"], self.threads, s["T"], optimizer, optimizer.init(model.params))

    def step(self, x: Any, y: Any, lr: float, seed: tuple[int, ...] | None = None) -> float:
        """Take one step on a window ``(T, B)``; return the loss. To be called within `one_thread`."""
        loss, self.state, _ = self.workers.loss_and_grads(x, y, self.state, seed=seed)
        self.workers.update(lr, self.clip)
        return loss


class Side:
    """Carried state, loss and gradients, clipping, update."""

    def __init__(self, s: dict[str, Any]) -> None:
        self.trainer, self.lr, self.tokens = Trainer(s), s["lr"], common.tokens(s)
        self.threads = self.trainer.threads
        self.check = [self.run(1)]

    def run(self, n: int) -> float:
        loss, trainer, lr = 0.0, self.trainer, self.lr
        with one_thread():
            for i in range(n):
                window = self.tokens[i % common.WINDOWS]
                loss = trainer.step(window[:-1], window[1:], lr)
        return loss
