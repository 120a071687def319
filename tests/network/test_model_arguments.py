"""Every argument that is refused, and what the message says."""

import re

import numpy as np
import pytest

from elman import ConfigError, LanguageModel, ShapeError, Truncation
from elman.network.cells import HiddenState

SIZES = {"vocab_size": 6, "cell": "lstm", "embedding": 3, "hidden": 4, "layers": 2}
MODEL = LanguageModel(**SIZES)
T, B = 5, 3


@pytest.mark.parametrize("name", ["vocab_size", "embedding", "hidden", "layers"])
@pytest.mark.parametrize("bad", [0, -1, True, 2.0, "3", None])
def test_sizes(name, bad):
    message = f"{name} must be a whole number of at least 1, not {bad!r}"
    with pytest.raises(ConfigError, match=re.escape(message)):
        LanguageModel(**SIZES | {name: bad})


def test_sizes_of_numpy_are_whole_numbers_too():
    model = LanguageModel(**SIZES | {name: np.int64(3) for name in ("vocab_size", "hidden", "layers")})
    assert [type(n) for n in (model.vocab_size, model.stack.layers[0].hidden)] == [int, int]
    assert repr(model) == (
        "LanguageModel(vocab_size=3, cell='lstm', embedding=3, hidden=3, layers=3, dtype='float32')"
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cell": "ltsm"}, "unknown cell 'ltsm': expected one of gru, .*, lstm, .*; did you mean 'lstm'?"),
        ({"dropout": 1.0}, r"dropout must be at least 0 and less than 1, not 1\.0"),
        ({"dropout": -0.1}, r"dropout must be at least 0 and less than 1, not -0\.1"),
        ({"dropout": float("nan")}, "dropout must be a finite number, not nan"),
        ({"dropout": "0.1"}, r"dropout must be a finite number, not '0\.1'"),
        ({"dropout": True}, "dropout must be a finite number, not True"),
        ({"forget_bias": float("inf")}, "forget_bias must be a finite number, not inf"),
        (
            {"tied": True},
            "need vectors as wide as the output of the last layer, but embedding is 3 and that 4",
        ),
        ({"dtype": "float16"}, "dtype must be 'float32' or 'float64', not 'float16'"),
        ({"dtype": None}, "dtype must be 'float32' or 'float64', not 'None'"),
        ({"seed": -1}, "seed must be a whole number of at least 0, not -1"),
        (
            {"init": "zeros", "init_recurrent": "ones"},
            "unknown initialiser 'ones': expected one of uniform, .*",
        ),
        ({"seed": None}, "seed must be a whole number of at least 0, not None"),
    ],
)
def test_settings(options, message):
    with pytest.raises(ConfigError, match=message):
        LanguageModel(**SIZES | options)


def window():
    return np.zeros((T, B), int), np.ones((T, B), int), MODEL.initial_state(B)


def every_call(x, y, state, **options):
    """Return the calls of a model that take a window."""
    return [
        lambda: MODEL.loss_and_grads(x, y, state, **options),
        lambda: MODEL.nll(x, y, state, **options),
    ]


def refused(message, x, y, state, **options):
    for call in every_call(x, y, state, **options):
        with pytest.raises(ShapeError, match=re.escape(message)):
            call()


@pytest.mark.parametrize(("which", "other"), [("x", 0), ("y", 1)])
@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (np.zeros((T, B)), "must be an integer array (T, B), not a float64 array"),
        (np.zeros((T, B), bool), "must be an integer array (T, B), not a bool array"),
        ([[0, 1], [1, 2]], "must be an integer array (T, B), not a list"),
        (None, "must be an integer array (T, B), not a NoneType"),
        (np.zeros(T, int), "must be a non-empty array (T, B), not of shape (5,)"),
        (np.zeros((T, B, 1), int), "must be a non-empty array (T, B), not of shape (5, 3, 1)"),
        (np.zeros((0, B), int), "must be a non-empty array (T, B), not of shape (0, 3)"),
        (np.zeros((T, 0), int), "must be a non-empty array (T, B), not of shape (5, 0)"),
    ],
)
def test_tokens_of_the_wrong_kind(which, other, bad, message):
    given = list(window())
    given[other] = bad
    refused(f"{which} {message}", *given)


@pytest.mark.parametrize(("which", "position"), [("x", 0), ("y", 1)])
@pytest.mark.parametrize("wrong", [-1, -7, 6, 1000])
def test_tokens_outside_the_vocabulary_are_named_with_their_place(which, position, wrong):
    given = list(window())
    given[position][3, 1] = wrong
    message = f"{which} holds token id {wrong} at index (3, 1); ids of this vocabulary are 0 to 5"
    refused(message, *given)


def test_the_last_token_of_the_vocabulary_is_inside():
    x, y, state = window()
    x[:], y[:] = 5, 5
    for kind in ("uint8", "int16", "uint64"):
        assert np.isfinite(MODEL.loss_and_grads(x.astype(kind), y.astype(kind), state)[0])


def test_tokens_and_targets_have_one_shape():
    x, y, state = window()
    refused("x and y must have one shape (T, B), but x is (5, 3) and y (4, 3)", x, y[1:], state)
    refused("x and y must have one shape (T, B), but x is (3, 5) and y (5, 3)", x.T, y, state)


