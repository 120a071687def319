"""Cells with other activations and options: gradients, names, and what is refused."""

import pickle

import numpy as np
import pytest

from elman import LanguageModel, gradcheck
from elman.errors import ConfigError
from elman.network import CELLS, get_cell
from elman.network.cells.activations import RULES, Activation
from elman.network.cells.general_gru import GeneralGRU, GeneralGRUBefore
from elman.network.cells.general_lstm import GeneralLSTM
from elman.network.cells.general_rnn import GeneralRNN
from elman.network.cells.variants import cell_of
from elman.network.layers import new_layer
from elman.network.workspace import Workspace

from ..conformance import cells as conformance

BYTES = {
    "rnn[softsign]": 8,
    "rnn[thresholded-relu:-0.5;clip=4]": 8,
    "lstm[hard-sigmoid:0.05,softsign,softplus;peepholes;coupled]": 24,
    "lstm[scaled-tanh:0.9:0.8,elu:-0.4,elu:0.3;peepholes]": 32,
    "lstm[sigmoid,tanh,tanh;peepholes;clip=2]": 44,
    "lstm[sigmoid,relu,softsign;coupled]": 24,
    "gru[softsign,leaky-relu]": 24,
    "gru[sigmoid,affine:0.4:0.1;clip=2]": 32,
    "gru-before[elu:0.1,tanh;clip=0.6]": 32,
    "gru-before[sigmoid,elu:0.5]": 24,
}
"""Names that have every activation once at least, and the bytes that each keeps a step, row and unit."""

CHECKS = [
    conformance.gradients_of_a_layer,
    conformance.gradients_of_a_layer_whose_rows_are_reset,
    conformance.zero_upstream_gives_exactly_zero,
    conformance.one_window_is_two_halves,
    conformance.nothing_is_left_in_the_workspace,
    conformance.arguments_are_only_read,
]


def test_every_activation_is_among_them():
    assert {name for name in RULES if not any(name in spec for spec in BYTES)} == set()


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("spec", BYTES)
def test_conformance(spec, check):
    check(spec)


@pytest.mark.parametrize("spec", BYTES)
def test_what_it_keeps(spec):
    problem = conformance.Problem(spec, steps=6, batch=5, dtype="float32")
    tape = problem.layer.forward(problem.params, problem.x, problem.state, Workspace())
    assert tape.nbytes == BYTES[spec] * 6 * 5 * conformance.H


GENERAL = {
    "rnn": GeneralRNN([Activation("tanh")]),
    "rnn-relu": GeneralRNN([Activation("relu")]),
    "lstm": GeneralLSTM([Activation(name) for name in ("sigmoid", "tanh", "tanh")]),
    "lstm-peephole": GeneralLSTM([Activation(name) for name in ("sigmoid", "tanh", "tanh")], peepholes=True),
    "lstm-coupled": GeneralLSTM([Activation(name) for name in ("sigmoid", "tanh", "tanh")], coupled=True),
    "gru": GeneralGRU([Activation("sigmoid"), Activation("tanh")]),
    "gru-before": GeneralGRUBefore([Activation("sigmoid"), Activation("tanh")]),
}


@pytest.mark.parametrize("name", GENERAL)
def test_a_cell_with_a_name_is_the_general_one_with_its_activations(name):
    """And with a bound that nothing reaches, and with the same functions by other names."""
    expected = conformance.Problem(name).run()
    general, problem = GENERAL[name], conformance.Problem(name)
    wide = type(general)(general.activations, clip=1e6, **_options(name))
    others = [_by_another_name(activation) for activation in general.activations]
    for cell in (general, wide, type(general)(others, **_options(name))):
        problem.layer = new_layer("layers.0", cell, conformance.D, conformance.H, np.dtype("float64"))
        for key, array in problem.run().items():
            np.testing.assert_allclose(array, expected[key], rtol=0, atol=1e-11, err_msg=f"{cell}: {key}")
    assert get_cell(general.name) is CELLS[name]
    assert get_cell(wide.name) == wide


def _options(name):
    return {"peepholes": name == "lstm-peephole", "coupled": name == "lstm-coupled"} if "lstm" in name else {}


def _by_another_name(activation):
    others = {"tanh": ("scaled-tanh", (1.0, 1.0)), "relu": ("leaky-relu", (0.0,))}
    return Activation(*others[activation.name]) if activation.name in others else activation


@pytest.mark.parametrize("name", RULES)
def test_activations_at_the_ends(name):
    """Very large and very small, at once: nothing overflows whose value does not; slopes are differences."""
    activation = Activation(name, RULES[name].defaults)
    for dtype, large in (("float32", 3e38), ("float64", 1.7e308)):
        x = np.array([-large, -1000.0, -3.1, -0.4, 0.6, 2.3, 1000.0, large], dtype)
        values, slopes = x.copy(), np.empty_like(x)
        with np.errstate(over="raise", invalid="raise", divide="raise"):
            activation.apply(values)
            activation.slope(values if activation.of_value else x, slopes)
        assert np.isfinite(values).all()
        assert np.isfinite(slopes).all()
        assert values.dtype == slopes.dtype == dtype
    up, down = (x[2:6] + sign * 1e-6 for sign in (1, -1))
    activation.apply(up)
    activation.apply(down)
    np.testing.assert_allclose(slopes[2:6], (up - down) / 2e-6, rtol=0, atol=1e-8)


