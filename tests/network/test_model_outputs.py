"""A model with each output: made, copied, checked, and the same in everything that it computes."""

from __future__ import annotations

import copy
import pickle
from itertools import combinations, pairwise
from typing import Any

import numpy as np
import pytest

import elman
from elman import ConfigError, LanguageModel
from elman.decoding import Decoder
from elman.insight.gradcheck import gradcheck
from elman.network.output import OUTPUTS, choose_output
from elman.network.output.adaptive import default_cutoffs

K = 30
SIZES: dict[str, Any] = {"vocab_size": K, "embedding": 5, "hidden": 5, "dtype": "float64"}
GIVEN: dict[str, dict[str, Any]] = {
    "adaptive": {"cutoffs": [4, 11]}, "sampled": {"samples": 6}, "nce": {"samples": 6},
    "mixture": {"experts": 2},
}  # fmt: skip
EACH = pytest.mark.parametrize("name", OUTPUTS)
BOTH = pytest.mark.parametrize("tied", [False, True])


def model_of(name: str, *, tied: bool = False, layers: int = 2, **settings: Any) -> LanguageModel:
    """Return a model whose every parameter is drawn."""
    given = {**SIZES, **GIVEN.get(name, {}), **settings}
    model, rng = LanguageModel(output=name, tied=tied, layers=layers, **given), np.random.default_rng(0)
    for array in model.params.values():
        array[...] = rng.standard_normal(array.shape)
    return model


def window(model: LanguageModel, T: int = 4, B: int = 3) -> tuple[Any, Any, Any]:
    x, y = np.random.default_rng(1).integers(K, size=(2, T, B))
    return x, y, model.initial_state(B)


@EACH
@BOTH
def test_gradients_through_three_layers(name: str, tied: bool) -> None:
    """With large asymmetric weights and a state that is not zero; of what is drawn too, by a seed."""
    model = model_of(name, tied=tied, layers=3, dropout=0.3)
    for noise in (None, 4):
        report = gradcheck(model, noise=noise, projections=2)
        assert report.passed, report


@EACH
@BOTH
def test_losses_logits_and_steps_agree(name: str, tied: bool) -> None:
    model = model_of(name, tied=tied)
    x, y, state = window(model)
    loss, _, _ = model.loss_and_grads(x, y, state)
    nll, best, _ = model.nll(x, y, state)
    logits, _ = model.logits(x, state)
    log_p = logits - np.logaddexp.reduce(logits, axis=-1, keepdims=True)
    np.testing.assert_allclose(nll, -np.take_along_axis(log_p, y[..., None], axis=-1)[..., 0], rtol=1e-11)
    np.testing.assert_array_equal(best, logits.argmax(axis=-1))
    assert loss == pytest.approx(nll.mean(), rel=1e-12)
    decoder = Decoder(model, x[:1, 0], rows=3)
    for t, tokens in enumerate(x):
        found, state = model.step(tokens, state)
        np.testing.assert_allclose(found, logits[t], rtol=0, atol=1e-12)
        if t:
            np.testing.assert_allclose(decoder.feed(x[t][[0, 0, 0]]), logits[t][[0, 0, 0]], atol=1e-12)


@EACH
@BOTH
def test_what_does_not_count_changes_nothing(name: str, tied: bool) -> None:
    model = model_of(name, tied=tied)
    x, y, state = window(model)
    lengths = np.array([2, 4, 0])
    loss, _, grads = model.loss_and_grads(x, y, state, lengths=lengths)
    y[2:, 0] = y[:, 2] = (y[2:, 0].sum() + 1) % K
    again, _, others = model.loss_and_grads(x, y, state, lengths=lengths)
    assert again == loss
    for key, grad in grads.items():
        np.testing.assert_array_equal(others[key], grad, err_msg=key)
    none, _, zeros = model.loss_and_grads(x, y, state, lengths=np.zeros(3, int))
    assert none == 0.0
    assert not any(grad.any() for grad in zeros.values())


@EACH
def test_settings_make_the_same_model_again(name: str) -> None:
    model = LanguageModel(output=name, **SIZES)  # what was left to it is among the settings too
    assert model.settings["output"] == name
    again = LanguageModel(**{**model.settings, "seed": 0})
    assert model.settings == again.settings
    x, y, state = window(model)
    expected = model.loss_and_grads(x, y, state)[0]
    for other in (again, copy.deepcopy(model), pickle.loads(pickle.dumps(model)), model.replica()):
        assert other.loss_and_grads(x, y, state)[0] == expected
    assert (f"output='{name}'" in repr(model)) == (name != "full")


