"""The plain implementation: its gradients, its conventions, and what it refuses."""

import ast
import math
from pathlib import Path

import numpy as np
import pytest

from elman.insight import reference
from elman.insight.gradcheck import gradcheck

from . import problems

OPTIONS = {
    "plain": {},
    "masks": {"masks": problems.draw_masks()},
    "reset": {"reset": problems.draw_reset()},
    "skip": {"skip": 2},
    "all": {"masks": problems.draw_masks(), "reset": problems.draw_reset(), "skip": 1},
}
cells = pytest.mark.parametrize(("cell", "activation"), problems.CELLS)
# Of those without recurrent products one that carries h and one that carries c: the others are alike.
some = pytest.mark.parametrize(
    ("cell", "activation"), [kind for kind in problems.CELLS if kind[0] not in ("indrnn", "minlstm")]
)


@cells
@pytest.mark.parametrize("tied", [False, True], ids=["untied", "tied"])
def test_gradients_of_every_element_of_every_array_and_state(cell, activation, tied):
    problem = problems.draw(cell, activation, tied=tied, **OPTIONS["all"])
    _, grads = problem.loss_and_grads(problem.arrays)
    report = gradcheck(problem.loss, problem.arrays, grads=grads)
    assert report.passed, report
    assert report.error < 1e-8, report
    names = {entry.name for entry in report.arrays}
    assert ("output.V" in names) is not tied
    assert {"embedding.E", "layers.2.U", "state.0.h"} <= names
    assert ("layers.2.W" in names) is reference.CELLS[cell, activation].products


@pytest.mark.parametrize(("cell", "activation"), problems.PROJECTED)
@pytest.mark.parametrize("tied", [False, True], ids=["untied", "tied"])
def test_gradients_with_a_projection(cell, activation, tied):
    problem = problems.draw(cell, activation, tied=tied, projection=2, reset=problems.draw_reset())
    _, grads = problem.loss_and_grads(problem.arrays)
    report = gradcheck(problem.loss, problem.arrays, grads=grads)
    assert report.passed, report
    assert grads["layers.1.R"].shape == (3, 2)
    assert grads["state.1.h"].shape == (2, 2)


@some
@pytest.mark.parametrize("option", OPTIONS)
def test_gradients_with_each_option_alone(cell, activation, option):
    problem = problems.draw(cell, activation, **OPTIONS[option])
    _, grads = problem.loss_and_grads(problem.arrays)
    report = gradcheck(problem.loss, problem.arrays, grads=grads, max_elements=2)
    assert report.passed, report


@cells
def test_gradients_are_repeatable_and_agree_with_projections(cell, activation):
    problem = problems.draw(cell, activation, **OPTIONS["all"])
    report = gradcheck(problem.loss_and_grads, problem.arrays, projections=2)
    assert report.passed, report


@some
@pytest.mark.parametrize(("every", "back"), [(2, 2), (1, 3), (2, 3), (3, 5), (1, 1), (2, 99)])
def test_truncated_gradients_are_those_of_the_stated_objective(cell, activation, every, back):
    steps = 5
    problem = problems.draw(
        cell, activation, steps=steps, masks=problems.draw_masks(steps), reset=problems.draw_reset(steps)
    )
    value, grads = problem.loss_and_grads(problem.arrays, every=every, back=back)
    assert value == pytest.approx(problem.loss(problem.arrays), rel=1e-14)
    report = gradcheck(
        problems.stated_objective(problem, every, back), problem.arrays, grads=grads, max_elements=2
    )
    assert report.passed, report


@cells
def test_truncation_as_long_as_the_window_is_the_full_gradient_and_a_shorter_one_is_not(cell, activation):
    problem = problems.draw(cell, activation)
    _, full = problem.loss_and_grads(problem.arrays)
    _, long = problem.loss_and_grads(problem.arrays, every=1, back=4)
    _, short = problem.loss_and_grads(problem.arrays, every=1, back=3)
    for name in full:
        np.testing.assert_allclose(long[name], full[name], rtol=1e-12, atol=1e-15)
    assert not np.allclose(short["layers.0.U"], full["layers.0.U"])


@cells
def test_every_equal_to_back_is_two_half_windows_with_carried_state(cell, activation):
    problem = problems.draw(cell, activation)
    how = {"cell": cell, "activation": activation}
    value, leaving, grads, _ = reference.truncated_loss_and_grads(
        problem.params, problem.x, problem.y, problem.state, every=2, back=2, **how
    )
    state, halves = problem.state, []
    for rows in (slice(0, 2), slice(2, 4)):
        half, state, half_grads, _ = reference.loss_and_grads(
            problem.params, problem.x[rows], problem.y[rows], state, **how
        )
        halves.append((half, half_grads))
    assert value == pytest.approx((halves[0][0] + halves[1][0]) / 2, rel=1e-14)
    for name, grad in grads.items():
        np.testing.assert_allclose(
            grad, (halves[0][1][name] + halves[1][1][name]) / 2, rtol=1e-12, atol=1e-16
        )
    for ours, theirs in zip(leaving, state, strict=True):
        for name in ours:
            np.testing.assert_array_equal(ours[name], theirs[name])


@cells
def test_a_reset_row_forgets_the_state_and_passes_no_gradient(cell, activation):
    problem = problems.draw(cell, activation, reset=problems.draw_reset())
    _, grads = problem.loss_and_grads(problem.arrays)
    for name in (n for n in grads if n.startswith("state.")):
        assert not grads[name][1].any()  # row 1 is reset before step 0
        assert grads[name][0].any() or (cell == "sru" and name.endswith("h"))  # which no step reads
    other = problem.arrays | {
        n: a + np.array([[0.0], [1.0]]) for n, a in problem.arrays.items() if "state" in n
    }
    assert problem.loss(other) == problem.loss(problem.arrays)


