"""The two questions asked of every number a user gives: is it one, and is it in range."""

import math
import operator
from typing import Any

from elman.errors import ConfigError


def real(name: str, value: Any, interval: str) -> float:
    """Return `value` as a Python float inside `interval`, written as in mathematics.

    A Python float, and not one of NumPy's, because ``float32 array * np.float64`` computes in float64.

    >>> real("beta1", 0.9, "[0, 1)")
    0.9
    >>> real("beta1", 1, "[0, 1)")
    Traceback (most recent call last):
    elman.errors.ConfigError: beta1 is 1: give a number in [0, 1)
    """
    low, high = (float(end) for end in interval[1:-1].split(","))
    try:
        number = math.nan if isinstance(value, str | bytes) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    above = number >= low if interval[0] == "[" else number > low
    below = number <= high if interval[-1] == "]" else number < high
    if not (above and below):
        raise ConfigError(f"{name} is {value!r}: give a number in {interval}")
    return number


def whole(name: str, value: Any, at_least: int) -> int:
    """Return `value` as a Python int that is `at_least` or more.

    >>> whole("every", 0, at_least=1)
    Traceback (most recent call last):
    elman.errors.ConfigError: every is 0: give a whole number of 1 or more
    """
    try:
        number = operator.index(value)
    except TypeError:
        number = at_least - 1
    if number < at_least:
        raise ConfigError(f"{name} is {value!r}: give a whole number of {at_least} or more")
    return number
