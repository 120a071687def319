"""What every cell must do. Call each of `CHECKS` with the name of a registered cell, your own included.

A name may go on with what its layer is to be: ``lstm/projected``, ``gru/bidirectional``, ``rnn/zoneout``,
``lstm/normalised/learnt``.

The arrays are small but nothing in them is special: T = 4 steps, B = 3 rows, D differs from H, weights are
large and asymmetric, states are not zero, and the loss reads every output and every field of the last state.
"""

import re

import numpy as np

from elman import LanguageModel, gradcheck
from elman.network.cells import ScanCell, get_cell
from elman.network.layers import new_layer as layer_of
from elman.network.regularisers import Regularisers
from elman.network.rows import Rows
from elman.network.stack import Stack
from elman.network.workspace import Workspace

T, B, D, H = 4, 3, 3, 4
SEED = 11


class Poisonable(Workspace):
    """A workspace whose memory can be spoilt between calls: no result may depend on what is left in it."""

    def poison(self):
        for block in self._blocks.values():
            block.fill(np.nan)


WORDS = {
    "projected": {"projection": 3}, "zoneout": {"zoneout": 0.3}, "normalised": {"layer_norm": True},
    "learnt": {"learn_state": True},
}  # fmt: skip


def settings_of(case):
    """Return the settings of a model of that cell, and of what follows its name."""
    cell, *rest = case.split("/")
    options = {"cell": cell}
    for word in rest:
        options |= WORDS.get(word, {"direction": word})
    if "zoneout" in rest and len(get_cell(cell).state_type._fields) > 1:
        options["zoneout_cell"] = 0.45
    return options


def new_layer(case, dtype="float64", name="layers.0", inputs=D):
    options = settings_of(case)
    return layer_of(name, get_cell(options.pop("cell")), inputs, H, np.dtype(dtype), **options)


def unread(case):
    """Return the states that no step reads: output alone, of a cell that scans another."""
    cell = get_cell(case.split("/")[0])
    return set(cell.state_type._fields) - {cell.carried} if isinstance(cell, ScanCell) else set()


def draw_params(parts, rng):
    shapes = {name: shape for part in parts for name, shape in part.shapes().items()}
    return {name: rng.normal(0.0, 0.8, shape).astype(parts[0].dtype) for name, shape in shapes.items()}


def draw_like(state, rng):
    return type(state)(*(rng.normal(0.0, 0.8, field.shape).astype(field.dtype) for field in state))


def draw_reset(steps, batch):
    """Return where rows begin anew: row 1 at the first step, row 0 in the middle and row 1 at the end."""
    reset = np.zeros((steps, batch), np.bool_)
    last = min(1, batch - 1)
    reset[0, last] = reset[steps // 2, 0] = reset[-1, last] = True
    return reset


class Problem:
    """One layer, a window, and upstream derivatives of its outputs and of its last state."""

    def __init__(self, cell, *, steps=T, batch=B, dtype="float64", reset=False, live=None):
        rng = np.random.default_rng(SEED)
        self.layer = new_layer(cell, dtype)
        self.params = draw_params([self.layer], rng)
        self.x = rng.normal(size=(steps, batch, D)).astype(dtype)
        self.state = draw_like(self.layer.initial_state(batch), rng)
        self.dh = rng.normal(size=(steps, batch, self.layer.width)).astype(dtype)
        self.dstate = draw_like(self.state, rng)
        self.reset, self.live = draw_reset(steps, batch) if reset else None, live

    def arrays(self):
        fields = zip(self.state._fields, self.state, strict=True)
        return {**self.params, "x": self.x, **{f"state.{name}": field for name, field in fields}}

    def run(self, space=None, *, params=None, x=None, state=None, dh=None, dstate=None, rows=slice(None)):
        """Return copies of all results by name: outputs, last state, and the derivative of every array."""
        params = self.params if params is None else params
        x, dh = (mine if given is None else given for mine, given in ((self.x, x), (self.dh, dh)))
        state = self.state if state is None else state
        dstate = self.dstate if dstate is None else dstate
        space = Workspace() if space is None else space
        masks = [None if mask is None else mask[:, rows] for mask in (self.reset, self.live)]
        some = None if all(mask is None for mask in masks) else Rows(*masks, x.dtype)
        tape = self.layer.forward(params, x, state, space, some)
        results = {"h": tape.h.copy()}
        last = tape.leaving(len(x))
        results |= {f"last.{n}": f for n, f in zip(state._fields, last, strict=True)}
        grads = {name: np.full_like(array, np.nan) for name, array in params.items()}
        dx, d = self.layer.backward(params, x, tape, dh, space, grads, some, dstate)
        results |= {f"d {name}": grad for name, grad in grads.items()}
        results["d x"] = dx.copy()
        return results | {f"d state.{n}": f.copy() for n, f in zip(state._fields, d, strict=True)}

    def value_and_grads(self, arrays):
        """Return the inner product of the results with the upstream derivatives, and its gradient."""
        fields = self.state._fields
        state = type(self.state)(*(arrays[f"state.{name}"] for name in fields))
        params = {name: arrays[name] for name in self.params}
        results = self.run(params=params, x=arrays["x"], state=state)
        value = (results["h"] * self.dh).sum()
        value += sum((results[f"last.{n}"] * g).sum() for n, g in zip(fields, self.dstate, strict=True))
        return value, {name: results[f"d {name}"] for name in arrays}


def noted(report, *layers):
    """Return the names of arrays with a note, but for what rows of these layers begin from, if none does."""
    firsts = {name for layer in layers for name in layer.firsts if name is not None}
    return {array.name for array in report.arrays if array.note and array.name not in firsts}


def assert_same(found, expected, context=""):
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array, err_msg=f"{context} {name}", strict=True)


