"""One vector for many arrays: recognised exactly where it is there."""

from multiprocessing import shared_memory

import numpy as np
import pytest

from elman.training.flat import flat_copy, flat_full, flat_view


def pieces(base):
    return {"U": base[1:5].reshape(2, 2), "b": base[5:6], "V": base[6:9].reshape(3, 1)}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_view_shows_the_same_memory(dtype):
    base = np.arange(10, dtype=dtype)
    view = flat_view(pieces(base))
    np.testing.assert_array_equal(view, base[1:9], strict=True)
    view += 1
    np.testing.assert_array_equal(base, [0, *range(2, 10), 9])


def test_base_may_be_a_matrix_or_raw_bytes():
    matrix = np.zeros((3, 4))
    np.testing.assert_array_equal(flat_view({"a": matrix[1], "b": matrix[2]}), np.zeros(8))
    raw = np.zeros(72, np.uint8)
    view = flat_view(pieces(raw[:].view(np.float64)) | {})
    assert view.dtype == np.float64
    assert np.shares_memory(view, raw)


def test_base_may_be_shared_memory():
    memory = shared_memory.SharedMemory(create=True, size=80)
    try:
        base = np.frombuffer(memory.buf, np.float64)
        arrays = pieces(base)
        view = flat_view(arrays)
        view[...] = 3.0
        assert arrays["b"] == 3.0
        del base, arrays, view
    finally:
        memory.close()
        memory.unlink()


def broken(base):
    good = pieces(base)
    yield "order", {name: good[name] for name in ("b", "U", "V")}
    yield "gap", {"U": base[0:4], "V": base[5:6]}
    yield "overlap", {"U": base[0:4], "V": base[3:6]}
    yield "another base", good | {"V": base.copy()[6:9]}
    shared = bytearray(32)
    yield "neighbours by chance", {"U": np.frombuffer(shared)[:2], "V": np.frombuffer(shared)[2:]}
    yield "own memory", {name: array.copy() for name, array in good.items()}
    yield "reversed", {"U": base[0:4], "V": base[7:3:-1]}
    yield "strided", {"U": base[0:4:2], "V": base[4:6]}
    yield "transposed", {"U": base[0:4].reshape(2, 2).T, "V": base[4:6]}
    yield "another dtype", {"U": base[0:4], "V": base[4:6].view(np.int64)}
    yield "nothing", {}
    yield "bytes", {"U": np.frombuffer(bytes(16))}


@pytest.mark.parametrize("fault", [fault for fault, _ in broken(np.zeros(10))])
def test_no_view_where_memory_is_not_one_run(fault):
    assert flat_view(dict(broken(np.arange(10.0)))[fault]) is None


def test_one_array_with_its_own_memory_is_flat():
    array = np.ones((2, 3))
    assert np.shares_memory(flat_view({"x": array}), array)


def test_copy_and_full_are_flat_and_new():
    arrays = {"a": np.asfortranarray(np.arange(6.0).reshape(2, 3)), "b": np.array(7.0), "c": np.ones(2)[::-1]}
    copy = flat_copy(arrays)
    np.testing.assert_array_equal(flat_view(copy), [0, 1, 2, 3, 4, 5, 7, 1, 1])
    for name, array in arrays.items():
        np.testing.assert_array_equal(copy[name], array, strict=True)
        assert not np.shares_memory(copy[name], array)
    full = flat_full({"a": np.zeros((2, 1), np.float32), "b": np.zeros(3, np.float32)}, 0.1)
    np.testing.assert_array_equal(flat_view(full), np.full(5, 0.1, np.float32), strict=True)


def test_mixed_dtypes_keep_theirs():
    arrays = {"a": np.ones(2, np.float32), "b": np.ones((2, 2))}
    copy = flat_copy(arrays)
    assert flat_view(copy) is None
    for name, array in arrays.items():
        np.testing.assert_array_equal(copy[name], array, strict=True)
    assert flat_copy({}) == {}
