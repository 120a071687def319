"""The pairs of functions against naive versions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from elman.network.functional import (
    cross_entropy,
    dropout_mask,
    embedding,
    embedding_backward,
)

FLOATS = ("float32", "float64")
INTEGERS = ("int8", "uint8", "uint16", "uint32", "int32", "int64", "uint64", ">i4")


@pytest.mark.parametrize("kind", INTEGERS)
@pytest.mark.parametrize("dtype", FLOATS)
def test_embedding_looks_up_rows(kind, dtype):
    rng = np.random.default_rng(0)
    E, tokens = rng.normal(size=(9, 3)).astype(dtype), rng.integers(9, size=(4, 5)).astype(kind)
    out = np.full((4, 5, 3), np.nan, dtype)
    assert embedding(E, tokens, out) is out
    np.testing.assert_array_equal(out, E[tokens])


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    tokens=arrays(
        st.sampled_from(INTEGERS), st.tuples(st.integers(1, 6), st.integers(1, 4)), elements=st.integers(0, 6)
    ),
    width=st.integers(1, 3),
)
def test_embedding_backward_is_add_at(tokens, width):
    dx = np.random.default_rng(tokens.size).integers(-8, 9, (*tokens.shape, width)).astype(float)
    expected, dE = np.zeros((7, width)), np.full((7, width), np.nan)
    np.add.at(expected, tokens, dx)
    embedding_backward(dx, tokens, dE)
    np.testing.assert_array_equal(dE, expected)  # whole numbers: their sums are exact in any order


@pytest.mark.parametrize("dtype", FLOATS)
def test_embedding_backward_of_a_long_window(dtype):
    rng = np.random.default_rng(1)
    tokens, dx = rng.integers(3, 50, size=(30, 8)), rng.normal(size=(30, 8, 5)).astype(dtype)
    dE, expected = np.full((53, 5), np.nan, dtype), np.zeros((53, 5))
    np.add.at(expected, tokens, dx.astype(float))
    embedding_backward(dx, tokens.T.copy().T, dE)  # also where the tokens are not contiguous
    np.testing.assert_allclose(dE, expected, rtol=0, atol=1e-5 if dtype == "float32" else 1e-13)
    assert not dE[:3].any()  # words that do not occur
    assert not dE[50:].any()


class Draws:
    """A generator of stated numbers."""

    def __init__(self, *numbers):
        self.numbers = numbers

    def random(self, out, dtype):
        assert out.dtype == dtype
        out[...] = self.numbers


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("rate", [1e-9, 0.1, 0.5, 0.9, 0.999])
def test_dropout_mask_is_that_of_the_same_draws(dtype, rate):
    out = np.full((50, 40), np.nan, dtype)
    rng = np.random.default_rng(3)
    assert dropout_mask(out, rate, rng) is out
    again = np.random.default_rng(3)
    draws = again.random(out.shape, dtype)
    np.testing.assert_array_equal(
        out, np.where(draws >= dtype_of(rate, dtype), 1 / (1 - rate), 0).astype(dtype)
    )
    assert rng.random() == again.random()  # one number an element, no more
    if 0.1 <= rate <= 0.9:
        assert abs(out.mean() - 1) < 4 * (rate / (1 - rate) / out.size) ** 0.5  # scaled to a mean of 1


def dtype_of(rate, dtype):
    return np.dtype(dtype).type(rate)


@pytest.mark.parametrize("dtype", FLOATS)
def test_dropout_at_the_edges_of_the_draws(dtype):
    largest = np.nextafter(np.ones((), dtype), np.zeros((), dtype))
    for rate in (1e-9, 0.25, 0.75):
        at = dtype_of(rate, dtype)
        below = np.nextafter(at, np.zeros((), dtype))
        mask = dropout_mask(np.empty(4, dtype), rate, Draws(0.0, below, at, largest))
        np.testing.assert_array_equal(mask, np.array([0, 0, 1 / (1 - rate), 1 / (1 - rate)], dtype))


@pytest.mark.parametrize("dtype", FLOATS)
def test_cross_entropy_is_the_naive_one(dtype):
    rng = np.random.default_rng(4)
    logits, targets = rng.normal(0, 3, (20, 7)).astype(dtype), rng.integers(7, size=20)
    p = np.exp(logits.astype("f8"))
    p /= p.sum(axis=1, keepdims=True)
    nll = np.full(20, np.nan, dtype)
    assert cross_entropy(logits, targets, nll) is nll
    tolerance = 1e-5 if dtype == "float32" else 1e-13
    np.testing.assert_allclose(nll, -np.log(p[np.arange(20), targets]), rtol=tolerance)
    np.testing.assert_allclose(logits, p, rtol=tolerance)
    assert nll.dtype == logits.dtype == dtype


@pytest.mark.parametrize("dtype", FLOATS)
def test_cross_entropy_where_probabilities_underflow(dtype):
    logits, nll = np.array([[0.0, 500.0], [-1e4, 1e4], [1e4, -1e4]], dtype), np.empty(3, dtype)
    cross_entropy(logits, np.array([0, 0, 0]), nll)
    np.testing.assert_array_equal(nll, [500.0, 2e4, 0.0])
    np.testing.assert_array_equal(logits[1:], [[0, 1], [1, 0]])
