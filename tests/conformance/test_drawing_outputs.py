"""Outputs that are trained on words drawn: the draws, the objective, and where it leads."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from elman import LanguageModel
from elman.network.output import OUTPUTS
from elman.network.output.draws import draw_log_uniform, log_uniform

from .outputs import K, N, assert_close, check_consistent, check_gradients, check_samples, draw

RANDOM = [name for name, kind in OUTPUTS.items() if kind.random]
pytestmark = pytest.mark.parametrize("name", RANDOM)
BOTH = pytest.mark.parametrize("tied", [False, True])


def test_these_are_they(name: str) -> None:
    assert name in ("sampled", "nce")


@BOTH
@pytest.mark.parametrize("samples", [1, 4, 30])
def test_the_objective_is_that_of_the_plain_implementation(name: str, tied: bool, samples: int) -> None:
    """Also where nothing was drawn, and where every word was."""
    check_samples(draw(name, tied=tied, rows=40, samples=samples))


@BOTH
@pytest.mark.parametrize("seed", [0, 1])
def test_gradients_by_a_seed(name: str, tied: bool, seed: int) -> None:
    check_gradients(draw(name, tied=tied, rows=7), seed=seed)


@pytest.mark.parametrize("samples", [1, 3, 8])
def test_it_leads_to_the_distribution_of_the_text(name: str, samples: int) -> None:
    check_consistent(draw(name, classes=5, samples=samples))


@BOTH
def test_words_that_were_neither_drawn_nor_targets_have_no_gradient(name: str, tied: bool) -> None:
    problem = draw(name, tied=tied, classes=50, rows=6)
    layer: Any = problem.layer
    named = {*layer.draw(np.random.default_rng(3)).tolist(), *problem.y.tolist()}
    _, grads = problem.run(seed=3)
    dV = grads["embedding.E"].T if tied else grads["output.V"]
    for by_word in (np.abs(dV).sum(axis=0), np.abs(grads["output.c"])):
        assert set(np.flatnonzero(by_word).tolist()) == named


def test_a_seed_draws_the_same_and_the_generator_moves_on(name: str) -> None:
    problem = draw(name, classes=500, samples=20)
    one, same, other = (problem.run(seed=seed) for seed in (1, 1, 2))
    assert one[0] == same[0] != other[0]
    assert_close(one[1], same[1], 0.0)
    layer: Any = problem.layer
    rng = np.random.default_rng(1)
    assert layer.draw(rng).tolist() != layer.draw(rng).tolist()


def test_chunks_do_not_change_what_is_drawn(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    problem = draw(name, rows=N, classes=300, samples=40)
    value, grads = problem.run(seed=5)
    monkeypatch.setattr("elman.network.output.chunking.CHUNK_NUMBERS", 1)
    monkeypatch.setattr("elman.network.output.chunking.FEWEST_ROWS", 7)
    again, others = problem.run(seed=5)
    assert again == pytest.approx(value, rel=1e-13)
    assert_close(others, grads, 1e-13 * max(np.abs(array).max() for array in grads.values()))


def test_the_proposal_is_what_is_drawn(name: str) -> None:
    """Half a million draws: each word within five standard deviations of its expectation."""
    q, number = np.exp(log_uniform(np.arange(K), K)), 500_000
    assert q.sum() == pytest.approx(1.0, rel=1e-14)
    assert (np.diff(q) < 0).all()
    found = np.bincount(draw_log_uniform(np.random.default_rng(0), number, K), minlength=K)
    assert np.abs(found - number * q).max() < 5 * np.sqrt(number * q.max())
    layer: Any = draw(name, samples=30).layer
    counts = np.array([np.bincount(layer.draw(np.random.default_rng(s)), minlength=K) for s in range(3000)])
    expected = np.log(np.mean(counts > 0 if name == "sampled" else counts, axis=0))
    np.testing.assert_allclose(layer.correction(np.arange(K)), expected, atol=0.05)
    assert counts.sum(axis=1).max() <= layer.most_drawn


def test_the_default_is_a_quarter_of_a_small_vocabulary(name: str) -> None:
    makes = lambda classes: OUTPUTS[name](1, classes, False, np.dtype("f4")).settings["samples"]  # noqa: E731
    assert [makes(classes) for classes in (1, 9, 10_000, 10**6)] == [1, 3, 2048, 2048]


def test_many_samples_of_the_sampled_softmax_are_all_words(name: str) -> None:
    """And with ever more noise the gradient of NCE comes to that of the softmax."""
    problem = draw(name, rows=30, samples=10**4 if name == "sampled" else 4 * 10**6)
    V, c = problem.params["output.V"], problem.params["output.c"]
    problem.params["output.V"][:] = 0.0  # of a normalised model
    problem.params["output.c"] -= np.log(np.exp(c).sum())
    assert not V.any()
    _, expected = problem.run()
    _, found = problem.run(seed=0)
    assert_close(found, expected, 1e-9 if name == "sampled" else 0.1)


def test_a_model_draws_where_it_is_given_a_generator(name: str) -> None:
    sizes: dict[str, Any] = {"vocab_size": 40, "embedding": 4, "hidden": 4, "layers": 1, "dtype": "float64"}
    model = LanguageModel(**sizes, output=name, samples=5)
    exact = LanguageModel(**sizes)
    for key, array in exact.params.items():
        array[...] = model.params[key]
    assert model.stochastic
    assert not exact.stochastic
    x, y = np.random.default_rng(0).integers(40, size=(2, 3, 2))
    state = model.initial_state(2)
    assert model.loss_and_grads(x, y, state)[0] == exact.loss_and_grads(x, y, state)[0]
    with_samples = model.loss_and_grads(x, y, state, rng=np.random.default_rng(1))[0]
    assert with_samples != model.loss_and_grads(x, y, state, rng=np.random.default_rng(2))[0]
    np.testing.assert_array_equal(model.nll(x, y, state)[0], exact.nll(x, y, state)[0])


def test_biases_begin_where_the_sum_is_one_if_it_is_to_be_learnt(name: str) -> None:
    model = LanguageModel(vocab_size=5000, output=name)
    logits = model.logits(np.array([[1], [2]]), model.initial_state(1))[0]
    total = np.exp(logits).sum(axis=-1)
    np.testing.assert_allclose(total, 1.0 if name == "nce" else 5000.0, rtol=0.1)
