"""The recurrent product of a time step: weights whole, as PyTorch and textbooks hold them, or in panels."""

from __future__ import annotations

from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from elman.network.panels import new_panels, operand
from elman.network.workspace import Workspace, aligned


class Side:
    """``h W`` for B rows and G gates of n columns each, with one thread of BLAS."""

    def __init__(self, s: dict[str, Any]) -> None:
        self.limits, self.threads = threadpool_limits(1, user_api="blas"), 1
        G, B, H, n = s["G"], s["B"], s["H"], s["columns"]
        rng = np.random.default_rng(0)
        weights = rng.standard_normal((G, H, n), np.float32)
        self.h = rng.standard_normal((B, H), np.float32)
        out = aligned(G * B * n, np.dtype(np.float32)).reshape(G, B, n)
        self.pairs = ((weights, out),)
        if s["how"] == "panels":
            self.pairs = new_panels(Workspace(), H, out).load(weights)
            self.h = operand(self.h, n)
        self.check = [float(np.sum(self.h))]

    def run(self, n: int) -> float:
        for _ in range(n):
            for weights, into in self.pairs:
                np.matmul(self.h, weights, out=into)
        return 0.0
