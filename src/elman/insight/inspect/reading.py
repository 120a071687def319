"""A model reads a text: what it expected at each token, and every unit after it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from elman.data import Tokenizer
from elman.errors import ConfigError, DataError, ShapeError
from elman.insight.inspect.pieces import pieces_of
from elman.insight.inspect.walk import Ints, walk
from elman.insight.plain_cell import check_plain, gate_functions, plain_cell
from elman.insight.reference.cells import Array, Arrays
from elman.network import LanguageModel
from elman.network.checks import check_tokens

__all__ = ["Reading", "check_unit", "read"]

MOST = 400_000_000
"""No more numbers are kept of a text (3.2 GB): the states and gates of each step and unit."""


@dataclass(frozen=True, eq=False, repr=False)
class Reading:
    """What a model did at each token of a text.

    Made by :func:`~elman.insight.inspect.read`. ``N`` tokens were read in ``S`` steps: a text stands at the
    beginning of a line, so that a line end was read before it if the vocabulary has one, and then
    ``S = N + 1``, else ``S = N``.

    Attributes
    ----------
    tokenizer : Tokenizer
        Of the tokens.
    ids : ndarray of int, (N,)
        The tokens.
    pieces : tuple of str, of length N
        The text of each; together they are the text.
    context : ndarray of int, (S,)
        What was read, step by step.
    starts : ndarray of int
        Steps that began from the zero state: 0, and those that read the first token of a document.
    surprise : ndarray, (N,)
        Negative log-likelihood of each token given those before it, in nats. NaN for the first if nothing
        was read before it.
    top_ids : ndarray of int, (N, n)
        The tokens that were thought most likely where each token stands, from the most likely down; -1 where
        nothing was read before.
    top_p : ndarray, (N, n)
        Their probabilities; NaN where nothing was read before.
    states : dict of str to ndarray, (L, S, H)
        By name, such as ``h`` and for lstm ``c``: what each step left.
    gates : dict of str to ndarray, (L, S, H)
        The gates of each step.
    kinds : dict of str to str
        What each gate is a value of: "sigmoid", "tanh", "rectifier", or "unbounded", as the candidate of
        mingru, or the gate of a cell of one's own whose values go beyond [-1, 1].
    """

    tokenizer: Tokenizer
    ids: Ints
    pieces: tuple[str, ...]
    context: Ints
    starts: Ints
    surprise: Array
    top_ids: Ints
    top_p: Array
    states: Arrays
    gates: Arrays
    kinds: dict[str, str]

    def __repr__(self) -> str:
        return (
            f"<Reading: {len(self.ids)} tokens, {self.layers} x {self.hidden}, {self.nats:.4f} nats a token>"
        )

    @property
    def led(self) -> int:
        """How many steps came before the first token of the text: 0 or 1."""
        return len(self.context) - len(self.ids)

    @property
    def layers(self) -> int:
        """Depth, ``L``."""
        return len(self.states["h"])

    @property
    def hidden(self) -> int:
        """Width, ``H``."""
        return int(self.states["h"].shape[-1])

    @property
    def activations(self) -> Arrays:
        """What is to be seen of each unit after each token, ``(L, N, H)``: ``h``, and for lstm tanh ``c``.

        Of a cell of one's own, its states as they are.
        """
        seen = self.states | {name: np.tanh(self.states[name]) for name in self.squashed}
        return {name: array[:, self.led :] for name, array in seen.items()}

    @property
    def squashed(self) -> tuple[str, ...]:
        """The states that are seen through tanh: ``c`` of an lstm."""
        return ("c",) if "c" in self.states and {"i", "o", "g"} <= self.gates.keys() else ()

    @property
    def nats(self) -> float:
        """Mean of `surprise` over the tokens that were predicted."""
        return float(np.nanmean(self.surprise))

    def unit(self, layer: int, unit: int, state: str = "h") -> Array:
        """Return the activation of one unit after each token.

        Parameters
        ----------
        layer, unit : int
            Which, counted from 0.
        state : str
            "h", or "c" of an lstm.

        Returns
        -------
        ndarray, (N,)

        Raises
        ------
        ConfigError
            If there is no such unit.
        """
        _check_unit((self.layers, self.hidden), self.states, layer, unit, state)
        return self.activations[state][layer, :, unit]


def check_unit(model: LanguageModel, layer: int, unit: int, state: str = "h") -> None:
    """Raise ConfigError unless a model has that unit.

    Parameters
    ----------
    model : LanguageModel
        Of any cell.
    layer, unit : int
        Which, counted from 0.
    state : str
        "h", or "c" of an lstm.

    Examples
    --------
    >>> import elman
    >>> check_unit(elman.LanguageModel(vocab_size=4, hidden=8, layers=2), layer=2, unit=0)
    Traceback (most recent call last):
    elman.errors.ConfigError: there is no layer 2: they are 0 to 1
    """
    layers, states = model.stack.layers, plain_cell(model.cell).states
    _check_unit((len(layers), layers[0].hidden), states, layer, unit, state)


def _check_unit(sizes: tuple[int, int], states: Iterable[str], layer: int, unit: int, state: str) -> None:
    if state not in states:
        raise ConfigError(f"there is no state {state!r}: choose one of {', '.join(states)}")
    for name, index, size in zip(("layer", "unit"), (layer, unit), sizes, strict=True):
        if not 0 <= index < size:
            raise ConfigError(f"there is no {name} {index}: they are 0 to {size - 1}")


def read(
    model: LanguageModel,
    tokenizer: Tokenizer,
    text: str | ArrayLike,
    *,
    top: int = 5,
    starts: ArrayLike = (),
    original: str | None = None,
) -> Reading:
    """Let a model read a text, and keep what it expected and what its units were.

    It runs the plain implementation over the text, step by step with carried state, in float64: the numbers
    are those of :func:`elman.trace`, to rounding.

    Parameters
    ----------
    model : LanguageModel
        Of any cell.
    tokenizer : Tokenizer
        Of its vocabulary.
    text : str or array of int, (N,)
        A text, or the ids of its tokens. At least two tokens.
    top : int
        How many of the most likely tokens to keep at each position; at most the vocabulary.
    starts : array of int, optional
        Tokens before which the state is set to zero, as where documents begin. Training with
        ``documents`` other than "none" does so.
    original : str, optional
        Where `text` is ids, what they were made from; see :func:`~elman.insight.inspect.pieces_of`.

    Returns
    -------
    Reading

    Raises
    ------
    DataError
        If there are fewer than two tokens, or so many that their states and gates are more than 400 million
        numbers.
    ShapeError
        If the ids are not one-dimensional, or outside the vocabulary.
    ConfigError
        If `top` is less than 1, or the model reads backwards or is projected.
    DivergenceError
        If the model's parameters are not finite.

    Examples
    --------
    >>> import elman
    >>> tokenizer = elman.CharTokenizer.from_text("ab\\n")
    >>> model = elman.LanguageModel(vocab_size=4, cell="gru", hidden=3, layers=1)
    >>> reading = read(model, tokenizer, "abba")
    >>> reading.surprise.shape, reading.states["h"].shape, reading.top_ids.shape
    ((4,), (1, 5, 3), (4, 4))
    """
    check_plain(model, "inspected")
    if model.hidden_last is not None:
        raise ConfigError(
            "a model whose last layer has another width cannot be inspected: only one of equal layers"
        )
    if top < 1:
        raise ConfigError(f"top={top}: give at least 1")
    if isinstance(text, str):
        ids, original = tokenizer.encode(text).astype(np.intp), text
    else:
        ids = tokenizer.check_ids(np.asarray(text)).astype(np.intp)
    if len(ids) < 2:
        raise DataError(f"the text has {len(ids)} token(s): give a text of at least two")
    led = [] if tokenizer.start is None else [tokenizer.start]
    context = np.array([*led, *ids], np.intp)
    resets = _resets(starts, len(ids), len(led))
    _check_size(model, len(context))
    seen = walk(model, check_tokens("text", context, model.vocab_size, rank=1), resets, top)
    surprise, best, p = (_of_tokens(array, len(led)) for array in (seen.losses, seen.top_ids, seen.top_p))
    return Reading(
        tokenizer, ids, pieces_of(tokenizer, ids, original), context, resets, surprise, best, p,
        seen.states, seen.gates, _kinds(model.cell, seen.gates),
    )  # fmt: skip


def _check_size(model: LanguageModel, steps: int) -> None:
    cell = plain_cell(model.cell)
    each = sum(layer.hidden for layer in model.stack.layers) * (len(cell.gates) + len(cell.states))
    if steps * each > MOST:
        raise DataError(
            f"the states and gates of {steps:,} tokens of this model are {steps * each:,} numbers: read at "
            f"most {MOST // each:,} tokens"
        )


def _of_tokens(array: Any, led: int) -> Any:
    """Turn what each step says of the next token into what is said of each token of the text."""
    if led:
        return array[:-1]
    nothing = np.full_like(array[:1], np.nan if array.dtype.kind == "f" else -1)
    return np.concatenate([nothing, array[:-1]])


def _kinds(cell: str, gates: Arrays) -> dict[str, str]:
    """Return what each gate is a value of."""
    kinds = {}
    for name, function in gate_functions(cell).items():
        if function == "relu":
            kinds[name] = "rectifier"
        elif function == "linear":
            kinds[name] = "unbounded"
        elif function is None:
            kinds[name] = "tanh" if np.abs(gates[name]).max() <= 1 else "unbounded"
        else:
            kinds[name] = function
    return kinds


def _resets(starts: ArrayLike, tokens: int, led: int) -> Ints:
    """Return the steps that begin from zeros, 0 among them."""
    given = np.asarray(starts, np.intp).reshape(-1)
    if given.size and not (given.min() >= 0 and given.max() < tokens):
        raise ShapeError(
            f"starts lie from {given.min()} to {given.max()}: give tokens from 0 to {tokens - 1}"
        )
    return np.unique(np.concatenate([[0], given + led])).astype(np.intp)
