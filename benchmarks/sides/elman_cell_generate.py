"""Generation by a model of one cell: a decoder, and the most likely token fed back."""

from __future__ import annotations

from typing import Any

import numpy as np
from threadpoolctl import threadpool_info

from elman import LanguageModel
from elman.decoding import Decoder


class Side:
    """B rows, each going on with its own most likely token."""

    def __init__(self, s: dict[str, Any]) -> None:
        sizes = {"embedding": s["E"], "hidden": s["H"], "layers": s["layers"]}
        self.decoder = Decoder(
            LanguageModel(vocab_size=s["K"], cell=s["cell"], **sizes), np.array([0]), rows=s["B"]
        )
        self.tokens = np.arange(s["B"]) % s["K"]
        self.threads = max(
            (info["num_threads"] for info in threadpool_info() if info["user_api"] == "blas"), default=1
        )
        self.check: list[float] = []

    def run(self, n: int) -> int:
        """Read and predict so many tokens a row."""
        feed, tokens = self.decoder.feed, self.tokens
        for _ in range(n):
            tokens = feed(tokens).argmax(axis=1)
        self.tokens = tokens
        return int(tokens.sum())