@EACH
def test_a_beginning_is_as_good_as_a_guess(name: str) -> None:
    """Every word is about as likely as any other, also where words are found by way of clusters."""
    for tied in (False, True):
        model = LanguageModel(output=name, vocab_size=2000, embedding=32, hidden=32, tied=tied)
        log_p, _ = model.logits(np.arange(20)[None], model.initial_state(20))
        log_p -= np.logaddexp.reduce(log_p, axis=-1, keepdims=True)
        assert abs(log_p.mean() + np.log(2000)) < 0.1
        assert log_p.std() < 0.3


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"output": "hierarchical"}, "unknown output 'hierarchical': expected one of full, adaptive"),
        ({"output": "full", "cutoffs": [3]}, r"cutoffs \(\[3\]\) has no effect with output full"),
        ({"output": "adaptive", "samples": 3}, r"samples \(3\) has no effect .* choose sampled or nce"),
        ({"output": "nce", "experts": 3}, r"experts \(3\) has no effect .* choose mixture"),
        ({"output": "adaptive", "cutoffs": "3,x"}, "whole numbers joined by commas, not '3,x'"),
        ({"output": "adaptive", "cutoffs": []}, "rising numbers from 1 to 29, the last word .* not none"),
        ({"output": "adaptive", "cutoffs": [3, 3]}, "not 3,3"),
        (
            {"output": "adaptive", "cutoffs": [3, 4.5]},
            "cutoffs must be a whole number of at least 0, not 4.5",
        ),
        ({"output": "adaptive", "cutoffs": [0, 3]}, "not 0,3"),
        ({"output": "adaptive", "cutoffs": [3, 30]}, "not 3,30"),
        ({"output": "adaptive", "vocab_size": 1}, "rising numbers from 1 to 0"),
        ({"output": "sampled", "samples": 0}, "samples must be a whole number of at least 1, not 0"),
        ({"output": "nce", "samples": 10**12}, "samples must be at most 16,777,216, not 1,000,000,000,000"),
        ({"output": "mixture", "experts": 1.5}, "experts must be a whole number of at least 1, not 1.5"),
    ],
)
def test_what_is_refused(given: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        LanguageModel(**{**SIZES, **given})


def test_auto_goes_by_the_vocabulary() -> None:
    assert [choose_output(K) for K in (2, 19_999)] == ["full"] * 2
    assert [choose_output(K) for K in (20_000, 250_000)] == ["adaptive"] * 2
    assert choose_output(250_000, ranked=False) == "full"
    assert LanguageModel(output="auto", **SIZES).settings["output"] == "full"
    large = LanguageModel(output="auto", vocab_size=20_000, embedding=2, hidden=2, layers=1)
    assert large.settings["output"] == "adaptive"
    assert large.settings["cutoffs"] == "1250,6666"


def test_cutoffs_are_numbers_or_text() -> None:
    models = [model_of("adaptive", cutoffs=cutoffs) for cutoffs in ([4, 11], (4, 11), "4,11", "4, 11")]
    assert {model.settings["cutoffs"] for model in models} == {"4,11"}


@pytest.mark.parametrize(
    ("classes", "part"), [(10_000, 0.21), (33_278, 0.19), (100_000, 0.125), (250_000, 0.115)]
)
def test_the_default_cutoffs_cost_little_more_than_the_best(classes: int, part: float) -> None:
    """Products a token, with all cutoffs of a grid, where words occur as Zipf and Mandelbrot have it."""
    share = np.cumsum(1.0 / (np.arange(classes) + 2.7))
    share /= share[-1]

    def cost(*cutoffs: int) -> float:
        ends = [*cutoffs, classes]
        tails = ((share[b - 1] - share[a - 1]) * (b - a) for a, b in pairwise(ends))
        return cutoffs[0] + len(cutoffs) + float(sum(tails))

    found = default_cutoffs(classes)
    assert len(found) == (2 if classes < 100_000 else 3)
    grid = np.unique(np.geomspace(classes / 300, 0.8 * classes, 30).astype(int)).tolist()
    best = min(cost(*cutoffs) for cutoffs in combinations(grid, len(found)))
    assert 0.97 * best < cost(*found) < 1.07 * best
    assert cost(*found) < part * classes


@pytest.mark.parametrize("name", ["adaptive", "classes", "mixture"])
def test_what_others_make_of_it(name: str) -> None:
    """It is inspected as the model computes it, and neither explained nor written where that cannot be."""
    from elman.insight.inspect import gradient_by_lag, read
    from elman.interop import torch

    tokenizer = elman.CharTokenizer.from_text("abcdefgh\n")
    settings = {"cutoffs": [2, 5]} if name == "adaptive" else {}
    model = model_of(name, vocab_size=tokenizer.vocab_size, **settings)
    seen = read(model, tokenizer, "badcafe\nhead\n" * 3)
    x, y = seen.context[:-1, None], seen.context[1:, None]
    nll, _, _ = model.nll(x, y, model.initial_state(1))
    np.testing.assert_allclose(seen.surprise[-len(nll) :], nll[:, 0], rtol=1e-9)
    assert gradient_by_lag(model, seen, lags=2, positions=4).norms["h"].shape == (2, 3)
    with pytest.raises(ConfigError, match=f"output is '{name}' cannot be traced or explained"):
        elman.explain(model, tokenizer, "bad")
    with pytest.raises(ConfigError, match=f"the output '{name}' is none of PyTorch's modules"):
        torch.state_dict(model)


@pytest.mark.parametrize("name", OUTPUTS)
def test_the_slope_of_a_loss_is_that_of_the_plain_implementation(name: str) -> None:
    from elman.insight.plain_output import log_probabilities, loss_slope
    from tests.conformance.outputs import PLAIN

    model, rng = model_of(name, dtype="float32"), np.random.default_rng(2)
    params = {key: array.astype(np.float64) for key, array in model.params.items()}
    h, y = rng.standard_normal((6, 5)), rng.integers(K, size=6)
    _, _, dh = PLAIN[name][1](model.output, params, h, y)
    np.testing.assert_allclose(loss_slope(model, params, h, y), dh, rtol=0, atol=1e-12)
    expected = PLAIN[name][0](model.output, params, h)
    np.testing.assert_allclose(log_probabilities(model, params, h), expected, rtol=0, atol=1e-12)
