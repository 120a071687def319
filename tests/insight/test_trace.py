"""A trace holds every number of a forward and a backward pass, and they are those of the fast path."""

import numpy as np
import pytest

import elman
from elman.errors import ConfigError, ShapeError
from elman.insight import plain_cell
from elman.insight.inspect.reading import read
from elman.network import CELLS

from ..network.building import draw_model, draw_window

NAMES = sorted(CELLS)


def traced(cell, **options):
    model = draw_model(cell, **options)
    x, y, state = draw_window(model)
    return model, x, y, state, elman.trace(model, x, y, state=state)


def near(a, b):
    np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("cell", NAMES)
def test_loss_states_and_gradients_are_those_of_the_fast_path(cell, tied):
    model, x, y, state, seen = traced(cell, tied=tied)
    loss, after, grads = model.loss_and_grads(x, y, state)
    near(seen.loss, loss)
    nll, _, _ = model.nll(x, y, state)
    near(seen.losses, nll)
    for l, layer in enumerate(after):
        for name, array in layer._asdict().items():
            near(seen.state[l][name], array)
    assert set(grads) == set(seen.dparams)
    for name, array in grads.items():
        near(seen.dparams[name], array)


@pytest.mark.parametrize("cell", NAMES)
def test_the_derivative_of_every_state_is_a_central_difference(cell):
    """Of the state that leaves a step in the lowest layer, which all later steps and upper layers read."""
    model, x, y, state, seen = traced(cell)
    k, eps = 1, 1e-6
    _, _, middle = model.nll(x[: k + 1], y[: k + 1], state)
    later = x[k + 1 :], y[k + 1 :]
    for name in seen.states:
        sent = seen.grads[f"layers.0.{name}_prev"][k + 1]  # what step k + 1 sends to step k
        numeric = np.zeros_like(sent)
        for index in np.ndindex(sent.shape):
            losses = []
            for sign in (1, -1):
                nudged = getattr(middle[0], name).copy()
                nudged[index] += sign * eps
                entering = (middle[0]._replace(**{name: nudged}), *middle[1:])
                losses.append(model.nll(*later, entering)[0].sum() / x.size)
            numeric[index] = (losses[0] - losses[1]) / (2 * eps)
        np.testing.assert_allclose(sent, numeric, rtol=1e-6, atol=1e-9)


def of_minlstm(v, d):
    near(v["q"], v["f"] + v["i"])
    near(v["k"], v["f"] / v["q"])
    near(v["h"], v["k"] * v["h_prev"] + v["i"] / v["q"] * v["n"])
    near(d["k"], d["h"] * (v["h_prev"] - v["n"]))
    near(d["q"], -d["k"] * v["f"] / v["q"] ** 2)


def of_mingru(v, d):
    near(v["h"], v["h_prev"] + v["z"] * (v["n"] - v["h_prev"]))
    near(d["h_prev"], d["h"] * (1 - v["z"]))


def of_sru(v, d):
    sent = np.concatenate([d["c_prev"][1:], np.zeros_like(d["c"][:1])])
    near(v["c"], v["n"] + v["f"] * (v["c_prev"] - v["n"]))
    near(v["h"], v["r"] * v["c"] + (1 - v["r"]) * v["s"])
    near(d["c"], d["h"] * v["r"] + sent)
    near(d["s"], d["h"] * (1 - v["r"]))
    assert not d["h_prev"].any()  # no step reads the output of the one before


BY_INPUT = {"mingru": of_mingru, "minlstm": of_minlstm, "sru": of_sru}
"""What there is beside gates, of cells without recurrent products."""


