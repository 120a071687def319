"""Gradient checks: are these the derivatives of that function?"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from elman.errors import ConfigError, ShapeError
from elman.typing import Floats, Ints, Params

from .checking import Method, Subject, check
from .differences import STEPS
from .gradreport import ArrayReport, Entry, GradcheckReport

__all__ = ["ArrayReport", "Entry", "GradcheckReport", "gradcheck"]

STEPS_OF_TEXT, BATCH = 5, 3  # of the tokens drawn for a model: more than one of each, and still fast
RESETS = 0.3  # of a model with learnt states: the share of places where rows begin anew


def gradcheck(
    target: Any,
    arrays: Mapping[str, Floats] | None = None,
    *,
    grads: Mapping[str, Floats] | None = None,
    x: Ints | None = None,
    y: Ints | None = None,
    state: Any = None,
    lengths: Any = None,
    reset: Any = None,
    noise: int | None = None,
    order: int = 4,
    step: float | None = None,
    projections: int = 0,
    max_elements: int | None = None,
    tolerance: float = 1e-6,
    seed: int | np.random.Generator = 0,
) -> GradcheckReport:
    """Compare the gradients of a function or a model with central differences.

    An array passes when ``||a - n|| / (||a|| + ||n||)`` is within the tolerance, for its analytic and numeric
    derivatives a and n, and so is every derivative by itself, relative to the larger of its size and the
    typical size in its array. Differences within the rounding of the function pass, and are noted; NaN and
    infinity never pass.

    The function must also repeat itself: called again at the same point, before and after all the perturbing,
    it must return the same value and the same gradients to the last bit, and leave its arguments as they
    were. This is what finds accumulators that are not set to zero, state kept between calls, and hidden
    randomness.

    Parameters
    ----------
    target : callable or model
        Either ``function(arrays) -> (value, gradients)``, with `value` a real number and `gradients` a
        dictionary with the names and shapes of `arrays`; or any object with `params`, a dictionary of arrays
        that it reads at each call, and ``loss_and_grads(x, y, state) -> (loss, state, gradients)``.
    arrays : mapping of str to ndarray of float64
        Where to check a function. It is handed copies; these are never touched.
    grads : mapping of str to ndarray, optional
        Gradients to check in place of those that the function returns; it then returns the value alone.
    x, y : ndarray of int, (T, B), optional
        For a model: tokens and targets. By default random ones, T = 5 and B = 3.
    state : optional
        For a model: what enters the window. By default `model.initial_state` of that batch, with random
        numbers in place of the zeros.
    lengths : array-like, optional
        For a model: how many steps of each row count, as its `loss_and_grads` takes them.
    reset : ndarray of bool, (T, B), optional
        For a model: where rows begin anew, as its `loss_and_grads` takes it. By default nowhere, or where
        what they begin from is learnt, at random places: else nothing would depend on that.
    noise : int, optional
        For a model: seed of the generator that `loss_and_grads` is given as `rng`, a new one at each call, so
        that every call draws the same masks. By default it is given none, and nothing is dropped.
    order : {4, 2}
        The order of the central differences.
    step : float, optional
        The step h; by default 2**-12 for order 4 and 2**-17 for order 2, which measured best.
    projections : int
        0 checks element by element. n > 0 checks derivatives along n random directions through each array,
        and along n through all of them together: a few evaluations an array, however large.
    max_elements : int, optional
        Check at most so many elements of each array, chosen at random.
    tolerance : float
        The largest relative error that passes.
    seed : int or numpy.random.Generator
        Draws directions, elements, tokens and state.

    Returns
    -------
    GradcheckReport
        `report.passed`, `report.failed`, `report["W"].error`; `print(report)` shows a table.

    Raises
    ------
    ShapeError
        If an array is not of float64, the value is not one number, or a gradient is missing or of another
        shape.
    ConfigError
        If a setting is out of range or contradicts another.

    Notes
    -----
    Order 4 is the five-point stencil::

        f'(x) = (8 (f(x + h) - f(x - h)) - (f(x + 2h) - f(x - 2h))) / 12h + O(h**4)

    which allows a step so long that the rounding of f costs little. Order 2, ``(f(x + h) - f(x - h)) / 2h``,
    needs a short step: less exact, cheaper by half, and less likely to step across a kink, as relu has one.
    The step is scaled by ``max(1, |x|)``.

    The parameters of a model are perturbed in place and put back bit for bit, also when a call raises.

    References
    ----------
    Abramowitz & Stegun (1972), "Handbook of Mathematical Functions", table 25.2.

    Examples
    --------
    >>> import numpy as np
    >>> def half_square(arrays):
    ...     w = arrays["w"]
    ...     return 0.5 * (w**2).sum(), {"w": w}
    >>> report = gradcheck(half_square, {"w": np.array([[1.0, -2.0, 3.0]])})
    >>> report.passed, report["w"].error < 1e-9
    (True, True)
    >>> def forgets_the_two(arrays):
    ...     w = arrays["w"]
    ...     return (w**2).sum(), {"w": w}
    >>> print(gradcheck(forgets_the_two, {"w": np.array([[1.0, -2.0, 3.0]])}))
    gradcheck FAILED: 1 of 1 array, tolerance 1.0e-06 (every element, order 4, step 2.4e-04)
      array  shape   compared    error  worst at       analytic        numeric
      w      (1, 3)         3  3.3e-01    (0, 1)  -2.000000e+00  -4.000000e+00  FAILED
    """
    step = STEPS.get(order, 1.0) if step is None else step
    method = Method(order, step, projections, max_elements, tolerance)
    rng = np.random.default_rng(seed)
    if hasattr(target, "loss_and_grads"):
        if arrays is not None or grads is not None:
            raise ConfigError(
                "arrays and grads belong to a function: a model brings its own; give x, y, state, lengths, "
                "reset and noise"
            )
        return check(_model_subject(target, x, y, state, lengths, reset, noise, rng), method, rng)
    if not callable(target):
        raise ConfigError(
            f"target is a {type(target).__name__}: give a function(arrays) -> (value, gradients), "
            "or a model with params and loss_and_grads"
        )
    if arrays is None or any(given is not None for given in (x, y, state, lengths, reset, noise)):
        raise ConfigError(
            "a function is checked at `arrays`, a dictionary; x, y, state, lengths, reset and noise belong "
            "to a model"
        )
    return check(_function_subject(target, arrays, grads), method, rng)


def _function_subject(
    function: Callable[..., Any], arrays: Mapping[str, Floats], given: Mapping[str, Floats] | None
) -> Subject:
    """Prepare the check of a function on copies of its arrays."""
    _demand_float64(arrays, "convert it with .astype(np.float64), and see that the function computes in it")
    copies = {name: np.array(array) for name, array in arrays.items()}

    def evaluate() -> tuple[float, Params]:
        result = function(copies)
        if given is not None:
            return _number(result), dict(given)
        if not (isinstance(result, tuple) and len(result) == 2):
            raise ShapeError(f"the function returned a {type(result).__name__}: expected (value, gradients)")
        return _number(result[0]), result[1]

    return Subject(copies, evaluate, ())


def _model_subject(
    model: Any, x: Any, y: Any, state: Any, lengths: Any, reset: Any, noise: int | None,
    rng: np.random.Generator,
) -> Subject:  # fmt: skip
    """Prepare the check of a model on its own parameters; draw the tokens and state that are not given."""
    params = model.params
    _demand_float64(params, "build the model with dtype='float64'")
    if (x is None) != (y is None):
        raise ConfigError("x and y belong together: give both, or neither for random tokens")
    if x is None:
        classes = len(params["embedding.E"])
        x, y = rng.integers(classes, size=(2, STEPS_OF_TEXT, BATCH))
    if state is None:
        state = _randomized(model.initial_state(batch=np.shape(x)[1]), rng)
    if reset is None and getattr(model, "learn_state", False):
        reset = rng.random(np.shape(x)) < RESETS
        reset[[0, -1], 0] = True  # and so some at least, for either way over a sequence
    fixed = {name: given for name, given in (("lengths", lengths), ("reset", reset)) if given is not None}

    def evaluate() -> tuple[float, Params]:
        options = dict(fixed)
        if noise is not None:
            options["rng"] = np.random.default_rng(noise)
        value, _, grads = model.loss_and_grads(x, y, state, **options)
        return _number(value), grads

    return Subject(params, evaluate, (x, y, state, *map(np.asarray, fixed.values())))


def _randomized(state: Any, rng: np.random.Generator) -> Any:
    """Return a state of the same make, with random numbers for its arrays."""
    if isinstance(state, np.ndarray):
        return rng.normal(0.0, 1.0, tuple(state.shape)).astype(state.dtype)
    if isinstance(state, Mapping):
        return {name: _randomized(part, rng) for name, part in state.items()}
    parts = [_randomized(part, rng) for part in state]
    return type(state)(*parts) if hasattr(state, "_fields") else type(state)(parts)


def _demand_float64(arrays: Mapping[str, Floats], advice: str) -> None:
    if not arrays:
        raise ConfigError("there is no array to check: give at least one")
    for name, array in arrays.items():
        if np.asarray(array).dtype != np.float64:
            raise ShapeError(
                f"array {name!r} is of {np.asarray(array).dtype}: central differences need float64, because "
                f"with fewer digits their rounding hides most mistakes; {advice}"
            )


def _number(value: Any) -> float:
    """Return the value as a float, or say why it is not one."""
    if np.shape(value) != () or np.iscomplexobj(value):
        raise ShapeError(
            f"the value has shape {np.shape(value)} and type {np.asarray(value).dtype}: expected one real "
            "number; reduce it, for example to its inner product with fixed random numbers"
        )
    return float(value)
