"""Optimisers against PyTorch's numbers, their settings, and the count of passes that is documented."""

import json
from pathlib import Path

import numpy as np
import pytest

from elman.errors import ConfigError
from elman.training import optim
from elman.training.optim import OPTIMIZERS, adagrad, adam, adamw, rmsprop, sgd

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "torch_optimizers.json").read_text())


def problem():
    return {name: np.array(value) for name, value in VECTORS["problem"].items()}


def gradients(data, params):
    """Of mean((x @ w + b - y)²), by hand."""
    error = data["x"] @ params["w"] + params["b"] - data["y"]
    error *= 2.0 / error.size
    return {"w": data["x"].T @ error, "b": error.sum(axis=0)}


@pytest.mark.parametrize("inplace", [False, True])
@pytest.mark.parametrize("title", VECTORS["cases"])
def test_fifty_steps_equal_pytorch(title, inplace):
    case, data = VECTORS["cases"][title], problem()
    optimizer = OPTIMIZERS[case["name"]](**case["settings"])
    params = {"w": data["w"], "b": data["b"]}
    state = optimizer.init(params)
    compared = 0
    for step in range(50):
        rate = case["base"] * (1.0 + 0.5 * np.cos(step))
        params, state = optimizer.update(params, gradients(data, params), state, rate, inplace=inplace)
        if str(step + 1) in case["after"]:
            for name, expected in case["after"][str(step + 1)].items():
                np.testing.assert_allclose(params[name], expected, rtol=1e-12, atol=1e-13, err_msg=name)
            compared += 1
    assert compared == 4


def test_every_optimizer_is_compared_with_pytorch():
    assert {case["name"] for case in VECTORS["cases"].values()} == set(OPTIMIZERS)


def test_cases_tell_the_variants_apart():
    """A comparison proves something only if another optimiser would fail it."""
    ends = [np.ravel(case["after"]["50"]["w"]) for case in VECTORS["cases"].values()]
    for i, a in enumerate(ends):
        assert all(np.abs(a - b).max() > 1e-6 for b in ends[:i])


@pytest.mark.parametrize(
    ("make", "settings", "name"),
    [
        (sgd, {"momentum": 1.0}, "momentum"),
        (sgd, {"momentum": -0.1}, "momentum"),
        (sgd, {"momentum": np.nan}, "momentum"),
        (sgd, {"nesterov": True}, "nesterov"),
        (adagrad, {"eps": 0.0}, "eps"),
        (adagrad, {"initial_accumulator": -1.0}, "initial_accumulator"),
        (rmsprop, {"alpha": 1.0}, "alpha"),
        (rmsprop, {"eps": np.inf}, "eps"),
        (rmsprop, {"momentum": 1.0}, "momentum"),
        (adam, {"beta1": 1.0}, "beta1"),
        (adam, {"beta2": 1.5}, "beta2"),
        (adam, {"beta2": "0.9"}, "beta2"),
        (adam, {"eps": -1e-8}, "eps"),
        (adamw, {"weight_decay": -0.1}, "weight_decay"),
        (adamw, {"weight_decay": np.nan}, "weight_decay"),
        (adamw, {"beta1": None}, "beta1"),
        (sgd, {"weight_decay": -0.1}, "weight_decay"),
        (adagrad, {"weight_decay": np.inf}, "weight_decay"),
        (rmsprop, {"weight_decay": np.nan}, "weight_decay"),
        (adam, {"weight_decay": "1"}, "weight_decay"),
    ],
)
def test_settings_out_of_range(make, settings, name):
    with pytest.raises(ConfigError, match=name):
        make(**settings)


def test_settings_are_on_record():
    assert adamw(weight_decay=0.1).settings == {
        "beta1": 0.9,
        "beta2": 0.999,
        "eps": 1e-8,
        "weight_decay": 0.1,
    }
    assert [make().name for make in OPTIMIZERS.values()] == list(OPTIMIZERS)


class Counting(np.ndarray):
    """Counts the ufuncs that run over it."""

    calls = 0

    def __array_ufunc__(self, ufunc, method, *inputs, out=(), **kwargs):
        Counting.calls += 1
        plain = [x.view(np.ndarray) if isinstance(x, Counting) else x for x in inputs]
        getattr(ufunc, method)(*plain, out=tuple(o.view(np.ndarray) for o in out), **kwargs)
        return out[0]


@pytest.mark.parametrize(
    ("optimizer", "passes", "text"),
    [
        (sgd(), 2, "sgd 2,"),
        (sgd(momentum=0.9), 4, "with momentum 4,"),
        (sgd(momentum=0.9, nesterov=True), 6, "Nesterov's 6;"),
        (adagrad(), 7, "adagrad 7;"),
        (rmsprop(), 9, "rmsprop 9,"),
        (rmsprop(momentum=0.9), 11, "with momentum 11;"),
        (adam(), 12, "adam 12;"),
        (adamw(), 13, "adamw 13."),
        (adam(weight_decay=0.1), 14, "Weight decay takes 2 more,"),
        (adamw(weight_decay=0.1), 13, "but of adamw."),
    ],
)
def test_passes_over_memory_are_as_documented(optimizer, passes, text):
    p, g, s, out, *slots = (np.ones(4).view(Counting) for _ in range(4 + len(optimizer.slots)))
    Counting.calls = 0
    optimizer.rule(1, 0.1)(p, optimizer.decayed(p, g, s, out), slots, s)
    assert Counting.calls == passes
    assert text in " ".join(optim.__doc__.split())


def test_float32_rules_compute_in_float32():
    """A NumPy scalar among the coefficients would widen every pass to float64 and back."""
    for make in OPTIMIZERS.values():
        settings = {name: value for name, value in make().settings.items() if type(value) is float}
        optimizer = make(**{name: np.float64(value) for name, value in settings.items()})
        params = {"x": np.array([1.0, 0.3, -7.0], np.float32)}
        grads = {"x": np.array([0.1, -0.7, 1e-3], np.float32)}
        state = optimizer.init(params)
        got = optimizer.update(params, grads, state, np.float64(0.1))[0]["x"]
        plain = make().update(params, grads, state, 0.1)[0]["x"]
        np.testing.assert_array_equal(got, plain, strict=True)
        assert all(type(value) in (float, bool) for value in optimizer.settings.values())
