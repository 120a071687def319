"""A last layer of another width: sizes, gradients, the same results in every way of running, refusals."""

from __future__ import annotations

import numpy as np
import pytest

import elman
from elman.decoding import Decoder
from elman.insight.explain.explanation import explain
from elman.insight.inspect.reading import read
from elman.insight.reference import loss_and_grads
from elman.training.processes import ProcessWorkers
from elman.training.workers import Workers

SIZES = {"vocab_size": 6, "embedding": 4, "hidden": 5, "layers": 3, "hidden_last": 4, "dtype": "float64"}


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
@pytest.mark.parametrize("tied", [False, True])
def test_gradients(cell, tied):
    model = elman.LanguageModel(cell=cell, tied=tied, **SIZES)
    assert model.params["layers.2.W"].shape[1:] == (4, 4)
    assert model.params["layers.2.U"].shape[1:] == (5, 4)
    assert elman.gradcheck(model).passed
    assert elman.LanguageModel(**model.settings).shapes() == model.shapes()
    assert "hidden_last=4" in repr(model)


def test_initial_values_go_by_the_width_of_each_layer():
    model = elman.LanguageModel(vocab_size=50, hidden=100, layers=3, hidden_last=4)
    bounds = [np.abs(model.params[f"layers.{i}.W"]).max() for i in range(3)]
    np.testing.assert_allclose(bounds, [0.1, 0.1, 0.5], rtol=0.05)
    assert 0.45 < np.abs(model.params["output.V"]).max() < 0.5


def test_the_same_in_plain_code_token_by_token_and_in_workers():
    model = elman.LanguageModel(cell="lstm", **SIZES)
    rng = np.random.default_rng(0)
    x, y = rng.integers(6, size=(2, 7, 4))
    state = model.initial_state(4)
    loss, _, grads = model.loss_and_grads(x, y, state)
    logits, _ = model.logits(x[:, :1], model.initial_state(1))
    decoder = Decoder(model, x[:1, 0])
    for token, expected in zip(x[1:, 0], logits[1:, 0], strict=True):
        np.testing.assert_allclose(decoder.feed(np.array([token]))[0], expected, atol=1e-13)
    plain, _, plain_grads, _ = loss_and_grads(model.params, x, y, state, cell="lstm")
    assert plain == pytest.approx(loss, rel=1e-12)
    for name, grad in grads.items():
        np.testing.assert_allclose(plain_grads[name], grad, atol=1e-13, err_msg=name)
    for kind in (Workers, ProcessWorkers):
        workers = kind(model, 4, 2, 7)
        shared, _, shared_grads = workers.loss_and_grads(x, y, state)
        assert shared == pytest.approx(loss, rel=1e-12)
        for name, grad in grads.items():
            np.testing.assert_allclose(shared_grads[name], grad, atol=1e-13, err_msg=name)
        workers.close()


def test_it_is_explained_but_not_inspected():
    model = elman.LanguageModel(cell="lstm", **SIZES)
    tokenizer = elman.CharTokenizer.from_text("abcd\n")
    assert [word.token for word in explain(model, tokenizer, "abba").words] == list("abba")
    with pytest.raises(elman.ConfigError, match="only one of equal layers"):
        read(model, tokenizer, "abba")


@pytest.mark.parametrize(
    ("sizes", "says"),
    [
        ({"layers": 1}, "last of several layers"),
        ({"projection": 2}, "last of several layers"),
        ({"hidden_last": 0}, "hidden_last must be a whole number of at least 1"),
        ({"tied": True, "embedding": 5}, "that 4"),
    ],
)
def test_what_is_refused(sizes, says):
    with pytest.raises(elman.ConfigError, match=says):
        elman.LanguageModel(**{**SIZES, **sizes})
    if "hidden_last" not in sizes:
        with pytest.raises(elman.ConfigError, match=r"hidden_last is|tied needs"):
            elman.TrainConfig.from_mapping({"hidden": 5, "embedding": 4, "hidden_last": 4, **sizes})
