"""What an explanation says is what the fast path does, to every truncation."""

import math

import numpy as np
import pytest

import elman
from elman.cli.explained import render
from elman.data import WordTokenizer
from elman.errors import ConfigError, DataError, DivergenceError
from elman.insight.explain import explanation, small_model
from elman.insight.explain.document import document
from elman.insight.explain.lookup import look_up
from elman.network import CELLS

from ..network.building import draw_model

SENTENCE = "I like to play ."
NAMES = sorted(CELLS)


def drawn(cell, *, layers=2, tied=False, back=None, sentence=SENTENCE):
    """Explain a sentence by a model with large weights."""
    tokenizer = WordTokenizer.from_text(sentence)
    model = draw_model(cell, layers=layers, tied=tied, classes=tokenizer.vocab_size)
    return model, elman.explain(model, tokenizer, sentence, back=back)


def window(found):
    return found.trace.tokens, found.trace.targets


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("cell", NAMES)
def test_the_shares_of_the_steps_add_up_to_the_truncated_gradients(cell, tied):
    model, found = drawn(cell, tied=tied, sentence="to be or not to be")  # words stand in it twice
    x, y = window(found)
    for back in range(1, found.steps + 1):
        truncation = elman.Truncation(every=1, back=back)
        _, _, grads = model.loss_and_grads(x, y, model.initial_state(1), truncation=truncation)
        shares = found.by_step(back)
        assert set(shares) == set(grads)
        for name, array in grads.items():
            np.testing.assert_allclose(shares[name].sum(axis=0), array, rtol=1e-9, atol=1e-12)
        for name, share in found.shares(back).items():
            np.testing.assert_allclose(share.total(), grads[name], rtol=1e-9, atol=1e-12)
            lengths = np.linalg.norm(shares[name].reshape(found.steps, -1), axis=1)
            np.testing.assert_allclose(share.lengths(), lengths, rtol=1e-9, atol=1e-15)


def test_a_learnt_state_enters_and_is_held_constant():
    tokenizer = WordTokenizer.from_text(SENTENCE)
    model = draw_model("lstm", layers=2, classes=tokenizer.vocab_size, learn_state=True)
    found = elman.explain(model, tokenizer, SENTENCE)
    x, y = window(found)
    loss, _, grads = model.loss_and_grads(x, y, model.initial_state(1))
    assert found.trace.loss == pytest.approx(loss, rel=1e-12)
    shares = found.shares(None)
    assert set(grads) - set(shares) == {f"layers.{l}.{name}0" for l in (0, 1) for name in "hc"}
    for name, share in shares.items():
        np.testing.assert_allclose(share.total(), grads[name], rtol=1e-9, atol=1e-12)
    assert render(found, source="a model")
    assert document(found)


@pytest.mark.parametrize("cell", NAMES)
def test_without_truncation_the_losses_send_what_the_trace_has(cell):
    _, found = drawn(cell)
    for name, array in found.grads(None).items():
        np.testing.assert_allclose(array, found.trace.grads[name][:, 0], rtol=1e-9, atol=1e-14)
        np.testing.assert_allclose(array, found.grads(found.steps)[name], rtol=1e-9, atol=1e-14)


