"""Generation with elman: a decoder, and the most likely token fed back."""

from __future__ import annotations

from typing import Any

import numpy as np
from threadpoolctl import threadpool_info

from elman import LanguageModel
from elman.decoding import Decoder

from . import common


class Side:
    """B rows, each going on with its own most likely token."""

    def __init__(self, s: dict[str, Any]) -> None:
        model = LanguageModel(
            vocab_size=s["K"], cell=s["cell"], embedding=s["E"], hidden=s["H"], layers=s["layers"]
        )
        for name, array in (common.parameters(s) if "params" in s else {}).items():
            np.copyto(model.params[name], array)
        self.tokens = common.first_tokens(s)
        self.decoder = Decoder(model, np.array([0]), rows=s["B"])
        # A step is a handful of products, and BLAS decides for each how many threads are worth it.
        self.threads = max(
            (info["num_threads"] for info in threadpool_info() if info["user_api"] == "blas"), default=1
        )
        self.check = [float(self.run(1)) for _ in range(common.OPENING)]

    def run(self, n: int) -> int:
        feed, tokens = self.decoder.feed, self.tokens
        for _ in range(n):
            tokens = feed(tokens).argmax(axis=1)
        self.tokens = tokens
        return int(tokens.sum())
