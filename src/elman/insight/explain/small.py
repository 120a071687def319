"""A small model, trained on a sentence on the spot."""

from __future__ import annotations

import numpy as np

from elman.data import Tokenizer, tokenizer_kind
from elman.errors import ConfigError, DataError
from elman.network import LanguageModel
from elman.network.checks import check_real, check_whole


def small_model(
    sentence: str,
    *,
    tokens: str = "word",
    cell: str = "rnn",
    embedding: int = 3,
    hidden: int = 4,
    layers: int = 1,
    epochs: int = 20,
    lr: float = 0.5,
    seed: int = 0,
) -> tuple[LanguageModel, Tokenizer, list[float]]:
    """Train a small model on one sentence by gradient descent.

    Parameters
    ----------
    sentence : str
        Its words are the vocabulary, with ``<unk>`` and the line end.
    tokens : str
        ``word``, ``char`` or ``byte``.
    cell, embedding, hidden, layers, seed
        As for :class:`elman.LanguageModel`. The model is float64.
    epochs : int
        How often it reads the sentence; 0 leaves it as it was drawn.
    lr : float
        The rate, the same at each epoch.

    Returns
    -------
    model : LanguageModel
    tokenizer : Tokenizer
    losses : list of float
        The mean loss before each epoch, and at the end.

    Raises
    ------
    DataError
        If the sentence is empty.
    ConfigError
        If a setting is out of range, or the loss grows without bound.

    Examples
    --------
    >>> from elman.insight.explain import small_model
    >>> model, tokenizer, losses = small_model("I like to play .", epochs=100)
    >>> losses[-1] < losses[0] / 4
    True
    """
    if not isinstance(sentence, str) or not sentence.strip():
        raise DataError("the sentence is empty: give some words")
    epochs, lr = check_whole("epochs", epochs, 0), check_real("lr", lr)
    tokenizer = tokenizer_kind(tokens).from_text(sentence.strip() + "\n")
    ids = tokenizer.encode(sentence.strip() + "\n")
    model = LanguageModel(
        vocab_size=tokenizer.vocab_size, cell=cell, embedding=embedding, hidden=hidden, layers=layers,
        dtype="float64", seed=seed,
    )  # fmt: skip
    x, y, losses = ids[:-1, None], ids[1:, None], []
    state = model.initial_state(1)
    for _ in range(epochs):
        loss, _, grads = model.loss_and_grads(x, y, state)
        losses.append(loss)
        for name, array in model.params.items():
            array -= lr * grads[name]
    losses.append(model.loss_and_grads(x, y, state)[0])
    if not np.isfinite(losses).all():
        raise ConfigError(f"the loss grew without bound at lr={lr:g}: give a smaller one")
    return model, tokenizer, losses