@pytest.mark.parametrize("cell", NAMES)
def test_each_number_follows_from_those_before_it(cell):
    model, _, _, _, seen = traced(cell)
    kind = CELLS[cell]
    for l in range(3):
        v = {key.removeprefix(f"layers.{l}."): a for key, a in seen.values.items() if f"layers.{l}." in key}
        d = {key.removeprefix(f"layers.{l}."): a for key, a in seen.grads.items() if f"layers.{l}." in key}
        p = {gate: model.params[f"layers.{l}.p"][row] for row, (gate, _) in enumerate(seen.peepholes)}
        for g, gate in enumerate(seen.gates):
            near(v[f"Ux_{gate}"], v["x"] @ model.params[f"layers.{l}.U"][g])
            if seen.reads:
                near(v[f"Wh_{gate}"], v[seen.reads[g]] @ model.params[f"layers.{l}.W"][g])
            else:
                assert f"Wh_{gate}" not in v
                assert f"layers.{l}.W" not in model.params
            a, value = v[f"a_{gate}"], v[gate]
            if "m" not in v or gate != "n":
                terms = v[f"Ux_{gate}"] + v.get(f"Wh_{gate}", 0.0) + model.params[f"layers.{l}.b"][g]
                near(a, terms + (p[gate] * v[dict(seen.peepholes)[gate]] if gate in p else 0.0))
            if g < kind.sigmoids:
                near(value, 1 / (1 + np.exp(-a)))
                near(d[f"a_{gate}"], d[gate] * value * (1 - value))
            elif cell in ("rnn-relu", "indrnn"):
                near(value, np.maximum(a, 0))
                near(d[f"a_{gate}"], d[gate] * (a > 0))
            elif not seen.reads:
                near(value, a)
                near(d[f"a_{gate}"], d[gate])
            else:
                near(value, np.tanh(a))
                near(d[f"a_{gate}"], d[gate] * (1 - value**2))
        near(v["h_prev"][1:], v["h"][:-1])
        if cell in BY_INPUT:
            BY_INPUT[cell](v, d)
        elif "c" in seen.states:
            sent = np.concatenate([d["c_prev"][1:], np.zeros_like(d["c"][:1])])
            near(v["u"], np.tanh(v["c"]))
            near(d["u"], d["h"] * v["o"])
            near(d["c"], d["u"] * (1 - v["u"] ** 2) + sent + (p["o"] * d["a_o"] if p else 0.0))
        elif "k" in v:
            near(v["k"], v["r"] * v["h_prev"])
            near(d["r"], d["k"] * v["h_prev"])
        if "m" in v:
            near(d["m"], d["a_n"] * v[seen.gates[0]])
        later = np.concatenate([d["h_prev"][1:], np.zeros_like(d["h"][:1])])
        above = (
            seen.grads["output.logits"] @ seen.params["output.V"].T
            if l == 2
            else seen.grads[f"layers.{l + 1}.x"]
        )
        near(d["h"], later + above)
    near(seen.values["output.p"].sum(axis=2), 1.0)


@pytest.mark.parametrize("cell", NAMES)
def test_a_cell_behind_the_wrapper_gives_the_same(cell):
    model, x, y, state, seen = traced(cell)
    wrapped = plain_cell.wrapped(CELLS[cell])
    names = dict(zip(wrapped.gates, seen.gates, strict=True))
    before = plain_cell.BUILT_IN.pop(cell)
    try:
        again = elman.trace(model, x, y, state=state)
    finally:
        plain_cell.BUILT_IN[cell] = before
    for name, array in again.dparams.items():
        near(array, seen.dparams[name])
    for l in range(3):
        for g, gate in names.items():
            # What is left in the block of another gate is of the cell's own making, where it scans.
            if gate not in seen.states and (seen.reads or g in "012"[: CELLS[cell].sigmoids]):
                near(again.values[f"layers.{l}.{g}"], seen.values[f"layers.{l}.{gate}"])
            near(again.grads[f"layers.{l}.a_{g}"], seen.grads[f"layers.{l}.a_{gate}"])


def test_a_cell_of_ones_own_is_traced(softsign):
    model, x, y, state, seen = traced(softsign)
    _, _, grads = model.loss_and_grads(x, y, state)
    for name, array in grads.items():
        near(seen.dparams[name], array)
    assert seen.gates == ("0",)
    near(
        seen.values["layers.1.a_0"],
        seen.values["layers.1.Ux_0"] + seen.values["layers.1.Wh_0"] + seen.params["layers.1.b"][0],
    )


@pytest.mark.parametrize("cell", NAMES)
def test_two_windows_one_after_the_other_are_one_long_window(cell):
    model, x, y, state, seen = traced(cell)
    first = elman.trace(model, x[:2], y[:2], state=state)
    second = elman.trace(model, x[2:], y[2:], state=first.state)
    for name, array in seen.values.items():
        near(np.concatenate([first.values[name], second.values[name]]), array)


def test_losses_that_do_not_count_send_nothing():
    model, x, y, state, _ = traced("gru")
    counted = np.zeros(y.shape, np.bool_)
    counted[2, 1] = True
    seen = elman.trace(model, x, y, state=state, counted=counted)
    near(seen.loss, model.nll(x, y, state)[0][2, 1])
    for name, array in seen.grads.items():
        assert not array[3:].any(), name
        assert not array[:, [0, 2]].any(), name
        assert array[:2, 1].any() or name == "output.logits", name


def test_one_row_of_tokens_may_be_a_list():
    model = draw_model("lstm")
    seen = elman.trace(model, [1, 2, 3])
    assert seen.tokens.tolist() == [[1], [2]]
    assert seen.targets.tolist() == [[2], [3]]


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        (([1],), {}, ShapeError, "one token alone"),
        (([1, 9],), {}, ShapeError, "token id 9"),
        (([1, 2], [1]), {}, ShapeError, r"targets has shape \(1, 1\) and tokens \(2, 1\)"),
        (([1, 2], [2, 3]), {"counted": [True]}, ShapeError, "counted must be a boolean array"),
        (([1, 2], [2, 3]), {"counted": [False, False]}, ShapeError, "not all false"),
        (([1.5, 2.0],), {}, ShapeError, "integer array"),
        (([],), {}, ShapeError, "integer array"),
        (([1, 2], [2, 3]), {"state": ()}, ShapeError, "state must be a tuple of 3"),
    ],
)
def test_what_does_not_fit_is_refused(arguments, options, error, message):
    with pytest.raises(error, match=message):
        elman.trace(draw_model("rnn"), *arguments, **options)