@pytest.mark.parametrize("cell", NAMES)
def test_what_a_loss_sends_to_a_state_is_a_central_difference(cell):
    model, found = drawn(cell)
    x, y = window(found)
    t, k, eps = 4, 1, 1e-6
    _, _, middle = model.nll(x[: k + 1], y[: k + 1], model.initial_state(1))
    top = middle[-1]
    numeric = []
    for unit in range(top.h.shape[1]):
        losses = []
        for sign in (1, -1):
            h = top.h.copy()
            h[0, unit] += sign * eps
            losses.append(
                model.nll(x[k + 1 :], y[k + 1 :], (*middle[:-1], top._replace(h=h)))[0][t - k - 1, 0]
            )
        numeric.append((losses[0] - losses[1]) / (2 * eps))
    np.testing.assert_allclose(found.each["layers.1.h"][t, k], numeric, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(found.sent()[t, k], np.linalg.norm(numeric), rtol=1e-6)
    assert not found.sent()[k, k + 1 :].any()


def test_the_last_step_that_is_reached_sends_nothing_back():
    _, found = drawn("lstm")
    sent, T = found.each["layers.0.c_prev"], found.steps
    one, two = (found.grads(back)["layers.0.c_prev"] for back in (1, 2))
    assert not one[1:].any()
    np.testing.assert_allclose(one[0], sent[0, 0] / T)  # by the state that enters the sentence
    for k in range(1, T - 1):
        np.testing.assert_allclose(two[k], sent[k, k] / T)  # and not what loss k + 1 sends beyond k
    np.testing.assert_allclose(two[T - 1], sent[T - 1, T - 1] / T)


def test_what_is_cut_off_gets_less_and_ends_at_nothing():
    _, found = drawn("gru", layers=1)
    whole = {name: array.sum(axis=0) for name, array in found.by_step(None).items()}
    two = {name: array.sum(axis=0) for name, array in found.by_step(2).items()}
    missing, cosine = found.cut[1]["layers.0.W"]
    a, b = two["layers.0.W"].ravel(), whole["layers.0.W"].ravel()
    assert math.isclose(missing, np.linalg.norm(a - b) / np.linalg.norm(b))
    assert math.isclose(cosine, a @ b / np.linalg.norm(a) / np.linalg.norm(b))
    assert all(missing < 1e-12 for missing, _ in found.cut[-1].values())
    assert all(row["output.V"][0] < 1e-12 for row in found.cut)  # no truncation touches the output


@pytest.mark.parametrize("tied", [False, True])
def test_what_is_cut_off_is_that_of_the_derivatives_themselves(tied):
    _, found = drawn("lstm", tied=tied, sentence="to be or not to be")
    whole = {name: share.total() for name, share in found.shares(None).items()}
    for back, row in enumerate(found.cut, 1):
        for name, share in found.shares(back).items():
            part, length = share.total(), np.linalg.norm(whole[name])
            missing, cosine = row[name]
            assert math.isclose(missing, np.linalg.norm(part - whole[name]) / length, abs_tol=1e-12), name
            assert math.isclose(cosine, np.vdot(part, whole[name]) / length / np.linalg.norm(part)), name
            assert math.isclose(share.length(), np.linalg.norm(part)), name


def test_words_outside_the_vocabulary_are_shown_as_they_stand():
    model, tokenizer, _ = small_model(SENTENCE)
    found = elman.explain(model, tokenizer, "I like zebras .")
    assert [word.symbol for word in found.words] == ["I", "like", "zebras", "."]
    assert [word.token for word in found.words] == ["I", "like", "<unk>", "."]
    assert [step["unknown"] for step in document(found)["steps"]] == [False, False, True, False]


def test_a_chinese_sentence_has_a_step_for_each_character():
    model, tokenizer, _ = small_model("床前明月光，")
    found = elman.explain(model, tokenizer, "床前明月光，")
    assert [word.symbol for word in found.words] == list("床前明月光，")
    assert found.targets[-1].token == "<eos>"


def test_without_a_line_end_the_last_token_is_a_target_only():
    tokenizer = elman.CharTokenizer.from_text("abc")
    model = draw_model("rnn", layers=1, classes=tokenizer.vocab_size)
    found = elman.explain(model, tokenizer, "abc")
    assert ([w.symbol for w in found.words], [w.symbol for w in found.targets]) == (["a", "b"], ["b", "c"])
    with pytest.raises(DataError, match="one token"):
        elman.explain(model, tokenizer, "a")


def test_after_a_line_end_the_tokens_of_the_sentence_are_predicted():
    model, tokenizer, _ = small_model(SENTENCE)
    found = elman.explain(model, tokenizer, "I like", new_line=True)
    assert [word.token for word in found.words] == ["<eos>", "I"]
    assert [word.symbol for word in found.targets] == ["I", "like"]
    scored = elman.TextModel(model, tokenizer).score("I like")
    np.testing.assert_allclose(found.trace.losses[:, 0], -scored.log_probs)


def test_one_word_is_enough():
    model, tokenizer, _ = small_model("Hi", cell="lstm")
    found = elman.explain(model, tokenizer, "Hi")
    assert (found.steps, found.sent().shape) == (1, (1, 1))


@pytest.mark.parametrize(
    ("sentence", "error", "message"),
    [
        ("", DataError, "is empty"),
        ("word " * 101, DataError, "101 tokens, and at most 100"),
        (None, ConfigError, "must be a string"),
    ],
)
def test_a_sentence_that_cannot_be_explained(sentence, error, message):
    model, tokenizer, _ = small_model(SENTENCE)
    with pytest.raises(error, match=message):
        elman.explain(model, tokenizer, sentence)


def test_a_model_of_nan_is_refused():
    model, tokenizer, _ = small_model(SENTENCE)
    model.params["output.c"][:] = np.nan
    with pytest.raises(DivergenceError, match="nan"):
        elman.explain(model, tokenizer, SENTENCE)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lr": 0.0}, "lr must be greater"),
        ({"lr": 1e300}, "smaller rate"),
        ({"epochs": -1}, "epochs must be"),
    ],
)
def test_a_small_model_that_cannot_be_trained(options, message):
    with pytest.raises(ConfigError, match=message):
        small_model(SENTENCE, **options)


@pytest.mark.parametrize("cell", ["rnn", "lstm"])
def test_the_small_model_stops_when_it_knows_the_sentence_fairly(cell):
    _, _, losses = small_model(SENTENCE, cell=cell)
    assert losses[-1] < 0.5 <= min(losses[:-1])


