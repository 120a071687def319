"""Generation with the plain implementation: a window of one step, and the most likely token fed back."""

from __future__ import annotations

from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from elman.insight.reference import draw_state, forward

from . import common


class Side:
    """B rows, each going on with its own most likely token."""

    def __init__(self, s: dict[str, Any]) -> None:
        self.cell, self.threads = s["cell"], s["threads"]
        self.limits = threadpool_limits(self.threads, user_api="blas")
        self.params = {name: array.astype(np.float64) for name, array in common.parameters(s).items()}
        rng = np.random.default_rng(0)
        self.state = draw_state(s["cell"], rng, batch=s["B"], hidden=s["H"], layers=s["layers"], scale=0.0)
        self.tokens = common.first_tokens(s)
        _, self.state = forward(self.params, np.zeros((1, s["B"]), np.int64), self.state, cell=self.cell)
        self.check = [float(self.run(1)) for _ in range(common.OPENING)]

    def run(self, n: int) -> int:
        for _ in range(n):
            logits, self.state = forward(self.params, self.tokens[None], self.state, cell=self.cell)
            self.tokens = logits[0].argmax(axis=1)
        return int(self.tokens.sum())
