"""The log-probability of a given text, token by token."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from elman.data import Tokenizer
from elman.decoding.decoder import context
from elman.errors import DataError
from elman.network import LanguageModel
from elman.network.checks import check_forwards

WINDOW = 256  # steps at a time


@dataclass(frozen=True)
class Score:
    """What a model thinks of a text.

    Attributes
    ----------
    tokens : list of str
        The tokens that were predicted.
    log_probs : ndarray of shape (N,)
        Natural logarithm of the probability of each, given those before it.
    unknown : int
        How many of them are outside the vocabulary.

    Examples
    --------
    >>> import elman, numpy as np
    >>> scored = elman.Score(["a", "b"], np.log([0.5, 0.25]), unknown=0)
    >>> round(scored.total, 3), round(float(np.exp(-scored.total / 2)), 3)  # and the perplexity
    (-2.079, 2.828)
    """

    tokens: list[str]
    log_probs: NDArray[np.float64]
    unknown: int

    @property
    def total(self) -> float:
        """Log-probability of the text, in nats: the sum of `log_probs`."""
        return float(self.log_probs.sum())


def score(model: LanguageModel, tokenizer: Tokenizer, text: str) -> Score:
    """Return the log-probability of every token of a text.

    The text stands at the beginning of a line; without a line end in the vocabulary its first token has
    nothing before it, and is left out.

    Parameters
    ----------
    model, tokenizer
        What to score with.
    text : str
        What to score.

    Returns
    -------
    Score
        Token by token.

    Raises
    ------
    DataError
        If there is no token to predict.
    """
    check_forwards(model.stack, "the score of a text, each token predicted from those before it,")
    ids = context(tokenizer, text)
    if len(ids) < 2:
        raise DataError("there is nothing to score: the text is a single token with nothing before it")
    state, pieces = model.initial_state(1), []
    for start in range(0, len(ids) - 1, WINDOW):
        stop = min(start + WINDOW, len(ids) - 1)
        x, y = ids[start:stop, None], ids[start + 1 : stop + 1, None]
        nll, _, state = model.nll(x, y, state)
        pieces.append(nll[:, 0].astype(np.float64))
    scored = ids[1:]
    unknown = 0 if tokenizer.unknown is None else int(np.sum(scored == tokenizer.unknown))
    return Score([tokenizer.token(int(i)) for i in scored], -np.concatenate(pieces), unknown)
