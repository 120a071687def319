"""Where the first number that is not finite appeared."""

from __future__ import annotations

import numpy as np

from elman.data import Part, Window
from elman.errors import DivergenceError
from elman.network import LanguageModel, ModelState
from elman.network.backprop import forward
from elman.ranks import ALONE, Ranks
from elman.typing import Floats, Params

SEARCHED = 256  # steps of the validation text at a time


def explain_divergence(
    model: LanguageModel,
    window: Window,
    state: ModelState,
    grads: Params,
    step: int,
    clip: float | None = None,
    *,
    row: int = 0,
    ranks: Ranks = ALONE,
) -> DivergenceError:
    """Return the error that names the first layer, time step and batch row with NaN or infinity.

    The forward pass is repeated and its parts are searched in the order in which they are computed:
    parameters, word vectors, the states of each layer, logits; then the gradients. `clip` is the largest
    norm of the gradient that was let through, 0 for any. The window's rows are those of the batch from `row`
    on; where `ranks` have the others, each looks at its own, and all are told what the first of them found.
    """
    where = _in_params(model)
    if not where:  # on all ranks alike
        found = ranks.gather(_in_forward(model, window, state, row=row))
        where = next((place for place in found if place), None) or _in_gradients(model, grads)
    return _error(f"training diverged at step {step}: {where}", clip)


def explain_evaluation(
    model: LanguageModel, part: Part, step: int, clip: float | None = None
) -> DivergenceError:
    """Return the error that says where NaN or infinity first appeared on the validation text."""
    where, state = _in_params(model), model.initial_state(1)
    for start in range(0, part.tokens, SEARCHED):
        if where:
            break
        x = part.ids[start : start + SEARCHED][:, None].astype(np.intp)
        where = _in_forward(model, Window(x, x, None), state, start)
        with np.errstate(all="ignore"):
            state = forward(model.network, x, state).states(len(x))
    place = f"{where} of the validation text" if where else "the sum over the validation text overflowed"
    return _error(f"the validation loss at step {step} is not finite: {place}", clip)


def _error(what: str, clip: float | None) -> DivergenceError:
    advice = "a smaller --lr, and --clip 5" if clip == 0 else "a smaller --lr"
    return DivergenceError(f"{what}; the last checkpoint is as it was. Try {advice}")


def _in_params(model: LanguageModel) -> str | None:
    for name, array in model.params.items():
        if not np.isfinite(array).all():
            place = np.unravel_index(int(np.argmin(np.isfinite(array))), array.shape)
            return f"parameter {name} is not finite, first at index {tuple(map(int, place))}"
    return None


def _in_forward(
    model: LanguageModel, window: Window, state: ModelState, offset: int = 0, row: int = 0
) -> str | None:
    with np.errstate(all="ignore"):
        tape = forward(model.network, window.x, state, reset=window.reset)
        places: list[tuple[str, Floats]] = [("the word vectors", model.params["embedding.E"][window.x])]
        for layer, made in zip(model.stack.layers, tape.tapes, strict=True):
            places += [(f"state {name} of {layer.name}", made.states[i]) for i, name in _fields(made.states)]
        for name, array in places:
            found = _first(array, offset, row)
            if found:
                return f"{name} became NaN or infinite at {found}"
        h = tape.inputs[-1]
        for t in range(len(h)):
            logits = model.output.logits(model.params, h[t])
            if not np.isfinite(logits).all():
                place = _first(logits[None], t + offset, row)
                return f"the logits of the output became NaN or infinite at {place}"
    return None


def _fields(state: tuple[Floats, ...]) -> list[tuple[int, str]]:
    return list(enumerate(getattr(state, "_fields", ())))


def _first(array: Floats, offset: int = 0, first_row: int = 0) -> str | None:
    """Say where array (T, B, H) first is not finite, by time step and then by row."""
    bad = ~np.isfinite(array).all(axis=2)
    if not bad.any():
        return None
    t, row = np.unravel_index(int(np.argmax(bad)), bad.shape)
    return f"time step {int(t) + offset}, batch row {int(row) + first_row}"


def _in_gradients(model: LanguageModel, grads: Params) -> str:
    # Backward, the last layer comes first.
    for name in reversed(model.params):
        if not np.isfinite(grads[name]).all():
            return f"the forward pass is finite, but the gradient of {name} is not"
    return "the loss is not finite, though every state, logit and gradient is; the norm overflowed"
