"""What every output layer must do: gradients, chunks, memory, and numbers at the edge of the range."""

import tracemalloc

import numpy as np
import pytest

from elman.network.output import OUTPUTS, chunking
from elman.network.output.weights import with_ones
from elman.network.workspace import Workspace

from .outputs import (
    CASES,
    H,
    K,
    N,
    assert_close,
    check_gradients,
    check_plainly,
    check_scores,
    check_targets_in_one_place,
    draw,
)


@pytest.fixture(params=CASES, ids=[f"{name}{'-tied' * tied}" for name, tied in CASES])
def case(request):
    name, tied = request.param
    return lambda **sizes: draw(name, tied=tied, **sizes)


RANDOM = [name for name, kind in OUTPUTS.items() if kind.random]
V, C = {"output.V": (H, K)}, {"output.c": (K,)}
EXPERTS = {"output.prior.V": (H, 3), "output.experts.R": (3, H, H), "output.experts.c": (3, H)}
CLASSES = {"output.classes.V": (H, 3), "output.classes.c": (3,)}
CLUSTERS = {"output.clusters.V": (H, 3), "output.clusters.c": (3,)}
SHAPES = {
    "full": V | C,
    "sampled": V | C,
    "nce": V | C,
    "classes": CLASSES | V | C,
    "mixture": EXPERTS | V | C,
    "adaptive": {f"output.tails.{i}.R": (H, 1) for i in range(3)}
    | CLUSTERS
    | {"output.V": (H, 3), "output.c": (3,)}
    | {
        name: shape
        for i, n in enumerate((2, 1, 5))
        for name, shape in ((f"output.tails.{i}.V", (1, n)), (f"output.tails.{i}.c", (n,)))
    },
}


@pytest.mark.parametrize("name", OUTPUTS)
def test_parameters_are_named_and_shaped(name):
    layer, tied = draw(name).layer, draw(name, tied=True).layer
    assert list(layer.shapes().items()) == list(SHAPES[name].items())
    own = {key: shape for key, shape in SHAPES[name].items() if key.count(".") > 1 and "tails" not in key}
    assert tied.shapes() == own | C
    for one in (layer, tied):  # what members of a team add up lies in one piece
        assert list(one.summed) == list(one.shapes())[: len(one.summed)]
        assert one.name == name
        assert OUTPUTS[name](H, K, one.tied, one.dtype, **one.settings).shapes() == one.shapes()


def test_gradients_of_parameters_and_hidden_states(case):
    check_gradients(case(rows=9))


def test_value_is_the_sum_and_the_derivatives_are_scaled(case):
    check_plainly(case())


def test_scoring_gives_the_loss_of_every_row_and_the_best_class(case):
    check_scores(case())
    problem = case(spread=0.1)
    check_scores(problem)
    for array in problem.params.values():
        array[:] = 0.0
    nll, best = problem.score()
    assert best.tolist() == [0] * N  # the lowest of equals, of which adaptive and classes make some of others
    np.testing.assert_allclose(nll, -problem.log_p()[np.arange(N), problem.y], rtol=1e-12)


@pytest.mark.parametrize("classes", [2, 3, 4, 5, 30])
@pytest.mark.parametrize("name", OUTPUTS)
def test_vocabularies_of_any_size(name, classes):
    for tied in (False, True):
        problem = draw(
            name, tied=tied, classes=classes, rows=12, make=lambda *sizes, **_: OUTPUTS[name](*sizes)
        )
        check_plainly(problem)
        check_scores(problem)


@pytest.mark.parametrize("name", ["adaptive", "classes"])
@pytest.mark.parametrize("tied", [False, True])
def test_targets_that_are_all_in_one_place(name, tied):
    check_targets_in_one_place(draw(name, tied=tied, rows=20))


@pytest.mark.parametrize("rows", [1, 3])
def test_decoding_reads_the_logits(case, rows):
    problem = case(rows=rows)
    logits = problem.layer.logits(problem.params, problem.h)
    out = np.full((rows, K), np.nan)
    read = problem.layer.reader(problem.params)
    for _ in range(2):
        read(with_ones(problem.h), out)
        np.testing.assert_allclose(out, logits, rtol=0, atol=1e-13)
    given = np.full((rows, K), np.nan)
    assert problem.layer.logits(problem.params, problem.h, out=given) is given
    np.testing.assert_array_equal(given, logits)


@pytest.mark.parametrize("numbers", [1, 100 * K, 149 * K, 150 * K, 151 * K])
def test_chunks_do_not_change_results(case, numbers, monkeypatch):
    problem = case()
    whole, whole_grads = problem.run(scale=1 / N)
    whole_nll, whole_best = problem.score()
    logits = problem.layer.logits(problem.params, problem.h)
    monkeypatch.setattr(chunking, "CHUNK_NUMBERS", numbers)
    space = Workspace()
    for _ in range(2):  # twice through one workspace
        value, grads = problem.run(scale=1 / N, space=space)
        assert value == pytest.approx(whole, rel=1e-13)
        assert_close(grads, whole_grads, 1e-14)
        nll, best = problem.layer.nll(problem.params, problem.h, problem.y, space)
        np.testing.assert_allclose(nll, whole_nll, rtol=1e-12)
        np.testing.assert_array_equal(best, whole_best)
    np.testing.assert_allclose(problem.layer.logits(problem.params, problem.h), logits, rtol=0, atol=1e-13)