@cells
def test_arguments_are_left_alone(cell, activation):
    problem = problems.draw(cell, activation, **OPTIONS["all"])
    arrays = problem.arrays
    before = {name: array.copy() for name, array in arrays.items()}
    problem.loss_and_grads(arrays)
    for name, array in arrays.items():
        np.testing.assert_array_equal(array, before[name])


def test_an_lstm_step_by_hand():
    """One unit, one word: the numbers worked out with math alone."""
    params = {
        "embedding.E": np.array([[0.5], [-1.0]]),
        "layers.0.U": np.array([[[0.1]], [[0.2]], [[0.3]], [[0.4]]]),
        "layers.0.W": np.array([[[-0.5]], [[0.6]], [[0.7]], [[-0.8]]]),
        "layers.0.b": np.array([[0.01], [1.0], [0.03], [0.04]]),
        "output.V": np.array([[1.5, -0.5]]),
        "output.c": np.array([0.1, 0.2]),
    }
    x, h, c = 0.5, 0.3, -0.2

    def gate(u, w, b):
        return x * u + h * w + b

    def logistic(a):
        return 1 / (1 + math.exp(-a))

    i, f, o = logistic(gate(0.1, -0.5, 0.01)), logistic(gate(0.2, 0.6, 1.0)), logistic(gate(0.3, 0.7, 0.03))
    c_new = f * c + i * math.tanh(gate(0.4, -0.8, 0.04))
    h_new = o * math.tanh(c_new)
    scores = 1.5 * h_new + 0.1, -0.5 * h_new + 0.2
    expected = math.log(math.exp(scores[0]) + math.exp(scores[1])) - scores[1]

    state = [(np.array([[h]]), np.array([[c]]))]  # a tuple is read as (h, c)
    value, leaving, _, _ = reference.loss_and_grads(
        params, np.array([[0]]), np.array([[1]]), state, cell="lstm"
    )
    assert value == pytest.approx(expected, rel=1e-14)
    assert leaving[0]["h"].item() == pytest.approx(h_new, rel=1e-14)
    assert leaving[0]["c"].item() == pytest.approx(c_new, rel=1e-14)


@pytest.mark.parametrize(("cell", "expected"), [("gru", (0.5, 0.75)), ("mgu", (0.5, 0.75))])
def test_the_gate_keeps_or_replaces_the_state(cell, expected):
    """With a gate wide open or shut, h is the candidate or h_prev: which is which is a convention."""
    params = reference.draw_params(
        cell, np.random.default_rng(0), classes=2, embedding=1, hidden=1, scale=0.0
    )
    params["layers.0.b"][1 if cell == "gru" else 0] = 50.0  # z of gru, f of mgu
    state = [{"h": np.array([[0.75]])}]
    _, leaving = reference.forward(params, np.array([[0]]), state, cell=cell)
    kept = leaving[0]["h"].item()
    assert kept == pytest.approx(0.75 if cell == "gru" else 0.0)  # z keeps; f of mgu takes the candidate


def test_the_loss_of_zero_weights_is_log_of_the_classes():
    problem = problems.draw("gru", scale=0.0)
    assert problem.loss(problem.arrays) == pytest.approx(math.log(5), rel=1e-15)


def test_log_softmax_and_sigmoid_survive_large_arguments():
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        np.testing.assert_array_equal(reference.sigmoid(np.array([-1e4, 1e4])), [0.0, 1.0])
        np.testing.assert_array_equal(reference.log_softmax(np.array([[1e4, 0.0]])), [[0.0, -1e4]])
    assert reference.sigmoid(np.array([0.3]))[0] == pytest.approx(1 / (1 + math.exp(-0.3)), rel=1e-15)


def test_float32_parameters_are_computed_in_float64():
    problem = problems.draw("lstm")
    narrow = {name: array.astype(np.float32) for name, array in problem.arrays.items()}
    wide = {name: array.astype(np.float64) for name, array in narrow.items()}
    value, grads = problem.loss_and_grads(narrow)
    assert value == problem.loss(wide)
    assert {grad.dtype for grad in grads.values()} == {np.dtype(np.float64)}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"cell": "lstmm"}, "lstmm.*choose one of"),
        ({"activation": "relu"}, "lstm.*relu.*choose one of"),
        ({"skip": 4}, "skip=4 of 4 steps"),
        ({"skip": -1}, "skip=-1"),
        ({"x": np.array([[0, -1]] * 4)}, "token -1"),
        ({"y": np.array([[0, -1]] * 4)}, "target -1"),
    ],
)
def test_what_is_refused(change, message):
    problem = problems.draw("lstm")
    arguments = problem.split(problem.arrays) | change
    with pytest.raises(ValueError, match=message):
        reference.loss_and_grads(**arguments)


@pytest.mark.parametrize(("every", "back"), [(0, 1), (3, 2), (-1, -1)])
def test_a_truncation_that_reaches_back_less_than_its_chunk_is_refused(every, back):
    with pytest.raises(ValueError, match="1 <= every <= back"):
        list(reference.chunks(5, every, back))


def test_tied_embeddings_of_another_width_are_refused():
    with pytest.raises(ValueError, match="embedding = hidden"):
        reference.draw_params("rnn", np.random.default_rng(0), classes=3, embedding=2, hidden=4, tied=True)


def test_it_imports_numpy_alone():
    allowed = {"numpy", "collections", "dataclasses", "typing"}
    for path in Path(reference.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                assert {name.name.split(".")[0] for name in node.names} <= allowed, path
            elif isinstance(node, ast.ImportFrom):
                within = node.level == 1  # a neighbour in the package
                assert within or node.module.split(".")[0] in allowed, path
