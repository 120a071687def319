"""Initial values: what each initialiser promises, and what a model makes of them."""

import numpy as np
import pytest

from elman import ConfigError, LanguageModel
from elman.network import initial

from .building import CELLS

SHAPE, HIDDEN = (3, 40, 40), 40


def draw(name, shape=SHAPE, seed=0):
    table = initial.RECURRENT_INITIALIZERS
    return initial.named(name, table)(shape, HIDDEN, np.random.default_rng(seed))


@pytest.mark.parametrize("name", sorted(initial.RECURRENT_INITIALIZERS))
def test_shape_precision_and_repetition(name):
    array = draw(name)
    assert array.shape == SHAPE
    assert array.dtype == np.float64
    np.testing.assert_array_equal(array, draw(name))
    array[...] = 0.0  # memory of its own, writable
    assert name == "identity" or (draw(name) != draw(name, seed=1)).any()


def test_uniform_fills_its_bounds():
    array, bound = draw("uniform", (4, 30, 40)), HIDDEN**-0.5
    assert 0.98 * bound < array.max() < bound
    assert -bound < array.min() < -0.98 * bound
    assert array.std() == pytest.approx(bound / 3**0.5, rel=0.03)


def test_glorot_has_the_variance_of_its_fans():
    array = draw("glorot", (4, 30, 90))
    assert array.var() == pytest.approx(2 / (30 + 90), rel=0.03)
    bound = (6 / (30 + 90)) ** 0.5
    assert 0.98 * bound < np.abs(array).max() < bound


def test_orthogonal_is_orthogonal_for_each_gate():
    array = draw("orthogonal")
    for W in array:
        np.testing.assert_allclose(W @ W.T, np.eye(40), atol=1e-13)
    assert np.abs(array[0] - array[1]).max() > 0.1


def test_orthogonal_is_uniform_over_the_rotations():
    """QR alone leaves most diagonals of one sign; uniform, the mean of the trace is zero."""
    matrices = draw("orthogonal", (4000, 3, 3))
    assert abs(np.trace(matrices, axis1=1, axis2=2).mean()) < 4 / 4000**0.5
    assert abs((np.linalg.det(matrices) > 0).mean() - 0.5) < 4 * 0.5 / 4000**0.5


@pytest.mark.parametrize("cell", ["lstm", "lstm-peephole", "gru", "rnn-relu"])
@pytest.mark.parametrize("tied", [False, True])
def test_one_range_for_all_parameters(cell, tied):
    sizes = {"vocab_size": 300, "cell": cell, "embedding": 30, "hidden": 30, "layers": 2, "tied": tied}
    model = LanguageModel(**sizes, init_scale=0.05, forget_bias=0.0)
    for name, array in model.params.items():
        assert 0.03 < np.abs(array).max() < 0.05, name
        assert array.min() < 0 < array.max(), name
        if array.size > 500:
            assert array.std() == pytest.approx(0.05 / 3**0.5, rel=0.1), name
    # The forget gate's biases lie around forget_bias.
    open_ = LanguageModel(**sizes, init_scale=0.05, forget_bias=2.0)
    for name, array in model.params.items():
        moved = np.zeros(array.shape)
        if name.endswith(".b") and "lstm" in cell:
            moved[1] = 2.0
        np.testing.assert_allclose(open_.params[name] - array, moved, rtol=0, atol=1e-6, err_msg=name)
    with pytest.raises(ConfigError, match="init_scale must be greater than 0"):
        LanguageModel(**sizes, init_scale=0.0)
    for other in ({"init": "glorot"}, {"init_recurrent": "identity"}):
        with pytest.raises(ConfigError, match="leave out init and init_recurrent"):
            LanguageModel(**sizes, init_scale=0.1, **other)


@pytest.mark.parametrize("spec", ["lstm", "lstm-peephole", "lstm[hard-sigmoid,tanh,tanh]", "lstm[;clip=2]"])
def test_the_forget_gate_begins_open(spec):
    model = LanguageModel(vocab_size=5, cell=spec, embedding=3, hidden=4, layers=1, forget_bias=2.5)
    assert model.params["layers.0.b"].tolist() == [[0.0] * 4, [2.5] * 4, [0.0] * 4, [0.0] * 4]


@pytest.mark.parametrize("init", ["uniform", "glorot"])
def test_a_projection_begins_as_the_other_weights_do(init):
    model = LanguageModel(vocab_size=5, cell="lstm", hidden=60, projection=20, layers=1, init=init)
    R = model.params["layers.0.R"]
    bound = 60**-0.5 if init == "uniform" else (6 / 80) ** 0.5
    assert 0.95 * bound < np.abs(R).max() < bound
    assert abs(R.mean()) < 0.1 * bound


