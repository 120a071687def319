"""Sums over ranks: all kinds the same to the bit, on all ranks, and right."""

from __future__ import annotations

import numpy as np
import pytest

from elman.errors import ConfigError
from elman.ranks import SUMS, Ranks, get_sum
from elman.ranks.base import stretches
from elman.ranks.compressed import BLOCK, Compressed
from elman.ranks.threads import together

SHAPES = {"a": (3, 5), "b": (7,), "c": (1, 1), "d": (40, 11)}
EXACT = ("flat", "overlap", "naive")
SIZE = sum(int(np.prod(shape)) for shape in SHAPES.values())


def gradients(rank: int, dtype: str) -> np.ndarray:
    rng = np.random.default_rng(rank)
    return (rng.standard_normal(SIZE) * 10.0 ** rng.integers(-4, 4, SIZE)).astype(dtype)


def summed(ranks: Ranks, name: str, dtype: str) -> tuple[np.ndarray, float]:
    vector, arrays, start = gradients(ranks.rank, dtype), {}, 0
    for key, shape in SHAPES.items():
        stop = start + int(np.prod(shape))
        arrays[key], start = vector[start:stop].reshape(shape), stop
    squares = get_sum(name)(ranks, vector, arrays)()
    return vector, float(ranks.agree([squares]).sum())


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("size", [1, 2, 3, 5, 40])
def test_all_kinds_of_sums_agree_to_the_bit(size: int, dtype: str) -> None:
    total = gradients(0, dtype)
    for rank in range(1, size):
        total = total + gradients(rank, dtype)
    for name in EXACT:
        for vector, squares in together(size, lambda ranks: summed(ranks, name, dtype)):  # noqa: B023
            np.testing.assert_array_equal(vector, total)
            assert squares == pytest.approx(float(np.vdot(total, total)), rel=1e-6)


def test_all_ranks_have_one_norm() -> None:
    found = together(3, lambda ranks: summed(ranks, "flat", "float32")[1])
    assert len(set(found)) == 1


@pytest.mark.parametrize(("numbers", "size"), [(0, 3), (1, 3), (16, 1), (17, 2), (1000, 7), (33, 40)])
def test_stretches_are_of_whole_units_and_leave_nothing_out(numbers: int, size: int) -> None:
    bounds = stretches(numbers, size)
    assert len(bounds) == size + 1
    assert (bounds[0], bounds[-1]) == (0, numbers)
    assert bounds == sorted(bounds)
    assert all(bound % 16 == 0 for bound in bounds[:-1] if bound < numbers)


def test_an_unknown_kind() -> None:
    with pytest.raises(
        ConfigError, match="unknown communicator 'ring': give flat, overlap, naive, topk, onebit"
    ):
        get_sum("ring")


def test_one_rank_that_fails_frees_the_others() -> None:
    def work(ranks: Ranks) -> None:
        if ranks.rank == 1:
            raise KeyError("one")
        ranks.agree([1.0])

    with pytest.raises(KeyError, match="one"):
        together(3, work)


@pytest.mark.parametrize("name", ["topk", "onebit"])
def test_what_is_not_sent_is_kept_and_sent_later(name: str) -> None:
    """What was sent so far and what is left add up to all that was given, on all ranks together."""
    steps = 30

    def work(ranks: Ranks) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[float]]:
        rng = np.random.default_rng(ranks.rank)
        vector = np.empty(3 * BLOCK + 5)
        adds, sent, given, norms = get_sum(name)(ranks, vector, {}, 0.05), 0.0, 0.0, []
        assert isinstance(adds, Compressed)
        for _ in range(steps):
            vector[:] = rng.standard_normal(vector.size)
            given = given + vector
            norms.append(float(ranks.agree([adds()]).sum()) - float(np.vdot(vector, vector)))
            sent = sent + vector
        return given, sent, adds.unsent, norms  # type: ignore[return-value]

    found = together(3, work)
    given, left = (sum(one[i] for one in found) for i in (0, 2))
    for _, sent, _, norms in found:
        np.testing.assert_array_equal(sent, found[0][1])
        np.testing.assert_allclose(sent + left, given, atol=1e-10)
        np.testing.assert_allclose(norms, 0.0, atol=1e-8)
    assert float(np.abs(left).max()) > 0.1


def test_top_k_sends_the_largest_and_one_bit_the_signs() -> None:
    vector = np.array([0.5, -3.0, 0.1, 2.0, -0.2])
    get_sum("topk")(together(1, lambda ranks: ranks)[0], vector, {}, 0.4)()
    np.testing.assert_array_equal(vector, [0, -3.0, 0, 2.0, 0])
    vector = np.array([0.5, -3.0, 0.1, 2.0, -0.4])
    get_sum("onebit")(together(1, lambda ranks: ranks)[0], vector, {})()
    np.testing.assert_allclose(vector, [1.2, -1.2, 1.2, 1.2, -1.2])


def test_bytes_that_are_sent() -> None:
    def work(ranks: Ranks) -> list[int]:
        vector = np.zeros(100 * BLOCK, np.float32)
        return [get_sum(name)(ranks, vector, {}, 0.01).sent for name in SUMS]

    numbers = 100 * BLOCK
    assert together(4, work)[0] == [
        numbers * 6,
        numbers * 6,
        numbers * 12,
        numbers // 100 * 8 * 3,
        (numbers // 8 + 400) * 3 // 2,
    ]
