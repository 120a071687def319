"""Training steps with one of elman's outputs, on a text of ids, and the exact loss on another."""

from __future__ import annotations

from typing import Any

import numpy as np

from elman import LanguageModel
from elman.network.threads import usable_cores
from elman.training.optim import sgd

from .elman_stream import StreamSide


class Side(StreamSide):
    """Update with plain gradient descent."""

    def __init__(self, s: dict[str, Any]) -> None:
        model = LanguageModel(
            vocab_size=s["K"], embedding=s["H"], hidden=s["H"], layers=s["layers"], tied=s["tied"],
            output=s["output"], seed=s.get("seed", 0), **s.get("given", {}),
        )  # fmt: skip
        super().__init__(s, model, np.load(s["train"]), np.load(s["valid"]), sgd(), usable_cores())