@pytest.mark.parametrize(
    ("text", "at", "value", "slope"),
    [("thresholded-relu:0.5", 0.5, 0.5, 1.0), ("leaky-relu:0.25", 0.0, 0.0, 1.0), ("elu:0.25", 0.0, 0.0, 1.0),
     ("relu", 0.0, 0.0, 0.0), ("hard-sigmoid:0.25:0.5", 2.0, 1.0, 0.0),
     ("hard-sigmoid:0.25:0.5", -2.0, 0.0, 0.0)],
)  # fmt: skip
def test_where_there_are_two_slopes(text, at, value, slope):
    activation, values, slopes = Activation.parse(text), np.array([at]), np.empty(1)
    activation.apply(values)
    activation.slope(values if activation.of_value else np.array([at]), slopes)
    assert (values.item(), slopes.item()) == (value, slope)


def test_an_alpha_below_zero_or_zero_has_the_right_slope():
    x = np.array([-1.5, -0.2, 0.3, 2.0])
    for text in ("leaky-relu:-0.5", "elu:-2", "thresholded-relu:-1", "scaled-tanh:0:2", "scaled-tanh:-2:-0.5",
                 "hard-sigmoid:-0.3:0.4", "affine:-2:1", "hard-sigmoid:0:0.5"):  # fmt: skip
        activation, values, slopes = Activation.parse(text), x.copy(), np.empty(4)
        activation.apply(values)
        activation.slope(values if activation.of_value else x, slopes)
        up, down = x + 1e-6, x - 1e-6
        activation.apply(up)
        activation.apply(down)
        np.testing.assert_allclose(slopes, (up - down) / 2e-6, rtol=0, atol=1e-8, err_msg=text)


@pytest.mark.parametrize("spec", ["lstm[elu,tanh,tanh;peepholes;coupled;clip=3]", "gru-before[softsign,elu]"])
def test_a_name_gives_an_equal_cell_and_a_model_of_that_name(spec):
    cell = get_cell(spec)
    assert cell.name == spec
    assert get_cell(cell.name) == cell
    assert hash(get_cell(cell.name)) == hash(cell)
    assert pickle.loads(pickle.dumps(cell)) == cell
    assert cell != get_cell("rnn[softsign]")
    assert repr(cell).endswith(f"({spec!r})")
    model = LanguageModel(vocab_size=5, cell=spec, embedding=3, hidden=4, layers=3, dtype="float64")
    assert gradcheck(model, projections=2).passed


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("lstm[ sigmoid , tanh,tanh ; coupled ]", "lstm-coupled"),
        ("lstm[;peepholes]", "lstm-peephole"),
        ("lstm[;coupled;peepholes]", "lstm[sigmoid,tanh,tanh;peepholes;coupled]"),
        ("gru[hard-sigmoid:0.2:0.5,tanh]", "gru[hard-sigmoid,tanh]"),
        ("gru[hard-sigmoid:0.25,tanh]", "gru[hard-sigmoid:0.25:0.5,tanh]"),
        ("rnn[relu]", "rnn-relu"),
        ("rnn[;clip=2.50]", "rnn[tanh;clip=2.5]"),
        ("gru-before[]", "gru-before"),
    ],
)
def test_names_are_brought_into_one_form(written, name):
    assert get_cell(written).name == name
    assert LanguageModel(vocab_size=3, cell=written, embedding=2, hidden=2, layers=1).cell == name


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("lsmt[relu]", "unknown family of cells 'lsmt': .* rnn, lstm, gru, gru-before; did you mean 'lstm'"),
        ("mgu[tanh]", "unknown family of cells 'mgu'"),
        ("rnn[sofsign]", "unknown activation 'sofsign': expected one of relu, .*; did you mean 'softsign'"),
        ("rnn[relu", "a bracket is open"),
        ("rnn[relu]x", "a bracket is open, and nothing closes it at the end"),
        ("lstm[tanh]", "'lstm' has 3 activations, by default sigmoid,tanh,tanh; given are 1: tanh"),
        ("gru[sigmoid,tanh,tanh]", "'gru' has 2 activations"),
        ("gru[;coupled]", "coupled is an option of 'lstm', and 'gru' has none"),
        ("lstm[;peephole]", "unknown option 'peephole': expected peepholes, coupled or clip=NUMBER"),
        ("lstm[;coupled=1]", "unknown option 'coupled=1'"),
        ("lstm[;coupled;coupled]", "coupled is given twice"),
        ("rnn[;clip=x]", "clip must be a number, not 'x'"),
        ("rnn[;clip]", "clip must be a number, not ''"),
        ("rnn[;clip=-1]", "clip must be a finite number greater than 0, not -1.0"),
        ("rnn[;clip=nan]", "clip must be a finite number"),
        ("rnn[elu:1:2]", "activation 'elu:1:2': elu has 1 parameters, and 2 are given"),
        ("rnn[elu:one]", "activation 'elu:one': its parameters must be numbers"),
        ("rnn[elu:inf]", "parameters of 'elu' must be finite"),
    ],
)
def test_a_wrong_name_is_refused_with_the_part_that_is_wrong(spec, message):
    with pytest.raises(ConfigError, match=message) as error:
        LanguageModel(vocab_size=3, cell=spec)
    assert str(error.value).startswith(f"cell '{spec}': ")
    assert "\n" not in str(error.value)


def test_arguments_instead_of_a_name():
    assert cell_of("gru", before=True) is CELLS["gru-before"]
    assert cell_of("lstm", ("sigmoid", Activation("tanh"), "tanh"), peepholes=True) is CELLS["lstm-peephole"]
    assert cell_of("gru", ("sigmoid", "relu"), before=True, clip=1).name == "gru-before[sigmoid,relu;clip=1]"
    with pytest.raises(ConfigError, match="before is an option of 'gru'"):
        cell_of("lstm", before=True)
