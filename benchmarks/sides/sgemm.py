"""Products of square float32 matrices: the most arithmetic that this machine does in a second."""

from __future__ import annotations

from typing import Any

import numpy as np


class Side:
    """Products with NumPy's BLAS or with PyTorch's, with a given number of threads."""

    def __init__(self, s: dict[str, Any]) -> None:
        self.threads: int = s["threads"]
        multiply: Any
        operands: Any
        rng = np.random.default_rng(0)
        a, b = rng.standard_normal((2, s["size"], s["size"]), np.float32)
        if s["library"] == "torch":
            import torch

            torch.set_num_threads(self.threads)
            multiply, operands = torch.mm, (torch.from_numpy(a), torch.from_numpy(b))
        else:
            from threadpoolctl import threadpool_limits

            self.limits = threadpool_limits(self.threads, user_api="blas")
            multiply, operands = np.matmul, (a, b)
        self.multiply, self.operands, self.out = multiply, operands, multiply(*operands)
        self.check = [float(self.out[0, 0])]

    def run(self, n: int) -> float:
        for _ in range(n):
            self.multiply(*self.operands, out=self.out)
        return float(self.out[0, 0])
