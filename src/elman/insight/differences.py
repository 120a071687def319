"""Central differences of a function of several arrays, taken in place and undone bit for bit."""

from collections.abc import Callable, Mapping
from typing import TypeAlias

import numpy as np

from elman.typing import Floats

Index: TypeAlias = tuple[int, ...]

STEPS = {4: 2.0**-12, 2: 2.0**-17}
"""The default step of each order.

Measured on losses of the four cells at depth 3 with weights of unit size, as the absolute error of one
derivative, median and worst: order 4 has 5e-13 and 1e-11 at 2**-12, 2e-12 and 1e-11 at 2**-14, 2e-12 and 3e-8
at 2**-9; order 2 has its least at 2**-16, 7e-12 and 7e-9. With a longer step the next term of the Taylor
series shows, with a shorter one the rounding of the value. A power of two leaves `x + step` exact wherever
`x` has bits to spare.
"""

WEIGHTS = {4: ((1, 8.0 / 12.0), (2, -1.0 / 12.0)), 2: ((1, 0.5),)}
"""For each order, the pairs (k, weight) of the differences f(x + k step) - f(x - k step)."""


def rounding(largest: float, step: float) -> float:
    """Return the rounding error to expect of one derivative: a few units in the last place of f, by the step.

    Here `largest` is the largest absolute value of f that took part.

    It is about twice what was seen in the measurement under `STEPS`.
    """
    return 4.0 * float(np.finfo(np.float64).eps) * largest / step


def by_element(
    evaluate: Callable[[], float], array: Floats, index: Index, *, step: float, order: int
) -> tuple[float, float]:
    """Differentiate `evaluate()` by one element of `array`, which it reads in place.

    Returns the derivative and the largest absolute value seen, from which `rounding` tells the error.
    """
    x = array[index]

    def at(move: float) -> float:
        array[index] = x + move
        return evaluate()

    try:
        return _stencil(at, step * max(1.0, abs(float(x))), order)
    finally:
        array[index] = x


def by_direction(
    evaluate: Callable[[], float],
    arrays: Mapping[str, Floats],
    direction: Mapping[str, Floats],
    *,
    step: float,
    order: int,
) -> tuple[float, float]:
    """Differentiate `evaluate()` along `direction`, which moves the arrays it names; see `by_element`."""
    before = {name: arrays[name].copy() for name in direction}
    largest = max(float(np.abs(array).max(initial=0.0)) for array in before.values())

    def at(move: float) -> float:
        for name, along in direction.items():
            arrays[name][...] = before[name] + move * along
        return evaluate()

    try:
        return _stencil(at, step * max(1.0, largest), order)
    finally:
        for name, array in before.items():
            arrays[name][...] = array


def _stencil(at: Callable[[float], float], h: float, order: int) -> tuple[float, float]:
    """Return the derivative at 0 of `at`, and the largest absolute value it took."""
    total, largest = 0.0, 0.0
    for k, weight in WEIGHTS[order]:
        above, below = at(k * h), at(-k * h)
        total += weight * (above - below)
        largest = max(largest, abs(above), abs(below))
    return total / h, largest


def draw_direction(arrays: Mapping[str, Floats], rng: np.random.Generator) -> dict[str, Floats]:
    """Draw a direction through all of `arrays`, uniform on the sphere of length 1."""
    drawn = {name: rng.standard_normal(array.shape) for name, array in arrays.items()}
    length = np.sqrt(sum(float(np.vdot(array, array)) for array in drawn.values()))
    return {name: array / length for name, array in drawn.items()}


def choose_elements(shape: Index, most: int | None, rng: np.random.Generator) -> list[Index]:
    """Return every index of an array of this shape, or a random choice of `most` of them."""
    size = int(np.prod(shape))
    if most is None or size <= most:
        return list(np.ndindex(shape))
    chosen = np.sort(rng.choice(size, size=most, replace=False))
    return [tuple(map(int, np.unravel_index(int(k), shape))) for k in chosen]