def test_the_small_model_learns_by_plain_gradient_descent():
    model, _, losses = small_model(SENTENCE, epochs=3, lr=0.1)
    start, tokenizer, first = small_model(SENTENCE, epochs=0)
    ids, seen = tokenizer.encode(SENTENCE + "\n"), []
    for _ in range(3):
        loss, _, grads = start.loss_and_grads(ids[:-1, None], ids[1:, None], start.initial_state(1))
        seen.append(loss)
        for name, array in start.params.items():
            array -= 0.1 * grads[name]
    assert first == losses[:1]
    assert losses[:-1] == seen
    assert len(losses) == 4
    for name, array in model.params.items():
        np.testing.assert_array_equal(array, start.params[name])


def test_of_a_cell_of_ones_own_no_function_is_claimed(softsign):
    _, found = drawn(softsign)
    lines = "\n".join(render(found, source="a test").splitlines())
    assert found.activations == {"0": None}
    assert "tanh" not in lines
    np.testing.assert_allclose(found.grads(None)["layers.0.h"], found.trace.grads["layers.0.h"][:, 0])


@pytest.mark.parametrize(
    ("cell", "functions"),
    [
        ("rnn", ["tanh"]),
        ("rnn-relu", ["relu"]),
        ("lstm", ["sigmoid", "sigmoid", "sigmoid", "tanh"]),
        ("lstm-peephole", ["sigmoid", "sigmoid", "sigmoid", "tanh"]),
        ("lstm-coupled", ["sigmoid", "sigmoid", "tanh"]),
        ("gru", ["sigmoid", "sigmoid", "tanh"]),
        ("gru-before", ["sigmoid", "sigmoid", "tanh"]),
        ("mgu", ["sigmoid", "tanh"]),
    ],
)
def test_each_gate_is_its_function_of_its_sum(cell, functions):
    made = {"sigmoid": lambda a: 1 / (1 + np.exp(-a)), "tanh": np.tanh, "relu": lambda a: np.maximum(a, 0)}
    _, found = drawn(cell)
    assert list(found.activations.values()) == functions
    for gate, function in found.activations.items():
        a, value = (found.trace.values[f"layers.1.{name}"] for name in (f"a_{gate}", gate))
        np.testing.assert_allclose(value, made[function](a), rtol=1e-12)


def test_a_sentence_too_long_for_a_model_says_how_long_it_may_be(monkeypatch):
    _, found = drawn("lstm")
    numbers = sum(
        array.shape[-1] for name, array in found.each.items() if "Ux_" not in name and "Wh_" not in name
    )
    monkeypatch.setattr(explanation, "MOST_NUMBERS", 9 * numbers)
    assert drawn("lstm", sentence="to be or")[1].steps == 3
    with pytest.raises(DataError, match=r"what 5 losses send .* give at most \d tokens"):
        drawn("lstm")


def test_short_names_find_their_arrays():
    _, found = drawn("lstm")
    values = found.trace.values
    np.testing.assert_array_equal(look_up(found, "f", step=2), values["layers.1.f"][2, 0])
    np.testing.assert_array_equal(look_up(found, "f", step=2, layer=0), values["layers.0.f"][2, 0])
    np.testing.assert_array_equal(look_up(found, "Ux", step=2)[1], values["layers.1.Ux_f"][2, 0])
    np.testing.assert_array_equal(look_up(found, "p"), values["output.p"][:, 0])
    np.testing.assert_array_equal(look_up(found, "output.c"), found.trace.params["output.c"])
    np.testing.assert_array_equal(look_up(found, "dW", step=3), found.by_step(None)["layers.1.W"][3])
    np.testing.assert_allclose(look_up(found, "dW"), found.trace.dparams["layers.1.W"])
    np.testing.assert_array_equal(look_up(found, "dE", step=1), found.by_step(None)["embedding.E"][1])
    np.testing.assert_array_equal(look_up(found, "E"), found.trace.params["embedding.E"])
    np.testing.assert_array_equal(look_up(found, "dh", step=0), found.grads(None)["layers.1.h"][0])
    np.testing.assert_array_equal(look_up(found, "layers.0.dh", step=0), found.grads(None)["layers.0.h"][0])


@pytest.mark.parametrize(
    ("what", "options", "message"),
    [
        ("dZ", {}, "no 'dZ'"),
        ("logitz", {}, "did you mean logits"),
        ("W", {"step": 1}, "same at every step: ask for dW"),
        ("h", {"step": 5}, "steps are 0 to 4"),
        ("h", {"step": -1}, "no step -1"),
        ("h", {"layer": 2}, "layers are 0 to 1"),
    ],
)
def test_a_name_that_is_not_there(what, options, message):
    with pytest.raises(ConfigError, match=message):
        look_up(drawn("lstm")[1], what, **options)
