"""The fast path is the plain implementation to 1e-10 in float64: loss, state, gradients of everything."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elman import Truncation
from elman.insight import reference

from .building import (
    CELLS,
    as_dicts,
    assert_close,
    draw_masks,
    draw_model,
    draw_reset,
    draw_window,
    fast,
    how,
    plain,
)

pytestmark = pytest.mark.parametrize("cell", CELLS)


@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize("tied", [False, True])
def test_window(cell, layers, tied):
    model = draw_model(cell, layers=layers, tied=tied)
    window = draw_window(model)
    assert_close(fast(model, *window), plain(model, *window))


def test_reset(cell):
    model, reset = draw_model(cell), draw_reset(5, 3)
    window = draw_window(model)
    assert_close(fast(model, *window, reset=reset), plain(model, *window, reset=reset))


@pytest.mark.parametrize("skip", [1, 3, 4])
def test_skip(cell, skip):
    model = draw_model(cell, layers=2)
    window = draw_window(model)
    assert_close(fast(model, *window, skip=skip), plain(model, *window, skip=skip))


@pytest.mark.parametrize("tied", [False, True])
def test_dropout(cell, tied):
    model, reset = draw_model(cell, dropout=0.4, tied=tied), draw_reset(5, 3)
    window = draw_window(model)
    found = fast(model, *window, rng=np.random.default_rng(8), reset=reset, skip=1)
    masks = draw_masks(model, 5, 3, np.random.default_rng(8))
    assert_close(found, plain(model, *window, masks=masks, reset=reset, skip=1))
    assert_close(fast(model, *window), plain(model, *window))  # without a generator nothing is dropped


@pytest.mark.parametrize(("every", "back"), [(2, 2), (5, 5), (1, 1), (1, 3), (2, 3), (3, 4), (2, 9), (9, 9)])
def test_truncation(cell, every, back):
    model, truncation = draw_model(cell, layers=2, tied=True), Truncation(every, back)
    window = draw_window(model)
    assert_close(fast(model, *window, truncation=truncation), plain(model, *window, truncation=truncation))
    reset = draw_reset(5, 3)
    options = {"truncation": truncation, "reset": reset}
    assert_close(fast(model, *window, **options), plain(model, *window, **options))


@pytest.mark.parametrize(("every", "back"), [(2, 2), (2, 4), (1, 7)])
def test_truncation_with_dropout_draws_masks_for_each_pass(cell, every, back):
    """The passes one by one, each with masks of its own, from a state that the pass before it left."""
    model = draw_model(cell, layers=2, dropout=0.3)
    x, y, state = draw_window(model)
    found = fast(model, x, y, state, truncation=Truncation(every, back), rng=np.random.default_rng(4))
    rng, entering, nll = np.random.default_rng(4), as_dicts(state), 0.0
    grads = {name: np.zeros_like(array) for name, array in model.params.items()}
    chunks = list(reference.chunks(len(x), every, back))
    for (start, first, end), (following, _, _) in zip(chunks, [*chunks[1:], (len(x), 0, 0)], strict=True):
        masks = draw_masks(model, end - start, 3, rng)
        options = {**how(model), "masks": masks}
        loss, leaving, part, _ = reference.loss_and_grads(
            model.params, x[start:end], y[start:end], entering, skip=first - start, **options
        )
        nll += loss * (end - first) / len(x)
        for name, grad in part.items():
            grads[name] += grad * (end - first) / len(x)
        states = reference.states_entering(model.params, x[start:end], entering, **options)
        entering = [*states, leaving][following - start]
    assert_close(found, (nll, entering, grads, None))


@pytest.mark.parametrize("state_after", [0, 1, 3, 5])
@pytest.mark.parametrize("reset", [None, draw_reset(5, 3)], ids=["kept", "reset"])
def test_state_after_some_steps(cell, state_after, reset):
    model = draw_model(cell, layers=2)
    x, y, state = draw_window(model)
    _, found, _ = model.loss_and_grads(x, y, state, reset=reset, state_after=state_after)
    if state_after == 0:
        expected = as_dicts(state)  # as it was given: a reset belongs to the step that follows
    else:
        rows = None if reset is None else reset[:state_after]
        _, expected = reference.forward(
            model.params, x[:state_after], as_dicts(state), reset=rows, **how(model)
        )
    for one, other in zip(as_dicts(found), expected, strict=True):
        for name, array in other.items():
            np.testing.assert_allclose(one[name], array, rtol=0, atol=1e-12)


def test_scoring_and_steps(cell):
    """`nll` gives the loss of every token and the best guess; `step` the logits, one step at a time."""
    model, reset = draw_model(cell), draw_reset(5, 3)
    x, y, state = draw_window(model)
    logits, leaving = reference.forward(model.params, x, as_dicts(state), **how(model))
    nll, best, last = model.nll(x, y, state)
    log_p = np.array([reference.log_softmax(step) for step in logits])
    np.testing.assert_allclose(nll, -np.take_along_axis(log_p, y[..., None], 2)[..., 0], rtol=0, atol=1e-10)
    np.testing.assert_array_equal(best, logits.argmax(axis=2))
    for t, tokens in enumerate(x):
        found, state = model.step(tokens, state)
        np.testing.assert_allclose(found, logits[t], rtol=0, atol=1e-10)
    for one, other, expected in zip(as_dicts(last), as_dicts(state), leaving, strict=True):
        for name, array in expected.items():
            np.testing.assert_allclose(one[name], array, rtol=0, atol=1e-10)
            np.testing.assert_allclose(other[name], array, rtol=0, atol=1e-10)
    _, _, state = draw_window(model)
    with_resets, _ = reference.forward(model.params, x, as_dicts(state), reset=reset, **how(model))
    np.testing.assert_array_equal(model.nll(x, y, state, reset=reset)[1], with_resets.argmax(axis=2))


@settings(max_examples=15, deadline=None, derandomize=True)
@given(data=st.data())
def test_any_window(cell, data):
    """Sizes down to 1, and every option, drawn at random."""
    draw, size = data.draw, st.integers(1, 4)
    steps, batch = draw(st.integers(1, 6), label="T"), draw(size, label="B")
    model = draw_model(
        cell,
        seed=draw(st.integers(0, 99), label="seed"),
        layers=draw(st.integers(1, 3), label="L"),
        hidden=draw(st.integers(2, 5), label="H"),
        classes=draw(size, label="K"),
        tied=draw(st.booleans(), label="tied"),
    )
    window = draw_window(model, steps=steps, batch=batch)
    options = {}
    if draw(st.booleans(), label="truncated"):
        every = draw(st.integers(1, 7), label="every")
        options["truncation"] = Truncation(every, every + draw(st.integers(0, 7), label="further"))
    else:
        options["skip"] = draw(st.integers(0, steps - 1), label="skip")
    if draw(st.booleans(), label="reset"):
        options["reset"] = draw_reset(steps, batch)
    assert_close(fast(model, *window, **options), plain(model, *window, **options))
