"""Random models of Keras, and what it computes with them."""

from __future__ import annotations

from typing import Any, NamedTuple

import keras
import numpy as np
from hypothesis import strategies as st
from keras import layers as L

K = 5
ACTIVATIONS = (
    "tanh",
    "sigmoid",
    "relu",
    "linear",
    "hard_sigmoid",
    "elu",
    "leaky_relu",
    "softsign",
    "softplus",
)
BOUNDED = ("tanh", "sigmoid", "hard_sigmoid", "softsign")


class Drawn(NamedTuple):
    """What a random model is made of."""

    kind: str
    units: int
    ways: list[str]  # a layer each: forward, backward, both, both turned
    bias: bool
    reset_after: bool
    activations: tuple[str, str]
    mask_zero: bool
    functional: bool
    ending: str
    dtype: str
    tokens: Any  # (B, T)
    seed: int


@st.composite
def models(draw: Any, *, weights_only: bool = False) -> Drawn:
    """Draw a model that elman has, and tokens for it."""
    ways = draw(
        st.lists(st.sampled_from(["forward", "backward", "both", "both turned"]), min_size=1, max_size=3)
    )
    # Keras does not turn the mask, so that below a mask only the last layer may turn its outputs.
    straight = all(way in ("forward", "both") for way in ways[:-1])
    if weights_only:
        ways = [draw(st.sampled_from(["forward", "both"]))] * len(ways)
    B, T = draw(st.integers(1, 3)), draw(st.integers(1, 6))
    rows = st.lists(st.integers(0, K - 1), min_size=T, max_size=T)
    dtype = draw(st.sampled_from(["float32", "float64"]))
    return Drawn(
        draw(st.sampled_from(["SimpleRNN", "LSTM", "GRU"])),
        draw(st.integers(1, 4)), ways, draw(st.booleans()), draw(st.booleans()),
        # What gates a sum without a bound makes it grow at every step, and its rounding with it.
        (draw(st.sampled_from(ACTIVATIONS)), draw(st.sampled_from(BOUNDED))),
        straight and draw(st.booleans()), draw(st.booleans()),
        draw(st.sampled_from(["Dense", "softmax", "TimeDistributed", "Activation"])),
        dtype,
        np.array(draw(st.lists(rows, min_size=B, max_size=B))),
        draw(st.integers(0, 999)),
    )  # fmt: skip


def build(drawn: Drawn) -> Any:
    """Return the model, with random weights."""
    stack: list[Any] = [L.Embedding(K, 3, mask_zero=drawn.mask_zero)]
    for way in drawn.ways:
        turned = way in ("backward", "both turned")
        one = recurrent(drawn, turned)
        stack.append(
            L.Bidirectional(one, backward_layer=recurrent(drawn, not turned)) if "both" in way else one
        )
    stack += {
        "Dense": [L.Dense(K)],
        "softmax": [L.Dense(K, activation="softmax", use_bias=drawn.bias)],
        "TimeDistributed": [L.TimeDistributed(L.Dense(K))],
        "Activation": [L.Dense(K), L.Activation("softmax")],
    }[drawn.ending]
    tokens = keras.Input((None,), dtype="int32")
    if drawn.functional:
        x = tokens
        for layer in stack:
            x = layer(x)
        model = keras.Model(tokens, x)
    else:
        model = keras.Sequential([tokens, *stack])
    rng = np.random.default_rng(drawn.seed)
    model.set_weights([rng.normal(0, 0.5, w.shape).astype(drawn.dtype) for w in model.get_weights()])
    return model


def recurrent(drawn: Drawn, backwards: bool) -> Any:
    """Return one recurrent layer."""
    options: dict[str, Any] = {"activation": drawn.activations[0], "use_bias": drawn.bias}
    if drawn.kind != "SimpleRNN":
        options["recurrent_activation"] = drawn.activations[1]
    if drawn.kind == "GRU":
        options["reset_after"] = drawn.reset_after
    return getattr(L, drawn.kind)(drawn.units, return_sequences=True, go_backwards=backwards, **options)


def states(model: Any, tokens: Any) -> list[list[Any]]:
    """Return the last states of each recurrent layer, as Keras gives them."""
    found = []
    x = tokens
    for layer in (layer for layer in model.layers if type(layer).__name__ != "InputLayer"):
        if not hasattr(layer, "return_state"):
            x = layer(x)
            continue
        parts = (
            [layer, layer.forward_layer, layer.backward_layer] if hasattr(layer, "forward_layer") else [layer]
        )
        for part in parts:
            part.return_state = True
        mask = getattr(x, "_keras_mask", None)
        y, *after = layer(x)
        for part in parts:
            part.return_state = False
        if mask is not None:
            y._keras_mask = mask
        found.append([keras.ops.convert_to_numpy(state) for state in after])
        x = y
    return found
