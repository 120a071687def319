"""Problems for output layers, and what they must agree with: shared by the suite and by the planted bugs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise, product
from typing import Any, NamedTuple

import numpy as np
import pytest

from elman import gradcheck
from elman.insight.reference import outputs as plain
from elman.network.output import OUTPUTS, Output
from elman.network.workspace import Workspace

H, K, N = 4, 11, 150
"""More rows than the smallest chunk, 128, holds; words for a head and three tails, and for three classes."""

SETTINGS: dict[str, dict[str, Any]] = {
    "adaptive": {"cutoffs": [3, 5, 6]}, "sampled": {"samples": 4}, "nce": {"samples": 4},
    "mixture": {"experts": 3},
}  # fmt: skip
CASES = [(name, tied) for name in OUTPUTS for tied in (False, True)]


class Problem(NamedTuple):
    """An output, its parameters, hidden states and targets."""

    layer: Output
    params: dict[str, Any]
    h: Any  # (N, H)
    y: Any  # (N,)

    def run(
        self, scale: float = 1.0, space: Workspace | None = None, seed: int | None = None
    ) -> tuple[float, dict[str, Any]]:
        """Return the loss and all derivatives; memory is NaN where it must be written."""
        grads = {name: np.full_like(array, np.nan) for name, array in self.params.items()}
        dh, space = np.full_like(self.h, np.nan), Workspace() if space is None else space
        rng = None if seed is None else np.random.default_rng(seed)
        value = self.layer.nll_and_grads(self.params, self.h, self.y, scale, space, grads, dh, rng=rng)
        return value, {**grads, "h": dh}

    def score(self) -> tuple[Any, Any]:
        """Return the loss of every row, and the best class."""
        return self.layer.nll(self.params, self.h, self.y, Workspace())

    def log_p(self) -> Any:
        """Return the log-probabilities as the plain implementation has them."""
        return PLAIN[self.layer.name][0](self.layer, as_float64(self.params), self.h.astype(np.float64))

    def plainly(self) -> tuple[Any, dict[str, Any]]:
        """Return the losses and the derivatives of their sum, as the plain implementation has them."""
        losses, grads, dh = PLAIN[self.layer.name][1](
            self.layer, as_float64(self.params), self.h.astype(np.float64), self.y
        )
        return losses, {**grads, "h": dh}


def as_float64(params: dict[str, Any]) -> dict[str, Any]:
    return {name: array.astype(np.float64) for name, array in params.items()}


def ends_of(layer: Any) -> list[int]:
    return [*layer.cutoffs, layer.classes] if layer.name == "adaptive" else layer.ends.tolist()


Plain = tuple[Callable[..., Any], Callable[..., Any]]
FULL: Plain = (lambda _, *rest: plain.full_log_p(*rest), lambda _, *rest: plain.full(*rest))
PLAIN: dict[str, Plain] = {
    "full": FULL, "sampled": FULL, "nce": FULL,
    "adaptive": (
        lambda layer, *rest: plain.adaptive_log_p(*rest, ends_of(layer)),
        lambda layer, *rest: plain.adaptive(*rest, ends_of(layer)),
    ),
    "classes": (
        lambda layer, *rest: plain.classes_log_p(*rest, ends_of(layer)),
        lambda layer, *rest: plain.classes(*rest, ends_of(layer)),
    ),
    "mixture": (lambda _, *rest: plain.mixture_log_p(*rest), lambda _, *rest: plain.mixture(*rest)),
}  # fmt: skip
"""By the name of the output: log-probabilities, and losses with their derivatives."""


def draw(
    name: str, *, tied: bool = False, hidden: int = H, classes: int = K, rows: int = N,
    dtype: str = "float64", spread: float = 1.0, make: Callable[..., Output] | None = None, **settings: Any,
) -> Problem:  # fmt: skip
    """Draw a problem; `make` is the output's class where that is not the registered one."""
    rng = np.random.default_rng(2)
    given = settings or SETTINGS.get(name, {})
    layer = (make or OUTPUTS[name])(hidden, classes, tied, np.dtype(dtype), **given)
    shapes = layer.shapes() | ({"embedding.E": (classes, hidden)} if tied else {})
    params = {key: (spread * rng.normal(size=shape)).astype(dtype) for key, shape in shapes.items()}
    return Problem(
        layer, params, rng.normal(size=(rows, hidden)).astype(dtype), rng.integers(classes, size=rows)
    )


def assert_close(found: dict[str, Any], expected: dict[str, Any], tolerance: float) -> None:
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        np.testing.assert_allclose(found[name], array, rtol=0, atol=tolerance, err_msg=name)


