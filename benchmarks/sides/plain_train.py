"""Training steps with the plain implementation, as a reader would write them: float64, a step at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from elman.insight.reference import draw_state, loss_and_grads

from . import common

BETAS, TINY = (0.9, 0.999), 1e-8


class Side:
    """Carried state, loss and gradients, clipping, update."""

    def __init__(self, s: dict[str, Any]) -> None:
        self.s, self.threads = s, s["threads"]
        self.limits = threadpool_limits(self.threads, user_api="blas")
        self.params = {name: array.astype(np.float64) for name, array in common.parameters(s).items()}
        self.moments = [{name: np.zeros_like(a) for name, a in self.params.items()} for _ in BETAS]
        self.steps = 0
        self.tokens = common.tokens(s)
        rng = np.random.default_rng(0)
        self.state = draw_state(s["cell"], rng, batch=s["B"], hidden=s["H"], layers=s["layers"], scale=0.0)
        self.check = [self.run(1)]

    def run(self, n: int) -> float:
        loss = 0.0
        for i in range(n):
            window = self.tokens[i % common.WINDOWS]
            loss, self.state, grads, _ = loss_and_grads(
                self.params, window[:-1], window[1:], self.state, cell=self.s["cell"]
            )
            norm = np.sqrt(sum(float((grad**2).sum()) for grad in grads.values()))
            scale = min(1.0, self.s["clip"] / norm)
            grads = {name: grad * scale for name, grad in grads.items()}
            self.adam(grads) if self.s["optimizer"] == "adam" else self.sgd(grads)
        return loss

    def sgd(self, grads: dict[str, Any]) -> None:
        """p = p - lr g."""
        for name, p in self.params.items():
            p -= self.s["lr"] * grads[name]

    def adam(self, grads: dict[str, Any]) -> None:
        """m and v: running means of g and of its square; p = p - lr m / (sqrt(v) + tiny), unbiased."""
        self.steps += 1
        unbiased = [1.0 - beta**self.steps for beta in BETAS]
        for name, g in grads.items():
            m, v = (moments[name] for moments in self.moments)
            m += (1.0 - BETAS[0]) * (g - m)
            v += (1.0 - BETAS[1]) * (g * g - v)
            self.params[name] -= self.s["lr"] * (m / unbiased[0]) / (np.sqrt(v / unbiased[1]) + TINY)
