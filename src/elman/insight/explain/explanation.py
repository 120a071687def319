"""A network unrolled over a sentence, and what the loss of each step sends back to each other."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from elman.data import Tokenizer
from elman.errors import ConfigError, DataError, DivergenceError
from elman.insight.explain.steps import Shares, factors_of, shares
from elman.insight.plain_cell import gate_functions, plain_cell
from elman.insight.reference.cells import Array, Arrays
from elman.insight.trace import Trace, derivatives, trace
from elman.network import LanguageModel
from elman.network.checks import check_whole

MOST_TOKENS = 100
"""No sentence has more: what each loss sends to each step grows with the square of it."""

MOST_NUMBERS = 60_000_000
"""Nor may all that is sent be more numbers than these (480 MB)."""


@dataclass(frozen=True)
class Word:
    """A token of a sentence.

    Attributes
    ----------
    symbol : str
        As it stands in the sentence.
    token : str
        As the vocabulary has it: ``<unk>`` where it does not.
    id : int
        Its index in the vocabulary.
    unknown : bool
        Whether the vocabulary does not have it.
    """

    symbol: str
    token: str
    id: int
    unknown: bool = False


@dataclass(frozen=True)
class Explanation:
    """A network unrolled over a sentence. Made by :func:`elman.explain`.

    The loss of step ``t`` is ``L_t``, in nats; the objective is their mean ``L`` over the ``T`` steps. Under
    truncation each ``L_t`` reaches `back` steps back: itself and those before it; nothing is sent further.

    Attributes
    ----------
    sentence : str
        What was explained.
    words, targets : list of Word
        What each step reads, and what it is to predict.
    vocabulary : list of str
        The token of each index.
    trace : Trace
        Every number of the forward pass, and the derivative of ``L`` by it without truncation; one row.
    each : dict of str to ndarray, (T, T, n)
        By the names of `Trace.grads`, the derivative of ``L_t`` by what step ``k`` computed, at ``[t, k]``.
        Where ``k > t`` it is zero.
    back : int or None
        The truncation.
    cell, activations : str, dict of str to (str or None)
        The cell, and the function of each of its gates: "sigmoid", "tanh" or "relu"; None where it is not
        known, as of a cell of one's own.
    gated_by : str or None
        The gate that multiplies the recurrent product of the last one, if there is such a gate.

    Examples
    --------
    >>> import elman
    >>> from elman.insight.explain import small_model
    >>> model, tokenizer, _ = small_model("to be or not to be")
    >>> found = elman.explain(model, tokenizer, "to be or")
    >>> found.sent().shape, sorted(found.by_step(back=1))[:3]
    ((3, 3), ['embedding.E', 'layers.0.U', 'layers.0.W'])
    """

    sentence: str
    words: list[Word]
    targets: list[Word]
    vocabulary: list[str]
    trace: Trace
    each: Arrays
    back: int | None
    cell: str
    activations: dict[str, str | None]
    gated_by: str | None

    @property
    def steps(self) -> int:
        """Number of steps, ``T``."""
        return len(self.words)

    def check_step(self, step: int) -> None:
        """Raise ConfigError if there is no such step.

        Parameters
        ----------
        step : int
            From 0.
        """
        if not 0 <= step < self.steps:
            raise ConfigError(f"there is no step {step}: the steps are 0 to {self.steps - 1}")

    def sent(self, layer: int = -1) -> Array:
        """Return the length of dL_t/dh_k in that layer, ``(T, T)``: what loss t sends to state k.

        Parameters
        ----------
        layer : int
            From 0; negative from the last.
        """
        l = range(self.trace.layers)[layer]
        lengths: Array = np.linalg.norm(self.each[f"layers.{l}.h"], axis=2)
        return lengths

    def reached(self, back: int | None) -> np.ndarray:
        """Return whether loss ``t`` reaches step ``k``, boolean ``(T, T)``.

        Parameters
        ----------
        back : int or None
            How many steps each loss reaches back, its own the first; None: to the beginning.
        """
        t, k = np.indices((self.steps, self.steps))
        return (k <= t) & (k > t - (back or self.steps))

    def grads(self, back: int | None) -> Arrays:
        """Return the derivative of ``L`` by what each step computed, ``(T, n)``, at that truncation.

        Parameters
        ----------
        back : int or None
            How many steps each loss reaches back, its own the first; None: to the beginning.
        """
        return self._sums(back, self.each)

    def _sums(self, back: int | None, names: Iterable[str]) -> Arrays:
        """Return the derivative of ``L`` by those of that name, at that truncation."""
        near = self.reached(back)
        # What enters the last step that is reached is a constant: nothing is sent to the step before it. Only
        # the state that enters the sentence has no step before it.
        beyond = near & np.roll(near, 1, axis=1)
        beyond[:, 0] = near[:, 0]
        total = {}
        for name in names:
            reach = (beyond if name.endswith("_prev") else near) / self.steps
            total[name] = np.einsum("tk,tkn->kn", reach, self.each[name])
        return total

    def shares(self, back: int | None) -> dict[str, Shares]:
        """Return what each step adds to the derivative of ``L`` by each parameter, as factors.

        Parameters
        ----------
        back : int or None
            How many steps each loss reaches back, its own the first; None: to the beginning.
        """
        return shares(self.trace, self._sums(back, factors_of(self.trace)))

    def by_step(self, back: int | None) -> Arrays:
        """Return what each step adds to the derivative of ``L`` by each parameter, ``(T, ...)``.

        Parameters
        ----------
        back : int or None
            How many steps each loss reaches back, its own the first; None: to the beginning.
        """
        return {name: share.each() for name, share in self.shares(back).items()}

    @cached_property
    def cut(self) -> list[dict[str, tuple[float, float]]]:
        """What each truncation cuts off.

        For `back` of 1, 2, ..., T and each parameter: the length of what is missing from its derivative, over
        the length of the whole, and the cosine between the two (NaN where either is zero).
        """
        whole = self.shares(None)
        return [
            {name: _compared(part, whole[name]) for name, part in self.shares(back).items()}
            for back in range(1, self.steps + 1)
        ]


def _compared(part: Shares, whole: Shares) -> tuple[float, float]:
    """Return the relative length of the difference of the sums, and their cosine."""
    length = np.float64(whole.length())
    with np.errstate(invalid="ignore", divide="ignore"):
        missing = part.less(whole).length() / length
        cosine = part.dot(whole) / (length * part.length())
    return float(missing), float(cosine)


def explain(
    model: LanguageModel,
    tokenizer: Tokenizer,
    sentence: str,
    *,
    back: int | None = None,
    new_line: bool = False,
) -> Explanation:
    """Unroll a model over a sentence, forward and back.

    Each step reads a token and predicts the next; the last predicts the end of the line, where the vocabulary
    has one. The state that enters is zero. All is computed by the plain implementation, in float64.

    Parameters
    ----------
    model : LanguageModel
        Of any cell.
    tokenizer : Tokenizer
        Of its vocabulary.
    sentence : str
        At most 100 tokens.
    back : int, optional
        How many steps each loss reaches back, itself the first; by default all.
    new_line : bool
        Read a line end first, and predict the tokens of the sentence and no more, as
        :meth:`elman.TextModel.score` does: right for a model that was trained on lines of text. Without a
        line end in the vocabulary it changes nothing.

    Returns
    -------
    Explanation

    Raises
    ------
    DataError
        If the sentence is empty or too long, or there is nothing to predict.
    DivergenceError
        If the loss is not finite.
    ConfigError
        If `sentence` is no string, or `back` no whole number of at least 1.

    Examples
    --------
    >>> import elman
    >>> from elman.insight.explain import small_model
    >>> model, tokenizer, losses = small_model("I like to play .", cell="lstm")
    >>> found = elman.explain(model, tokenizer, "I like to play .", back=2)
    >>> [word.symbol for word in found.words], found.sent().shape
    (['I', 'like', 'to', 'play', '.'], (5, 5))
    """
    if not isinstance(sentence, str):
        raise ConfigError(f"the sentence must be a string, not {sentence!r:.60}")
    back = None if back is None else check_whole("back", back, 1)
    words = _words(tokenizer, sentence)
    if not words:
        raise DataError("the sentence is empty: give some words")
    end = tokenizer.start
    if end is None:
        words, following = words[:-1], words[1:]
    else:
        edge = Word(tokenizer.token(end), tokenizer.token(end), end)
        words, following = ([edge, *words[:-1]], words) if new_line else (words, [*words[1:], edge])
    if not words:
        raise DataError("the sentence is one token, and the vocabulary has no line end to predict: give two")
    if len(words) > MOST_TOKENS:
        raise DataError(
            f"the sentence has {len(words)} tokens, and at most {MOST_TOKENS} are explained: give a shorter "
            "one, or look at a long text with elman inspect"
        )
    T = len(words)
    x, y = (np.array([word.id for word in row]) for row in (words, following))
    seen = trace(model, x, y)
    if not np.isfinite(seen.loss):
        raise DivergenceError(f"the loss of this model is {seen.loss}: its parameters are of no use")
    _check_size(T, seen.grads)
    # A row for each loss: T copies of the sentence, of which copy t counts the loss of step t alone.
    copies_x, copies_y = (np.tile(ids[:, None], T) for ids in (x, y))
    rows = derivatives(model, copies_x, copies_y, np.eye(T, dtype=np.bool_))
    whole = {id(array): array.swapaxes(0, 1) * T for array in _apart(rows)}
    each = {name: whole[id(array)] for name, array in rows.items()}
    vocabulary = [tokenizer.token(i) for i in range(tokenizer.vocab_size)]
    activations = gate_functions(model.cell)
    gated_by = plain_cell(model.cell).gated_by
    # A state that zoneout holds is not what the cell's equations make: whoever shows these goes by the name.
    held = model.regularisers.zoneout or model.regularisers.zoneout_cell
    cell = f"{model.cell} with zoneout" if held else model.cell
    return Explanation(sentence, words, following, vocabulary, seen, each, back, cell, activations, gated_by)


def _apart(grads: Arrays) -> Iterable[Array]:
    """Return the arrays, each once: a product has the derivative of the sum that it is in."""
    return {id(array): array for array in grads.values()}.values()


def _check_size(T: int, grads: Arrays) -> None:
    each = sum(array.shape[-1] for array in _apart(grads))
    if T * T * each > MOST_NUMBERS:
        raise DataError(
            f"what {T} losses send to {T} steps of this model would be {T * T * each:,} numbers: give at "
            f"most {math.isqrt(MOST_NUMBERS // each)} tokens"
        )


def _words(tokenizer: Tokenizer, sentence: str) -> list[Word]:
    ids, symbols = tokenizer.encode(sentence).tolist(), tokenizer.symbols(sentence)
    return [
        Word(symbol, tokenizer.token(id), id, id == tokenizer.unknown)
        for symbol, id in zip(symbols, ids, strict=True)
    ]
