"""Input products: of all words at once or of every token, the numbers are the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from elman import LanguageModel, gradcheck
from elman.network import CELLS
from elman.network.functional import FEW, embedding_backward, sum_by_word
from elman.network.inputs import Projection, Words
from elman.network.workspace import Workspace

from .building import draw_model, draw_window

GATES = sorted({cell.gates for cell in CELLS.values()})
D, H = 5, 7

Force = Callable[[bool], None]


@pytest.fixture
def force(monkeypatch: pytest.MonkeyPatch) -> Force:
    """Decide whether products of all words are tabled."""

    def force(tabled: bool) -> None:
        monkeypatch.setattr(Words, "tabled", property(lambda self: tabled))

    return force


def draw(G: int, K: int, T: int, B: int, dtype: str = "float64") -> dict[str, Any]:
    rng = np.random.default_rng([G, K, T, B])
    shapes = {"E": (K, D), "U": (G, D, H), "b": (G, H), "da": (G, T, B, H)}
    arrays = {name: rng.normal(size=shape).astype(dtype) for name, shape in shapes.items()}
    return {**arrays, "tokens": rng.integers(0, K, (T, B))}


def both_ways(given: dict[str, Any], *, own: bool, space: Workspace | None = None) -> dict[str, Any]:
    """Return all results; with own, dE goes into an array that is given."""
    E, U, b, da = (given[name].copy() for name in ("E", "U", "b", "da"))
    a, dU, db, dE = (np.full_like(array, np.nan) for array in (da, U, b, E))
    words = Words(E, given["tokens"], dE if own else None)
    projection = Projection(Workspace() if space is None else space, "layers.0")
    projection.forward(words, U, b, a)
    found = projection.backward(words, U, da, dU, db)
    assert found.shape == E.shape
    assert (found is dE) == own
    for name, array in (("E", E), ("U", U), ("b", b), ("da", da)):
        np.testing.assert_array_equal(array, given[name], err_msg=f"{name} was written to")
    return {"a": a, "dU": dU, "db": db, "dE": found.copy()}


def plainly(given: dict[str, Any]) -> dict[str, Any]:
    """Word by word and token by token."""
    E, U, b, da, tokens = (given[name] for name in ("E", "U", "b", "da", "tokens"))
    x, dE = E[tokens], np.zeros_like(E)
    dx = np.einsum("gtbh,gdh->tbd", da, U)
    np.add.at(dE, tokens, dx)
    a = np.einsum("tbd,gdh->gtbh", x, U) + b[:, None, None]
    return {"a": a, "dU": np.einsum("tbd,gtbh->gdh", x, da), "db": da.sum(axis=(1, 2)), "dE": dE}


SIZES = [(1, 6, 3), (2, 6, 3), (6, 1, 1), (6, 5, 4), (50, 4, 2), (50, 9, 5), (3, 20, 1)]
"""K, T, B: one word, words that all occur often, words that mostly do not occur, more tokens than FEW."""


@pytest.mark.parametrize("own", [True, False], ids=["given dE", "dE of the workspace"])
@pytest.mark.parametrize("tabled", [True, False], ids=["tabled", "dense"])
@pytest.mark.parametrize("G", GATES)
def test_products_and_derivatives(force: Force, G: int, tabled: bool, own: bool) -> None:
    force(tabled)
    space = Workspace()  # one for all: what a window leaves must not reach the next
    for sizes in (*SIZES, *reversed(SIZES)):
        given = draw(G, *sizes)
        found, expected = both_ways(given, own=own, space=space), plainly(given)
        for name, array in expected.items():
            np.testing.assert_allclose(found[name], array, rtol=0, atol=1e-12, err_msg=f"{name} {sizes}")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("G", GATES)
def test_the_two_ways_agree_to_rounding(force: Force, G: int, dtype: str) -> None:
    for sizes in SIZES:
        given, found = draw(G, *sizes, dtype=dtype), []
        for tabled in (True, False):
            force(tabled)
            found.append(both_ways(given, own=True))
        for name, array in found[0].items():
            assert array.dtype == dtype
            error = 1e-5 if dtype == "float32" else 1e-13
            np.testing.assert_allclose(found[1][name], array, rtol=error, atol=10 * error, err_msg=name)


@pytest.mark.parametrize("tabled", [True, False], ids=["tabled", "dense"])
def test_words_that_do_not_occur_have_no_derivative(force: Force, tabled: bool) -> None:
    force(tabled)
    for T, B in ((1, 2), (8, 4)):
        given = draw(4, 9, T, B)
        given["tokens"] = given["tokens"] % 3 * 2 + 1  # 1, 3, 5
        dE = both_ways(given, own=True)["dE"]
        assert (dE[[0, 2, 4, 6, 7, 8]] == 0.0).all()
        assert not np.signbit(dE[[0, 2, 4, 6, 7, 8]]).any()


@pytest.mark.parametrize(
    ("K", "width", "N", "tabled"),
    [
        (1, 5, 2, True),
        (65, 64, 98, False),  # 12,480 + 6,370 operations in place of 18,816
        (65, 64, 99, True),  # 12,480 + 6,435 in place of 19,008
        (65, 64, 2500, True),
        (20, 3, 400, False),  # vectors so narrow that to sum by word costs more than to multiply
        (10_000, 256, 1280, False),
    ],
)
def test_a_table_is_made_where_it_saves_operations(K: int, width: int, N: int, tabled: bool) -> None:
    words = Words(np.zeros((K, width)), np.zeros((N, 1), int))
    assert words.tabled == tabled
    assert words.shape == (N, 1, width)
    assert not words._replace(team=object()).tabled  # members that share the words sum them otherwise


class WithDropout:
    """A model that always draws the same masks."""

    def __init__(self, model: LanguageModel) -> None:
        self.model, self.params, self.initial_state = model, model.params, model.initial_state

    def loss_and_grads(self, x: Any, y: Any, state: Any) -> Any:
        return self.model.loss_and_grads(x, y, state, rng=np.random.default_rng(3))


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("tabled", [True, False], ids=["tabled", "dense"])
@pytest.mark.parametrize("cell", CELLS)
def test_gradients_of_a_whole_model(force: Force, cell: str, tabled: bool, tied: bool) -> None:
    force(tabled)
    model = draw_model(cell, tied=tied, layers=2, dropout=0.2)
    report = gradcheck(WithDropout(model), projections=3, order=2)
    assert report.passed, report


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("tabled", [True, False], ids=["tabled", "dense"])
def test_words_that_change_between_windows_are_looked_up_anew(force: Force, tabled: bool, tied: bool) -> None:
    """An update writes to the word vectors where they lie: no table may outlive the window."""
    force(tabled)
    used = draw_model("gru", tied=tied)
    x, y, state = draw_window(used)
    for step in range(3):
        fresh = draw_model("gru", tied=tied)
        for name, array in used.params.items():
            fresh.params[name][...] = array
        one, other = (model.loss_and_grads(x, y, state) for model in (used, fresh))
        assert one[0] == other[0], step
        for name, grad in other[2].items():
            np.testing.assert_array_equal(one[2][name], grad, err_msg=f"{name}, step {step}")
        for name in ("embedding.E", "layers.0.U", "layers.0.b"):
            used.params[name][...] -= 0.5


def test_sums_by_word() -> None:
    rng = np.random.default_rng(0)
    for N, K in ((1, 1), (40, 3), (40, 200)):
        dx, tokens = rng.integers(-9, 9, (N, 4)).astype(float), rng.integers(0, K, N)
        for inside in (None, np.arange(N), np.flatnonzero(tokens % 2 == 0), np.array([N - 1]), np.arange(0)):
            some = np.arange(N) if inside is None else inside
            words, sums = sum_by_word(dx, tokens, inside)
            assert words.tolist() == sorted(set(tokens[some].tolist()))
            assert sums.shape == (len(words), 4)
            assert sums.dtype == dx.dtype
            for word, found in zip(words, sums, strict=True):
                np.testing.assert_array_equal(found, dx[some][tokens[some] == word].sum(axis=0))


def test_no_word_at_all_sums_to_nothing() -> None:
    """As for a member none of whose words occur: what it writes must be empty, and of the right width."""
    words, sums = sum_by_word(np.ones((3, 2)), np.array([5, 6, 7]), np.array([], np.intp))
    assert (words.shape, sums.shape) == ((0,), (0, 2))
    dE = np.zeros((9, 2))
    dE[words] = sums
    assert not dE.any()


def test_few_tokens_and_many_are_added_up_alike() -> None:
    rng = np.random.default_rng(0)
    for N in (1, FEW - 1, FEW, FEW + 1, 3 * FEW):
        dx, tokens = rng.integers(-9, 9, (N, 1, 4)).astype(float), rng.integers(0, 6, (N, 1))
        dE, expected = np.full((6, 4), np.nan), np.zeros((6, 4))
        embedding_backward(dx, tokens, dE)
        np.add.at(expected, tokens, dx)
        np.testing.assert_array_equal(dE, expected)
