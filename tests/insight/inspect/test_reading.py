"""A reading beside what the rest of elman says of the same text, for every tokenizer; and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

import elman
from elman.errors import ConfigError, DataError, DivergenceError, ShapeError
from elman.insight.inspect import (
    check_unit,
    gradient_by_lag,
    inspect_model,
    loss_curve,
    pieces_of,
    rank_units,
    read,
    saturation,
    text_features,
)

from .plain import TEXT, a_model

TEXTS = {
    "char": "Ein “Zug” — 明月 né\r [ok]\nzwei ß\n\n",
    "byte": "né 明月 \U0001f600!\nok\n",
    "word": 'Stay, or  go?\n  No: "stay" (明月).\n',
}
KINDS = {"char": elman.CharTokenizer, "byte": elman.ByteTokenizer, "word": elman.WordTokenizer}


def a_text_model(kind, cell="gru", dtype="float64", **settings):
    """Return a model with random weights and the tokenizer of a text."""
    tokenizer = KINDS[kind].from_text(TEXTS[kind])
    network = elman.LanguageModel(
        vocab_size=tokenizer.vocab_size, cell=cell, embedding=4, hidden=5, layers=2, dtype=dtype, seed=3,
        **settings,
    )  # fmt: skip
    rng = np.random.default_rng(1)
    for array in network.params.values():
        array[...] = rng.standard_normal(array.shape)
    return elman.TextModel(network, tokenizer)


@pytest.mark.parametrize(
    ("kind", "dtype", "learn_state"),
    [
        *((kind, dtype, False) for kind in KINDS for dtype in ("float32", "float64")),
        ("char", "float64", True),
    ],
)
def test_the_surprise_is_that_of_score_and_evaluate(kind, dtype, learn_state):
    model, text = a_text_model(kind, dtype=dtype, learn_state=learn_state), TEXTS[kind]
    found = read(model.model, model.tokenizer, text)
    close = 1e-9 if dtype == "float64" else 1e-4
    np.testing.assert_allclose(found.surprise, -model.score(text).log_probs, rtol=close, atol=close)
    measured = model.evaluate(elman.Text(text.replace("\r", "\n")))
    again = read(model.model, model.tokenizer, text.replace("\r", "\n"))
    assert again.nats == pytest.approx(measured.nats_per_token, rel=close)
    assert np.mean(again.top_ids[:, 0] == again.ids) == pytest.approx(measured.accuracy)


@pytest.mark.parametrize("kind", KINDS)
def test_the_predictions_are_those_of_next_tokens(kind):
    model = a_text_model(kind)
    text = TEXTS[kind]
    found = read(model.model, model.tokenizer, text, top=4)
    shown = "".join(found.pieces)
    assert shown == text.rstrip(" ")
    for k in range(1, len(found.pieces)):
        before = "".join(found.pieces[:k])
        if kind == "byte" and len(before.encode()) != k:
            continue  # in the middle of a character
        expected = model.next_tokens(before, 4)
        assert [model.tokenizer.token(int(i)) for i in found.top_ids[k]] == [token for token, _ in expected]
        np.testing.assert_allclose(found.top_p[k], [p for _, p in expected], rtol=1e-9)


def test_the_states_are_those_of_a_trace():
    model, tokenizer = a_model("lstm")
    found = read(model, tokenizer, TEXT)
    seen = elman.trace(model, found.context)  # reads all but the last
    for l in range(2):
        for name in ("h", "c"):
            np.testing.assert_array_equal(found.states[name][l, :-1], seen.values[f"layers.{l}.{name}"][:, 0])
        for gate in seen.gates:
            np.testing.assert_array_equal(found.gates[gate][l, :-1], seen.values[f"layers.{l}.{gate}"][:, 0])
    np.testing.assert_allclose(found.surprise, seen.losses[:, 0], rtol=1e-12)


def test_without_a_line_end_the_first_token_is_not_predicted():
    tokenizer = elman.CharTokenizer.from_text("ab")
    model = elman.LanguageModel(vocab_size=3, hidden=4, layers=1, dtype="float64")
    found = read(model, tokenizer, "abba", top=2)
    assert (found.led, len(found.context)) == (0, 4)
    assert np.isnan(found.surprise[0])
    assert found.top_ids[0].tolist() == [-1, -1]
    expected = -elman.TextModel(model, tokenizer).score("abba").log_probs
    np.testing.assert_allclose(found.surprise[1:], expected)
    assert found.nats == pytest.approx(expected.mean())
    assert found.activations["h"].shape == (1, 4, 4)
    inspect_model(model, tokenizer, "abba")


def test_a_cell_of_ones_own(softsign):
    model, tokenizer = a_model(softsign)
    found = inspect_model(model, tokenizer, TEXT, lags=3)
    assert found.reading.kinds == {"0": "unbounded"}  # it leaves what went in
    np.testing.assert_allclose(
        found.reading.surprise, -elman.TextModel(model, tokenizer).score(TEXT).log_probs, rtol=1e-9
    )
    assert (found.lags.norms["h"] > 0).all()


def test_equal_probabilities_come_in_the_order_of_their_ids():
    tokenizer = elman.CharTokenizer.from_text("abcd\n")
    model = elman.LanguageModel(vocab_size=6, hidden=3, layers=1)
    for array in model.params.values():
        array[...] = 0
    model.params["output.c"][4] = 1
    assert read(model, tokenizer, "ab", top=3).top_ids.tolist() == [[4, 0, 1]] * 2
    assert read(model, tokenizer, "ab", top=99).top_ids.shape == (2, 6)


@pytest.mark.parametrize(
    ("text", "options", "error", "message"),
    [
        ("", {}, DataError, r"0 token\(s\): give a text of at least two"),
        ("S", {}, DataError, r"1 token\(s\)"),
        ([1, 2, 99], {}, ShapeError, "id 99 is outside"),
        ([[1, 2]], {}, ShapeError, "one sequence"),
        (TEXT, {"top": 0}, ConfigError, "top=0"),
        (TEXT, {"starts": [3, 999]}, ShapeError, "starts lie from 3 to 999"),
    ],
)
def test_what_cannot_be_read(text, options, error, message):
    model, tokenizer = a_model()
    with pytest.raises(error, match=message):
        read(model, tokenizer, text, **options)


def test_a_model_that_is_not_finite_says_so():
    model, tokenizer = a_model()
    model.params["layers.0.W"][0, 0, 0] = np.nan
    with pytest.raises(DivergenceError, match="not finite"):
        read(model, tokenizer, TEXT)


def test_a_text_that_memory_may_not_hold_is_refused_before_it_is_read(monkeypatch):
    model, tokenizer = a_model("lstm")  # 2 layers of 3 units, 4 gates and 2 states: 36 numbers a step
    monkeypatch.setattr("elman.insight.inspect.reading.MOST", 36 * 20)
    assert read(model, tokenizer, TEXT[:19]).states["h"].shape == (2, 20, 3)
    with pytest.raises(DataError, match=r"of 21 tokens .* are 756 numbers: read at most 20 tokens"):
        read(model, tokenizer, TEXT[:20])


def test_lags_are_bounded_by_the_text_and_its_documents():
    model, tokenizer = a_model()
    found = read(model, tokenizer, TEXT[:9])
    assert gradient_by_lag(model, found).lags == 8  # ten steps read, of which the last predicts nothing
    apart = read(model, tokenizer, TEXT[:9], starts=[3, 6])
    assert gradient_by_lag(model, apart).lags == 3  # the line end and the three tokens before the first start
    for options, message in (({"lags": 0}, "lags=0"), ({"positions": 0}, "positions=0")):
        with pytest.raises(ConfigError, match=message):
            gradient_by_lag(model, found, **options)
    with pytest.raises(DataError, match="no document of the text has two steps"):
        gradient_by_lag(model, read(model, tokenizer, TEXT[:2], starts=[0, 1]))


def test_positions_are_spread_over_the_text():
    model, tokenizer = a_model()
    found = read(model, tokenizer, TEXT)
    assert gradient_by_lag(model, found, lags=2, positions=3).positions.tolist() == [2, 30, 59]
    assert len(gradient_by_lag(model, found, lags=2, positions=999).positions) == len(TEXT) - 2


@pytest.mark.parametrize(
    ("unit", "message"),
    [
        ((2, 0, "h"), "no layer 2: they are 0 to 1"),
        ((-1, 0, "h"), "no layer -1"),
        ((0, 3, "h"), "no unit 3: they are 0 to 2"),
        ((0, 0, "x"), "no state 'x': choose one of h, c"),
    ],
)
def test_units_that_are_not_there(unit, message):
    model, tokenizer = a_model("lstm")
    with pytest.raises(ConfigError, match=message):
        check_unit(model, *unit)
    with pytest.raises(ConfigError, match=message):
        read(model, tokenizer, TEXT).unit(*unit)


@pytest.mark.parametrize(
    ("text", "feature", "expected"),
    [
        ("ab\nc\n\nd", "line", "12 0 1 0 0 1"),
        ('a"b"c', "quotes", "0 1 1 0 0"),
        ("“a‘b’”c", "quotes", "1 1 1 1 1 0 0"),
        ("it’s", "quotes", "0 0 0 0"),
        ('"a\nb', "quotes", "1 1 1 1"),  # a quotation may go on over a line end,
        ('"a\n\nb', "quotes", "1 1 1 0 0"),  # and not over a blank line
        ("「月」", "quotes", "1 1 0"),
        ("”’a“b", "quotes", "0 0 0 1 1"),  # one that closes nothing is passed over
        ("f(a[1])}", "brackets", "0 1 1 2 2 1 0 0"),
        ("（月）", "brackets", "1 1 0"),
    ],
)
def test_features_of_a_text(text, feature, expected):
    found = text_features(list(text))[feature]
    assert found.tolist() == [int(x) for x in expected.replace("12", "1 2").split()]


def test_features_stand_at_the_end_of_a_token():
    pieces = ["Say", " (", "yes", "!", ")", "\n", "", "é", "x"]
    assert text_features(pieces)["line"].tolist() == [3, 5, 8, 9, 10, 0, 0, 1, 2]
    assert text_features(pieces)["brackets"].tolist() == [0, 1, 1, 1, 0, 0, 0, 0, 0]


def test_a_feature_that_does_not_vary_is_left_out_and_so_is_a_unit():
    model, tokenizer = a_model("rnn", layers=1)
    model.params["layers.0.U"][0, :, 1] = model.params["layers.0.W"][0, :, 1] = 0
    found = {entry.feature: entry for entry in rank_units(read(model, tokenizer, "and he said so\nso\n"))}
    assert not found["quotes"].varies
    assert found["quotes"].units == ()
    assert {tracker.unit for tracker in found["line"].units} == {0, 2}  # unit 1 is its bias at every step


def test_the_pieces_of_words_are_the_text_as_it_is_written():
    words = elman.WordTokenizer.from_text("to be or not", lowercase=True)
    text = "TO  sleep,\n or\tBE.  "
    assert pieces_of(words, words.encode(text), text) == ("TO", "  sleep", ",", "\n", " or", "\tBE", ".")
    assert pieces_of(words, words.encode(text)) == ("to", " <unk>", " <unk>", "\n", "or", " be", " <unk>")
    chars = elman.CharTokenizer.from_text("ab")
    spaces = elman.data.SpaceTokenizer.from_text("to be or not to be.")
    assert pieces_of(spaces, spaces.encode("to  sleep,\n or"), "to  sleep,\n or") == (
        "to",
        "  sleep,",
        "\n",
        " or",
    )
    assert pieces_of(chars, chars.encode("aξb"), "aξb...") == ("a", "ξ", "b")
    assert pieces_of(chars, chars.encode("")) == ()
    assert pieces_of(elman.ByteTokenizer(), np.array([65, 0xE6, 0x9C])) == (
        "A",
        "",
        "\ufffd",
    )  # cut within one


def test_a_rectifier_that_is_all_zero_has_a_histogram():
    model, tokenizer = a_model("rnn-relu", layers=1)
    model.params["layers.0.b"][...] = -100
    (entry,) = saturation(read(model, tokenizer, TEXT))
    assert entry.share_low == 1
    assert entry.counts.sum() == 3 * (len(TEXT) + 1)


def test_a_gate_without_bounds_is_never_saturated():
    class Leaky(elman.network.cells.RNN):
        name = "inspected-leaky"

        def forward(self, a, r, prev, new, keep, work):
            np.add(a, r, out=a)
            np.multiply(a[0], np.where(a[0] > 0, 1.0, 0.1), out=new[0])

    elman.register_cell(Leaky())
    try:
        model, tokenizer = a_model("inspected-leaky", layers=1)
        (entry,) = saturation(read(model, tokenizer, TEXT))
    finally:
        elman.network.CELLS.pop("inspected-leaky")
    assert (entry.kind, entry.share_low, entry.share_high) == ("unbounded", 0, 0)
    assert entry.counts.sum() == 3 * (len(TEXT) + 1)


def test_the_loss_curve_leaves_out_what_is_not_a_number():
    records = [
        {"step": 1, "train_loss": 4.0},
        {"step": 2, "train_loss": float("nan"), "valid_loss": 3.5},
        {"step": 3, "train_loss": 3.0, "valid_loss": None},
        {"step": 4},
    ]
    curve = loss_curve(records)
    assert curve.train.tolist() == [[1, 4], [3, 3]]
    assert curve.valid.tolist() == [[2, 3.5]]
    assert loss_curve([]).train.shape == (0, 2)
