"""The public gradcheck: what passes, what never passes, and what it leaves as it was."""

import numpy as np
import pytest

from elman.errors import ConfigError, ElmanError, ShapeError
from elman.insight.gradcheck import gradcheck


def point(seed=0):
    rng = np.random.default_rng(seed)
    return {"A": rng.normal(size=(3, 4)), "b": rng.normal(size=4), "s": np.array(0.7)}


def smooth(arrays):
    """A scalar function of a matrix, a vector and a scalar, with its gradients."""
    A, b, s = arrays["A"], arrays["b"], arrays["s"]
    u = np.tanh(A + b) * s
    du = u / 2
    da = du * s * (1 - np.tanh(A + b) ** 2)
    return 0.25 * (u**2).sum(), {"A": da, "b": da.sum(axis=0), "s": (du * np.tanh(A + b)).sum()}


def with_gradient(name, change):
    """Return `smooth` with one of its gradients changed."""

    def function(arrays):
        value, grads = smooth(arrays)
        return value, grads | {name: change(np.array(grads[name]))}

    return function


HOW = {
    "full": {},
    "order 2": {"order": 2},
    "projections": {"projections": 3},
    "sampled": {"max_elements": 5},
}
ways = pytest.mark.parametrize("how", HOW.values(), ids=HOW)


@ways
def test_right_gradients_pass_with_digits_to_spare(how):
    report = gradcheck(smooth, point(), **how)
    assert report.passed, report
    assert report.failed == ()
    assert report.error < (1e-8 if how.get("order") == 2 else 1e-10)
    report.raise_if_failed()


@ways
@pytest.mark.parametrize(
    "change",
    [
        lambda g: 2 * g,
        lambda g: -g,
        lambda g: 0 * g,
        lambda g: g + 1e-4,
        lambda g: g * (1 + 1e-5),
        lambda g: 1e200 * g,
    ],
    ids=["doubled", "negated", "zero", "shifted", "a little", "huge"],
)
@pytest.mark.parametrize("name", ["A", "b", "s"])
def test_wrong_gradients_fail_by_name(name, change, how):
    report = gradcheck(with_gradient(name, change), point(), **how)
    assert not report.passed
    assert [n for n in report.failed if n != "(all arrays)"] == [name]
    with pytest.raises(ElmanError, match="FAILED"):
        report.raise_if_failed()


def test_one_wrong_element_is_found_and_shown():
    def spoil(grad):
        grad[1, 2] += 1e-3
        return grad

    report = gradcheck(with_gradient("A", spoil), point())
    worst = report["A"].worst
    assert worst.index == (1, 2)
    assert worst.analytic - worst.numeric == pytest.approx(1e-3, rel=1e-6)
    assert "(1, 2)" in str(report)


@ways
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_nan_and_infinity_in_a_gradient_never_pass(bad, how):
    def spoil(grad):
        grad.flat[-1] = bad  # even where the choice of elements may miss it
        return grad

    report = gradcheck(with_gradient("A", spoil), point(), tolerance=1e300, **how)
    assert "A" in report.failed
    assert report["A"].note == "not finite"
    assert report["b"].passed


@ways
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_nan_and_infinity_in_the_value_never_pass(bad, how):
    report = gradcheck(lambda a: (bad, {n: v * 0 for n, v in a.items()}), point(), **how)
    assert not report.passed
    assert str(bad) in report.problems[0]


@ways
def test_nan_in_a_numeric_derivative_never_passes(how):
    """The value is NaN everywhere but at the point itself."""
    start = point()

    def function(arrays):
        here = all(np.array_equal(arrays[n], start[n]) for n in start)
        return (1.0 if here else np.nan), {n: np.zeros_like(v) for n, v in arrays.items()}

    report = gradcheck(function, start, **how)
    assert set(report.failed) >= {"A", "b", "s"}


def test_zero_by_zero_is_no_error_and_is_noted():
    report = gradcheck(lambda a: (3.0, {"w": np.zeros(2)}), {"w": np.ones(2)})
    assert report.passed
    assert (report["w"].error, report["w"].note) == (0.0, "zero")


