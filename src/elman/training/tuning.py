"""The numbers of dynamic evaluation and of a cache, searched on the validation part."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from elman.data import Part, Tokenizer
from elman.errors import DivergenceError
from elman.network import LanguageModel, ModelState
from elman.network.backprop import forward
from elman.network.threads import one_thread
from elman.training.adapted import Adapted, evaluate_adapted
from elman.training.cache import Cache, Float64
from elman.training.dynamic import Dynamic
from elman.training.evaluation import evaluate
from elman.typing import Floats, Ints

TUNED = 20_000
"""Tokens of the validation part that are used, from its beginning."""

DOUBLINGS = 6
"""How often a rate or a decay is doubled, or halved, at most."""

THETAS = (0.0, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0)
WEIGHTS = (0.0, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.6)


def tune(
    model: LanguageModel,
    valid: Part,
    tokenizer: Tokenizer,
    *,
    dynamic: Dynamic | None,
    cache: Cache | None,
    rms: Floats | None = None,
    window: int = 50,
    eos: bool = True,
) -> tuple[Dynamic | None, Cache | None, int]:
    """Search the rate and the decay, and then theta and the weight of the cache.

    The rate is doubled as long as that lowers the loss, or else halved; then the decay. For the cache a grid
    is searched in one pass, beside the model as it then learns.

    Parameters
    ----------
    model, tokenizer
        What is evaluated.
    valid : Part
        The validation part.
    dynamic, cache, rms, window, eos
        As for :func:`~elman.training.adapted.evaluate_adapted`; the search begins with these.

    Returns
    -------
    dynamic, cache
        With the numbers found.
    tokens : int
        How many tokens they were searched on.
    """
    part = beginning(valid, TUNED)
    if dynamic is not None:

        def loss(tried: Dynamic) -> float:
            try:
                return evaluate_adapted(model, part, tokenizer, dynamic=tried, rms=rms, eos=eos).nats
            except DivergenceError:
                return math.inf

        dynamic, best = _climb(dynamic, loss(dynamic), _with_rate, loss)
        dynamic, _ = _climb(dynamic, best, _with_decay, loss)
    if cache is not None:
        observed = _Observed(model, dynamic, cache, rms)
        size = window if dynamic is None else dynamic.window
        with one_thread():
            evaluate(observed, part, tokenizer, batch=1, window=size, eos=eos)
        theta, weight = observed.best(None if eos else tokenizer.line_end)
        cache = replace(cache, theta=theta, weight=weight)
    return dynamic, cache, part.tokens


def beginning(part: Part, tokens: int) -> Part:
    """Return the first tokens of a part; of its characters and bytes nothing is said then."""
    if part.tokens <= tokens:
        return part
    starts = None if part.starts is None else part.starts[: int(part.starts.searchsorted(np.uint64(tokens)))]
    return replace(part, ids=part.ids[:tokens], starts=starts, counts=None)


def _with_rate(dynamic: Dynamic, factor: float) -> Dynamic:
    return replace(dynamic, lr=dynamic.numbers[0] * factor)


def _with_decay(dynamic: Dynamic, factor: float) -> Dynamic:
    return replace(dynamic, decay=min(1.0, dynamic.numbers[1] * factor))


def _climb(
    dynamic: Dynamic,
    best: float,
    changed: Callable[[Dynamic, float], Dynamic],
    loss: Callable[[Dynamic], float],
) -> tuple[Dynamic, float]:
    """Double a number as long as the loss falls; if it does not from the start, halve it."""
    for factor in (2.0, 0.5):
        improved = False
        for _ in range(DOUBLINGS):
            tried = changed(dynamic, factor)
            found = loss(tried)
            if not found < best:
                break
            dynamic, best, improved = tried, found, True
        if improved:
            break
    return dynamic, best


class _Observed(Adapted):
    """Keeps what the model and the cache each give to the tokens that come, for several theta."""

    def __init__(
        self, model: LanguageModel, dynamic: Dynamic | None, cache: Cache, rms: Floats | None
    ) -> None:
        super().__init__(model, dynamic, cache, rms)
        self.of_model: list[Float64] = []
        self.of_cache: list[Float64] = []  # (thetas, T) each
        self.targets: list[Ints] = []

    def _predict(
        self, x: Ints, y: Ints, state: ModelState, reset: NDArray[np.bool_] | None
    ) -> tuple[Floats | Float64, Ints, ModelState]:
        tape = forward(self.model.network, x, state, reset=reset)
        h, targets = tape.inputs[-1][:, 0], y[:, 0]
        recalled = self.memory.recall(h, targets)
        given = np.concatenate([p[np.arange(len(p)), targets[rows]] for rows, p in self.predictions(h)])
        self.of_model.append(given)
        self.targets.append(targets)
        self.of_cache.append(np.array([recalled.of_targets(theta, targets) for theta in THETAS]))
        return np.zeros(x.shape), y, tape.states(len(x))

    def best(self, skipped: int | None) -> tuple[float, float]:
        """Return the theta and the weight that give the tokens the most; those of one id are not counted."""
        of_model, of_cache = np.concatenate(self.of_model), np.concatenate(self.of_cache, axis=1)
        counted = np.concatenate(self.targets) != (-1 if skipped is None else skipped)
        losses: dict[tuple[float, float], float] = {}
        for theta, found in zip(THETAS, of_cache, strict=True):
            for weight in WEIGHTS:
                mixed = (1.0 - weight) * of_model + weight * found
                mixed[0] = of_model[0]  # nothing has been read yet
                with np.errstate(divide="ignore"):
                    losses[theta, weight] = -float(np.log(mixed[counted]).sum())
        return min(losses, key=lambda pair: (losses[pair], pair))