def gradients_of_a_layer(cell):
    """Every parameter, the inputs and every field of the initial state."""
    problem = Problem(cell)
    report = gradcheck(problem.value_and_grads, problem.arrays(), order=2)
    assert report.passed, report
    # Nothing is zero or below noise, but a state that no step reads.
    assert noted(report, problem.layer) == {f"state.{field}" for field in unread(cell)}, report


def gradients_of_a_layer_whose_rows_are_reset(cell):
    problem = Problem(cell, reset=True)
    report = gradcheck(problem.value_and_grads, problem.arrays(), order=2)
    assert report.passed, report
    results = problem.run()
    for field in problem.state._fields:  # row 1 is reset before the first step: no derivative is left
        assert not results[f"d state.{field}"][1].any()
        assert results[f"d state.{field}"][[0, 2]].any(axis=1).all() or field in unread(cell)


LIVE = np.array([[1, 1, 0], [1, 0, 0], [0, 1, 0], [1, 1, 0]], np.bool_)
"""Which steps (T, B) count: not the first or the last alone, and none of row 2."""


def gradients_of_a_layer_whose_rows_lack_steps(cell):
    """Also where rows are reset; of a row without any step the state passes, and so do derivatives by it."""
    for reset in (False, True):
        problem = Problem(cell, reset=reset, live=LIVE)
        report = gradcheck(problem.value_and_grads, problem.arrays(), order=2)
        assert report.passed, report
        results = problem.run()
        for name, given, upstream in zip(problem.state._fields, problem.state, problem.dstate, strict=True):
            np.testing.assert_array_equal(results[f"last.{name}"][2], given[2])
            np.testing.assert_array_equal(results[f"d state.{name}"][2], upstream[2])


def steps_that_do_not_count_change_nothing(cell):
    """Whatever stands there, NaN too; their outputs are zero, and more of them at the end add nothing."""
    for dtype in ("float32", "float64"):
        problem = Problem(cell, live=LIVE, dtype=dtype)
        whole = problem.run()
        assert not whole["h"][~LIVE].any()
        assert not whole["d x"][~LIVE].any()
        x, dh = problem.x.copy(), problem.dh.copy()
        x[~LIVE], dh[~LIVE] = np.nan, np.inf
        assert_same(problem.run(x=x, dh=dh), whole)
        for more in (1, 3):
            x, dh = (
                np.concatenate([a, np.full_like(a[:1].repeat(more, 0), 7.0)]) for a in (problem.x, problem.dh)
            )
            problem.live = np.concatenate([LIVE, np.zeros((more, B), np.bool_)])
            found = problem.run(x=x, dh=dh)
            for name, expected in whole.items():
                same = found[name][:T] if name in ("h", "d x") else found[name]
                np.testing.assert_allclose(same, expected, rtol=0, atol=2e-5 if dtype == "float32" else 1e-13)
        problem.live = LIVE


def _stack_function(cell, *, dropout, reset):
    rng = np.random.default_rng(SEED + 1)
    layers = [new_layer(cell, name="layers.0")]
    layers += [new_layer(cell, name=f"layers.{i}", inputs=layers[0].width) for i in (1, 2)]
    stack, params = Stack(tuple(layers), Regularisers(dropout)), draw_params(layers, rng)
    dh = rng.normal(size=(T, B, stack.width))
    states = [draw_like(state, rng) for state in stack.initial_state(B)]
    fields = [(f"state.{i}.{name}", i, name) for i, s in enumerate(states) for name in s._fields]
    arrays = {**params, "x": rng.normal(size=(T, B, D))}
    arrays |= {key: getattr(states[i], name) for key, i, name in fields}

    def function(arrays):
        kinds = [type(state) for state in states]
        state = tuple(
            kind(*(arrays[f"state.{i}.{name}"] for name in kind._fields)) for i, kind in enumerate(kinds)
        )
        space, masks = Workspace(), np.random.default_rng(5)
        rows = None if reset is None else Rows(reset, None, arrays["x"].dtype)
        tape = stack.forward(arrays, arrays["x"], state, space, rng=masks, rows=rows)
        value = (tape.inputs[-1] * dh).sum()
        grads = {name: np.full_like(array, np.nan) for name, array in params.items()}
        dx, d = stack.backward(arrays, tape, dh.copy(), space, grads)
        grads |= {key: getattr(d[i], name).copy() for key, i, name in fields}
        return value, {**grads, "x": dx.copy()}

    return function, arrays, layers


