"""Dropout masks of a pass, drawn in the order of the pass.

A pass that is given a generator draws from it, in this order: of the whole vocabulary which words stay; the
mask of the word vectors; then for each layer from the input upwards which weights ``W`` stay, where zoneout
holds ``h`` and where the other states (``elman.network.zoneout``), of a bidirectional layer first all of
the way ahead, and the mask of the layer's output. What has no rate draws nothing. Last, where the output is
trained on a few words (``elman.network.output.draws``), it draws these.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from elman.network.functional import dropout_mask
from elman.network.inputs import Words
from elman.network.layers import AnyLayer
from elman.network.regularisers import Regularisers
from elman.network.workspace import Workspace
from elman.typing import Floats, Params


class Dropped(NamedTuple):
    """Recurrent weights of a layer for one window, some of them zero."""

    params: Params  # of the model, but for these weights
    masks: Params  # of these weights, by name

    def complete(self, grads: Params) -> None:
        """Turn derivatives by the weights that were used into those by the parameters."""
        for name, mask in self.masks.items():
            np.multiply(grads[name], mask, out=grads[name])


def drop_words(words: Words, given: Regularisers, space: Workspace, rng: np.random.Generator) -> Words:
    """Return the words with the mask that their vectors are multiplied with, if there is one."""
    (T, B, D), (K, dtype) = words.shape, (len(words.E), words.E.dtype)
    factors = mask = None
    if given.dropout_embedding > 0.0:
        whole = dropout_mask(space.take("words.whole", (K,), dtype), given.dropout_embedding, rng)
        factors = space.take("words.factors", (T, B, 1), dtype)
        np.take(whole, words.tokens, out=factors[..., 0], mode="clip")  # of tokens that have been checked
    if given.dropout_input > 0.0:
        shape = (1 if given.variational else T, B, D)
        mask = dropout_mask(space.take("words.mask", shape, dtype), given.dropout_input, rng)
    if factors is None or mask is None:
        return words._replace(mask=factors if mask is None else mask)
    return words._replace(mask=np.multiply(factors, mask, out=space.take("words.both", (T, B, D), dtype)))


def drop_weights(
    layer: AnyLayer, params: Params, rate: float, space: Workspace, rng: np.random.Generator
) -> Dropped:
    """Return the layer's weights ``W`` with a share of them zero, and the others scaled up."""
    used, masks = dict(params), {}
    for name in recurrent_weights(layer):
        W = params[name]
        masks[name] = dropout_mask(space.take(f"{name}.mask", W.shape, W.dtype), rate, rng)
        used[name] = np.multiply(W, masks[name], out=space.take(f"{name}.dropped", W.shape, W.dtype))
    return Dropped(used, masks)


def recurrent_weights(layer: AnyLayer) -> list[str]:
    """Return the names of a layer's weights ``W``: one a way."""
    return [name for name in layer.shapes() if name.rpartition(".")[2] == "W"]


def output_mask(
    layer: AnyLayer, shape: tuple[int, ...], rate: float, space: Workspace, rng: np.random.Generator, *,
    variational: bool,
) -> Floats:  # fmt: skip
    """Draw the mask of a layer's output ``(T, B, width)``, or ``(1, B, width)`` for all steps."""
    if variational:
        shape = (1, *shape[1:])
    return dropout_mask(space.take(f"{layer.name}.mask", shape, layer.dtype), rate, rng)
