"""The softmax that is not normalised, and shifted only where it must be, beside that of the textbooks."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import pytest

from elman.network.output import chunking, columns, weights
from elman.network.output.columns import NARROWEST, columns_nll_and_grads
from elman.network.output.softmax import Softmax
from elman.network.output.weights import Columns, new_columns
from elman.network.workspace import Workspace

H = 6
LAYOUTS = ("folded", "apart", "tied")
DTYPES = ("float32", "float64")


class Problem(NamedTuple):
    """Weights, rows, and where derivatives go; memory is NaN where it must be written."""

    V: Any  # (H, K)
    c: Any  # (K,)
    dV: Any
    dc: Any
    h: Any  # (N, H)
    y: Any  # (N,)
    layout: str

    def run(
        self, *, chunks: int = 1, space: Workspace | None = None, scale: float = 0.125
    ) -> tuple[float, dict[str, Any]]:
        """Return the loss and all derivatives."""
        N = len(self.h)
        bounds = np.linspace(0, N, chunks + 1).astype(int)
        parts = [slice(int(a), int(b)) for a, b in pairwise(bounds)]
        weights, gradients = (new_columns(V, c, None) for V, c in ((self.V, self.c), (self.dV, self.dc)))
        assert (weights.Vc is not None) == (gradients.Vc is not None) == (self.layout == "folded")
        dh = np.full_like(self.h, np.nan)
        space = Workspace() if space is None else space
        nll = columns_nll_and_grads(weights, gradients, 0, self.h, self.y, scale, space, dh, parts)
        return nll, {"V": self.dV.copy(), "c": self.dc.copy(), "h": dh}


def lay(K: int, layout: str, dtype: str) -> tuple[Any, Any]:
    """Return V and c: end to end in one block, apart, or V as another array's transpose."""
    if layout == "folded":
        block = np.full(5 + (H + 1) * K + 3, np.nan, dtype)
        return block[5 : 5 + H * K].reshape(H, K), block[5 + H * K : -3]
    if layout == "tied":
        return np.full((K, H), np.nan, dtype).T, np.full(K, np.nan, dtype)
    return np.full((H, K), np.nan, dtype), np.full(K, np.nan, dtype)


