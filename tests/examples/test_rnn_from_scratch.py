"""The network from scratch does what it promises; it equals the plain implementation; bugs are caught."""

import ast
import re
import time

import numpy as np
import pytest

import rnn_from_scratch as scratch
from elman.insight import reference

from .running import EXAMPLES, run

SCRIPT = EXAMPLES / "rnn_from_scratch.py"
SOURCE = SCRIPT.read_text("utf-8")


@pytest.fixture(scope="module")
def ran():
    """What it printed, and the seconds it took."""
    began = time.perf_counter()
    result = run(SCRIPT)
    assert result.returncode == 0, result.stderr
    return result.stdout, time.perf_counter() - began


def test_it_is_short_and_needs_numpy_alone():
    assert SOURCE.count("\n") <= 150
    imports = [node for node in ast.walk(ast.parse(SOURCE)) if isinstance(node, ast.Import | ast.ImportFrom)]
    modules = {n.module if isinstance(n, ast.ImportFrom) else n.names[0].name for n in imports}
    assert modules == {"numpy", "datetime"}


def test_it_takes_less_than_ten_seconds(ran):
    assert ran[1] < 10


def test_it_prints_date_epoch_and_loss_for_both_rates(ran):
    line = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d  epoch +(\d+)  loss (\d+\.\d{4}) nats a word\n"
    for kind in ("constant", "decaying"):
        found = re.search(rf"gradient descent with a {kind} rate\n((?:{line}){{5}})", ran[0])
        assert found, ran[0]
        epochs, losses = zip(*re.findall(line, found[1]), strict=True)
        assert [int(epoch) for epoch in epochs] == [0, 10, 20, 30, 40]
        assert float(losses[0]) > 4 > 0.1 > float(losses[-1])


def test_it_says_the_sentence_word_after_word(ran):
    assert re.findall(r"after (\S+) +comes (\S+) +with p = 0\.9\d\d", ran[0]) == [
        ("I", "like"), ("like", "to"), ("to", "play"), ("play", "."),
    ]  # fmt: skip
    assert "it says: I like to play .\n" in ran[0]


def test_its_gradient_check_is_below_a_ten_millionth(ran):
    lines = re.findall(r"gradient check, back (\d): (.*)", ran[0])
    assert [int(back) for back, _ in lines] == [9, 3]
    for _, errors in lines:
        names, numbers = errors.split()[::2], errors.split()[1::2]
        assert names == ["E", "U", "W", "b", "V", "c"]
        assert max(map(float, numbers)) < 1e-7


def test_the_vocabulary_is_that_of_the_tutorial():
    assert len(scratch.WORDS) == len(set(scratch.WORDS)) == 80
    assert scratch.indices("I like to play.").tolist() == [2, 45, 10, 65, 1]
    shapes = {name: array.shape for name, array in scratch.initial(100, 100, 80, seed=0).items()}
    square = {"U": (100, 100), "W": (100, 100)}
    assert shapes == {"E": (80, 100), **square, "b": (100,), "V": (100, 80), "c": (80,)}


def test_both_rates_differ():
    words = scratch.indices("I like to play.")
    first = scratch.initial(6, 5, 80, seed=0)
    constant, decaying = (
        scratch.train(first, words, rate, epochs=3)
        for rate in (lambda epoch: 0.5, lambda epoch: 0.5**epoch / 2)
    )
    assert constant[1][:2] == decaying[1][:2]
    assert constant[1][2] < decaying[1][2]


def named(params):
    """Return parameters under the names, and in the shapes, of a model of one layer."""
    layer = {f"layers.0.{name}": params[name][None] for name in "UWb"}
    return {"embedding.E": params["E"], **layer, "output.V": params["V"], "output.c": params["c"]}


def drawn(T, D=3, H=4, K=5, seed=0):
    """Return large parameters, words of which some come twice, and a state that is not zero."""
    rng = np.random.default_rng(seed)
    shapes = {"E": (K, D), "U": (D, H), "W": (H, H), "b": (H,), "V": (H, K), "c": (K,)}
    params = {name: rng.normal(0, 0.9, shape) for name, shape in shapes.items()}
    return params, rng.integers(K, size=T + 1), rng.normal(size=H)


