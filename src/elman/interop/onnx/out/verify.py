"""A graph is held against the model that it was made from, in ONNX Runtime, before it becomes a file."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any, NamedTuple

import numpy as np

from elman.errors import DivergenceError, ElmanError
from elman.interop.onnx.out.weights import DTYPE, LayerPlan, plans_of
from elman.network import LanguageModel
from elman.network.functional import log_sums
from elman.network.model import ModelState
from elman.typing import Floats

TOLERANCE = 1e-5
"""How far a number may lie from the model's, relative to the larger of 1 and the largest of its class or
unit in that window.

Not to the largest of all: the logit of one class that is masked by a bias of -1e9 would excuse all others.
"""

STREAMS = (((7, 3), (1, 3), (12, 3)), ((1, 1), (1, 1), (1, 1)), ((33, 2),))
"""Streams of windows ``(T, B)``: each window goes on from the states that the graph returned for the last.

The first stream begins from states drawn at random, the others from zeros.
"""


class Verified(NamedTuple):
    """What a graph was held to, and how well it did.

    Attributes
    ----------
    disagreement : float
        The largest found, relative to the larger of 1 and the largest number of the same class or unit in
        that output.
    where : str
        The output, and the window.
    windows : tuple of (int, int)
        Steps and rows, in the order they were run.
    runtime : str
        Which ONNX Runtime ran it.
    checker : str
        Which onnx checked it.
    """

    disagreement: float
    where: str
    windows: tuple[tuple[int, int], ...]
    runtime: str
    checker: str


def need_packages() -> None:
    """Raise ElmanError, naming the extra, unless onnx and ONNX Runtime are installed."""
    try:
        import onnx  # noqa: F401
        import onnxruntime  # noqa: F401
    except ImportError as error:
        raise ElmanError(
            f"{error.name or 'onnx'} is not installed, which writing a checked ONNX file needs: "
            "python -m pip install 'elman[onnx]'"
        ) from None


def verify(proto: Any, data: bytes, model: LanguageModel, *, seed: int = 0) -> Verified:
    """Hold a graph against its model.

    Parameters
    ----------
    proto : onnx.ModelProto
        The graph, for the checker.
    data : bytes
        The same as it will stand in the file, for ONNX Runtime.
    model : LanguageModel
        What it must compute.
    seed : int
        Of the tokens and states.

    Returns
    -------
    Verified

    Raises
    ------
    ElmanError
        If the checker or ONNX Runtime refuses the graph, or an output lies further from the model's than
        `TOLERANCE`; it says which, and by how much.
    """
    import onnx
    import onnxruntime

    try:
        onnx.checker.check_model(proto, full_check=True)
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4  # what is wrong is in the exception
        session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
        with np.errstate(all="ignore"):  # what comes of an overflow is refused
            found = list(_compare(session, model, np.random.default_rng(seed)))
    except ElmanError:
        raise
    except Exception as error:  # the exceptions of ONNX Runtime have no common base of their own
        reason = " ".join(str(error).split())
        raise ElmanError(f"the graph is refused by {type(error).__module__}: {reason:.300}") from error
    # max would pass over a NaN
    worst, where = max(found, key=lambda entry: np.inf if np.isnan(entry[0]) else entry[0])
    if not worst <= TOLERANCE:
        raise ElmanError(
            f"the graph disagrees with the model by {worst:.2g} in {where}, where {TOLERANCE:g} is allowed; "
            "nothing was written"
        )
    windows = tuple(window for stream in STREAMS for window in stream)
    return Verified(worst, where, windows, f"ONNX Runtime {onnxruntime.__version__}", onnx.__version__)


def _compare(session: Any, model: LanguageModel, rng: np.random.Generator) -> Iterator[tuple[float, str]]:
    """Yield how far each output of each window lies from the model's, and its name."""
    plans = plans_of(model)
    names = [output.name for output in session.get_outputs()]
    for number, stream in enumerate(STREAMS):
        batch = stream[0][1]
        given = {
            state.name: (0.8 * rng.standard_normal((batch, state.width)) if number == 0
            else np.zeros((batch, state.width))).astype(DTYPE)
            for plan in plans for state in plan.states
        }  # fmt: skip
        state = _state_of(model, plans, given)
        for T, B in stream:
            tokens = rng.integers(0, model.vocab_size, (T, B))
            outputs = dict(zip(names, session.run(None, {"tokens": tokens, **given}), strict=True))
            given = {s.name: outputs[s.out] for plan in plans for s in plan.states}
            at = f"a window of {T} x {B} (time x batch)"
            logits, state = model.logits(tokens, state)
            if not all(np.isfinite(array).all() for array in (logits, *chain.from_iterable(state))):
                raise DivergenceError(
                    f"the model itself overflows in {at} of random tokens, so that no graph can be checked "
                    "against it: its states grow without bound"
                )
            yield _difference(outputs["logits"], logits), f"logits of {at}"
            if "log_probabilities" in outputs:
                expected = logits - log_sums(logits)
                yield (
                    _difference(outputs["log_probabilities"], expected, logits),
                    f"log_probabilities of {at}",
                )
            returned = _state_of(model, plans, given)
            for plan, layer_found, layer in zip(plans, returned, state, strict=True):
                for field, is_, should in zip(plan.states, layer_found, layer, strict=True):
                    yield _difference(is_, should), f"{field.out} of {at}"


def _difference(found: Floats, expected: Floats, made_of: Floats | None = None) -> float:
    """Return the largest difference; `made_of` is what was subtracted from, if its rounding remains."""
    if found.shape != expected.shape:
        return float("inf")
    every = tuple(range(expected.ndim - 1))
    scale = np.maximum(1.0, np.abs(expected).max(axis=every))
    if made_of is not None:
        scale = np.maximum(scale, np.abs(made_of).max(axis=every))
    return float((np.abs(found - expected).max(axis=every) / scale).max())


def _state_of(model: LanguageModel, plans: tuple[LayerPlan, ...], named: dict[str, Floats]) -> ModelState:
    """Return the model's state for that of the graph, which may stand before a projection."""
    layers = []
    for plan, zeros in zip(plans, model.initial_state(batch=1), strict=True):
        fields = (named[state.name].astype(model.dtype) for state in plan.states)
        made = [
            field @ model.params[state.projection] if state.projection else field
            for state, field in zip(plan.states, fields, strict=True)
        ]
        layers.append(type(zeros)(*made))
    return tuple(layers)
