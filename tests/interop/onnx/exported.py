"""Small models to export, and how well their graphs agree with them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

import elman
from elman.interop.onnx.out.graph import build
from elman.interop.onnx.out.verify import Verified, verify

CELLS = ("rnn", "rnn-relu", "lstm", "lstm-peephole", "lstm-coupled", "gru", "gru-before", "mgu")
KINDS = {"r": "RNN", "l": "LSTM", "g": "GRU", "m": "GRU"}
WAYS = ("forward", "reverse", "bidirectional", "bidirectional,forward")


def model_of(cell: str, scale: float = 0.5, **settings: Any) -> elman.LanguageModel:
    """Return a small model with large, asymmetric weights."""
    sizes = {"vocab_size": 11, "embedding": 5, "hidden": 6, "layers": 2}
    model = elman.LanguageModel(cell=cell, **(sizes | settings))
    rng = np.random.default_rng(0)
    for array in model.params.values():
        array[...] = scale * rng.standard_normal(array.shape)
    return model


def agreement(model: elman.LanguageModel) -> Verified:
    """Return how well a graph agrees with its model; raise what would be raised before it is written."""
    proto = build(model, {})
    return verify(proto, proto.SerializeToString(), model)


def session_of(path: Path) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