def bad_states():
    zeros, one = MODEL.initial_state(B), np.zeros((B, 4), np.float32)
    kind = type(zeros[0])
    fields = "the state of layers.1 must have the fields ('h', 'c'), not "
    array = "state c of layers.1 must be float32 (3, 4), not "
    return {
        "none": (None, "state must be a tuple of 2 layer states; initial_state(batch=3) makes one"),
        "list": (list(zeros), "state must be a tuple of 2 layer states"),
        "layers": (zeros[:1], "state must be a tuple of 2 layer states"),
        "array": ((zeros[0], one), fields + "array"),
        "plain tuple": ((zeros[0], (one, one)), fields),
        "other cell": ((zeros[0], HiddenState(one)), fields + "HiddenState"),
        "other batch": (
            MODEL.initial_state(4),
            "state h of layers.0 must be float32 (3, 4), not float32 (4, 4)",
        ),
        "width": ((zeros[0], kind(one, one[:, 1:])), array + "float32 (3, 3)"),
        "precision": ((zeros[0], kind(one, one.astype("f8"))), array + "float64 (3, 4)"),
        "no array": ((zeros[0], kind(one, 0.5)), array + "0.5; initial_state(batch=3) makes one"),
    }


@pytest.mark.parametrize("fault", bad_states())
def test_states_that_do_not_fit(fault):
    x, y, _ = window()
    state, message = bad_states()[fault]
    refused(message, x, y, state)
    with pytest.raises(ShapeError, match=re.escape(message)):
        MODEL.step(x[0], state)


@pytest.mark.parametrize(
    ("reset", "found"),
    [
        (np.zeros((T, B)), "float64 (5, 3)"),
        (np.zeros((B, T), bool), "bool (3, 5)"),
        (np.zeros(T, bool), "bool (5,)"),
        ([[False] * B] * T, "list"),
        (True, "bool"),
    ],
)
def test_resets_that_do_not_fit(reset, found):
    refused(f"reset must be a boolean array (5, 3), not {found}", *window(), reset=reset)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"skip": T}, "skip must be at least 0 and less than the 5 steps given, not 5"),
        ({"skip": -1}, "skip must be a whole number of at least 0, not -1"),
        ({"skip": 1.0}, r"skip must be a whole number of at least 0, not 1\.0"),
        ({"state_after": T + 1}, "state_after must be between 0 and the 5 steps given, not 6"),
        ({"state_after": -1}, "state_after must be a whole number of at least 0, not -1"),
        ({"truncation": Truncation(1, 2), "skip": 1}, "truncation makes several backward passes; leave out"),
        ({"truncation": Truncation(1, 2), "state_after": 0}, "truncation makes several backward passes"),
        ({"truncation": 2}, r"truncation must be an elman\.Truncation\(every, back\), not 2"),
        ({"rng": 0}, r"rng must be a numpy\.random\.Generator or None, not 0; numpy\.random\.default_rng"),
        ({"rng": np.random}, r"rng must be a numpy\.random\.Generator or None"),
    ],
)
def test_options_outside_the_window(options, message):
    with pytest.raises(ConfigError, match=message):
        MODEL.loss_and_grads(*window(), **options)


def spoilt(**changes):
    grads = MODEL.new_grads() | changes
    return {name: array for name, array in grads.items() if array is not None}


@pytest.mark.parametrize("truncation", [None, Truncation(1, 2)])
@pytest.mark.parametrize(
    ("out", "message"),
    [
        ({}, "out must have the names of the parameters and no others, but differs in ['embedding.E', "),
        (spoilt(**{"output.c": None}), "differs in ['output.c']; new_grads() makes one"),
        (spoilt(extra=np.zeros(2)), "differs in ['extra']; new_grads() makes one"),
        ([], "differs in list; new_grads() makes one"),
        (spoilt(**{"output.c": np.zeros(5, "f4")}), "out['output.c'] must be float32 (6,), not float32 (5,)"),
        (spoilt(**{"output.c": np.zeros(6)}), "out['output.c'] must be float32 (6,), not float64 (6,)"),
        (spoilt(**{"output.c": 0.0}), "out['output.c'] must be float32 (6,), not 0.0; new_grads() makes one"),
    ],
)
def test_gradients_to_overwrite_must_fit(out, message, truncation):
    with pytest.raises(ShapeError, match=re.escape(message)):
        MODEL.loss_and_grads(*window(), out=out, truncation=truncation)


@pytest.mark.parametrize("batch", [0, -1, True, 2.0, "2", None])
def test_a_batch_of_states(batch):
    with pytest.raises(ShapeError, match=f"batch must be a whole number of at least 1, not {batch!r}"):
        MODEL.initial_state(batch)


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        (np.zeros((1, B), int), "tokens must be a non-empty array (B,), not of shape (1, 3)"),
        (np.zeros(B), "tokens must be an integer array (B,), not a float64 array"),
        ([0, 1, 2], "tokens must be an integer array (B,), not a list"),
        (3, "tokens must be an integer array (B,), not a int"),
        (np.array([0, 6, 0]), "tokens holds token id 6 at index (1,); ids of this vocabulary are 0 to 5"),
        (np.zeros(2, int), "state h of layers.0 must be float32 (2, 4), not float32 (3, 4)"),
    ],
)
def test_tokens_of_a_step(tokens, message):
    with pytest.raises(ShapeError, match=re.escape(message)):
        MODEL.step(tokens, MODEL.initial_state(B))


def test_a_refusal_changes_nothing():
    x, y, state = window()
    before = {name: array.copy() for name, array in MODEL.params.items()}
    out = MODEL.new_grads()
    for array in out.values():
        array.fill(7.0)
    with pytest.raises(ConfigError):
        MODEL.loss_and_grads(x, y, state, skip=T, out=out)
    assert all((array == 7.0).all() for array in out.values())
    assert all((array == before[name]).all() for name, array in MODEL.params.items())