def gradients_of_a_stack(cell):
    """Depth 3, plain, and with dropout and resets together."""
    for dropout, reset in ((0.0, None), (0.3, draw_reset(T, B))):
        function, arrays, layers = _stack_function(cell, dropout=dropout, reset=reset)
        report = gradcheck(function, arrays, order=2, max_elements=12)
        assert report.passed, report
        zero = {f"state.{i}.{field}" for i in range(3) for field in unread(cell)}
        assert noted(report, *(() if reset is not None else layers)) == zero, report


def zero_upstream_gives_exactly_zero(cell):
    problem = Problem(cell)
    zeros = type(problem.state)(*(np.zeros_like(field) for field in problem.state))
    for dstate in (zeros, ()):  # given as zeros, and not given
        results = problem.run(dh=np.zeros_like(problem.dh), dstate=dstate)
        assert not [name for name in problem.arrays() if (results[f"d {name}"] != 0.0).any()]


def one_window_is_two_halves(cell):
    """Forward with carried state, and backward with the derivative of that state carried back."""
    problem = Problem(cell, steps=7)
    whole = problem.run()
    for cut in (1, 4):
        first = problem.run(x=problem.x[:cut], dh=problem.dh[:cut])
        carried = type(problem.state)(*(first[f"last.{name}"] for name in problem.state._fields))
        second = problem.run(x=problem.x[cut:], dh=problem.dh[cut:], state=carried)
        d = type(problem.state)(*(second[f"d state.{name}"] for name in problem.state._fields))
        first = problem.run(x=problem.x[:cut], dh=problem.dh[:cut], dstate=d)
        joined = {name: np.concatenate([first[name], second[name]]) for name in ("h", "d x")}
        joined |= {f"d {name}": first[f"d {name}"] + second[f"d {name}"] for name in problem.params}
        for name in problem.state._fields:
            joined[f"last.{name}"] = second[f"last.{name}"]
            joined[f"d state.{name}"] = first[f"d state.{name}"]
        assert joined.keys() == whole.keys()
        for name, expected in whole.items():
            np.testing.assert_allclose(joined[name], expected, rtol=0, atol=1e-12, err_msg=name)


def rows_do_not_see_each_other(cell):
    problem = Problem(cell)
    whole, axes = problem.run(), {"h": 1, "d x": 1}
    per_row = [name for name in whole if name in axes or "state." in name or "last." in name]
    x, dh = problem.x.copy(), problem.dh.copy()
    x[:, 1], dh[:, 1] = -3.0, 5.0
    state = draw_like(problem.state, np.random.default_rng(0))
    for field, mine in zip(state, problem.state, strict=True):
        field[[0, 2]] = mine[[0, 2]]
    changed = problem.run(x=x, dh=dh, state=state)
    alone = Problem(cell)
    for name in per_row:
        axis = axes.get(name, 0)
        before, after = (np.moveaxis(results[name], axis, 0) for results in (whole, changed))
        np.testing.assert_array_equal(after[[0, 2]], before[[0, 2]], err_msg=name)
        assert (after[1] != before[1]).any() or name.removeprefix("d state.") in unread(cell), name
    for row in range(B):  # alone, BLAS multiplies in another order
        only = slice(row, row + 1)
        one_row = [type(s)(*(field[only] for field in s)) for s in (alone.state, alone.dstate)]
        x, dh = (np.ascontiguousarray(array[:, only]) for array in (alone.x, alone.dh))
        results = alone.run(x=x, dh=dh, state=one_row[0], dstate=one_row[1])
        for name in per_row:
            expected = np.moveaxis(whole[name], axes.get(name, 0), 0)[only]
            found = np.moveaxis(results[name], axes.get(name, 0), 0)
            np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12, err_msg=name)


WINDOWS = [(4, 3, 0), (6, 5, 1), (2, 1, 0), (2, 1, 1), (6, 5, 0), (6, 5, 0), (1, 4, 1), (4, 3, 0), (4, 3, 1)]
"""Steps, rows, and whether rows are reset: growing, shrinking, alternating, and one twice in a row."""


