"""Ten steps of training on a fixed text, as stored in `tests/vectors/golden_losses.json`."""

import numpy as np

from elman import LanguageModel
from elman.training.optim import OPTIMIZERS

TEXT = (
    "Finding structure in time: the boy who chased the dog saw the girl, and the girl whom the dog chased "
    "saw the boy. A word is known by the company it keeps, and by the order in which it keeps it; so time "
    "is not one more dimension of the input, but the effect that what came before has on what comes now."
)
STEPS, WINDOW, BATCH = 10, 9, 3
RATES = {"sgd": 0.5, "adam": 0.02}


def windows():
    """Yield x, y ``(T, B)`` of each step; row i of one continues row i of the last."""
    table = {letter: i for i, letter in enumerate(sorted(set(TEXT), key=ord))}
    ids = np.array([table[letter] for letter in TEXT])
    streams = ids[: len(ids) // BATCH * BATCH].reshape(BATCH, -1).T
    for start in range(0, STEPS * WINDOW, WINDOW):
        yield streams[start : start + WINDOW], streams[start + 1 : start + WINDOW + 1]


def ten_losses(cell, dtype, optimizer):
    """Return the loss before each of ten updates: two layers, carried state, dropout 0.1."""
    # The identity would add up ninety steps of carried state, and its losses grow past comparison.
    init_recurrent = "uniform" if cell == "rnn-relu" else None
    model = LanguageModel(
        vocab_size=len(set(TEXT)),
        cell=cell,
        embedding=8,
        hidden=12,
        layers=2,
        dropout=0.1,
        dtype=dtype,
        seed=1,
        init_recurrent=init_recurrent,
    )
    optimizer, rate = OPTIMIZERS[optimizer](), RATES[optimizer]
    moments, state, rng = optimizer.init(model.params), model.initial_state(BATCH), np.random.default_rng(2)
    losses = []
    for x, y in windows():
        loss, state, grads = model.loss_and_grads(x, y, state, rng=rng)
        losses.append(loss)
        _, moments = optimizer.update(model.params, grads, moments, rate, inplace=True)
    return losses