@pytest.mark.parametrize("T", [1, 2, 7])
@pytest.mark.parametrize("back", [1, 2, 3, 7, 9])
def test_loss_and_gradients_are_those_of_the_plain_implementation(T, back):
    params, words, h = drawn(T)
    steps = scratch.forward(params, words[:-1], h)
    loss = scratch.mean_loss(steps, words[1:])
    grads = scratch.backward(params, steps, words[1:], back)
    x, y = words[:-1, None], words[1:, None]
    its_loss, state, its_grads, _ = reference.truncated_loss_and_grads(
        named(params), x, y, [{"h": h[None]}], every=1, back=back, cell="rnn"
    )
    assert loss == pytest.approx(its_loss, abs=1e-12, rel=0)
    np.testing.assert_allclose(steps[-1]["h"], state[0]["h"][0], rtol=0, atol=1e-12)
    assert its_grads.keys() == named(grads).keys()
    for name, gradient in named(grads).items():
        np.testing.assert_allclose(gradient, its_grads[name], rtol=0, atol=1e-12, err_msg=name)


def test_far_enough_back_it_is_the_whole_gradient():
    params, words, _ = drawn(6)
    steps = scratch.forward(params, words[:-1])
    grads = scratch.backward(params, steps, words[1:], back=6)
    start = [{"h": np.zeros((1, 4))}]
    _, _, whole, _ = reference.loss_and_grads(
        named(params), words[:-1, None], words[1:, None], start, cell="rnn"
    )
    for name, gradient in named(grads).items():
        np.testing.assert_allclose(gradient, whole[name], rtol=0, atol=1e-12, err_msg=name)


def test_prediction_is_a_probability_for_large_logits_too():
    params, words, _ = drawn(4)
    params["V"] *= 1e4
    p = scratch.predict(params, words)
    assert p.sum() == pytest.approx(1, abs=1e-12)
    assert np.isfinite(scratch.mean_loss(scratch.forward(params, words[:-1]), words[1:]))


def test_the_check_puts_the_parameters_back_and_lets_no_nan_pass():
    params, words, _ = drawn(3)
    before = {name: array.copy() for name, array in params.items()}
    grads = scratch.backward(params, scratch.forward(params, words[:-1]), words[1:], back=2)
    grads["W"][0, 0] = np.nan
    errors = scratch.check(params, words[:-1], words[1:], 2, grads)
    assert all(np.array_equal(params[name], before[name]) for name in params)
    assert [name for name, error in errors.items() if not error < 1e-7] == ["W"]


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("return dh * (1 - h * h)", "return dh * (1 - h)"),
        ("return M @ dy, np.outer(x, dy)", "return (M.T if M.shape == (4, 4) else M) @ dy, np.outer(x, dy)"),
        ("(np.arange(len(logits)) == word)", "(np.arange(len(logits)) == word - 1)"),
        ('grads["E"][step["word"]] += dx', 'grads["E"][step["word"]] = dx'),
        ("range(t, max(t - back, -1), -1)", "range(t, max(t - back - 1, -1), -1)"),
        ("range(t, max(t - back, -1), -1)", "range(t, max(t - back, 0), -1)"),
        ("target, 1 / len(targets))", "target, 1)"),
        ("(step[\"h_prev\"], params[\"W\"], dhW)", "(step[\"h\"], params[\"W\"], dhW)"),
    ],
)  # fmt: skip
def test_a_planted_bug_makes_its_check_fail(right, wrong, tmp_path):
    assert SOURCE.count(right) == 1
    copy = tmp_path / "rnn_from_scratch.py"
    copy.write_text(SOURCE.replace(right, wrong), encoding="utf-8")
    result = run(copy, warnings="ignore")  # a training may diverge on the way to the check
    assert result.returncode == 1
    assert "AssertionError: the gradient is wrong" in result.stderr
