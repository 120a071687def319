"""Training steps of a model of one cell, on a text of ids or on random tokens; the loss on text not seen."""

from __future__ import annotations

from typing import Any

import numpy as np

from elman import LanguageModel
from elman.training.optim import adam
from elman.training.sharing import best_threads

from .elman_stream import StreamSide


class Side(StreamSide):
    """Update with Adam, after a warm-up."""

    warmup = 100

    def __init__(self, s: dict[str, Any]) -> None:
        sizes = {"embedding": s["E"], "hidden": s["H"], "layers": s["layers"]}
        model = LanguageModel(vocab_size=s["K"], cell=s["cell"], seed=s.get("seed", 0), **sizes)
        drawn = np.random.default_rng(0).integers(0, s["K"], 9 * s["T"] * s["B"])
        train, valid = (np.load(s[part]) if part in s else drawn for part in ("train", "valid"))
        super().__init__(s, model, train, valid, adam(), best_threads(model, s["B"], s["T"]))