def test_differences_within_the_rounding_of_the_value_pass_and_are_noted():
    """A gradient of 1e-9 is right, but beside a value of 1000 no difference of float64 can tell."""

    def function(arrays):
        w = arrays["w"]
        return 1e3 + 1e-9 * np.sin(w).sum(), {"w": 1e-9 * np.cos(w)}

    report = gradcheck(function, {"w": np.linspace(-1, 1, 7)})
    assert report.passed
    assert report["w"].note == "below noise"
    assert report["w"].worst.analytic != report["w"].worst.numeric
    without_the_value = gradcheck(lambda a: (1e-9 * a["w"].sum(), {"w": np.zeros(3)}), {"w": np.ones(3)})
    assert not without_the_value.passed


def test_one_element_that_the_norm_of_a_large_array_would_hide():
    big = {"w": np.ones((20, 20))}

    def function(arrays):
        grad = 2 * arrays["w"]
        grad[3, 4] *= 1 + 1e-5  # 2.5e-7 of the norm
        return (arrays["w"] ** 2).sum(), {"w": grad}

    report = gradcheck(function, big)
    assert report["w"].error < report.tolerance < report["w"].worst.error
    assert report["w"].worst.index == (3, 4)
    assert not report.passed


def test_large_and_tiny_arguments():
    w = np.array([1e6, -3e4, 1e-9, 0.0])
    assert gradcheck(lambda a: (0.5 * (a["w"] ** 2).sum() * 1e-8, {"w": a["w"] * 1e-8}), {"w": w}).passed


def test_an_empty_array_has_nothing_to_compare():
    arrays = {"w": np.ones(2), "none": np.zeros((0, 3))}
    for how in HOW.values():
        report = gradcheck(
            lambda a: (a["w"].sum(), {n: np.ones_like(v) for n, v in a.items()}), arrays, **how
        )
        assert report.passed
        assert report["none"].compared == 0


@ways
def test_the_arrays_are_never_touched_and_need_not_be_contiguous_or_writable(how):
    whole = np.random.default_rng(0).normal(size=(4, 6))
    arrays = {"A": whole.T[::2], "b": whole[0, :4].copy(), "s": np.array(0.7)}
    whole[0, 2] = -0.0  # its sign is part of what must be left alone
    arrays["b"].setflags(write=False)
    before = {name: array.tobytes() for name, array in arrays.items()}
    assert gradcheck(smooth, arrays, **how).passed
    assert {name: array.tobytes() for name, array in arrays.items()} == before


def test_a_function_that_writes_into_its_argument_fails():
    def function(arrays):
        value, grads = smooth(arrays)
        arrays["A"] += 1.0
        return value, grads

    report = gradcheck(function, point())
    assert not report.passed
    assert "changes its argument 'A'" in report.problems


def test_hidden_randomness_and_counters_fail():
    rng = np.random.default_rng(0)

    def noisy(arrays):
        value, grads = smooth(arrays)
        return value + 1e-13 * rng.random(), grads

    report = gradcheck(noisy, point(), projections=1)
    assert any("not repeatable" in problem for problem in report.problems)


@pytest.mark.parametrize("odd_call", ["second", "last"])
def test_one_call_that_answers_otherwise_is_enough(odd_call):
    calls = []

    def function(arrays):
        value, grads = smooth(arrays)
        calls.append(value)
        return value, (grads | {"b": 2 * grads["b"]} if len(calls) == odd else grads)

    odd = -1
    gradcheck(function, point(), projections=1)
    odd = 2 if odd_call == "second" else len(calls)
    calls.clear()
    assert gradcheck(function, point(), projections=1).failed == ("b",)


def test_a_gradient_buffer_that_is_handed_out_again_is_fine_but_not_if_it_accumulates():
    buffer = {name: np.zeros_like(array) for name, array in point().items()}

    def fills(arrays):
        value, grads = smooth(arrays)
        for name in buffer:
            buffer[name][...] = grads[name]
        return value, buffer

    def adds(arrays):
        value, grads = smooth(arrays)
        for name in ("A", "s"):
            buffer[name] += grads[name]
        return value, grads | {name: buffer[name] for name in ("A", "s")}

    assert gradcheck(fills, point()).passed
    for array in buffer.values():
        array[...] = 0.0
    report = gradcheck(adds, point())
    assert report.failed == ("A", "s")
    assert report["A"].note == "not repeatable"
    assert any("other gradients for A, s" in problem for problem in report.problems)


