"""Training steps with elman: what `elman train` does in a step, on random tokens."""

from __future__ import annotations

from typing import Any

import numpy as np

from elman import LanguageModel
from elman.training.optim import OPTIMIZERS
from elman.training.processes import best_threads, make_workers
from elman.training.workers import single_threaded_blas


class Side:
    """Carried state, loss and gradients, clipping, update."""

    def __init__(self, s: dict[str, Any]) -> None:
        self.settings = s
        model = LanguageModel(
            vocab_size=s["K"], cell=s["cell"], embedding=s["E"], hidden=s["H"], layers=s["layers"], seed=0
        )
        rng = np.random.default_rng(0)
        self.tokens = rng.integers(0, s["K"], (8, s["T"] + 1, s["B"]))
        threads = s.get("threads") or best_threads(model, s["B"], s["T"])
        self.threads = threads
        self.state, optimizer = model.initial_state(s["B"]), OPTIMIZERS[s["optimizer"]]()
        self.workers = make_workers(model, s["B"], threads, s["T"], optimizer, optimizer.init(model.params))
        self.single = single_threaded_blas()

    def run(self, n: int) -> float:
        s, loss = self.settings, 0.0
        with self.single():
            for i in range(n):
                window = self.tokens[i % len(self.tokens)]
                loss, self.state, _ = self.workers.loss_and_grads(window[:-1], window[1:], self.state)
                self.workers.update(s["lr"], s["clip"])
        return loss
