"""Models that Keras saved, and what it computes with them: ``python make_keras_models.py``.

Needs Keras 3 and a backend (``KERAS_BACKEND``, torch by default). Writes the folder ``keras`` beside it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras
from keras import layers as L

HERE = Path(__file__).parent / "keras"
K, D, H = 6, 3, 4

# Rows with token 0 before, behind, between, everywhere and nowhere.
TOKENS = np.array([[0, 0, 3, 1, 5], [2, 4, 1, 0, 0], [1, 0, 2, 0, 3], [0, 0, 0, 0, 0], [5, 1, 3, 2, 4]])


def sequential(*middle: Any, mask_zero: bool = False, ending: Any = None) -> Any:
    """Return a Sequential model around the layers given."""
    return keras.Sequential(
        [
            keras.Input((None,), dtype="int32"),
            L.Embedding(K, D, mask_zero=mask_zero),
            *middle,
            *(ending or [L.Dense(K, activation="softmax")]),
        ]
    )


def functional() -> Any:
    """Return a model of two layers, dropout between, with masks and a Dense layer for each step."""
    tokens = keras.Input((None,), dtype="int32", name="tokens")
    x = L.Embedding(K, D, mask_zero=True)(tokens)
    for name in ("lower", "upper"):
        x = L.LSTM(H, return_sequences=True, name=name)(x)
        x = L.Dropout(0.25)(x)
    return keras.Model(tokens, L.TimeDistributed(L.Dense(K))(x))


def turned() -> Any:
    """Return a model in which a layer backwards stands below one of both directions."""
    return sequential(
        L.GRU(H, return_sequences=True, go_backwards=True),
        L.Bidirectional(L.GRU(H, return_sequences=True)),
        ending=[L.Dense(K), L.Activation("softmax")],
    )


def swapped() -> Any:
    """Return a model in which the side that Keras has first goes backwards, and a layer reads both."""
    sides = [L.SimpleRNN(H, return_sequences=True, use_bias=False, go_backwards=way) for way in (True, False)]
    both = L.Bidirectional(sides[0], backward_layer=sides[1])
    return sequential(both, L.SimpleRNN(H, return_sequences=True, use_bias=False))


MODELS: dict[str, Callable[[], Any]] = {
    "rnn_tanh": lambda: sequential(L.SimpleRNN(H, return_sequences=True)),
    "rnn_relu": lambda: sequential(L.SimpleRNN(H, return_sequences=True, activation="relu", use_bias=False)),
    "lstm": lambda: sequential(L.LSTM(H, return_sequences=True)),
    "gru_after": lambda: sequential(L.GRU(H, return_sequences=True), ending=[L.Dense(K)]),
    "gru_before": lambda: sequential(L.GRU(H, return_sequences=True, reset_after=False)),
    "backwards": lambda: sequential(L.LSTM(H, return_sequences=True, go_backwards=True), mask_zero=True),
    "both": lambda: sequential(L.Bidirectional(L.LSTM(H, return_sequences=True)), mask_zero=True),
    "gru_masked": lambda: sequential(L.GRU(H, return_sequences=True, use_bias=False), mask_zero=True),
    "hard_sigmoid": lambda: sequential(
        L.LSTM(H, return_sequences=True, recurrent_activation="hard_sigmoid", activation="softsign"),
        ending=[L.Dense(K, use_bias=False)],
    ),
    "functional": functional,
    "turned": turned,
    "swapped": swapped,
}
WEIGHTS = {
    "weights_lstm": lambda: sequential(L.LSTM(H, return_sequences=True), L.LSTM(H, return_sequences=True)),
    "weights_gru_before": MODELS["gru_before"],
}


def main() -> None:
    HERE.mkdir(exist_ok=True)
    outputs: dict[str, Any] = {"tokens": TOKENS}
    for name, build in {**MODELS, **WEIGHTS}.items():
        rng = np.random.default_rng(len(outputs))
        keras.utils.clear_session()
        model = build()
        # Nothing is left at the zero or one it began with.
        model.set_weights([rng.normal(0, 0.7, w.shape).astype(np.float32) for w in model.get_weights()])
        # In order: safetensors writes memory as it lies, and TimeDistributed leaves a transposed view.
        outputs[name] = np.array(keras.ops.convert_to_numpy(model(TOKENS, training=False)), order="C")
        if name in WEIGHTS:
            model.save_weights(HERE / f"{name}.weights.h5")
        else:
            model.save(HERE / f"{name}.keras")
    save_file(outputs, HERE / "outputs.safetensors")


if __name__ == "__main__":
    main()