def test_every_row_is_in_one_chunk(case, monkeypatch):
    problem = case(rows=64 * 3 + 1)
    monkeypatch.setattr(chunking, "CHUNK_NUMBERS", 1)
    assert problem.run()[0] == pytest.approx(float(problem.plainly()[0].sum()))


def test_one_workspace_serves_any_number_of_rows(case):
    space = Workspace()
    for rows in (7, N, 1, 40):
        problem = case(rows=rows)
        value, grads = problem.run(space=space)
        expected, other = problem.run()
        assert value == expected
        assert_close(grads, other, 0.0)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("size", [1e4, 1e5])
def test_huge_logits_neither_overflow_nor_lose_the_loss(case, dtype, size):
    """Any warning of NumPy is an error here. Whole numbers, so that logits are exact."""
    problem = case(rows=40, dtype=dtype)
    rng = np.random.default_rng(1)
    for array in problem.params.values():
        array[...] = rng.integers(-3, 4, array.shape) * size
    problem.h[...] = rng.integers(-2, 3, problem.h.shape)
    losses, expected = problem.plainly()
    nll, best = problem.score()
    np.testing.assert_allclose(nll, losses, rtol=1e-5)
    if problem.layer.name not in ("adaptive", "classes"):  # a product of two ones may be of other classes too
        np.testing.assert_array_equal(best, problem.log_p().argmax(axis=1))
    value, grads = problem.run()
    assert value == pytest.approx(losses.sum(), rel=1e-5)
    # What an expert's part is in a mixture goes by differences of losses, which are rounded as they are huge.
    mixed = 20 * size * np.finfo(dtype).eps if problem.layer.name == "mixture" else 0.0
    for name, array in expected.items():
        tolerance = (np.abs(array).max() + 1.0) * max(1e-4, mixed)
        np.testing.assert_allclose(grads[name], array, rtol=0, atol=tolerance, err_msg=name)
    if problem.layer.random:
        assert np.isfinite(problem.run(seed=1)[0])


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_shows_in_the_loss(case, bad):
    problem = case()
    problem.h[3] = bad
    with np.errstate(all="ignore"):  # as training and evaluation do
        assert not np.isfinite(problem.run()[0])
        nll, best = problem.score()
        seeded = problem.run(seed=1)[0] if problem.layer.random else np.nan
    assert not np.isfinite(seeded)
    assert not np.isfinite(nll[3])
    assert np.isfinite(np.delete(nll, 3)).all()
    assert ((best >= 0) & (best < K)).all()


@pytest.mark.parametrize("name", OUTPUTS)
def test_memory_stays_far_below_the_logits_of_the_window(name):
    """The peak of scratch beside the gradients: a chunk of logits, and one more copy of dV.

    Chunks are of one size here, since memory that grows is there twice. Of classes and clusters, every one is
    looked into.
    """
    classes, rows = 20_000 if name in ("classes", "adaptive") else 5000, 1024
    make = lambda *sizes, **_: OUTPUTS[name](*sizes)  # noqa: E731
    layer, params, h, y = draw(
        name, hidden=4, classes=classes, rows=rows, dtype="float32", spread=0.1, make=make, tied=True
    )
    grads = {name: np.empty_like(array) for name, array in params.items()}
    dh, space, rng = np.empty_like(h), Workspace(), np.random.default_rng(0)
    tracemalloc.start()
    layer.nll_and_grads(params, h, y, 1.0, space, grads, dh)
    layer.nll_and_grads(params, h, y, 1.0, space, grads, dh, rng=rng)
    layer.nll(params, h, y, space)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < rows * classes * 4 / 4


def test_a_row_does_not_see_the_others(case):
    problem = case()
    for seed in (None, 1):
        _, before = problem.run(seed=seed)
        nll, _ = problem.score()
        other = problem._replace(h=problem.h.copy())
        other.h[3] = 7.0
        _, after = other.run(seed=seed)
        changed, _ = other.score()
        others = np.arange(N) != 3
        np.testing.assert_allclose(after["h"][others], before["h"][others], rtol=0, atol=1e-15)
        np.testing.assert_allclose(changed[others], nll[others], rtol=1e-14)
        assert changed[3] != nll[3]


def test_nothing_but_results_is_written(case):
    problem = case()
    for array in (*problem.params.values(), problem.h, problem.y):
        array.setflags(write=False)
    problem.run()
    problem.run(seed=1)
    problem.score()
    problem.layer.logits(problem.params, problem.h)
    problem.layer.reader(problem.params)(with_ones(problem.h), np.empty((N, K)))


def test_the_loss_is_had_without_the_best_class(case):
    problem = case()
    nll, best = problem.layer.nll(problem.params, problem.h, problem.y, Workspace(), guess=False)
    np.testing.assert_allclose(nll, problem.score()[0], rtol=1e-12)
    assert best.tolist() == [-1] * N
