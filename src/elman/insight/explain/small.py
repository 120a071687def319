"""A small model, trained on a sentence on the spot."""

from __future__ import annotations

import numpy as np

from elman.data import Tokenizer, tokenizer_kind
from elman.errors import ConfigError, DataError
from elman.network import LanguageModel
from elman.network.checks import check_real, check_whole

MOST_EPOCHS, ENOUGH = 500, 0.5
"""How long it is trained where nobody says, and to which loss in nats."""


def small_model(
    sentence: str,
    *,
    tokens: str = "word",
    cell: str = "rnn",
    embedding: int = 3,
    hidden: int = 4,
    layers: int = 1,
    epochs: int | None = None,
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
    epochs : int, optional
        How often it reads the sentence; 0 leaves it as it was drawn. By default until the loss is below half
        a nat, so that it has learnt and is not yet sure, and 500 times at most.
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
    most, lr = MOST_EPOCHS if epochs is None else check_whole("epochs", epochs, 0), check_real("lr", lr)
    if lr <= 0:
        raise ConfigError(f"lr must be greater than 0, not {lr:g}")
    tokenizer = tokenizer_kind(tokens).from_text(sentence.strip() + "\n")
    ids = tokenizer.encode(sentence.strip() + "\n")
    model = LanguageModel(
        vocab_size=tokenizer.vocab_size, cell=cell, embedding=embedding, hidden=hidden, layers=layers,
        dtype="float64", seed=seed,
    )  # fmt: skip
    x, y, losses = ids[:-1, None], ids[1:, None], []
    state = model.initial_state(1)
    with np.errstate(over="ignore", invalid="ignore"):  # seen in the loss, and told below
        for epoch in range(most + 1):
            loss, _, grads = model.loss_and_grads(x, y, state)
            losses.append(loss)
            if not np.isfinite(loss) or loss > 1e6:
                raise ConfigError(f"with lr={lr:g} the loss grew to {loss:.3g}: give a smaller rate")
            if epoch == most or (epochs is None and loss < ENOUGH):
                break
            for name, array in model.params.items():
                array -= lr * grads[name]
    return model, tokenizer, losses
