"""How the next token is chosen: the settings, checked."""

import math
import operator
from dataclasses import dataclass

import numpy as np

from elman.errors import ConfigError


@dataclass(frozen=True)
class Sampling:
    """How the next token is chosen.

    The settings act in this order: bans, repetition penalty, temperature, top-k, top-p, min-p, typical.
    Each filter sees what those before it left, made to add up to 1 again.

    Parameters
    ----------
    temperature : float, default 1.0
        The logits are divided by it: below 1 is bolder towards the likely tokens, above 1 more adventurous.
        0 is greedy: always the most probable token that is not banned, repetitions penalised.
    top_k : int, optional
        Keep the k most probable tokens; all of them where there are no more than k.
    top_p : float, optional
        In (0, 1]: keep the fewest tokens, most probable first, whose probabilities reach p together.
    banned : tuple of int, default ()
        Token ids that are never drawn.
    min_p : float, optional
        In [0, 1]: keep the tokens that have at least this share of the probability of the most probable one.
    typical : float, optional
        In (0, 1]: keep the fewest tokens whose probabilities reach this together, those first whose surprise
        (minus the logarithm of the probability) is nearest to what it is on average, the entropy. The most
        probable token may so be left out.
    repetition_penalty : float, default 1.0
        The log-probabilities of tokens that occurred lately are multiplied by it: above 1, what was said is
        less likely to be said again.
    repetition_window : int, default 64
        How many of the last tokens count as lately, those of the prompt among them.

    Raises
    ------
    ConfigError
        If a value is out of range.

    Notes
    -----
    Of tokens that are equal by what a filter goes by, the one with the lower id comes first, everywhere.

    Keskar et al. divide the logit of a repeated token by the penalty. Logits are of log-probabilities up to a
    constant only, by which that would depend; so it is the log-probability here, which is never positive,
    and multiplied.

    References
    ----------
    A. Holtzman, J. Buys, L. Du, M. Forbes, Y. Choi (2020), The curious case of neural text degeneration, ICLR
    (top-p, "nucleus sampling").

    M. Nguyen, A. Baker, C. Neo, A. Roush, A. Kirsch, R. Shwartz-Ziv (2025), Turning up the heat: min-p
    sampling for creative and coherent LLM outputs, ICLR.

    C. Meister, T. Pimentel, G. Wiher, R. Cotterell (2023), Locally typical sampling, Transactions of the ACL.

    N. Keskar, B. McCann, L. Varshney, C. Xiong, R. Socher (2019), CTRL: a conditional transformer language
    model for controllable generation, arXiv:1909.05858 (repetition penalty).

    Examples
    --------
    >>> import numpy as np
    >>> from elman.decoding import probabilities
    >>> logits = np.log([0.5, 0.3, 0.2])
    >>> probabilities(logits, Sampling(top_k=2)).round(3)
    array([0.625, 0.375, 0.   ])
    >>> probabilities(logits, Sampling(temperature=0, banned=(0,)))
    array([0., 1., 0.])
    >>> probabilities(logits, Sampling(min_p=0.5)).round(3)
    array([0.625, 0.375, 0.   ])
    >>> probabilities(logits, Sampling(typical=0.2)).round(3)
    array([0., 1., 0.])
    >>> Sampling(top_p=1.5)
    Traceback (most recent call last):
    elman.errors.ConfigError: top_p is 1.5: give a number in (0, 1], or leave it out
    """

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None
    banned: tuple[int, ...] = ()
    min_p: float | None = None
    typical: float | None = None
    repetition_penalty: float = 1.0
    repetition_window: int = 64

    def __post_init__(self) -> None:
        if not (is_number(self.temperature) and 0.0 <= self.temperature < math.inf):
            raise ConfigError(f"temperature is {self.temperature!r}: give a number of 0 (greedy) or more")
        if self.top_k is not None and not (is_id(self.top_k) and self.top_k >= 1):
            raise ConfigError(f"top_k is {self.top_k!r}: give a whole number of 1 or more, or leave it out")
        for name in ("top_p", "typical"):
            value = getattr(self, name)
            if value is not None and not (is_number(value) and 0.0 < value <= 1.0):
                raise ConfigError(f"{name} is {value!r}: give a number in (0, 1], or leave it out")
        if self.min_p is not None and not (is_number(self.min_p) and 0.0 <= self.min_p <= 1.0):
            raise ConfigError(f"min_p is {self.min_p!r}: give a number in [0, 1], or leave it out")
        if not isinstance(self.banned, tuple) or not all(is_id(i) and i >= 0 for i in self.banned):
            raise ConfigError(f"banned is {self.banned!r}: give a tuple of token ids, 0 or more")
        penalty, window = self.repetition_penalty, self.repetition_window
        if not (is_number(penalty) and 0.0 < penalty < math.inf):
            raise ConfigError(
                f"repetition_penalty is {penalty!r}: give a number above 0; 1 leaves repetitions alone"
            )
        if not (is_id(window) and window >= 1):
            raise ConfigError(f"repetition_window is {window!r}: give a whole number of tokens, 1 or more")

    @property
    def greedy(self) -> bool:
        """Whether the most probable token is always taken: temperature 0."""
        return self.temperature == 0.0

    @property
    def remembers(self) -> bool:
        """Whether it matters which tokens occurred lately."""
        return self.repetition_penalty != 1.0


STEEPEST = 16
"""The largest power of a length: of a million tokens, a number that float64 still holds."""


def check_power(value: object, low: int) -> float:
    """Return the power of the number of tokens that a log-probability is divided by.

    Raises
    ------
    ConfigError
        If it is no number from `low` to `STEEPEST`.
    """
    if not (is_number(value) and low <= float(value) <= STEEPEST):  # type: ignore[arg-type]
        raise ConfigError(f"length_penalty is {value!r}: give a number from {low} to {STEEPEST}; 0 is none")
    return float(value)  # type: ignore[arg-type]


def is_number(value: object) -> bool:
    """Say whether a value is a real number; a bool is none."""
    return isinstance(value, float | int | np.floating | np.integer) and not isinstance(value, bool)


def is_id(value: object) -> bool:
    """Say whether a value is a whole number; a bool is none."""
    try:
        operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        return False
    return not isinstance(value, bool)
