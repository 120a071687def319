"""A model read token by token: one step a token, whatever the length so far."""

from __future__ import annotations

import numpy as np

from elman.data import Tokenizer
from elman.errors import DataError
from elman.network import LanguageModel, ModelState
from elman.network.backprop import forward
from elman.typing import Floats, Ints

PRIMED_AT_ONCE = 256  # steps of a prompt that go through the network as one window


def context(tokenizer: Tokenizer, text: str | None) -> Ints:
    """Return the ids that stand before what is to be predicted.

    Parameters
    ----------
    tokenizer : Tokenizer
        Of the model.
    text : str or None
        The prompt. None: nothing yet, as at the beginning of a line.

    Returns
    -------
    ndarray of shape (N,)
        The line end the text follows, if the tokenizer has one, and the text.

    Raises
    ------
    DataError
        If the prompt is empty, or there is neither a prompt nor a line end.
    """
    if text is not None and not len(tokenizer.encode(text)):
        raise DataError("the prompt is empty: give some text, or leave it out to begin a new line")
    if text is None and tokenizer.start is None:
        raise DataError("this vocabulary has no line end to begin after: give a prompt")
    led = [] if tokenizer.start is None else [tokenizer.start]
    return np.array([*led, *(tokenizer.encode(text) if text is not None else [])], np.intp)


class Decoder:
    """A model and the state it has reached, for any number of rows.

    Parameters
    ----------
    model : LanguageModel
        The model.
    ids : ndarray of shape (N,)
        The context to begin with, the same for all rows.
    rows : int
        Rows, ``B``.

    Attributes
    ----------
    logits : ndarray of shape (B, K)
        Unnormalised log-probabilities of the next token.
    """

    def __init__(self, model: LanguageModel, ids: Ints, rows: int = 1) -> None:
        self.model = model
        self.state: ModelState = model.initial_state(1)
        for start in range(0, len(ids), PRIMED_AT_ONCE):
            x = ids[start : start + PRIMED_AT_ONCE, None]
            tape = forward(model.network, x, self.state)
            self.state = tape.states(len(x))
        h = tape.inputs[-1][-1]
        self.logits: Floats = np.repeat(model.output.logits(model.params, h), rows, axis=0)
        self.state = tuple(
            type(layer)(*(np.repeat(field, rows, axis=0) for field in layer)) for layer in self.state
        )

    def feed(self, tokens: Ints) -> Floats:
        """Read one token a row, shape ``(B,)``; return the logits of the next."""
        self.logits, self.state = self.model.step(tokens, self.state)
        return self.logits
