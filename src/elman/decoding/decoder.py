"""A model read token by token: one step a token, whatever the length so far."""

from __future__ import annotations

import numpy as np

from elman.data import Tokenizer
from elman.decoding.joins import DecodedJoin
from elman.decoding.layout import DecodedLayer, Lookup, forward_layers
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

    The weights are laid out once for that number of rows, and a token allocates nothing but what NumPy needs
    within a call. The parameters must not change meanwhile.

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

    Notes
    -----
    One row reads every weight once a token, and that is what a token costs: ``4 n_params`` bytes in float32,
    less the input weights of the first layer where the vocabulary is small. Their products with all words are
    then a table, of which a token looks up a row.

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
        layers = forward_layers(model)
        self.model = model
        state: ModelState = model.initial_state(1)
        for start in range(0, len(ids), PRIMED_AT_ONCE):
            x = ids[start : start + PRIMED_AT_ONCE, None]
            tape = forward(model.network, x, state)
            state = tape.states(len(x))
        h = tape.inputs[-1][-1]
        self.logits: Floats = np.repeat(model.output.logits(model.params, h), rows, axis=0)
        self._lookup = Lookup(model, rows)
        self._layers = [
            DecodedLayer(layer, model.params, entering, rows, reads=self._lookup.table is None or index > 0)
            for index, (layer, entering) in enumerate(zip(layers, state, strict=True))
        ]
        self._joins = [
            None if joint is None else DecodedJoin(joint, model.params, rows) for joint in model.stack.joints
        ]
        self._output = model.output.reader(model.params)

    @property
    def state(self) -> ModelState:
        """The state reached, ``(B, H)`` each: copies."""
        return tuple(type(layer.state)(*(field.copy() for field in layer.state)) for layer in self._layers)

    def feed(self, tokens: Ints) -> Floats:
        """Read one token a row, shape ``(B,)``; return the logits of the next."""
        first, joint = self._layers[0], self._joins[0]
        if self._lookup.table is None:
            first.read(self._lookup.vectors(tokens))
        else:
            self._lookup.products(tokens, first.a)
        h1 = first.advance()
        if joint is not None:
            h1 = joint(self._lookup.vectors(tokens), h1)
        for layer, joint in zip(self._layers[1:], self._joins[1:], strict=True):
            x1 = h1
            layer.read(x1)
            h1 = layer.advance()
            if joint is not None:
                h1 = joint(x1, h1)
        self._output(h1, self.logits)
        return self.logits

    def reorder(self, parents: Ints) -> None:
        """Let row i go on from the state of row ``parents[i]``, for all rows at once; feed a token next.

        Parameters
        ----------
        parents : ndarray of int, shape (B,)
            Rows, of which some may be there twice and others not at all.
        """
        for layer in self._layers:
            layer.reorder(parents)
