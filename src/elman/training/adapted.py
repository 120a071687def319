"""Evaluation of a model that adapts to the text: dynamic evaluation, a cache, or both."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from elman.data import Part, Tokenizer, Vocabulary
from elman.errors import DivergenceError
from elman.network import LanguageModel, ModelState
from elman.network.backprop import forward
from elman.network.threads import one_thread
from elman.training.cache import Cache, Float64, Memory, Recalled
from elman.training.dynamic import Dynamic, Learner
from elman.training.evaluation import evaluate
from elman.training.figures import Evaluation
from elman.typing import Floats, Ints

NUMBERS = 1 << 20
"""Probabilities that are in memory at a time."""


class Adapted:
    """A model that is asked window after window what it thinks of a text, and adapts to the text on the way.

    In every window each token is predicted from those before it: first all tokens of the window, by what was
    learnt from the windows before; then the model learns from this one. The cache is up to date at every
    token.

    Parameters
    ----------
    model : LanguageModel
        The trained one; left as it is.
    dynamic : Dynamic, optional
        How it goes on learning.
    cache : Cache, optional
        What it remembers.
    rms : ndarray of shape (N,), optional
        For the rule ``rms``.
    """

    def __init__(
        self, model: LanguageModel, dynamic: Dynamic | None, cache: Cache | None, rms: Floats | None = None
    ) -> None:
        self.learner = None if dynamic is None else Learner(model, dynamic, rms)
        self.model = model if self.learner is None else self.learner.model
        self.cache, self.memory = cache, Memory(1 if cache is None else cache.size)
        self.stack, self.dtype = model.stack, model.dtype

    def initial_state(self, batch: int) -> ModelState:
        """Return the state before a text."""
        return self.model.initial_state(batch)

    def nll(
        self,
        x: Ints,
        y: Ints,
        state: ModelState,
        *,
        reset: NDArray[np.bool_] | None = None,
        guess: bool = True,
    ) -> tuple[Floats | Float64, Ints, ModelState]:
        """Return the loss of every token, the best guess, and the state after, as a model does; then adapt.

        The window has one row, ``(T, 1)``. The best guess is there also where it is not asked for.
        """
        assert x.shape[1] == 1, "a text is read from its beginning to its end"
        predicted = self._predict(x, y, state, reset)
        if self.learner is not None:
            self.learner.learn(x, y, state, reset)
        return predicted

    def _predict(
        self, x: Ints, y: Ints, state: ModelState, reset: NDArray[np.bool_] | None
    ) -> tuple[Floats | Float64, Ints, ModelState]:
        if self.cache is None:
            return self.model.nll(x, y, state, reset=reset)
        tape = forward(self.model.network, x, state, reset=reset)
        h, targets = tape.inputs[-1][:, 0], y[:, 0]
        losses, best = self._mixed(h, targets, self.memory.recall(h, targets))
        return losses[:, None], best[:, None], tape.states(len(x))

    def _mixed(self, h: Floats, y: Ints, recalled: Recalled) -> tuple[Float64, Ints]:
        assert self.cache is not None
        losses, best = np.empty(len(y)), np.empty(len(y), np.intp)
        for rows, p in self.predictions(h):
            Recalled(recalled.likeness[rows], recalled.words).mix(p, self.cache)
            losses[rows] = -np.log(p[np.arange(len(p)), y[rows]])
            best[rows] = p.argmax(axis=1)
        return losses, best

    def predictions(self, h: Floats) -> Iterator[tuple[slice, Float64]]:
        """Yield the probabilities of the model alone, (n, K), some of the hidden states (T, H) at a time."""
        size = max(1, NUMBERS // self.model.vocab_size)
        for start in range(0, len(h), size):
            rows = slice(start, min(start + size, len(h)))
            p = self.model.output.logits(self.model.params, h[rows]).astype(np.float64)
            p -= p.max(axis=1, keepdims=True)
            np.exp(p, out=p)
            p /= p.sum(axis=1, keepdims=True)
            yield rows, p


def evaluate_adapted(
    model: LanguageModel,
    part: Part,
    tokenizer: Tokenizer,
    *,
    dynamic: Dynamic | None = None,
    cache: Cache | None = None,
    rms: Floats | None = None,
    window: int = 50,
    eos: bool = True,
    vocabulary: Vocabulary | None = None,
) -> Evaluation:
    """Measure a model that adapts to the text it reads.

    The text is one row, read from its beginning to its end, as :func:`evaluate` measures it in effect. Every
    token is predicted before anything is learnt from it, and the model that was given stays as it is.

    Parameters
    ----------
    model, part, tokenizer, eos, vocabulary
        As for :func:`evaluate`. Line ends that are not counted are learnt from and remembered all the same.
    dynamic : Dynamic, optional
        How the model goes on learning.
    cache : Cache, optional
        What stands beside it.
    rms : ndarray of shape (N,), optional
        For the rule ``rms``, from :func:`gradient_rms`.
    window : int
        Tokens at a time where the model does not learn; they set the speed, and not the result.

    Returns
    -------
    Evaluation
        Which says how it was measured.

    Raises
    ------
    DataError, ConfigError
        As :func:`evaluate`.
    DivergenceError
        If the loss is no number any more, as where the rate is too large.
    """
    adapted = Adapted(model, dynamic, cache, rms)
    size = window if dynamic is None else dynamic.window
    with one_thread():  # the products of a row are small
        found = evaluate(adapted, part, tokenizer, batch=1, window=size, eos=eos, vocabulary=vocabulary)
    if dynamic is not None and not np.isfinite(found.nats):
        raise DivergenceError(
            f"in dynamic evaluation at a rate of {dynamic.numbers[0]:.3g} the loss is no number any more: "
            "give a smaller rate"
        )
    return replace(found, dynamic=dynamic, cache=cache)