def test_given_gradients_are_checked_in_place_of_returned_ones():
    _, grads = smooth(point())
    assert gradcheck(lambda a: smooth(a)[0], point(), grads=grads).passed
    assert gradcheck(lambda a: smooth(a)[0], point(), grads=grads | {"b": grads["b"] * 2}).failed == ("b",)


def test_a_kink_within_the_step_shows_and_a_shorter_step_helps():
    arrays = {"w": np.array([1e-4, 2.0])}

    def relu(a):
        return np.maximum(a["w"], 0).sum(), {"w": (a["w"] > 0) * 1.0}

    assert not gradcheck(relu, arrays).passed
    assert gradcheck(relu, arrays, order=2).passed
    assert gradcheck(relu, arrays, step=1e-5).passed


def test_the_same_seed_gives_the_same_report_and_sampling_is_honest_about_it():
    big = {"w": np.linspace(-1, 1, 400).reshape(20, 20)}

    def function(arrays):
        return np.sin(arrays["w"]).sum(), {"w": np.cos(arrays["w"])}

    first, second, other = (gradcheck(function, big, max_elements=7, seed=seed) for seed in (1, 1, 2))
    assert first == second
    assert first["w"].compared == 7
    assert first["w"].worst.index != other["w"].worst.index
    assert "at most 7 elements" in str(first)
    assert gradcheck(function, big, projections=2)["(all arrays)"].compared == 2


def test_the_table_is_plain_and_aligned():
    text = str(gradcheck(with_gradient("b", lambda g: g * 2), point()))
    head, *rows = text.splitlines()
    assert head.startswith("gradcheck FAILED: 1 of 3 arrays, tolerance 1.0e-06")
    assert text.isascii()
    assert len(rows) == 4
    assert [row.split()[-1] for row in rows[1:]] == ["ok", "FAILED", "ok"]
    assert len({row.index(word) for row, word in zip(rows[1:], ["ok", "FAILED", "ok"], strict=True)}) == 1
    assert "passed: 3 arrays" in str(gradcheck(smooth, point()))


def test_an_unknown_name_in_a_report():
    with pytest.raises(KeyError, match="checked were A, b, s"):
        gradcheck(smooth, point())["W"]


@pytest.mark.parametrize(
    ("function", "arrays", "error", "message"),
    [
        (
            smooth,
            {n: a.astype(np.float32) for n, a in point().items()},
            ShapeError,
            "'A' is of float32.*float64",
        ),
        (smooth, point() | {"b": np.ones(4, int)}, ShapeError, "'b' is of int64.*float64"),
        (smooth, {}, ConfigError, "no array"),
        (smooth, None, ConfigError, "`arrays`"),
        (3, point(), ConfigError, "int: give a function"),
        (lambda a: (1.0, {}), point(), ShapeError, "no gradient for array 'A'.*none"),
        (
            lambda a: (1.0, {"A": 1.0, "b": 1.0, "s": 1.0}),
            point(),
            ShapeError,
            r"'A' has shape \(\): expected \(3, 4\)",
        ),
        (lambda a: (a["b"], smooth(a)[1]), point(), ShapeError, r"shape \(4,\).*one real number"),
        (lambda a: (1j, smooth(a)[1]), point(), ShapeError, "one real number"),
        (lambda a: 1.0, point(), ShapeError, r"a float: expected \(value, gradients\)"),
    ],
)
def test_what_is_refused(function, arrays, error, message):
    with pytest.raises(error, match=message):
        gradcheck(function, arrays)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"order": 3}, "order=3"),
        ({"step": 0.0}, "step=0.0"),
        ({"step": np.nan}, "step=nan"),
        ({"tolerance": -1e-6}, "tolerance=-1e-06"),
        ({"tolerance": np.inf}, "tolerance=inf"),
        ({"projections": -1}, "projections=-1"),
        ({"max_elements": 0}, "max_elements=0"),
        ({"projections": 1, "max_elements": 1}, "one of them"),
        ({"x": np.zeros((2, 2), int)}, "belong to a model"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, message):
    with pytest.raises(ConfigError, match=message):
        gradcheck(smooth, point(), **settings)