def test_identity():
    np.testing.assert_array_equal(draw("identity"), [np.eye(40)] * 3)


def model(cell="lstm", **options):
    sizes = {"vocab_size": 50, "embedding": 24, "hidden": 32, "layers": 2, "dtype": "float64"} | options
    return LanguageModel(cell=cell, **sizes)


@pytest.mark.parametrize("cell", CELLS)
def test_a_seed_gives_one_model_in_both_precisions(cell):
    wide, narrow, other = model(cell, seed=5), model(cell, seed=5, dtype="float32"), model(cell, seed=6)
    for name, array in wide.params.items():
        np.testing.assert_array_equal(narrow.params[name], array.astype("float32"))
        assert narrow.params[name].dtype == np.float32
        np.testing.assert_array_equal(model(cell, seed=5).params[name], array)
    assert (wide.params["layers.0.U"] != other.params["layers.0.U"]).any()


@pytest.mark.parametrize("cell", CELLS)
def test_initial_values_of_a_model(cell):
    built = model(cell)
    for name, array in built.params.items():
        letter = name.rpartition(".")[2]
        if letter == "p" and cell == "indrnn":
            assert 0.0 <= array.min() < 0.15 < 0.85 < array.max() < 1.0, name
        elif letter in ("U", "V", "p", "U_skip") or (letter == "W" and cell != "rnn-relu"):
            assert 0.9 * 32**-0.5 < np.abs(array).max() < 32**-0.5, name
        elif letter == "E":
            assert array.std() == pytest.approx(1.0, rel=0.1)
        elif letter == "b" and cell in ("lstm", "lstm-peephole"):
            np.testing.assert_array_equal(array, [[0.0] * 32, [1.0] * 32, [0.0] * 32, [0.0] * 32])
        elif letter == "b" and cell == "minlstm":
            np.testing.assert_array_equal(array, [[1.0] * 32, [0.0] * 32, [0.0] * 32])
        elif letter in ("b", "c", "b_candidate"):
            assert not array.any(), name
    begun = ".W" if cell == "rnn-relu" else ".b"
    drawn = [a.tobytes() for name, a in built.params.items() if a.any() and not name.endswith((begun, ".b"))]
    assert len(set(drawn)) == len(drawn) >= 4  # no two alike


def test_rectified_networks_start_with_the_identity():
    np.testing.assert_array_equal(model("rnn-relu").params["layers.1.W"], np.eye(32)[None])
    drawn = model("rnn-relu", init_recurrent="uniform").params["layers.1.W"]
    assert 0 < np.abs(drawn).max() < 32**-0.5


def test_recurrent_weights_follow_init_or_their_own_setting():
    glorot = model("gru", init="glorot")
    bound = (6 / 64) ** 0.5
    assert 0.95 * bound < np.abs(glorot.params["layers.1.W"]).max() < bound
    assert 0.95 * (6 / 82) ** 0.5 < np.abs(glorot.params["output.V"]).max() < (6 / 82) ** 0.5
    W = model("gru", init_recurrent="orthogonal").params["layers.1.W"]
    np.testing.assert_allclose(W @ W.transpose(0, 2, 1), [np.eye(32)] * 3, atol=1e-13)


def test_forget_bias_is_a_setting_of_the_lstm():
    np.testing.assert_array_equal(model(forget_bias=-2.5).params["layers.1.b"][1], -2.5)
    for cell in ("lstm-peephole", "lstm[elu,tanh,tanh]"):
        np.testing.assert_array_equal(model(cell, forget_bias=2.5).params["layers.1.b"][1], 2.5)
    assert not model("lstm-coupled", forget_bias=3.0).params["layers.0.b"].any()
    assert not model("gru", forget_bias=3.0).params["layers.0.b"].any()


def test_tied_vectors_start_with_logits_of_order_one():
    tied = model(tied=True, embedding=32, vocab_size=400)
    assert tied.params["embedding.E"].std() == pytest.approx(32**-0.5, rel=0.05)
    assert "output.V" not in tied.params


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"init": "xavier"}, "unknown initialiser 'xavier': expected one of uniform, glorot$"),
        ({"init": "orthogonal"}, "unknown initialiser 'orthogonal': expected one of uniform, glorot$"),
        ({"init": None}, "unknown initialiser None"),
        ({"init_recurrent": "eye"}, "'eye': expected one of uniform, glorot, orthogonal, identity$"),
        ({"init_recurrent": ["eye"]}, "unknown initialiser"),
    ],
)
def test_unknown_initialisers_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        model(**options)
