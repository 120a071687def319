"""What every registered optimiser must do, at its default settings and with each of its extra passes on."""

import re

import numpy as np
import pytest
from safetensors.numpy import load, save

from elman.errors import ConfigError, ShapeError
from elman.training.flat import BLOCK, flat_copy, flat_view
from elman.training.optim import OPTIMIZERS

VARIANTS = {
    "sgd": [{"momentum": 0.9}, {"momentum": 0.9, "nesterov": True}, {"weight_decay": 0.3}],
    "adagrad": [{"weight_decay": 0.3}],
    "rmsprop": [{"momentum": 0.9}, {"momentum": 0.9, "weight_decay": 0.3}],
    "adam": [{"weight_decay": 0.3}],
}
CASES = [(name, {}) for name in OPTIMIZERS] + [(n, kw) for n, kws in VARIANTS.items() for kw in kws]
SHAPES = {"output.V": (BLOCK // 8, 9), "embedding.E": (7, 3), "layers.0.b": (4, 5), "a.scalar": ()}


@pytest.fixture(params=CASES, ids=[f"{n}-{'-'.join(kw)}".rstrip("-") for n, kw in CASES])
def optimizer(request):
    name, settings = request.param
    return OPTIMIZERS[name](**settings)


def arrays(seed, dtype=np.float64, shapes=SHAPES):
    rng = np.random.default_rng(seed)
    return {name: np.asarray(rng.normal(size=shape), dtype) for name, shape in shapes.items()}


def run(optimizer, params, steps, *, inplace=False, state=None, first=0, lay=lambda grads: grads):
    state = optimizer.init(params) if state is None else state
    for step in range(first, first + steps):
        grads = lay(arrays(100 + step, next(iter(params.values())).dtype))
        params, state = optimizer.update(params, grads, state, 0.1 / (1 + step), inplace=inplace)
    return params, state


def assert_same(a, b):
    assert list(a) == list(b)
    for name in a:
        assert a[name].dtype == b[name].dtype
        np.testing.assert_array_equal(a[name], b[name], err_msg=name, strict=True)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("flat", [False, True])
def test_in_place_equals_pure_bit_for_bit(optimizer, dtype, flat):
    start = flat_copy(arrays(0, dtype)) if flat else arrays(0, dtype)
    pure = run(optimizer, start, 4)
    lay = flat_copy if flat else (lambda grads: grads)
    params, state = run(optimizer, start, 4, inplace=True, lay=lay)
    assert params is start  # the dictionary that was given
    for a, b in zip(pure, (params, state), strict=True):
        assert_same(a, b)


def test_in_place_writes_into_the_memory_that_was_given(optimizer):
    params = flat_copy(arrays(0))
    state = optimizer.init(params)
    base, kept = flat_view(params), {name: array.ctypes.data for name, array in state.items()}
    before = base.copy()
    same_params, same_state = optimizer.update(params, flat_copy(arrays(1)), state, 0.1, inplace=True)
    assert same_params is params
    assert same_state is state
    assert flat_view(params).ctypes.data == base.ctypes.data
    assert (base != before).all()
    assert {name: array.ctypes.data for name, array in state.items()} == kept


def test_pure_update_alters_nothing_that_it_was_given(optimizer):
    params, grads = arrays(0), arrays(1)
    params, state = optimizer.update(params, grads, optimizer.init(params), 0.1)
    given = [params, grads, state]
    copies = [{name: array.copy() for name, array in arrays.items()} for arrays in given]
    for group in given:
        for array in group.values():
            array.setflags(write=False)
    new_params, new_state = optimizer.update(params, grads, state, 0.1)
    for group, copy in zip(given, copies, strict=True):
        assert_same(group, copy)
    for old, new in ((params, new_params), (state, new_state)):
        assert not any(np.shares_memory(old[name], new[name]) for name in old)


def test_in_place_update_does_not_alter_gradients(optimizer):
    params, grads = flat_copy(arrays(0)), flat_copy(arrays(1))
    flat_view(grads).setflags(write=False)
    optimizer.update(params, grads, optimizer.init(params), 0.1, inplace=True)
    assert_same(grads, arrays(1))


def test_an_element_is_updated_by_its_own_gradients_alone(optimizer):
    """Each element for itself, as one number a step: layout, blocks and order do not matter."""
    params, state = run(optimizer, arrays(0), 3)
    for name, index in (("output.V", (BLOCK // 8 - 1, 8)), ("output.V", (0, 0)), ("layers.0.b", (3, 4))):
        p = {"x": np.array(arrays(0)[name][index])}
        s = optimizer.init(p)
        for step in range(3):
            g = {"x": np.array(arrays(100 + step)[name][index])}
            p, s = optimizer.update(p, g, s, 0.1 / (1 + step))
        assert p["x"] == params[name][index]
        for slot in optimizer.slots:
            assert s[f"{slot}.x"] == state[f"{slot}.{name}"][index]


def test_memory_order_of_parameters_and_gradients_does_not_matter(optimizer):
    params, grads = arrays(0), arrays(1)
    turned = [{n: a.copy(order="F") for n, a in reversed(group.items())} for group in (params, grads)]
    expected, _ = optimizer.update(params, grads, optimizer.init(params), 0.1)
    got, _ = optimizer.update(turned[0], turned[1], optimizer.init(turned[0]), 0.1)
    assert_same(expected, {name: got[name] for name in expected})
    # Each one vector, but in different orders.
    params, grads = flat_copy(params), flat_copy(turned[1])
    got, _ = optimizer.update(params, grads, optimizer.init(params), 0.1, inplace=True)
    assert_same(expected, got)


def test_float32_stays_float32_and_near_float64(optimizer):
    narrow, state = run(optimizer, arrays(0, np.float32), 5)
    wide, _ = run(optimizer, arrays(0), 5)
    assert {a.dtype for a in narrow.values()} == {np.dtype(np.float32)}
    assert {a.dtype for n, a in state.items() if n != "t"} <= {np.dtype(np.float32)}
    for name in wide:
        np.testing.assert_allclose(narrow[name], wide[name], rtol=1e-4, atol=1e-5)


def test_float32_and_float64_parameters_side_by_side(optimizer):
    mixed = arrays(0) | {"layers.0.b": arrays(0, np.float32)["layers.0.b"]}
    grads = arrays(1) | {"layers.0.b": arrays(1, np.float32)["layers.0.b"]}
    params, _ = optimizer.update(mixed, grads, optimizer.init(mixed), 0.1)
    assert {n: a.dtype for n, a in params.items()} == {n: a.dtype for n, a in mixed.items()}
    alone = {"layers.0.b": mixed["layers.0.b"]}
    expected, _ = optimizer.update(alone, {"layers.0.b": grads["layers.0.b"]}, optimizer.init(alone), 0.1)
    np.testing.assert_array_equal(params["layers.0.b"], expected["layers.0.b"])


def test_state_names_what_it_remembers(optimizer):
    params = arrays(0)
    state = optimizer.init(params)
    assert state["t"].shape == ()
    assert state["t"].dtype == np.int64
    assert state["t"] == 0
    expected = {"t"} | {f"{slot}.{name}" for slot in optimizer.slots for name in params}
    assert set(state) == expected
    _, state = optimizer.update(params, arrays(1), state, 0.1)
    assert state["t"] == 1


def test_resumes_from_safetensors_bit_for_bit(optimizer):
    unbroken = run(optimizer, arrays(0), 6)
    params, state = run(optimizer, arrays(0), 3)
    params, read = load(save(params)), load(save(state))
    assert set(read) == set(state)
    state = optimizer.restore(params, read)
    for slot in optimizer.slots:  # laid out for speed again
        assert flat_view({name: state[f"{slot}.{name}"] for name in params}) is not None
    params, state = run(optimizer, params, 3, state=state, first=3, inplace=True)
    assert_same(unbroken[0], {name: params[name] for name in unbroken[0]})
    assert_same(unbroken[1], {name: state[name] for name in unbroken[1]})


def test_rate_zero_moves_no_parameter_but_remembers_the_gradient(optimizer):
    params = arrays(0)
    state = optimizer.init(params)
    new, new_state = optimizer.update(params, arrays(1), state, 0.0)
    assert_same(params, new)
    for slot in optimizer.slots:
        assert (new_state[f"{slot}.output.V"] != state[f"{slot}.output.V"]).all()


def test_zero_gradient_moves_nothing_but_by_weight_decay(optimizer):
    params = arrays(0)
    zeros = {name: np.zeros_like(array) for name, array in params.items()}
    new, _ = optimizer.update(params, zeros, optimizer.init(params), 0.1)
    decay = optimizer.settings["weight_decay"]
    if decay == 0.0 or optimizer.name == "adamw":
        assert_same({name: array * (1.0 - 0.1 * decay) for name, array in params.items()}, new)
    else:  # the decay is a gradient like any other
        assert_same(one_step(optimizer, params, {n: np.asarray(decay * p) for n, p in params.items()}), new)
        assert all((np.sign(new[name] - array) == -np.sign(array)).all() for name, array in params.items())


def one_step(optimizer, params, grads):
    """The parameters after an update without weight decay."""
    plain = OPTIMIZERS[optimizer.name](**{**optimizer.settings, "weight_decay": 0.0})
    return plain.update(params, grads, plain.init(params), 0.1)[0]


def test_weight_decay_is_added_to_the_gradient_but_by_adamw(optimizer):
    params, grads, decay = arrays(0), arrays(1), optimizer.settings["weight_decay"]
    new, _ = optimizer.update(params, grads, optimizer.init(params), 0.1)
    assert optimizer.decay == (0.0 if optimizer.name == "adamw" else decay)
    if optimizer.name != "adamw":
        grads = {name: np.asarray(grad + decay * params[name]) for name, grad in grads.items()}
        assert_same(one_step(optimizer, params, grads), new)


def test_what_is_sparse_leaves_alone_what_has_no_gradient(optimizer):
    """A decay moves every parameter, and so does a momentum: then all must be looked at."""
    params, zeros = arrays(0), {name: np.zeros_like(array) for name, array in arrays(0).items()}
    params, state = optimizer.update(params, arrays(1), optimizer.init(params), 0.1)
    still, _ = optimizer.update(params, zeros, state, 0.1)
    assert optimizer.sparse <= all((still[name] == array).all() for name, array in params.items())


def test_first_step_goes_against_every_gradient(optimizer):
    params = {name: np.zeros_like(array) for name, array in arrays(0).items()}
    grads = arrays(1)
    new, _ = optimizer.update(params, grads, optimizer.init(params), 0.1)
    for name in params:
        np.testing.assert_array_equal(np.sign(new[name]), -np.sign(grads[name]))


@pytest.mark.parametrize("lr", [-0.1, np.nan, np.inf, "0.1", None, 1 + 1j])
def test_bad_rate_is_refused_and_nothing_altered(optimizer, lr):
    params = arrays(0)
    state = optimizer.init(params)
    with pytest.raises(ConfigError, match=r"lr is .*: give a number in \[0, inf\)"):
        optimizer.update(params, arrays(1), state, lr, inplace=True)
    assert_same(params, arrays(0))
    assert state["t"] == 0


def spoil(group, change):
    spoilt = dict(group)
    change(spoilt)
    return spoilt


BAD_GRADIENTS = {
    "missing": (lambda g: g.pop("embedding.E"), "grads has no 'embedding.E'"),
    "extra": (lambda g: g.update({"x": np.zeros(2)}), "grads has 'x', which belongs to no parameter"),
    "shape": (lambda g: g.update({"embedding.E": np.zeros((3, 7))}), "grads['embedding.E'] has shape (3, 7)"),
    "dtype": (lambda g: g.update({"a.scalar": np.ones((), "f4")}), "grads['a.scalar'] is of dtype float32"),
    "list": (lambda g: g.update({"a.scalar": [1.0]}), "grads['a.scalar'] is a list"),
}


@pytest.mark.parametrize("fault", BAD_GRADIENTS)
@pytest.mark.parametrize("inplace", [False, True])
def test_bad_gradient_is_named_and_nothing_altered(optimizer, fault, inplace):
    change, message = BAD_GRADIENTS[fault]
    params = arrays(0)
    state = optimizer.init(params)
    with pytest.raises(ShapeError, match=re.escape(message)):
        optimizer.update(params, spoil(arrays(1), change), state, 0.1, inplace=inplace)
    assert_same(params, arrays(0))
    assert_same(state, optimizer.init(params))


@pytest.mark.parametrize("call", ["update", "restore"])
def test_bad_state_is_named(optimizer, call):
    params = arrays(0)

    def use(state):
        if call == "restore":
            optimizer.restore(params, state)
        else:
            optimizer.update(params, arrays(1), state, 0.1)

    good = optimizer.init(params)
    with pytest.raises(ShapeError, match="state has no 't'"):
        use(spoil(good, lambda s: s.pop("t")))
    with pytest.raises(ShapeError, match=r"state has 'q\.output\.V', which belongs to no"):
        use(spoil(good, lambda s: s.update({"q.output.V": np.zeros(2)})))
    with pytest.raises(ShapeError, match=re.escape("state['t'] is of dtype float64: give an array of int64")):
        use(spoil(good, lambda s: s.update({"t": np.zeros(())})))
    for slot in optimizer.slots:
        with pytest.raises(ShapeError, match=f"state has no '{slot}.embedding.E'"):
            use(spoil(good, lambda s, slot=slot: s.pop(f"{slot}.embedding.E")))
        with pytest.raises(ShapeError, match=rf"state\['{slot}.embedding.E'\] has shape \(2,\)"):
            use(spoil(good, lambda s, slot=slot: s.update({f"{slot}.embedding.E": np.zeros(2)})))


@pytest.mark.parametrize("params", [{}, {"x": np.zeros(2, "i8")}, {"x": np.zeros(2, "f2")}, {"x": 1.0}])
def test_parameters_must_be_arrays_of_floats(optimizer, params):
    with pytest.raises(ShapeError, match="params"):
        optimizer.init(params)


def test_in_place_refuses_what_it_cannot_write_before_it_alters_anything(optimizer):
    for spoilt in (np.asfortranarray(arrays(0)["embedding.E"]), np.zeros((7, 3))):
        spoilt.setflags(write=not spoilt.flags.c_contiguous)
        params = arrays(0) | {"embedding.E": spoilt}
        state = optimizer.init(params)
        with pytest.raises(ShapeError, match=r"params\['embedding.E'\] is read-only or not contiguous"):
            optimizer.update(params, arrays(1), state, 0.1, inplace=True)
        np.testing.assert_array_equal(params["output.V"], arrays(0)["output.V"])
        assert state["t"] == 0
