"""The engine of `gradcheck`: call the subject, call it again, perturb it, compare."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np

from elman.errors import ConfigError, ShapeError
from elman.typing import Floats, Params

from .differences import STEPS, Index, by_direction, by_element, choose_elements, draw_direction, rounding
from .gradreport import ArrayReport, GradcheckReport, compare

Evaluate: TypeAlias = Callable[[], tuple[float, Mapping[str, Floats]]]

ALL = "(all arrays)"


@dataclass(frozen=True)
class Subject:
    """What is checked: arrays that are perturbed in place, and a function that reads them there."""

    arrays: Params
    evaluate: Evaluate
    others: Any  # further arguments, arrays in any nest of containers, which a call must not change


@dataclass(frozen=True)
class Method:
    """How the numeric derivatives are taken."""

    order: int
    step: float
    projections: int
    max_elements: int | None
    tolerance: float

    def __post_init__(self) -> None:
        """Refuse what makes no sense, before anything is computed."""
        if self.order not in STEPS:
            raise ConfigError(f"order={self.order}: central differences are of order 2 or 4")
        for name in ("step", "tolerance"):
            number = getattr(self, name)
            if not (np.isfinite(number) and number > 0):
                raise ConfigError(f"{name}={number}: give a finite number above 0")
        if self.projections < 0:
            raise ConfigError(
                f"projections={self.projections}: give a number of directions, or 0 for every element"
            )
        if self.max_elements is not None and self.max_elements < 1:
            raise ConfigError(f"max_elements={self.max_elements}: give 1 or more, or None for every element")
        if self.projections and self.max_elements is not None:
            raise ConfigError("projections and max_elements are two ways to check less: give one of them")

    def __str__(self) -> str:
        """Say it in words, for the report."""
        if self.projections:
            which = f"{self.projections} random direction{'s' if self.projections > 1 else ''} each"
        else:
            which = (
                "every element" if self.max_elements is None else f"at most {self.max_elements} elements each"
            )
        return f"{which}, order {self.order}, step {self.step:.1e}"


@dataclass(frozen=True)
class Answer:
    """What one call returned, in copies: a function may hand out the same buffers every time."""

    value: float
    grads: Params


def check(subject: Subject, method: Method, rng: np.random.Generator) -> GradcheckReport:
    """Check the subject; its arrays are afterwards as they were."""
    before = {name: array.copy() for name, array in subject.arrays.items()}
    others = _leaves(subject.others)
    others_before = [array.copy() for array in others]
    problems: list[str] = []
    try:
        first = _ask(subject)
        problems += [
            f"changes its argument {name!r}" for name in before if _differ(subject.arrays[name], before[name])
        ]
        if any(_differ(a, b) for a, b in zip(others, others_before, strict=True)):
            problems.append("changes the tokens or the state it is given")
        if not np.isfinite(first.value):
            problems.append(f"the value is {first.value}: no derivative can be checked there")
        second = _ask(subject)
        reports = _compare_all(subject, first, method, rng)
        third = _ask(subject)
    finally:
        for name, array in before.items():
            subject.arrays[name][...] = array
        for array, copy in zip(others, others_before, strict=True):
            if _differ(array, copy):  # the caller may have made them read-only
                array[...] = copy
    return _conclude(reports, problems, (first, second, third), method)


def _conclude(
    reports: list[ArrayReport], problems: list[str], answers: tuple[Answer, Answer, Answer], method: Method
) -> GradcheckReport:
    """Add what the repeated calls showed, and make the report."""
    first, *again = answers
    unlike = next((answer.value for answer in again if _differ(answer.value, first.value)), None)
    if unlike is not None:
        problems.append(
            f"not repeatable: at the same point the value was {first.value!r} and then {unlike!r} "
            "(state kept between calls, or hidden randomness)"
        )
    moving = [name for name in first.grads if any(_differ(a.grads[name], first.grads[name]) for a in again)]
    if moving:
        problems.append(
            f"not repeatable: at the same point other gradients for {', '.join(moving)} "
            "(accumulators not set to zero, state kept between calls, or hidden randomness)"
        )
    reports = [
        replace(report, passed=False, note=report.note or "not repeatable")
        if report.name in moving
        else report
        for report in reports
    ]
    return GradcheckReport(tuple(reports), tuple(problems), first.value, method.tolerance, str(method))


def _ask(subject: Subject) -> Answer:
    """Call the subject once; copy and check what it returns."""
    value, grads = subject.evaluate()
    copies: Params = {}
    for name, array in subject.arrays.items():
        if name not in grads:
            raise ShapeError(
                f"no gradient for array {name!r}: there are gradients for {', '.join(grads) or 'none'}"
            )
        if np.shape(grads[name]) != array.shape:
            raise ShapeError(
                f"the gradient of {name!r} has shape {np.shape(grads[name])}: expected {array.shape}, "
                "that of the array"
            )
        copies[name] = np.array(grads[name], np.float64)
    return Answer(value, copies)


def _compare_all(
    subject: Subject, first: Answer, method: Method, rng: np.random.Generator
) -> list[ArrayReport]:
    """Take the numeric derivatives of every array and compare them with the first answer."""
    if not method.projections:
        return [_compare_elements(subject, name, first, method, rng) for name in subject.arrays]
    reports = [
        _compare_directions(subject, name, {name: array}, first, method, rng)
        for name, array in subject.arrays.items()
    ]
    return [*reports, _compare_directions(subject, ALL, subject.arrays, first, method, rng)]


def _compare_elements(
    subject: Subject, name: str, first: Answer, method: Method, rng: np.random.Generator
) -> ArrayReport:
    array, grad = subject.arrays[name], first.grads[name]
    indices = choose_elements(array.shape, method.max_elements, rng)
    slopes = [
        by_element(lambda: subject.evaluate()[0], array, index, step=method.step, order=method.order)
        for index in indices
    ]
    return compare(
        name,
        array.shape,
        indices,
        np.array([grad[index] for index in indices]),
        np.array([slope for slope, _ in slopes]),
        typical=_typical([grad]),
        noise=rounding(max((size for _, size in slopes), default=0.0), method.step),
        tolerance=method.tolerance,
    )


def _compare_directions(
    subject: Subject,
    name: str,
    moved: Mapping[str, Floats],
    first: Answer,
    method: Method,
    rng: np.random.Generator,
) -> ArrayReport:
    shape = moved[name].shape if name in moved else (sum(array.size for array in moved.values()),)
    indices: list[Index] = []
    analytic, slopes = [], []
    for k in range(method.projections if any(array.size for array in moved.values()) else 0):
        direction = draw_direction(moved, rng)
        slope = by_direction(
            lambda: subject.evaluate()[0], moved, direction, step=method.step, order=method.order
        )
        indices.append((k,))
        slopes.append(slope)
        analytic.append(sum(float(np.vdot(along, first.grads[n])) for n, along in direction.items()))
    return compare(
        name,
        shape,
        indices,
        np.array(analytic),
        np.array([slope for slope, _ in slopes]),
        typical=_typical([first.grads[n] for n in moved]),
        noise=rounding(max((size for _, size in slopes), default=0.0), method.step),
        tolerance=method.tolerance,
    )


def _typical(grads: list[Floats]) -> float:
    """Return the root mean square of the gradients; not finite where one of them is not."""
    size = sum(grad.size for grad in grads)
    largest = max((float(np.abs(grad).max(initial=0.0)) for grad in grads), default=0.0)
    if not (np.isfinite(largest) and largest > 0):
        return largest
    return largest * float(np.sqrt(sum(float(((grad / largest) ** 2).sum()) for grad in grads) / size))


def _leaves(nest: Any) -> list[Any]:
    """Return the arrays in a nest of dictionaries, lists and tuples."""
    if isinstance(nest, np.ndarray):
        return [nest]
    if isinstance(nest, Mapping):
        return [leaf for part in nest.values() for leaf in _leaves(part)]
    return [leaf for part in nest for leaf in _leaves(part)] if isinstance(nest, list | tuple) else []


def _differ(a: Any, b: Any) -> bool:
    """Whether two numbers or arrays differ in any bit that counts; NaN is like NaN here."""
    return not np.array_equal(a, b, equal_nan=True)