def check_plainly(problem: Problem) -> None:
    """The sum and its derivatives, scaled, are those of the plain implementation."""
    losses, expected = problem.plainly()
    value, found = problem.run(scale=0.25)
    assert value == pytest.approx(losses.sum(), rel=1e-12)
    assert_close(found, {name: 0.25 * array for name, array in expected.items()}, 1e-12)


def check_targets_in_one_place(problem: Problem) -> None:
    """No target in the head, in a tail, in a class: what nobody asks for has a gradient of zero."""
    bounds = [0, *ends_of(problem.layer)]
    for first, last in pairwise(bounds):
        check_plainly(problem._replace(y=first + problem.y % (last - first)))


def check_scores(problem: Problem) -> None:
    """Losses and best classes are those of the log-probabilities of all, as the logits are."""
    log_p, (nll, best) = problem.log_p(), problem.score()
    np.testing.assert_allclose(np.exp(log_p).sum(axis=1), 1.0, rtol=1e-12)
    rows = np.arange(len(nll))
    np.testing.assert_allclose(nll, -log_p[rows, problem.y], rtol=1e-11, atol=1e-12)
    np.testing.assert_array_equal(best, log_p.argmax(axis=1))
    logits = problem.layer.logits(problem.params, problem.h)
    shifts = logits - log_p
    np.testing.assert_allclose(shifts, np.broadcast_to(shifts[:, :1], shifts.shape), rtol=0, atol=1e-11)


def check_gradients(problem: Problem, seed: int | None = None) -> None:
    """Every derivative is that of central differences; with a seed those of the objective by its samples."""

    def function(arrays: dict[str, Any]) -> tuple[float, dict[str, Any]]:
        params = {name: array for name, array in arrays.items() if name != "h"}
        return problem._replace(params=params, h=arrays["h"]).run(seed=seed)

    report = gradcheck(function, {**problem.params, "h": problem.h}, order=2)
    assert report.passed, report


def check_samples(problem: Problem) -> None:
    """The objective by the samples of a seed is that of the plain implementation."""
    layer: Any = problem.layer
    params, every = as_float64(problem.params), np.arange(layer.classes)
    q = np.log1p(1.0 / (every + 1.0)) / np.log(layer.classes + 1.0)
    for seed in range(6):
        words = layer.draw(np.random.default_rng(seed))
        if layer.name == "sampled":
            log_pi = np.log(1.0 - np.exp(-layer.samples * q))
            losses, grads, dh = plain.sampled(params, problem.h, problem.y, np.unique(words), log_pi)
        else:
            losses, grads, dh = plain.nce(params, problem.h, problem.y, words, np.log(q))
        value, found = problem.run(scale=0.25, seed=seed)
        assert value == pytest.approx(losses.sum(), rel=1e-12, abs=1e-12)
        expected = {name: 0.25 * array for name, array in {**grads, "h": dh}.items()}
        assert_close(found, expected, 1e-11)


def subsets(probabilities: Any) -> Iterator[tuple[float, Any]]:
    """Yield every set of words, and how likely it is where each comes with a probability of its own."""
    for chosen in product((False, True), repeat=len(probabilities)):
        which = np.array(chosen)
        yield float(np.where(which, probabilities, 1.0 - probabilities).prod()), np.flatnonzero(which)


def check_consistent(problem: Problem) -> None:
    """Where the softmax is the distribution of the text, the expected gradient of the objective is zero.

    It is taken over all words that may follow and all that may be drawn. This is what a missing correction
    breaks, which no difference quotient shows.
    """
    layer, words = problem.layer, problem.layer.classes
    p = np.random.default_rng(3).dirichlet(np.ones(words))
    q = np.log1p(1.0 / (np.arange(words) + 1.0)) / np.log(words + 1.0)
    samples: int = layer.settings["samples"]
    if layer.name == "sampled":
        draws = list(subsets(1.0 - np.exp(-samples * q)))
    else:  # a sum over independent draws: as if all were one word
        draws = [(q[j], np.full(samples, j)) for j in range(words)]
    for name, array in problem.params.items():
        array[...] = np.log(p) if name == "output.c" else 0.0
    total = np.zeros(words)
    for probability, drawn in draws:
        layer.draw = lambda _, drawn=drawn: drawn  # type: ignore[attr-defined]
        for word in range(words):
            one = problem._replace(h=problem.h[:1], y=np.array([word]))
            total += probability * p[word] * one.run(seed=0)[1]["output.c"]
    np.testing.assert_allclose(total, 0.0, atol=1e-12)