def test_a_text_model_is_told_to_give_its_network():
    model = elman.TextModel(elman.LanguageModel(vocab_size=4), elman.CharTokenizer.from_text("ab\n"))
    with pytest.raises(ConfigError, match=r"not a TextModel; give its \.model"):
        elman.trace(model, [1, 2])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"direction": "reverse"},
            "a model whose direction is 'reverse' cannot be {}: only one that reads forward",
        ),
        (
            {"direction": "forward,bidirectional"},
            "a model whose direction is 'forward,bidirectional' cannot be {}",
        ),
        (
            {"projection": 2},
            "a model with a projection, of 2 numbers, cannot be {}: only one whose layers give",
        ),
        ({"layer_norm": True}, r"a model whose layers are normalised \(layer_norm\) cannot be {}: only one"),
        ({"connections": "highway"}, "a model with highway connections past its layers cannot be {}: only"),
    ],
)
def test_what_the_plain_implementation_does_not_run_is_refused(settings, message):
    tokenizer = elman.CharTokenizer.from_text("ab\n")
    model = elman.LanguageModel(vocab_size=4, hidden=3, embedding=2, layers=2, **settings)
    with pytest.raises(ConfigError, match=message.format("traced or explained")):
        elman.trace(model, [1, 2, 3])
    with pytest.raises(ConfigError, match=message.format("traced or explained")):
        elman.explain(model, tokenizer, "ab")
    with pytest.raises(ConfigError, match=message.format("inspected")):
        read(model, tokenizer, "abab")


@pytest.mark.parametrize(
    "cell",
    [
        "lstm[hard-sigmoid,softsign,tanh;peepholes;coupled]",
        "gru-before[hard-sigmoid,elu]",
        "gru[elu,tanh;clip=1]",
    ],
)
def test_a_cell_with_other_activations_is_traced_as_one_of_ones_own(cell):
    model, x, y, state, seen = traced(cell)
    loss, _, grads = model.loss_and_grads(x, y, state)
    near(seen.loss, loss)
    for name, array in grads.items():
        near(seen.dparams[name], array)
    gate = seen.gates[-1]
    if cell.startswith("gru-before"):
        near(seen.values["layers.1.Wh_2"], seen.values["layers.1.k"] @ seen.params["layers.1.W"][2])
    if "peepholes" in cell:
        assert seen.peepholes == (("0", "c_prev"), ("1", "c"))
        near(seen.values[f"layers.0.{gate}"], (a := seen.values[f"layers.0.a_{gate}"]) / (1 + abs(a)))


@pytest.mark.parametrize("cell", ["lstm", "rnn", "gru-before", "lstm[hard-sigmoid,softsign,tanh;peepholes]"])
def test_zoneout_is_traced_explained_and_inspected_as_evaluation_has_it(cell):
    tokenizer = elman.CharTokenizer.from_text("the cat sat\n")
    rates = {"zoneout": 0.2, "zoneout_cell": 0.4 if cell.startswith("lstm") else 0.0}
    model = elman.LanguageModel(
        vocab_size=tokenizer.vocab_size, cell=cell, embedding=3, hidden=4, layers=2, dtype="float64", **rates
    )
    rng = np.random.default_rng(0)
    for array in model.params.values():
        array[...] = rng.normal(0.0, 0.8, array.shape)
    ids = tokenizer.encode("the cat sat")
    seen = elman.trace(model, ids)
    loss, (_, last), grads = model.loss_and_grads(ids[:-1, None], ids[1:, None], model.initial_state(1))
    near(seen.loss, loss)
    near(seen.values["layers.1.h"][-1], last.h)
    for name, array in grads.items():
        near(seen.dparams[name], array)
    made, before = seen.values["layers.0.made_h"], seen.values["layers.0.h_prev"]
    near(seen.values["layers.0.h"], 0.2 * before + 0.8 * made)
    near(seen.grads["layers.0.made_h"], 0.8 * seen.grads["layers.0.h"])
    found = elman.explain(model, tokenizer, "the cat sat")
    assert found.cell == f"{cell} with zoneout"
    shares = elman.trace(model, [word.id for word in found.words], [word.id for word in found.targets])
    for name, by_step in found.by_step(None).items():
        near(by_step.sum(axis=0), shares.dparams[name])
    text = "the cat sat\n" * 3
    reading = read(model, tokenizer, text)
    near(np.nansum(reading.surprise), -elman.TextModel(model, tokenizer).score(text).total)
