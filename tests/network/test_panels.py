"""Weights in strips: the products are those of the whole matrix, wherever they are cut."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import threadpoolctl

from elman.network import blas, panels
from elman.network.blas import UNPACKED, unpacked_limit
from elman.network.panels import MOST_PIECES, WIDTHS, Pairs, cut_of, new_panels, operand
from elman.network.workspace import ALIGNMENT, Workspace

LIMITS = [0, 500, 10_000, UNPACKED, 10**12]
"""Nothing goes unpacked; single rows of few columns; some; this library's; all."""

SIZES = [
    (1, 1, 1, 1),
    (1, 2, 1, 5),
    (2, 1, 7, 64),
    (4, 1, 64, 200),  # one row is not cut
    (3, 2, 9, 31),  # narrower than a strip
    (3, 5, 9, 33),
    (4, 7, 16, 64),  # rows that are odd
    (2, 6, 40, 96),
    (3, 3, 5, 130),
    (1, 50, 11, 128),
    (4, 50, 100, 70),
    (2, 64, 33, 257),
    (2, 9, 12, 100),
]
"""G, B, D, H."""

F4, F8 = np.dtype("float32"), np.dtype("float64")


@pytest.fixture
def limited(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Patch the largest product that needs no packing."""
    monkeypatch.setattr(panels, "unpacked_limit", lambda: request.param)
    return int(request.param)


def multiply(pairs: Pairs, x: Any, H: int) -> None:
    for weights, into in pairs:
        np.matmul(operand(x, H), weights, out=into)


@pytest.mark.parametrize("limited", LIMITS, indirect=True)
@pytest.mark.parametrize("dtype", [F4, F8], ids=str)
@pytest.mark.parametrize("transposed", [False, True], ids=["plain", "transposed"])
def test_products_are_those_of_the_whole_matrix(limited: int, dtype: Any, transposed: bool) -> None:
    """Of x for all gates, and of an x for each gate; whole numbers, so that no order of sums rounds."""
    rng = np.random.default_rng(0)
    for G, B, D, H in SIZES:
        shape = (G, H, D) if transposed else (G, D, H)
        W = rng.integers(-8, 9, shape).astype(dtype)
        W = W.transpose(0, 2, 1) if transposed else W
        out = np.full((G, B, H), np.nan, dtype)
        cut = new_panels(Workspace(), D, out).load(W)
        for x in (rng.integers(-8, 9, (B, D)), rng.integers(-8, 9, (G, B, D))):
            x = x.astype(dtype)
            out.fill(np.nan)
            multiply(cut, x, H)
            np.testing.assert_array_equal(out, np.matmul(x, W), err_msg=f"{G, B, D, H}")


@pytest.mark.parametrize("limited", LIMITS, indirect=True)
def test_products_of_any_numbers_agree_to_rounding(limited: int) -> None:
    rng = np.random.default_rng(1)
    for G, B, D, H in SIZES:
        W, x, out = rng.normal(size=(G, D, H)), rng.normal(size=(B, D)), np.empty((G, B, H))
        cut = new_panels(Workspace(), D, out).load(W)
        multiply(cut, x, H)
        np.testing.assert_allclose(out, x @ W, rtol=0, atol=1e-13)


@pytest.mark.parametrize("limited", LIMITS, indirect=True)
def test_the_first_gates_are_halved_on_the_way(limited: int) -> None:
    G, B, D, H = 4, 6, 5, 100
    rng = np.random.default_rng(2)
    W, x, out = rng.normal(size=(G, D, H)), rng.normal(size=(B, D)), np.empty((G, B, H))
    cut, before = new_panels(Workspace(), D, out), W.copy()
    for half in (0, 1, 3, 4, 0):
        multiply(cut.load(W, half), x, H)
        expected = x @ W
        expected[:half] *= 0.5
        np.testing.assert_allclose(out, expected, rtol=0, atol=1e-13)
    np.testing.assert_array_equal(W, before)


def test_a_single_row_needs_no_copy_and_a_lone_gate_plain_matrices() -> None:
    rng = np.random.default_rng(4)
    for G, lone in ((3, False), (1, False), (1, True)):
        W, x, out = rng.normal(size=(G, 5, 7)), rng.normal(size=(1, 5)), np.empty((G, 1, 7))
        ((weights, into),) = new_panels(Workspace(), 5, out, lone=lone).load(W)
        assert np.shares_memory(weights, W)
        assert weights.ndim == (2 if lone else 5)
        np.matmul(operand(x, 7, lone=lone), weights, out=into)
        np.testing.assert_allclose(out, x @ W, rtol=0, atol=1e-13)


@pytest.mark.parametrize("limited", LIMITS, indirect=True)
def test_some_gates_alone_write_their_blocks_alone(limited: int) -> None:
    """As the layer does with the gates whose products come from elsewhere."""
    G, B, D, H = 3, 4, 5, 80
    rng = np.random.default_rng(3)
    W, x, out = rng.normal(size=(G, D, H)), rng.normal(size=(G, B, D)), np.empty((G, B, H))
    cut = new_panels(Workspace(), D, out).load(W)
    for first, last in ((0, 2), (2, 3), (0, 3)):
        out.fill(7.0)
        for weights, into in cut:
            np.matmul(operand(x[first:last], H), weights[first:last], out=into[first:last])
        inside = (np.arange(G) >= first) & (np.arange(G) < last)
        np.testing.assert_allclose(out[inside], (x @ W)[inside], rtol=0, atol=1e-13)
        assert (out[~inside] == 7.0).all()


@pytest.mark.parametrize("limited", LIMITS, indirect=True)
def test_a_cut_divides_the_rows_and_keeps_within_the_limit(limited: int) -> None:
    for rows in (1, 2, 3, 7, 8, 50, 51, 128, 1000):
        for inputs in (1, 16, 128, 513):
            for outputs in (1, 31, 32, 33, 64, 100, 512):
                pieces, width = cut_of(rows, inputs, outputs)
                assert rows % pieces == 0
                assert 1 <= pieces <= MOST_PIECES
                within = rows // pieces * inputs * width <= limited
                assert width in (outputs, *(wide for wide in WIDTHS if wide < outputs))
                if rows == 1 or not within:  # a vector, or it is packed in any case
                    assert (pieces, width) == (1, outputs)
                smallest = max(piece for piece in range(1, MOST_PIECES + 1) if rows % piece == 0)
                fits = rows // smallest * inputs * min(min(WIDTHS), outputs) <= limited
                assert not (rows > 1 and fits and not within)
                x = np.zeros((rows, inputs))
                assert operand(x, outputs).shape == (pieces, 1, rows // pieces, inputs)
                assert operand(np.zeros((3, rows, inputs)), outputs).shape[:2] == (3, pieces)


@pytest.mark.parametrize(
    ("rows", "inputs", "outputs", "expected"),
    [
        (50, 128, 128, (1, 64)),  # 409,600: the widest
        (64, 244, 512, (1, 64)),  # 999,424
        (64, 245, 512, (1, 32)),  # 1,003,520 would be above
        (64, 489, 512, (2, 32)),
        (64, 512, 64, (2, 32)),  # two pieces of 64 columns are 1,048,576 still
        (65, 512, 512, (1, 512)),  # 65 rows are not cut, and two pieces would be needed
        (128, 1024, 512, (1, 512)),
        (8, 128, 20, (1, 20)),
        (1, 8, 128, (1, 128)),
    ],
)
def test_the_first_cut_that_needs_no_packing_is_taken(
    monkeypatch: pytest.MonkeyPatch, rows: int, inputs: int, outputs: int, expected: tuple[int, int]
) -> None:
    """Whole rows before pieces, wide strips before narrow ones."""
    monkeypatch.setattr(panels, "unpacked_limit", lambda: UNPACKED)
    assert cut_of(rows, inputs, outputs) == expected


@pytest.mark.parametrize("limited", LIMITS, indirect=True)
@pytest.mark.parametrize("dtype", [F4, F8], ids=str)
def test_every_strip_begins_at_a_cache_line(limited: int, dtype: Any) -> None:
    for G, B, D, H in SIZES:
        cut = new_panels(Workspace(), D, np.empty((G, B, H), dtype))
        assert sum(strip.shape[2] * strip.shape[4] for strip in cut.strips) == H
        for strip in cut.strips:
            assert strip.flags.c_contiguous
            assert strip.ctypes.data % ALIGNMENT == 0
            if strip.shape[4] in WIDTHS:
                starts = [strip[g, 0, p].ctypes.data for g in range(G) for p in range(strip.shape[2])]
                assert not any(start % ALIGNMENT for start in starts)
        assert not any(np.shares_memory(*two) for two in [cut.strips] if len(two) == 2)


@pytest.mark.parametrize("limited", LIMITS, indirect=True)
def test_rows_are_viewed_and_not_copied(limited: int) -> None:
    """Also rows that stand apart, as the states of a decoder do."""
    apart = np.zeros((50, 65))[:, :64]
    for x in (np.zeros((50, 64)), np.zeros((3, 50, 64)), apart):
        assert np.shares_memory(operand(x, 128), x)


@pytest.fixture
def _asked_anew() -> Iterator[None]:
    """Ask the library again, and forget afterwards what it said."""
    unpacked_limit.cache_clear()
    yield
    unpacked_limit.cache_clear()


def openblas(architecture: str) -> dict[str, Any]:
    return {"user_api": "blas", "internal_api": "openblas", "architecture": architecture, "num_threads": 1}


@pytest.mark.usefixtures("_asked_anew")
@pytest.mark.parametrize(
    ("libraries", "limit"),
    [
        ([openblas("SkylakeX")], UNPACKED),
        ([openblas("Cooperlake")], UNPACKED),
        ([openblas("Sapphirerapids")], UNPACKED),
        ([openblas("Haswell")], 0),
        ([openblas("Zen")], 0),
        ([openblas("neoversen1")], 0),
        ([{"user_api": "blas", "internal_api": "mkl", "threading_layer": "gnu"}], 0),
        ([{"user_api": "openmp", "internal_api": "openmp"}, openblas("SkylakeX")], UNPACKED),
        ([], 0),
    ],
)
def test_the_limit_is_of_the_kernels_in_use(
    monkeypatch: pytest.MonkeyPatch, libraries: list[dict[str, Any]], limit: int
) -> None:
    asked = []

    def info() -> list[dict[str, Any]]:
        asked.append(1)
        return libraries

    monkeypatch.setattr(threadpoolctl, "threadpool_info", info)
    assert [unpacked_limit() for _ in range(3)] == [limit] * 3
    assert len(asked) == 1  # it takes milliseconds
    assert blas.UNPACKED == 1_000_000
