"""Clipping by the global norm: exact factor, reported norm, untouched where there is nothing to do."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elman.errors import ConfigError
from elman.training.clip import clip_by_global_norm
from elman.training.flat import BLOCK, flat_copy, flat_view


def gradients(dtype=np.float64, seed=0):
    rng = np.random.default_rng(seed)
    return {"U": rng.normal(size=(BLOCK // 4, 9)).astype(dtype), "b": rng.normal(size=5).astype(dtype)}


def exact_norm(grads):
    return math.sqrt(math.fsum(float(x) ** 2 for array in grads.values() for x in array.ravel()))


@pytest.mark.parametrize("lay", [dict, flat_copy])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("inplace", [False, True])
def test_clips_to_the_limit(dtype, lay, inplace):
    grads = lay(gradients(dtype))
    clipped, norm = clip_by_global_norm(grads, 2.5, inplace=inplace)
    # A block of float32 is a product in float32, of many short sums; one sum would miss the sixth digit.
    assert norm == pytest.approx(exact_norm(gradients(dtype)), rel=1e-13 if dtype == np.float64 else 1e-8)
    assert type(norm) is float
    assert exact_norm(clipped) == pytest.approx(2.5, rel=1e-12 if dtype == np.float64 else 1e-6)
    for name, array in gradients(dtype).items():
        assert clipped[name].dtype == dtype
        np.testing.assert_allclose(clipped[name], array * (2.5 / norm), rtol=1e-6)
        if not inplace:
            np.testing.assert_array_equal(grads[name], array)
    assert (clipped is grads) == inplace


def test_layouts_and_in_place_agree_bit_for_bit():
    results = [
        clip_by_global_norm(lay(gradients()), 0.1, inplace=inplace)[0]
        for lay in (dict, flat_copy)
        for inplace in (False, True)
    ]
    norms = [clip_by_global_norm(lay(gradients()), None)[1] for lay in (dict, flat_copy)]
    assert norms[0] == pytest.approx(norms[1], rel=1e-14)
    for other in results[1:]:
        np.testing.assert_allclose(other["U"], results[0]["U"], rtol=1e-14)
    np.testing.assert_array_equal(results[0]["U"], results[1]["U"])
    np.testing.assert_array_equal(results[2]["U"], results[3]["U"])


@pytest.mark.parametrize("limit", [None, math.inf, 5.0, 5.1])
@pytest.mark.parametrize("inplace", [False, True])
def test_leaves_alone_what_is_within_the_limit(limit, inplace):
    grads = {"U": np.array([[3.0]]), "b": np.array([-4.0])}
    same, norm = clip_by_global_norm(grads, limit, inplace=inplace)
    assert same is grads
    assert norm == 5.0
    assert same["U"][0, 0] == 3.0
    assert same["b"][0] == -4.0


def test_just_above_the_limit_is_clipped():
    """PyTorch's max_norm / (norm + 1e-6) would already shrink a gradient of norm exactly max_norm."""
    clipped, _ = clip_by_global_norm({"b": np.array([3.0, -4.0])}, np.nextafter(5.0, 0.0))
    np.testing.assert_allclose(clipped["b"], [3.0, -4.0], rtol=1e-15)
    assert clip_by_global_norm({"b": np.array([3.0, -4.0])}, 2.5)[0]["b"].tolist() == [1.5, -2.0]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e200])
@pytest.mark.parametrize("inplace", [False, True])
def test_norm_that_is_not_finite_is_returned_and_nothing_scaled(bad, inplace):
    grads = {"U": np.array([1.0, 2.0]), "b": np.array([bad])}
    same, norm = clip_by_global_norm(grads, 1.0, inplace=inplace)
    assert not math.isfinite(norm)
    assert math.isnan(norm) == math.isnan(bad)
    np.testing.assert_array_equal(same["U"], [1.0, 2.0])
    np.testing.assert_array_equal(same["b"], [bad])


def test_large_float32_gradients_do_not_overflow():
    grads = {"b": np.array([3e30, 4e30], np.float32)}
    clipped, norm = clip_by_global_norm(grads, 1.0)
    assert norm == pytest.approx(5e30, rel=1e-6)
    np.testing.assert_allclose(clipped["b"], [0.6, 0.8], rtol=1e-6)


def test_zero_and_empty():
    assert clip_by_global_norm({"b": np.zeros(3)}, 1.0)[1] == 0.0
    assert clip_by_global_norm({}, 1.0) == ({}, 0.0)


def test_strided_gradients_in_place():
    base = np.arange(12.0).reshape(3, 4)
    clipped, norm = clip_by_global_norm({"x": base[:, ::2].T}, 1.0, inplace=True)
    assert norm == pytest.approx(math.sqrt(sum(i * i for i in (0, 2, 4, 6, 8, 10))))
    np.testing.assert_allclose(base[0], [0.0, 1.0, 2.0 / norm, 3.0])
    assert exact_norm(clipped) == pytest.approx(1.0)


def test_in_place_on_one_vector_writes_to_that_vector():
    grads = flat_copy(gradients())
    base = flat_view(grads)
    clip_by_global_norm(grads, 1.0, inplace=True)
    assert np.linalg.norm(base) == pytest.approx(1.0)


@given(st.lists(st.floats(-1e6, 1e6, allow_subnormal=False), min_size=1, max_size=20), st.floats(1e-3, 1e6))
def test_never_longer_than_the_limit_and_always_in_the_same_direction(values, limit):
    grads = {"x": np.array(values)}
    clipped, norm = clip_by_global_norm(grads, limit)
    assert exact_norm(clipped) <= limit * (1 + 1e-14)
    np.testing.assert_allclose(clipped["x"], grads["x"] * (limit / max(norm, limit)), rtol=1e-12)


@pytest.mark.parametrize("limit", [0.0, -1.0, np.nan, "5"])
def test_bad_limit(limit):
    with pytest.raises(ConfigError, match=r"max_norm is .*: give a number in \(0, inf\]"):
        clip_by_global_norm({"b": np.ones(1)}, limit)
