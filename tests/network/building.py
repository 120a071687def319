"""Models with large asymmetric weights, and what the plain implementation makes of the same numbers."""

import numpy as np

from elman import LanguageModel
from elman.insight import reference
from elman.network.cells import ScanCell, get_cell
from elman.network.functional import dropout_mask

CELLS = (
    "rnn", "rnn-relu", "lstm", "lstm-peephole", "lstm-coupled", "gru", "gru-before", "mgu", "indrnn",
    "mingru", "minlstm", "sru",
)  # fmt: skip


def fitting(cell, options):
    """Return the options but for those that the cell cannot have: a memory, single steps or W are missing."""
    kind, out = get_cell(cell), set()
    if len(kind.state_type._fields) == 1:
        out.add("zoneout_cell")
    if isinstance(kind, ScanCell):
        out |= {"zoneout", "zoneout_cell", "dropout_weights", "layer_norm"}
    return {name: value for name, value in options.items() if name not in out}


def draw_model(
    cell, *, seed=0, layers=3, hidden=4, classes=6, tied=False, dtype="float64", dropout=0.0, embedding=None,
    **options,
):  # fmt: skip
    """Return a model whose every parameter, biases included, is drawn from a normal distribution."""
    rng = np.random.default_rng([seed, 1])
    model = LanguageModel(
        vocab_size=classes, cell=cell, embedding=embedding or (hidden if tied else hidden - 1), hidden=hidden,
        layers=layers, tied=tied, dtype=dtype, dropout=dropout, **fitting(cell, options),
    )  # fmt: skip
    for array in model.params.values():
        array[...] = rng.normal(0.0, 0.8, array.shape)
    return model


def draw_window(model, *, seed=0, steps=5, batch=3):
    """Return x, y ``(T, B)`` and a state that is not zero."""
    rng = np.random.default_rng([seed, 2])
    x, y = rng.integers(model.vocab_size, size=(2, steps, batch))
    state = tuple(
        type(s)(*(rng.normal(0.0, 0.8, f.shape).astype(f.dtype) for f in s))
        for s in model.initial_state(batch)
    )
    return x, y, state


def draw_reset(steps, batch, seed=0):
    """Return resets at about a third of the places, the first step of row 0 among them."""
    reset = np.random.default_rng([seed, 3]).random((steps, batch)) < 0.3
    reset[0, 0] = True
    return reset


def draw_masks(model, steps, batch, rng):
    """Return the masks that a pass over that window draws from rng: a layer at a time, upwards."""
    if model.stack.dropout == 0.0:
        return None
    shape = (steps, batch, model.stack.layers[0].hidden)
    return [dropout_mask(np.empty(shape, model.dtype), model.stack.dropout, rng) for _ in model.stack.layers]


def how(model):
    """Return what the plain implementation calls that cell."""
    if model.cell == "rnn-relu":
        return {"cell": "rnn", "activation": "relu"}
    return {"cell": model.cell}


def as_dicts(state):
    return [layer._asdict() for layer in state]


def plain(model, x, y, state, *, truncation=None, **options):
    """Return loss, state, gradients and the derivative by the state from the plain implementation."""
    options |= {**how(model), "connections": model.connections}
    if truncation is None:
        return reference.loss_and_grads(model.params, x, y, as_dicts(state), **options)
    options |= {"every": truncation.every, "back": truncation.back}
    return reference.truncated_loss_and_grads(model.params, x, y, as_dicts(state), **options)


def fast(model, x, y, state, *, truncation=None, skip=0, **options):
    """Return the same from the fast path, the derivative by the state included."""
    loss, leaving, grads = model.loss_and_grads(x, y, state, truncation=truncation, skip=skip, **options)
    counted, again = (len(x) - skip) * x.shape[1], model.new_grads()
    if "rng" in options:
        return loss, leaving, grads, None  # the generator has moved on
    done = model.backprop(x, y, state, again, 1 / counted, truncation=truncation, skip=skip, **options)
    return loss, leaving, grads, done.dstate


def assert_close(found, expected, tolerance=1e-10):
    """Compare what `fast` and `plain` return: loss, state, gradients, derivative by the state."""
    loss, state, grads, dstate = found
    assert abs(loss - expected[0]) <= tolerance
    pairs = [(as_dicts(state), expected[1]), ([grads], [expected[2]])]
    pairs += [(as_dicts(dstate), expected[3])] if dstate is not None else []
    for mine, theirs in pairs:
        assert len(mine) == len(theirs)
        for one, other in zip(mine, theirs, strict=True):
            assert one.keys() == other.keys()
            for name, array in other.items():
                np.testing.assert_allclose(one[name], array, rtol=0, atol=tolerance, err_msg=name)
