"""What every output layer must do: gradients, chunks, memory, and numbers at the edge of the range."""

import tracemalloc

import numpy as np
import pytest

from elman import gradcheck
from elman.network.output import OUTPUTS, softmax
from elman.network.workspace import Workspace

CASES = [(kind, tied) for kind in OUTPUTS.values() for tied in (False, True)]
H, K, N = 4, 7, 150  # more rows than the smallest chunk, 64, holds


@pytest.fixture(params=CASES, ids=[f"{kind.__name__}{'-tied' * tied}" for kind, tied in CASES])
def case(request):
    return request.param


def draw(case, *, hidden=H, classes=K, rows=N, dtype="float64", spread=1.0):
    kind, tied = case
    rng = np.random.default_rng(2)
    layer = kind(hidden, classes, tied, np.dtype(dtype))
    shapes = layer.shapes() | ({"embedding.E": (classes, hidden)} if tied else {})
    params = {name: (spread * rng.normal(size=shape)).astype(dtype) for name, shape in shapes.items()}
    return layer, params, rng.normal(size=(rows, hidden)).astype(dtype), rng.integers(classes, size=rows)


def run(layer, params, h, y, scale=1.0, space=None):
    grads = {name: np.full_like(array, np.nan) for name, array in params.items()}
    dh = np.full_like(h, np.nan)
    space = Workspace() if space is None else space
    value = layer.nll_and_grads(params, h, y, scale, space, grads, dh)
    return value, {**grads, "h": dh}


def naive_nll(layer, params, h, y):
    """As the definition has it, in extended precision."""
    logits = (h @ layer.weights(params) + params["output.c"]).astype(np.longdouble)
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    return -np.log(p[np.arange(len(y)), y]), p


def test_parameters_are_named_and_shaped(case):
    layer, params, _, _ = draw(case)
    expected = {"output.c": (K,)} if case[1] else {"output.V": (H, K), "output.c": (K,)}
    assert layer.shapes() == expected
    assert layer.weights(params).shape == (H, K)


def test_gradients_of_parameters_and_hidden_states(case):
    layer, params, h, y = draw(case, rows=9)

    def function(arrays):
        value, grads = run(layer, arrays, arrays["h"], y)
        return value, {name: grads[name] for name in arrays}

    report = gradcheck(function, {**params, "h": h}, order=2)
    assert report.passed, report


def test_value_is_the_sum_and_the_derivatives_are_scaled(case):
    layer, params, h, y = draw(case)
    nll, p = naive_nll(layer, params, h, y)
    value, grads = run(layer, params, h, y, scale=0.25)
    assert value == pytest.approx(float(nll.sum()), rel=1e-13)
    dlogits = 0.25 * (p - np.eye(K)[y]).astype(np.float64)
    np.testing.assert_allclose(grads["output.c"], dlogits.sum(axis=0), rtol=0, atol=1e-12)
    np.testing.assert_allclose(grads["h"], dlogits @ layer.weights(params).T, rtol=0, atol=1e-12)
    dV = h.T @ dlogits
    found = grads["embedding.E"].T if case[1] else grads["output.V"]
    np.testing.assert_allclose(found, dV, rtol=0, atol=1e-12)


def test_scoring_gives_the_loss_of_every_row_and_the_best_class(case):
    layer, params, h, y = draw(case)
    nll, best = layer.nll(params, h, y, Workspace())
    expected, p = naive_nll(layer, params, h, y)
    np.testing.assert_allclose(nll, expected.astype(np.float64), rtol=1e-12)
    np.testing.assert_array_equal(best, p.argmax(axis=1))
    params["output.c"][:] = 0.0
    assert layer.nll(params, np.zeros_like(h), y, Workspace())[1].tolist() == [0] * N  # the lowest of equals


@pytest.mark.parametrize("numbers", [1, 100 * K, 149 * K, 150 * K, 151 * K])
def test_chunks_do_not_change_results(case, numbers, monkeypatch):
    layer, params, h, y = draw(case)
    whole, whole_grads = run(layer, params, h, y, scale=1 / N)
    whole_nll, whole_best = layer.nll(params, h, y, Workspace())
    monkeypatch.setattr(softmax, "CHUNK_NUMBERS", numbers)
    space = Workspace()
    for _ in range(2):  # twice through one workspace
        value, grads = run(layer, params, h, y, scale=1 / N, space=space)
        assert value == pytest.approx(whole, rel=1e-13)
        for name, grad in whole_grads.items():
            np.testing.assert_allclose(grads[name], grad, rtol=0, atol=1e-14, err_msg=name)
        nll, best = layer.nll(params, h, y, space)
        np.testing.assert_allclose(nll, whole_nll, rtol=1e-13)
        np.testing.assert_array_equal(best, whole_best)


def test_every_row_is_in_one_chunk(case, monkeypatch):
    layer, params, h, y = draw(case, rows=64 * 3 + 1)
    monkeypatch.setattr(softmax, "CHUNK_NUMBERS", 1)
    assert run(layer, params, h, y)[0] == pytest.approx(float(naive_nll(layer, params, h, y)[0].sum()))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_huge_logits_neither_overflow_nor_lose_the_loss(case, dtype):
    """Logits of +-1e4: any warning of NumPy is an error here."""
    layer, params, h, y = draw(case, hidden=1, classes=3, rows=3, dtype=dtype)
    layer.weights(params)[...] = 0.0
    params["output.c"][:] = [1e4, -1e4, 0.0]
    y = np.array([0, 1, 2])
    nll, best = layer.nll(params, h, y, Workspace())
    np.testing.assert_array_equal(nll, [0.0, 2e4, 1e4])
    assert best.tolist() == [0, 0, 0]
    value, grads = run(layer, params, h, y)
    assert value == 3e4
    np.testing.assert_array_equal(grads["output.c"], [2.0, -1.0, -1.0])


def test_memory_stays_far_below_the_logits_of_the_window(case):
    """The peak of scratch beside the gradients: a chunk of logits, and one more copy of dV."""
    classes, rows, hidden = 10_000, 1000, 8
    layer, params, h, y = draw(case, hidden=hidden, classes=classes, rows=rows, dtype="float32", spread=0.1)
    grads = {name: np.empty_like(array) for name, array in params.items()}
    dh, space = np.empty_like(h), Workspace()
    tracemalloc.start()
    layer.nll_and_grads(params, h, y, 1.0, space, grads, dh)
    layer.nll(params, h, y, space)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < rows * classes * 4 / 4


def test_a_row_does_not_see_the_others(case):
    layer, params, h, y = draw(case)
    _, before = run(layer, params, h, y)
    nll, _ = layer.nll(params, h, y, Workspace())
    h[3] = 7.0
    _, after = run(layer, params, h, y)
    changed, _ = layer.nll(params, h, y, Workspace())
    others = np.arange(N) != 3
    np.testing.assert_array_equal(after["h"][others], before["h"][others])
    np.testing.assert_array_equal(changed[others], nll[others])
    assert changed[3] != nll[3]


def test_nothing_but_results_is_written(case):
    layer, params, h, y = draw(case)
    for array in (*params.values(), h, y):
        array.setflags(write=False)
    run(layer, params, h, y)
    layer.nll(params, h, y, Workspace())