def draw(
    K: int = 40, N: int = 30, *, layout: str = "folded", dtype: str = "float64", spread: float = 1.0
) -> Problem:
    rng = np.random.default_rng([K, N])
    (V, c), (dV, dc) = (lay(K, layout, dtype) for _ in range(2))
    V[...], c[...] = spread * rng.normal(size=(H, K)), spread * rng.normal(size=K)
    h, y = rng.normal(size=(N, H)).astype(dtype), rng.integers(0, K, N)
    y[: min(N, 4)] = np.array([0, K - 1, K // 2, K // 2 - 1])[: min(N, 4)] % K
    return Problem(V, c, dV, dc, h, y, layout)


def plainly(problem: Problem, scale: float = 0.125) -> tuple[float, dict[str, Any]]:
    """As the definition has it, in extended precision."""
    V, c, h = (array.astype(np.longdouble) for array in (problem.V, problem.c, problem.h))
    z = h @ V + c
    z -= z.max(axis=1, keepdims=True)
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    rows = np.arange(len(h))
    nll = float((np.log(np.exp(z).sum(axis=1)) - z[rows, problem.y]).sum())
    p[rows, problem.y] -= 1
    p *= scale
    return nll, {"V": h.T @ p, "c": p.sum(axis=0), "h": p @ V.T}


def assert_agree(found: Any, expected: Any, dtype: str, size: float = 1.0) -> None:
    tolerance = size * (2e-4 if dtype == "float32" else 1e-12)
    assert found[0] == pytest.approx(expected[0], rel=tolerance, abs=tolerance)
    for name, array in expected[1].items():
        assert found[1][name].dtype == dtype
        np.testing.assert_allclose(found[1][name], array.astype(float), rtol=0, atol=tolerance, err_msg=name)


@pytest.fixture
def shifts(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list that grows by the rows of every chunk that is shifted."""
    seen, maxima = [], columns._maxima

    def watched(some: Columns, chunk: Any, team: Any) -> Any:
        seen.append(len(chunk.h))
        return maxima(some, chunk, team)

    monkeypatch.setattr(columns, "_maxima", watched)
    return seen


@pytest.fixture(params=[1, 192, 10**6], ids="blocks of {}".format)
def blocked(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of the narrowest width, of another, and all columns in one."""
    monkeypatch.setattr(columns, "BLOCK_NUMBERS", 30 * request.param)


@pytest.mark.usefixtures("blocked")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_ordinary_logits_are_not_shifted(shifts: list[int], layout: str, dtype: str) -> None:
    space = Workspace()
    for K, N in ((1, 3), (2, 1), (40, 30), (NARROWEST, 30), (NARROWEST + 1, 7), (300, 30), (517, 1)):
        for chunks in {1, min(N, 3), N}:
            problem = draw(K, N, layout=layout, dtype=dtype)
            assert_agree(problem.run(chunks=chunks, space=space), plainly(problem), dtype)
    assert not shifts


EDGES = {"float32": ((41.0, 42.0), (-42.0, -43.0)), "float64": ((345.0, 346.0), (-346.0, -347.0))}
"""Logits whose exponentials are within the range, and beyond it: exp(41.4) is 1e18, exp(345.4) 1e150."""


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_shift_begins_at_the_ends_of_the_range(shifts: list[int], layout: str, dtype: str) -> None:
    """One logit of one row high, or all three low; the loss and the derivatives are right on either side."""
    for within, beyond in EDGES[dtype]:
        for constant in (within, beyond):
            problem = draw(3, 5, layout=layout, dtype=dtype, spread=0.01)
            problem.V[0] = constant if constant < 0 else [constant, 0.0, 0.0]
            problem.h[:, 0] = [0.0, 0.0, 1.0, 0.0, 0.0]
            shifts.clear()
            found = problem.run()
            assert shifts == ([5] if constant == beyond else [])
            assert_agree(found, plainly(problem), dtype, size=50)


@pytest.mark.usefixtures("blocked")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("size", [30.0, 1e3, 1e5])
def test_huge_logits_are_shifted(shifts: list[int], layout: str, dtype: str, size: float) -> None:
    """Targets are far from the best class, so that their losses are as huge."""
    for K, N in ((2, 1), (40, 30), (300, 30)):
        # Whole numbers: logits are exact, and so nothing but the sums of exponentials is rounded.
        problem = draw(K, N, layout=layout, dtype=dtype)
        rng = np.random.default_rng(1)
        for array, most in ((problem.V, 4), (problem.c, 3), (problem.h, 2)):
            array[...] = rng.integers(-most, most + 1, array.shape)
        problem.V[...] *= size
        problem.c[0] = 2 * size * 20
        for chunks in {1, min(N, 4)}:
            shifts.clear()
            found = problem.run(chunks=chunks)
            assert len(shifts) == chunks
            expected = plainly(problem)
            assert_agree(found, expected, dtype, size=10 * size)
            np.testing.assert_allclose(found[1]["c"], expected[1]["c"].astype(float), rtol=0, atol=1e-4)


def test_only_the_chunk_that_needs_it_is_shifted(shifts: list[int]) -> None:
    problem = draw(40, 30, spread=0.1)
    problem.h[17] *= 1e6
    found = problem.run(chunks=5)
    assert shifts == [6]
    assert_agree(found, plainly(problem), "float64", size=1e6)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("where", ["h", "V", "c"])
def test_what_is_not_finite_shows_in_the_loss(layout: str, dtype: str, bad: float, where: str) -> None:
    """It ends, and never with a number that looks like a loss; other rows are left alone."""
    problem = draw(40, 30, layout=layout, dtype=dtype)
    getattr(problem, where)[(3,) * getattr(problem, where).ndim] = bad
    problem.y[:] = problem.y % 3  # no target's own weights are spoilt
    with np.errstate(all="ignore"):  # as training does
        nll, grads = problem.run()
    if where == "h" or bad > 0 or np.isnan(bad):
        assert not np.isfinite(nll)
    if where == "c" and bad == -np.inf:  # a class that is impossible, and no target
        assert np.isfinite(nll)
        assert grads["c"][3] == 0.0
    if where == "h":
        others = np.arange(30) != 3
        assert np.isfinite(grads["h"][others]).all()
        assert not np.isfinite(grads["h"][3]).all()


@pytest.mark.parametrize("chunks", [1, 3])
def test_derivatives_do_not_add_to_what_was_there(chunks: int) -> None:
    problem, space = draw(300, 31), Workspace()
    first = problem.run(chunks=chunks, space=space)
    again = problem.run(chunks=chunks, space=space)
    assert first[0] == again[0]
    for name, array in first[1].items():
        np.testing.assert_array_equal(again[1][name], array, err_msg=name)


def test_layouts_agree() -> None:
    found = [draw(300, 31, layout=layout).run(chunks=2) for layout in LAYOUTS]
    for other in found[1:]:
        assert_agree(other, found[0], "float64")


def test_a_bias_below_the_weights_is_their_last_row() -> None:
    for rows in (None, weights.WORTH_LOOKING // 40 + 1):
        V, c = lay(40, "folded", "float32")
        V[...], c[...] = 1.0, 2.0
        found = new_columns(V, c, rows)
        assert found.Vc is not None
        assert found.Vc.shape == (H + 1, 40)
        assert (found.Vc[:-1] == 1.0).all()
        assert (found.Vc[-1] == 2.0).all()
        found.Vc[-1, 7] = 3.0
        assert c[7] == 3.0
        part = found.part(slice(5, 9))
        assert [array.shape for array in part] == [(H, 4), (4,), (H + 1, 4)]
        assert all(np.shares_memory(array, V.base) for array in part)


def test_a_bias_elsewhere_is_added() -> None:
    block = np.zeros(100, "float64")
    V, c = block[:30].reshape(6, 5), block[30:35]
    few = weights.WORTH_LOOKING // 5
    assert new_columns(V, c, None).Vc is not None
    assert new_columns(V, c, few).Vc is None  # 65,535 logits: not worth the look
    assert new_columns(V, c, few + 1).Vc is None or few * 5 + 5 >= weights.WORTH_LOOKING
    for other_V, other_c in (
        (V, block[31:36]),  # a gap between them
        (V, block[29:34]),  # they overlap
        (block[30:60].reshape(6, 5), block[25:30]),  # the bias above
        (V, c.copy()),
        (V.copy(), c),
        (np.zeros((5, 6)).T, np.zeros(5)),
        (block[:60].reshape(6, 10)[:, :5], block[60:65]),  # not contiguous
    ):
        assert new_columns(other_V, other_c, None).Vc is None


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("rows", [1, 2, 9])
def test_products_with_and_without_the_bias_in_them(layout: str, rows: int) -> None:
    rng = np.random.default_rng(4)
    V, c = lay(40, layout, "float64")
    V[...], c[...] = rng.normal(size=V.shape), rng.normal(size=40)
    some = new_columns(V, c, None)
    h1 = np.concatenate([rng.normal(size=(rows, H)), np.ones((rows, 1))], axis=1)
    out, e = np.full((rows, 40), np.nan), rng.normal(size=(rows, 40))
    some.multiply(h1, out)
    np.testing.assert_allclose(out, h1[:, :H] @ V + c, rtol=0, atol=1e-13)
    half = np.full((rows, 15), np.nan)
    some.part(slice(20, 35)).multiply(h1, half)
    np.testing.assert_allclose(half, out[:, 20:35], rtol=0, atol=1e-13)
    before = V.copy(), c.copy()
    some.add(h1, e, np.empty((H + 1, 40)))
    np.testing.assert_allclose(V - before[0], h1[:, :H].T @ e, rtol=0, atol=1e-13)
    np.testing.assert_allclose(c - before[1], e.sum(axis=0), rtol=0, atol=1e-13)
    some.take(h1, e)
    np.testing.assert_allclose(V, h1[:, :H].T @ e, rtol=0, atol=1e-13)
    np.testing.assert_allclose(c, e.sum(axis=0), rtol=0, atol=1e-13)


@pytest.mark.parametrize("rows", [1, 3, 30, 5000, 10**7])
@pytest.mark.parametrize("count", [1, 127, 128, 129, 300, 10_000])
def test_blocks_cover_the_columns_once(rows: int, count: int) -> None:
    blocks = columns._blocks(rows, count)
    covered = [column for block in blocks for column in range(block.start, block.stop)]
    assert covered == list(range(count))
    widths = [block.stop - block.start for block in blocks]
    assert all(width >= NARROWEST for width in widths[:-1])
    assert all(width % 64 == 0 for width in widths[:-1])
    assert all(width * rows <= columns.BLOCK_NUMBERS or width <= NARROWEST for width in widths)


@pytest.mark.parametrize(("fewest", "numbers"), [(1, 1), (3, 80), (16, 400), (128, 2**19)])
def test_chunks_cover_the_rows_once(monkeypatch: pytest.MonkeyPatch, fewest: int, numbers: int) -> None:
    """Even, and no more rows than are in memory at once; nor than V has, or what fewer would cost."""
    monkeypatch.setattr(chunking, "FEWEST_ROWS", fewest)
    monkeypatch.setattr(chunking, "CHUNK_NUMBERS", numbers)
    layer = Softmax(H, 20, False, np.dtype("f4"))
    longest = max(fewest, H, numbers // 20)
    for rows in (1, 5, longest, longest + 1, 3 * longest, 1000):
        sizes = [part.stop - part.start for part in layer._chunks(rows)]
        assert [part.start for part in layer._chunks(rows)] == [sum(sizes[:i]) for i in range(len(sizes))]
        assert sum(sizes) == rows
        assert max(sizes) <= longest
        assert max(sizes) - min(sizes) <= 1
        assert len(sizes) == -(-rows // longest)


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("worth", [0, 10**9], ids=["folded", "apart"])
def test_a_models_output_in_chunks_and_blocks(
    monkeypatch: pytest.MonkeyPatch, shifts: list[int], tied: bool, worth: int
) -> None:
    """Through the layer, with all sizes small, against the same with none of them."""
    make: Callable[[], Softmax] = lambda: Softmax(H, 300, tied, np.dtype("f8"))  # noqa: E731
    rng, layer = np.random.default_rng(0), make()
    shapes = {**({"embedding.E": (300, H)} if tied else {}), **layer.shapes()}
    sizes = {name: int(np.prod(shape)) for name, shape in shapes.items()}

    def laid() -> dict[str, Any]:
        block, arrays, start = np.full(sum(sizes.values()), np.nan), {}, 0
        for name, shape in shapes.items():
            arrays[name] = block[start : start + sizes[name]].reshape(shape)
            start += sizes[name]
        return arrays

    params, h, y = laid(), rng.normal(size=(50, H)), rng.integers(0, 300, 50)
    for array in params.values():
        array[...] = rng.normal(size=array.shape)
    results = []
    for small in (False, True):
        if small:
            monkeypatch.setattr(weights, "WORTH_LOOKING", worth)
            monkeypatch.setattr(columns, "BLOCK_NUMBERS", 1)
            monkeypatch.setattr(chunking, "FEWEST_ROWS", 9)
            monkeypatch.setattr(chunking, "CHUNK_NUMBERS", 1)
        grads, dh = laid(), np.full_like(h, np.nan)
        nll = layer.nll_and_grads(params, h, y, 0.1, Workspace(), grads, dh)
        results.append((nll, {**grads, "h": dh}))
    assert_agree(results[1], results[0], "float64")
    assert not shifts
