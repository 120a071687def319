"""An explanation as one document: all of it, of the network, and bounded where that is asked for."""

import json
import math

import numpy as np
import pytest

import elman
from elman.cli.explained import render
from elman.insight.explain import small_model
from elman.insight.explain.document import document

from .test_explain import NAMES, drawn


@pytest.mark.parametrize("cell", NAMES)
def test_the_document_is_json_and_adds_up(cell):
    _, found = drawn(cell, back=2)
    made = json.loads(json.dumps(document(found), allow_nan=False))
    T = made["sizes"]["T"]
    assert math.isclose(made["loss"], sum(step["loss"] for step in made["steps"]) / T)
    assert made["truncate"] == 2
    for name, array in made["each"].items():
        assert np.shape(array)[:2] == (T, T), name
        assert set(made["grads"]) == set(made["each"])
    for name, share in made["by_step"].items():
        np.testing.assert_allclose(np.sum(share, axis=0), made["dparams"][name], atol=1e-15)
    step = made["steps"][0]
    assert step["top"][0]["probability"] == max(made["values"]["output.p"][0])
    assert made["omitted"] == []


@pytest.mark.parametrize("tied", [False, True])
def test_a_step_of_the_document_is_what_the_network_says_of_it(tied):
    model, found = drawn("lstm", tied=tied, sentence="to be or not to be")
    made = document(found)
    T, D, H, K = (made["sizes"][letter] for letter in "TDHK")
    assert (T, model.params["embedding.E"].shape, made["tied"]) == (6, (K, D), tied)
    assert model.params["layers.0.W"].shape == (4, H, H)
    state = model.initial_state(1)
    for t, step in enumerate(made["steps"]):
        logits, state = model.step(found.trace.tokens[t], state)
        share = np.exp(logits[0]) / np.exp(logits[0]).sum()
        assert math.isclose(step["probability"], share[step["target_id"]], rel_tol=1e-9)
        assert math.isclose(step["loss"], -math.log(step["probability"]), rel_tol=1e-9)
        assert step["top"][0] == {
            "token": made["vocabulary"][share.argmax()],
            "id": share.argmax(),
            "probability": pytest.approx(share.max()),
        }
        assert (step["word"], step["id"]) == (step["token"], found.trace.tokens[t, 0])


def test_a_perplexity_without_bound_is_null_and_not_a_large_number():
    model, tokenizer, _ = small_model("to be")
    model.params["output.c"][:] = [1000, *[0] * (tokenizer.vocab_size - 1)]
    found = elman.explain(model, tokenizer, "to be")
    made = document(found)
    assert made["loss"] > 900
    assert made["perplexity"] is None
    assert "perplexity inf." in render(found, source="a test")


def test_a_token_of_index_zero_is_not_an_unknown_one():
    tokenizer = elman.ByteTokenizer()
    model = elman.LanguageModel(vocab_size=256, hidden=3, layers=1)
    steps = document(elman.explain(model, tokenizer, "a\0b"), without=("each", "by_step"))["steps"]
    assert [(step["id"], step["unknown"]) for step in steps] == [(97, False), (0, False), (98, False)]


def test_the_document_is_bounded_as_a_whole():
    _, found = drawn("gru")
    made, whole = document(found, together=1000), document(found)
    kept = sum(
        np.size(array)
        for part in ("params", "values", "grads", "each", "dparams", "by_step")
        for array in made[part].values()
    )
    assert 900 < kept <= 1000
    assert made["params"] == whole["params"]
    assert "each.layers.1.h" in made["omitted"]
    assert whole["omitted"] == []
    bare = document(found, without=("each", "by_step"))
    assert bare == whole | {"each": {}, "by_step": {}}


def test_large_arrays_are_left_out_of_the_page_and_named():
    _, found = drawn("lstm")
    made = document(found, most=99)
    assert "each.layers.0.h" in made["omitted"]
    assert "layers.0.h" not in made["each"]
    assert made["sent"] == document(found)["sent"]
