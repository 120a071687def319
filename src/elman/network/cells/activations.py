"""Activations of gates, candidates and states: those of the ONNX operators RNN, LSTM and GRU."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, NamedTuple

import numpy as np

from elman.errors import ConfigError
from elman.typing import Floats


class Rule(NamedTuple):
    """What an activation computes. `apply` works in place; `slope` reads one array and writes another."""

    apply: Callable[..., None]  # (x, *parameters)
    slope: Callable[..., None]  # (at, out, *parameters)
    defaults: tuple[float, ...] = ()
    of_value: bool = True  # the slope is read off the value; else off what went in


def halved_sigmoid(x: Floats) -> None:
    """Overwrite x, which is half of what goes in, with the logistic function; see ``Cell.sigmoids``."""
    np.tanh(x, out=x)
    np.multiply(x, 0.5, out=x)
    np.add(x, 0.5, out=x)


def _sigmoid(x: Floats) -> None:
    np.multiply(x, 0.5, out=x)
    halved_sigmoid(x)


def _sigmoid_slope(v: Floats, out: Floats) -> None:
    np.multiply(v, v, out=out)
    np.subtract(v, out, out=out)


def _tanh_slope(v: Floats, out: Floats) -> None:
    np.multiply(v, v, out=out)
    np.subtract(1.0, out, out=out)


def _affine(x: Floats, alpha: float, beta: float) -> None:
    np.multiply(x, alpha, out=x)
    np.add(x, beta, out=x)


def _leaky_relu(x: Floats, alpha: float) -> None:
    np.multiply(x, alpha, out=x, where=x < 0.0)


def _leaky_relu_slope(x: Floats, out: Floats, alpha: float) -> None:
    out.fill(1.0)
    np.copyto(out, alpha, where=x < 0.0)


def _thresholded_relu(x: Floats, alpha: float) -> None:
    np.copyto(x, 0.0, where=x < alpha)


def _scaled_tanh(x: Floats, alpha: float, beta: float) -> None:
    np.multiply(x, beta, out=x)
    np.tanh(x, out=x)
    np.multiply(x, alpha, out=x)


def _scaled_tanh_slope(v: Floats, out: Floats, alpha: float, beta: float) -> None:
    np.divide(v, alpha or 1.0, out=out)  # alpha 0: there is no tanh to get back, and no slope
    np.multiply(out, out, out=out)
    np.subtract(1.0, out, out=out)
    np.multiply(out, alpha * beta, out=out)


def _hard_sigmoid(x: Floats, alpha: float, beta: float) -> None:
    _affine(x, alpha, beta)
    np.clip(x, 0.0, 1.0, out=x)


def _hard_sigmoid_slope(v: Floats, out: Floats, alpha: float, beta: float) -> None:
    out.fill(alpha)
    np.copyto(out, 0.0, where=(v <= 0.0) | (v >= 1.0))


def _elu(x: Floats, alpha: float) -> None:
    below = x < 0.0
    np.expm1(x, out=x, where=below)
    np.multiply(x, alpha, out=x, where=below)


def _elu_slope(x: Floats, out: Floats, alpha: float) -> None:
    below = x < 0.0
    out.fill(1.0)
    np.exp(x, out=out, where=below)
    np.multiply(out, alpha, out=out, where=below)


def _softsign(x: Floats) -> None:
    np.divide(x, 1.0 + np.abs(x), out=x)


def _softsign_slope(v: Floats, out: Floats) -> None:
    np.abs(v, out=out)
    np.subtract(1.0, out, out=out)
    np.multiply(out, out, out=out)


def _softplus_slope(v: Floats, out: Floats) -> None:
    np.negative(v, out=out)
    np.expm1(out, out=out)
    np.negative(out, out=out)  # 1 - exp(-v) is the sigmoid


RULES = {
    "relu": Rule(lambda x: _into(np.maximum, x, 0.0), lambda v, out: _into(np.sign, v, out=out)),
    "tanh": Rule(lambda x: _into(np.tanh, x), _tanh_slope),
    "sigmoid": Rule(_sigmoid, _sigmoid_slope),
    "affine": Rule(_affine, lambda v, out, alpha, beta: out.fill(alpha), (1.0, 0.0)),
    "leaky-relu": Rule(_leaky_relu, _leaky_relu_slope, (0.01,), of_value=False),
    "thresholded-relu": Rule(
        _thresholded_relu,
        lambda x, out, alpha: _into(np.greater_equal, x, alpha, out=out),
        (1.0,),
        of_value=False,
    ),
    "scaled-tanh": Rule(_scaled_tanh, _scaled_tanh_slope, (1.0, 1.0)),
    "hard-sigmoid": Rule(_hard_sigmoid, _hard_sigmoid_slope, (0.2, 0.5)),
    "elu": Rule(_elu, _elu_slope, (1.0,), of_value=False),
    "softsign": Rule(_softsign, _softsign_slope),
    "softplus": Rule(lambda x: _into(np.logaddexp, x, 0.0), _softplus_slope),
}
"""The activations by name. A negative alpha makes the value of some ambiguous: these keep what went in."""


def _into(ufunc: Any, x: Floats, *others: Any, out: Floats | None = None) -> None:
    ufunc(x, *others, out=x if out is None else out)


def number_text(value: float) -> str:
    """Return the shortest text that reads as that number: 3 for 3.0."""
    return repr(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)


@dataclass(frozen=True)
class Activation:
    """An activation and its parameters, ONNX's alpha and beta.

    ==================  ==========================================  ==========
    name                value                                       defaults
    ==================  ==========================================  ==========
    relu                ``max(0, x)``
    tanh                ``tanh(x)``
    sigmoid             ``1 / (1 + exp(-x))``
    affine              ``alpha x + beta``                          1, 0
    leaky-relu          ``x`` if ``x >= 0``, else ``alpha x``       0.01
    thresholded-relu    ``x`` if ``x >= alpha``, else 0             1
    scaled-tanh         ``alpha tanh(beta x)``                      1, 1
    hard-sigmoid        ``min(max(alpha x + beta, 0), 1)``          0.2, 0.5
    elu                 ``x`` if ``x >= 0``, else
                        ``alpha (exp(x) - 1)``                      1
    softsign            ``x / (1 + |x|)``
    softplus            ``log(1 + exp(x))``
    ==================  ==========================================  ==========

    None overflows where its value does not. Where there are two slopes at a point, relu has 0,
    hard-sigmoid 0, and the others that of the greater side.

    Parameters
    ----------
    name : str
        One of the table.
    parameters : tuple of float
        Alpha, and beta if it has one; all of them.

    References
    ----------
    ONNX, operators RNN, GRU and LSTM, attribute ``activations``.

    Examples
    --------
    >>> import numpy as np
    >>> from elman.network.cells.activations import Activation
    >>> relu6 = Activation.parse("hard-sigmoid:0.25")
    >>> x, slope = np.array([-3.0, 0.0, 1.0]), np.empty(3)
    >>> relu6.apply(x)
    >>> x.tolist()
    [0.0, 0.5, 0.75]
    >>> relu6.slope(x, slope)
    >>> slope.tolist()
    [0.0, 0.25, 0.25]
    >>> str(relu6), str(Activation.parse("hard-sigmoid:0.2:0.5"))
    ('hard-sigmoid:0.25:0.5', 'hard-sigmoid')
    """

    name: str
    parameters: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        rule = RULES.get(self.name)
        if rule is None:
            near = get_close_matches(self.name, RULES, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise ConfigError(f"unknown activation {self.name!r}: expected one of {', '.join(RULES)}{hint}")
        if len(self.parameters) != len(rule.defaults):
            raise ConfigError(
                f"activation {self.name!r} has {len(rule.defaults)} parameters, not {len(self.parameters)}"
            )
        if not all(map(math.isfinite, self.parameters)):
            raise ConfigError(f"parameters of {self.name!r} must be finite, not {self.parameters}")

    @classmethod
    def parse(cls, text: str) -> Activation:
        """Read an activation as a cell's name has it: ``elu``, ``elu:2``, ``affine:1:0.5``.

        Parameters
        ----------
        text : str
            Name, and its parameters behind colons; those left out at the end are the defaults.

        Returns
        -------
        Activation
            With all its parameters.

        Raises
        ------
        ConfigError
            If the name is unknown, or a parameter is no finite number or one too many.
        """
        name, *given = (part.strip() for part in text.split(":"))
        defaults = RULES[name].defaults if name in RULES else ()
        if name in RULES and len(given) > len(defaults):
            raise ConfigError(
                f"activation {text!r}: {name} has {len(defaults)} parameters, and {len(given)} are given"
            )
        try:
            numbers = tuple(map(float, given))
        except ValueError:
            raise ConfigError(f"activation {text!r}: its parameters must be numbers") from None
        return cls(name, (numbers + defaults[len(numbers) :]) if name in RULES else numbers)

    def __str__(self) -> str:
        if self.parameters == RULES[self.name].defaults:
            return self.name
        return ":".join([self.name, *map(number_text, self.parameters)])

    @property
    def of_value(self) -> bool:
        """Whether the slope is read off the value; else off what went in."""
        return RULES[self.name].of_value

    def apply(self, x: Floats) -> None:
        """Overwrite x with its values."""
        RULES[self.name].apply(x, *self.parameters)

    def slope(self, at: Floats, out: Floats) -> None:
        """Write the slopes into `out`, given the values, or what went in if not `of_value`."""
        RULES[self.name].slope(at, out, *self.parameters)


@dataclass(frozen=True)
class Squash:
    """An activation in a cell: clipped before, if at all, and with what went in kept where it must be.

    Parameters
    ----------
    activation : Activation
        The activation.
    clip : float, optional
        What goes in is bounded to ``[-clip, clip]``; from the bounds on the slope is zero.
    halved : bool
        Whether what goes in arrives halved, as that of sigmoid gates does.
    """

    activation: Activation
    clip: float | None = None
    halved: bool = False

    @property
    def keeps(self) -> bool:
        """Whether the way back needs what went in, beside the values."""
        return self.clip is not None or not self.activation.of_value

    def forward(self, x: Floats, kept: Floats) -> None:
        """Overwrite x with its values; write what went in, clipped, into `kept` if it is needed."""
        if self.clip is not None:
            np.clip(x, -self._limit, self._limit, out=x)
        if self.keeps:
            np.copyto(kept, x)
        if self.halved:
            halved_sigmoid(x)
        else:
            self.activation.apply(x)

    def slope(self, values: Floats, kept: Floats, out: Floats) -> None:
        """Write the slopes by what went in (not halved) into `out`, another array."""
        self.activation.slope(values if self.activation.of_value else kept, out)
        if self.clip is not None:
            np.copyto(out, 0.0, where=np.abs(kept) >= self._limit)

    @property
    def _limit(self) -> float:
        assert self.clip is not None
        return self.clip / 2 if self.halved else self.clip
