"""A model read token by token: one step a token, whatever the length so far."""

from __future__ import annotations

import numpy as np

from elman.data import Tokenizer
from elman.errors import DataError
from elman.network import LanguageModel, ModelState
from elman.network.backprop import forward
from elman.network.cells import State
from elman.network.functional import embedding
from elman.network.layer import Layer
from elman.network.workspace import Workspace
from elman.typing import Floats, Ints, Params

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

    The weights are laid out once, and a token allocates nothing but what NumPy needs within a call. The
    parameters must not change meanwhile.

    Parameters
    ----------
    model : LanguageModel
        The model.
    ids : ndarray of shape (N,)
        The context to begin with, the same for all rows; at least one token.
    rows : int
        Rows, ``B``.

    Attributes
    ----------
    logits : ndarray of shape (B, K)
        Unnormalised log-probabilities of the next token; overwritten by :meth:`feed`.

    Examples
    --------
    >>> import numpy as np, elman
    >>> from elman.decoding import Decoder
    >>> model = elman.LanguageModel(vocab_size=5, cell="gru", embedding=3, hidden=4, layers=2)
    >>> decoder = Decoder(model, np.array([1, 2]), rows=3)
    >>> decoder.feed(np.array([0, 1, 2])).shape
    (3, 5)
    """

    def __init__(self, model: LanguageModel, ids: Ints, rows: int = 1) -> None:
        self.model = model
        state: ModelState = model.initial_state(1)
        for start in range(0, len(ids), PRIMED_AT_ONCE):
            x = ids[start : start + PRIMED_AT_ONCE, None]
            tape = forward(model.network, x, state)
            state = tape.states(len(x))
        h = tape.inputs[-1][-1]
        self.logits: Floats = np.repeat(model.output.logits(model.params, h), rows, axis=0)
        self._layers = [
            _Layer(layer, model.params, entering, rows)
            for layer, entering in zip(model.stack.layers, state, strict=True)
        ]
        self._x = np.empty((rows, model.stack.layers[0].inputs), model.dtype)

    @property
    def state(self) -> ModelState:
        """The state reached, ``(B, H)`` each: copies."""
        return tuple(type(layer.state)(*(field.copy() for field in layer.state)) for layer in self._layers)

    def feed(self, tokens: Ints) -> Floats:
        """Read one token a row, shape ``(B,)``; return the logits of the next."""
        h = embedding(self.model.params["embedding.E"], tokens, self._x)
        for layer in self._layers:
            h = layer.advance(h)
        return self.model.output.logits(self.model.params, h, out=self.logits)


class _Layer:
    """A layer ready for single steps: weights scaled once, and two states that take turns."""

    def __init__(self, layer: Layer, params: Params, state: State, rows: int) -> None:
        self.cell = cell = layer.cell
        # A space of its own, so that the scaled weights stay; U and W are C-contiguous gate by gate.
        self.U, self.W, b = layer.scaled(params, Workspace())
        self.b = b[:, None]  # (G, 1, H)
        self.b_candidate = params.get(f"{layer.name}.b_candidate")
        blocks = (cell.gates, rows, layer.hidden)
        self.a, self.r = np.empty(blocks, layer.dtype), np.empty(blocks, layer.dtype)
        self.keep = np.empty((cell.keeps, *blocks[1:]), layer.dtype)
        self.work = np.empty((cell.scratch, *blocks[1:]), layer.dtype)
        self.state: State = type(state)(*(np.repeat(field, rows, axis=0) for field in state))
        self.other: State = type(state)(*(np.empty_like(field) for field in self.state))

    def advance(self, x: Floats) -> Floats:
        """Take one step with inputs x ``(B, D)``; return h ``(B, H)``."""
        np.matmul(x, self.U, out=self.a)
        np.add(self.a, self.b, out=self.a)
        np.matmul(self.state[0], self.W, out=self.r)
        if self.b_candidate is not None:
            np.add(self.r[-1], self.b_candidate, out=self.keep[0])
        elif self.cell.gated:
            np.copyto(self.keep[0], self.r[-1])
        self.cell.forward(self.a, self.r, self.state, self.other, self.keep, self.work)
        self.state, self.other = self.other, self.state
        return self.state[0]
