"""Dynamic evaluation: a model that goes on learning from what it has just predicted."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elman.data import Part, Stream
from elman.errors import ConfigError, DataError
from elman.network import LanguageModel, ModelState
from elman.network.threads import one_thread
from elman.training._checks import real, whole
from elman.training.flat import BLOCK, flat_view
from elman.typing import Floats, Ints, Params

RULES = {"sgd": (0.01, 0.001), "rms": (3e-5, 0.002)}
"""Rate and decay of each rule where none is given, for windows of five tokens. The best rates are higher for
models of words, and lower for those of characters."""

USUAL = 5  # tokens of a window, for which these are

ROWS = 100
"""Rows of the training text side by side, when the size of its gradients is measured."""


@dataclass(frozen=True)
class Dynamic:
    """How a model goes on learning while it is evaluated.

    After each window of the text has been predicted, the parameters take a step down the gradient of its
    loss, and one back towards the trained ones. Penalties that the model was trained with are no part of it.

    Parameters
    ----------
    rule : str
        ``sgd``: the step is ``lr * g``. ``rms``: it is ``lr * g / (r + epsilon)``, where r is the root mean
        square of each parameter's gradient on the training part; the way back is the longer the larger r.
    lr : float, optional
        Rate, 0 or more. By default that of the rule, in proportion to the square root of the window.
    decay : float, optional
        Share of the way back to the trained parameters, in [0, 1]. By default that of the rule, in proportion
        to the window.
    window : int
        Tokens that are predicted before the model learns from them.
    epsilon : float
        Of ``rms``: added to r.
    statistics : int
        Of ``rms``: how many windows of the training part r is measured on, 100 rows side by side.

    Raises
    ------
    ConfigError
        If the rule is unknown or a number out of range.

    References
    ----------
    T. Mikolov, M. Karafiát, L. Burget, J. Černocký, S. Khudanpur (2010), Recurrent neural network based
    language model, Interspeech (dynamic evaluation).

    B. Krause, E. Kahembwe, I. Murray, S. Renals (2018), Dynamic evaluation of neural sequence models, ICML
    (both rules and the decay).

    Examples
    --------
    >>> from elman.training.dynamic import Dynamic
    >>> Dynamic("sgd", lr=0.05).lr, Dynamic("rms", window=20).lr
    (0.05, 6e-05)
    """

    rule: str = "rms"
    lr: float | None = None
    decay: float | None = None
    window: int = USUAL
    epsilon: float = 2e-5
    statistics: int = 500

    def __post_init__(self) -> None:
        if self.rule not in RULES:
            raise ConfigError(f"unknown rule of dynamic evaluation {self.rule!r}: give {' or '.join(RULES)}")
        window = whole("window", self.window, 1)
        rate, decay = RULES[self.rule]
        scale = window / USUAL
        given = {
            "lr": real("lr", rate * scale**0.5 if self.lr is None else self.lr, "[0, inf)"),
            "decay": real("decay", min(decay * scale, 1.0) if self.decay is None else self.decay, "[0, 1]"),
            "epsilon": real("epsilon", self.epsilon, "(0, inf)"),
            "statistics": whole("statistics", self.statistics, 1),
        }
        for name, value in given.items():
            object.__setattr__(self, name, value)

    @property
    def numbers(self) -> tuple[float, float]:
        """Rate and decay, those of the rule where none were given."""
        assert self.lr is not None, "filled in when it was made"
        assert self.decay is not None, "filled in when it was made"
        return self.lr, self.decay

    def as_dict(self) -> dict[str, Any]:
        """Return what it is made of, for JSON; what the rule has no use for is left out."""
        names = ("rule", "lr", "decay", "window", *(("epsilon", "statistics") if self.rule == "rms" else ()))
        return {name: value for name, value in asdict(self).items() if name in names}

    def __str__(self) -> str:
        rate, decay = self.numbers
        return f"{self.rule}, rate {rate:.3g}, decay {decay:.3g}, windows of {self.window}"


class Learner:
    """A model of its own, that learns.

    Parameters
    ----------
    model : LanguageModel
        The trained one; left as it is.
    dynamic : Dynamic
        How to learn.
    rms : ndarray of shape (N,), optional
        For the rule ``rms``: of all parameters end to end, as :func:`gradient_rms` measures it.
    """

    def __init__(self, model: LanguageModel, dynamic: Dynamic, rms: Floats | None = None) -> None:
        self.trained = _flat(model.params)
        own = model.new_grads()
        self.params, self.grads = _flat(own), model.new_grads()
        np.copyto(self.params, self.trained)
        self.model = _of_the_text(model).with_params(own)
        rate, decay = dynamic.numbers
        self.step: Floats | float = rate
        self.back: Floats | float = decay
        if dynamic.rule == "rms":
            if rms is None:
                raise ConfigError("the rule rms needs the size of the gradients on the training part")
            self.step = rate / (rms + dynamic.epsilon)
            # No more than all of the way back, or it would overshoot.
            self.back = np.minimum(decay * (rms / max(float(rms.mean()), 1e-30)), 1.0).astype(rms.dtype)

    def learn(self, x: Ints, y: Ints, state: ModelState, reset: NDArray[np.bool_] | None = None) -> None:
        """Learn from a window ``(T, B)``, and the state that entered it."""
        self.model.loss_and_grads(x, y, state, reset=reset, out=self.grads)
        gradient, scratch = _flat(self.grads), np.empty(BLOCK, self.params.dtype)
        for start in range(0, self.params.size, BLOCK):
            part = slice(start, min(start + BLOCK, self.params.size))
            step, back = (
                each[part] if isinstance(each, np.ndarray) else each for each in (self.step, self.back)
            )
            p, g, d = self.params[part], gradient[part], scratch[: part.stop - start]
            np.subtract(self.trained[part], p, out=d)
            d *= back
            g *= step
            p += d
            p -= g


def gradient_rms(model: LanguageModel, train: Part, dynamic: Dynamic) -> Floats:
    """Return the root mean square of the gradient of each parameter on the training part.

    Each gradient is of the mean loss of a window of as many tokens as will be learnt from at a time, in a
    hundred rows. Windows are taken from the beginning of the rows on, the state carried.

    Parameters
    ----------
    model : LanguageModel
        The model, as it was trained.
    train : Part
        What it was trained on.
    dynamic : Dynamic
        The length of a window, and how many.

    Returns
    -------
    ndarray of shape (N,)
        For all parameters end to end.

    Raises
    ------
    DataError
        If the text is too short for a window.
    """
    rows = max(1, min(ROWS, (train.tokens - 1) // dynamic.window))
    if train.tokens <= dynamic.window:
        raise DataError(
            f"the training part has {train.tokens} tokens, too few to measure gradients of windows of "
            f"{dynamic.window}"
        )
    model, stream = _of_the_text(model), Stream(train, rows, dynamic.window)
    state, grads = model.initial_state(rows), model.new_grads()
    gradient = _flat(grads)
    squares, count = np.zeros_like(gradient), 0
    with one_thread():
        for start, stop in islice(stream.windows(), dynamic.statistics):
            window = stream.window_at(start, stop)
            _, state, _ = model.loss_and_grads(window.x, window.y, state, reset=window.reset, out=grads)
            np.square(gradient, out=gradient)
            np.add(squares, gradient, out=squares)
            count += 1
    np.divide(squares, count, out=squares)
    return np.sqrt(squares, out=squares)


def _of_the_text(model: LanguageModel) -> LanguageModel:
    """Return the model without the penalties of training, so that its gradient is that of the loss."""
    given = model.stack.regularisers
    twin = model.replica()
    twin.stack = replace(model.stack, regularisers=replace(given, activation_reg=0.0, temporal_reg=0.0))
    return twin


def _flat(arrays: Params) -> Floats:
    vector = flat_view(arrays)
    assert vector is not None, "a model's parameters and gradients lie end to end"
    return vector