def nothing_is_left_in_the_workspace(cell):
    """Windows of changing size through one workspace give what they give in a new one, bit for bit."""
    for dtype in ("float32", "float64"):
        used = Poisonable()
        for steps, batch, reset in WINDOWS:
            problem = Problem(cell, steps=steps, batch=batch, dtype=dtype, reset=bool(reset))
            assert_same(problem.run(used), problem.run(), f"T={steps} B={batch} reset={reset}:")
            used.poison()
            assert_same(problem.run(used), problem.run(), f"poisoned, T={steps} B={batch} reset={reset}:")


def training_steps_in_a_row_are_those_of_fresh_models(cell):
    """Nothing but the parameters and what is returned passes from one step of training to the next."""
    sizes = {"vocab_size": 6, "embedding": D, "hidden": H, "layers": 2, "dropout": 0.2, **settings_of(cell)}
    rng = np.random.default_rng(SEED)
    used = LanguageModel(**sizes, dtype="float64")
    state_used = state_fresh = used.initial_state(B)
    for i, steps in enumerate((5, 5, 3, 6, 1, 5)):
        fresh = LanguageModel(**sizes, dtype="float64")
        for name, array in used.params.items():
            fresh.params[name][...] = array
        x, y = rng.integers(6, size=(2, steps, B))
        reset = rng.random((steps, B)) < 0.3 if i % 2 else None
        losses, grads = [], []
        for model, state in ((used, state_used), (fresh, state_fresh)):
            loss, state_fresh, grad = model.loss_and_grads(
                x, y, state, rng=np.random.default_rng(i), reset=reset
            )
            state_used = state_fresh if model is used else state_used
            losses.append(loss)
            grads.append(grad)
        assert losses[0] == losses[1]
        assert_same(grads[0], grads[1], f"step {i}:")
        for one, other in zip(state_used, state_fresh, strict=True):
            assert_same(one._asdict(), other._asdict(), f"step {i}:")
        for name, array in used.params.items():
            array -= 0.3 * grads[0][name]
        used.nll(x[:2, :1], y[:2, :1], used.initial_state(1))  # between the steps, as an evaluation would
        used.logits(x[:1], state_used)


def keeps_the_bytes_it_documents(cell):
    """`Tape.nbytes` of a step, row and unit is what the docstring states, in float32; twice it in float64."""
    text = " ".join(type(get_cell(cell)).__doc__.split())
    found = re.findall(r"(\d+) bytes in float32", text)
    assert len(found) == 1, f"the docstring of {cell} must state 'N bytes in float32', once"
    for dtype, factor in (("float32", 1), ("float64", 2)):
        problem = Problem(cell, steps=6, batch=5, dtype=dtype)
        tape = problem.layer.forward(problem.params, problem.x, problem.state, Workspace())
        assert tape.nbytes == factor * int(found[0]) * 6 * 5 * H


def arguments_are_only_read(cell):
    """Read-only parameters, inputs, states and derivatives are enough, and stay as they were."""
    for reset in (False, True):
        problem = Problem(cell, reset=reset)
        for array in (*problem.params.values(), problem.x, problem.dh, *problem.state, *problem.dstate):
            array.setflags(write=False)
        assert_same(problem.run(), Problem(cell, reset=reset).run())


def float32_is_near_float64(cell):
    """Every gradient of a model of depth 3 within 1e-3 of its norm; the loss to 1e-5."""
    sizes = {"vocab_size": 11, "embedding": 8, "hidden": 16, "layers": 3, **settings_of(cell)}
    rng = np.random.default_rng(SEED)
    x, y = rng.integers(11, size=(2, 12, 4))
    narrow, wide = (LanguageModel(**sizes, dtype=dtype) for dtype in ("float32", "float64"))
    for name, array in wide.params.items():  # both from the same numbers
        array[...] = narrow.params[name]
    (a, _, narrow_grads), (b, _, grads) = (m.loss_and_grads(x, y, m.initial_state(4)) for m in (narrow, wide))
    assert abs(a - b) < 1e-5 * b
    for name, grad in grads.items():
        assert np.linalg.norm(narrow_grads[name] - grad) <= 1e-3 * np.linalg.norm(grad), name


CHECKS = [
    gradients_of_a_layer,
    gradients_of_a_layer_whose_rows_are_reset,
    gradients_of_a_layer_whose_rows_lack_steps,
    steps_that_do_not_count_change_nothing,
    gradients_of_a_stack,
    zero_upstream_gives_exactly_zero,
    one_window_is_two_halves,
    rows_do_not_see_each_other,
    nothing_is_left_in_the_workspace,
    training_steps_in_a_row_are_those_of_fresh_models,
    keeps_the_bytes_it_documents,
    arguments_are_only_read,
    float32_is_near_float64,
]
