"""Directions, projections and lengths together: the model is the plain cells, row by row, in float64."""

import copy
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elman import ConfigError, LanguageModel, ShapeError, Truncation, gradcheck
from elman.decoding import Decoder
from elman.network import get_cell
from elman.network.layers import new_layer
from elman.network.workspace import Workspace

from .building import draw_window
from .plain_rows import run_row

DIRECTIONS = ("forward", "reverse", "bidirectional", "bidirectional,forward", "reverse,bidirectional")


def draw(cell="lstm", *, direction="bidirectional", projection=None, layers=2, tied=False, hidden=4, seed=0):
    width = projection or hidden
    if direction.endswith("bidirectional"):
        width *= 2
    model = LanguageModel(
        vocab_size=6, cell=cell, embedding=width if tied else 3, hidden=hidden, layers=layers, tied=tied,
        dtype="float64", direction=direction, projection=projection,
    )  # fmt: skip
    rng = np.random.default_rng(seed)
    for array in model.params.values():
        array[...] = rng.normal(0.0, 0.8, array.shape)
    return model


def log_softmax(logits):
    shifted = logits - logits.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(["rnn", "rnn-relu", "lstm", "gru", "mgu", "indrnn", "mingru", "minlstm", "sru"]),
    st.sampled_from(DIRECTIONS), st.booleans(),
    st.booleans(), st.lists(st.integers(0, 5), min_size=3, max_size=3), st.booleans(), st.integers(0, 99),
)  # fmt: skip
def test_every_row_is_that_of_the_plain_cells(cell, direction, projected, tied, lengths, reset, seed):
    projection = 3 if projected and cell in ("rnn", "rnn-relu", "lstm") else None
    model = draw(cell, direction=direction, projection=projection, tied=tied, seed=seed)
    x, y, state = draw_window(model, seed=seed)
    resets = np.random.default_rng(seed).random(x.shape) < (0.4 if reset else 0.0)
    logits, after = model.logits(x, state, lengths=np.array(lengths), reset=resets)
    nll, best, _ = model.nll(x, y, state, lengths=np.array(lengths), reset=resets)
    loss = 0.0
    for b, n in enumerate(lengths):
        entering = [{name: field[b] for name, field in zip(s._fields, s, strict=True)} for s in state]
        expected, leaving = run_row(model, x[:n, b], entering, resets[:n, b])
        np.testing.assert_allclose(logits[:n, b], expected, rtol=0, atol=1e-11)
        flat = [field for layer in leaving for field in layer.values()]
        for found, value in zip((f[b] for s in after for f in s), flat, strict=True):
            np.testing.assert_allclose(found, value, rtol=0, atol=1e-11)
        each = -log_softmax(expected)[np.arange(n), y[:n, b]]
        np.testing.assert_allclose(nll[:n, b], each, rtol=0, atol=1e-11)
        assert not nll[n:, b].any()
        assert (best[n:, b] == -1).all()
        assert (best[:n, b] == expected.argmax(axis=1)).all()
        loss += each.sum()
    found, last, grads = model.loss_and_grads(x, y, state, lengths=np.array(lengths), reset=resets)
    assert abs(found - loss / max(sum(lengths), 1)) < 1e-11
    for one, other in zip(last, after, strict=True):
        for a, b in zip(one, other, strict=True):
            np.testing.assert_array_equal(a, b)
    if not sum(lengths):
        assert not any(array.any() for array in grads.values())


@pytest.mark.parametrize("direction", ["bidirectional", "reverse,forward,bidirectional"])
@pytest.mark.parametrize(
    ("cell", "projection"), [("lstm", 3), ("gru", None), ("rnn", 2), ("mgu", None), ("sru", None)]
)
def test_gradients(cell, projection, direction):
    """Depth 3, with rows that lack steps, and one that has none."""
    model = draw(cell, direction=direction, projection=projection, layers=3, tied=cell == "mgu")
    x, y, state = draw_window(model, batch=4)
    report = gradcheck(model, x=x, y=y, state=state, lengths=np.array([5, 0, 3, 1]), max_elements=8)
    assert report.passed, report


def test_the_order_of_rows_and_the_company_they_keep_do_not_matter():
    model, lengths = draw(), np.array([2, 5, 0, 3])
    x, y, state = draw_window(model, batch=4)
    loss, after, grads = model.loss_and_grads(x, y, state, lengths=lengths)
    grads = {name: array.copy() for name, array in grads.items()}
    order = [2, 0, 3, 1]
    moved = tuple(type(s)(*(f[order] for f in s)) for s in state)
    found, after_moved, moved_grads = model.loss_and_grads(
        x[:, order], y[:, order], moved, lengths=lengths[order]
    )
    assert abs(found - loss) < 1e-13
    for name, array in grads.items():
        np.testing.assert_allclose(moved_grads[name], array, rtol=0, atol=1e-13)
    for one, other in zip(after, after_moved, strict=True):
        for a, b in zip(one, other, strict=True):
            np.testing.assert_allclose(b, a[order], rtol=0, atol=1e-13)
    # Row by row, with what each is by itself: the sum of losses and of gradients is that of all.
    total = {name: np.zeros_like(array) for name, array in grads.items()}
    nll = 0.0
    for b, n in enumerate(lengths):
        alone = tuple(type(s)(*(f[b : b + 1] for f in s)) for s in state)
        part, _, by = model.loss_and_grads(x[:, [b]], y[:, [b]], alone, lengths=np.array([n]))
        nll += part * n
        for name, array in by.items():
            total[name] += array * n
    assert abs(nll / lengths.sum() - loss) < 1e-13
    for name, array in total.items():
        np.testing.assert_allclose(array / lengths.sum(), grads[name], rtol=0, atol=1e-13)


@pytest.mark.parametrize("truncation", [None, Truncation(1, 3), Truncation(2, 2)])
def test_lengths_are_those_of_each_pass_of_a_truncation(truncation):
    """Rows end where a pass does: else one that counts a last step alone would reach further back."""
    model = draw("gru", direction="forward")
    x, y, state = draw_window(model)
    lengths = np.array([5, 2, 4])
    loss, _, grads = model.loss_and_grads(x, y, state, lengths=lengths, truncation=truncation)
    grads = {name: array.copy() for name, array in grads.items()}
    total = {name: np.zeros_like(array) for name, array in grads.items()}
    nll = 0.0
    for b, n in enumerate(lengths):
        alone = tuple(type(s)(*(f[b : b + 1] for f in s)) for s in state)
        part, _, by = model.loss_and_grads(x[:n, [b]], y[:n, [b]], alone, truncation=truncation)
        nll += part * n
        for name, array in by.items():
            total[name] += array * n
    assert abs(nll / lengths.sum() - loss) < 1e-13
    for name, array in total.items():
        np.testing.assert_allclose(array / lengths.sum(), grads[name], rtol=0, atol=1e-12)


def test_a_mask_is_the_lengths_it_stands_for_and_may_have_gaps():
    model = draw()
    x, y, state = draw_window(model)
    lengths = np.array([4, 0, 2])
    mask = np.arange(5)[:, None] < lengths
    assert (
        model.loss_and_grads(x, y, state, lengths=mask)[0]
        == (model.loss_and_grads(x, y, state, lengths=lengths)[0])
    )
    gaps = np.array([[1, 0, 1], [0, 0, 1], [1, 1, 1], [1, 0, 0], [0, 1, 0]], np.bool_)
    logits, _ = model.logits(x, state, lengths=gaps)
    for b in range(3):
        inside = np.flatnonzero(gaps[:, b])
        alone = tuple(type(s)(*(f[b : b + 1] for f in s)) for s in state)
        closed, _ = model.logits(x[inside][:, [b]], alone)
        np.testing.assert_allclose(logits[inside, b], closed[:, 0], rtol=0, atol=1e-12)


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn", "minlstm", "sru"])
def test_a_mask_with_gaps_and_resets_is_the_steps_that_count_alone(cell):
    """In reverse a text ends at the step before it that the row has, however far that is."""
    model = draw(cell)
    for seed in range(12):
        x, y, state = draw_window(model, seed=seed, steps=7)
        rng = np.random.default_rng(seed)
        gaps, reset = rng.random(x.shape) < 0.6, rng.random(x.shape) < 0.4
        logits, after = model.logits(x, state, lengths=gaps, reset=reset)
        loss, _, grads = model.loss_and_grads(x, y, state, lengths=gaps, reset=reset)
        total, nll = {name: np.zeros_like(array) for name, array in grads.items()}, 0.0
        for b in range(x.shape[1]):
            inside = np.flatnonzero(gaps[:, b])
            alone = tuple(type(s)(*(f[b : b + 1] for f in s)) for s in state)
            if not len(inside):
                leaving = alone
            else:
                cut = (x[inside][:, [b]], y[inside][:, [b]], reset[inside][:, [b]])
                closed, leaving = model.logits(cut[0], alone, reset=cut[2])
                np.testing.assert_allclose(logits[inside, b], closed[:, 0], rtol=0, atol=1e-12)
                part, _, by = model.loss_and_grads(cut[0], cut[1], alone, reset=cut[2])
                nll += part * len(inside)
                for name, array in by.items():
                    total[name] += array * len(inside)
            for one, other in zip(after, leaving, strict=True):
                for found, expected in zip(one, other, strict=True):
                    np.testing.assert_allclose(found[b], expected[0], rtol=0, atol=1e-12)
        assert abs(nll / gaps.sum() - loss) < 1e-12
        for name, array in total.items():
            np.testing.assert_allclose(array / gaps.sum(), grads[name], rtol=0, atol=1e-12)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda given: pickle.loads(pickle.dumps(given))])
@pytest.mark.parametrize("direction", ["forward", "bidirectional"])
def test_states_and_models_can_be_copied(copied, direction):
    model = draw(direction=direction)
    x, _, state = draw_window(model)
    twin, same = copied(model), copied(state)
    assert [type(layer) for layer in same] == [type(layer) for layer in state]
    (one, _), (other, _) = model.logits(x, state), twin.logits(x, same)
    np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("direction", ["forward", "bidirectional"])
def test_the_first_steps_can_be_left_out_of_rows_of_any_length(direction):
    model, skip = draw(direction=direction), 2
    x, y, state = draw_window(model)
    lengths = np.array([5, 1, 3])
    nll, _, _ = model.nll(x, y, state, lengths=lengths)
    loss, _, _ = model.loss_and_grads(x, y, state, lengths=lengths, skip=skip)
    assert loss == pytest.approx(nll[skip:].sum() / (3 + 0 + 1), abs=1e-13)

    def function(params):
        for name, array in params.items():
            model.params[name][...] = array
        value, _, grads = model.loss_and_grads(x, y, state, lengths=lengths, skip=skip)
        return value, grads

    report = gradcheck(function, {name: array.copy() for name, array in model.params.items()}, max_elements=6)
    assert report.passed, report


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("direction", ["forward", "bidirectional"])
def test_where_nothing_counts_every_gradient_is_written(tied, direction):
    """Zero, over whatever was in the arrays; so after `skip` as well."""
    model = draw(direction=direction, tied=tied)
    x, y, state = draw_window(model)
    for options in ({"lengths": np.zeros(3, int)}, {"lengths": np.full(3, 2), "skip": 2}):
        out = model.new_grads()
        for array in out.values():
            array.fill(np.nan)
        loss, _, grads = model.loss_and_grads(x, y, state, out=out, **options)
        assert loss == 0.0
        assert not any(array.any() for array in grads.values())


def test_padding_may_hold_what_is_no_token():
    model = draw()
    x, y, state = draw_window(model)
    lengths, live = np.array([5, 2, 3]), np.arange(5)[:, None] < np.array([5, 2, 3])
    expected = model.loss_and_grads(x, y, state, lengths=lengths)[0]
    assert model.loss_and_grads(np.where(live, x, -1), np.where(live, y, -100), state, lengths=lengths)[
        0
    ] == (expected)


@pytest.mark.parametrize(
    ("lengths", "says"),
    [
        ([1, 2], "lengths must be whole numbers (3,)"),
        ([1, 2, 6], "lengths must be from 0 to the 5 steps given, not 1 to 6"),
        ([1, -1, 2], "lengths must be from 0 to the 5 steps given, not -1 to 2"),
        ([1.0, 2.0, 3.0], "not float64 (3,)"),
        (np.ones((3, 5), np.bool_), "not bool (3, 5)"),
    ],
)
def test_lengths_that_do_not_fit(lengths, says):
    model = draw()
    x, y, state = draw_window(model)
    for call in (
        lambda: model.loss_and_grads(x, y, state, lengths=lengths),
        lambda: model.nll(x, y, state, lengths=lengths),
        lambda: model.logits(x, state, lengths=lengths),
    ):
        with pytest.raises(ShapeError) as caught:
            call()
        assert says in str(caught.value)


@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
@pytest.mark.parametrize(
    ("cell", "projection"), [("gru", None), ("gru-before", None), ("lstm", 3), ("sru", None)]
)
def test_a_layer_takes_lengths(cell, projection, direction):
    """Row by row they are those of a layer that has the row alone; what is padded has no derivative."""
    layer = new_layer(
        "layers.0", get_cell(cell), 3, 4, np.dtype("f8"), projection=projection, direction=direction
    )
    rng = np.random.default_rng(3)
    params = {name: rng.normal(size=shape) for name, shape in layer.shapes().items()}
    x, dh = rng.normal(size=(5, 3, 3)), rng.normal(size=(5, 3, layer.width))
    state = type(layer.initial_state(3))(*(rng.normal(size=f.shape) for f in layer.initial_state(3)))
    lengths = np.array([2, 5, 0])

    def run(x, dh, state, **options):
        space, grads = Workspace(), {name: np.empty_like(array) for name, array in params.items()}
        tape = layer.forward(params, x, state, space, **options)
        h, left = tape.h.copy(), tape.leaving(len(x))
        dx, d = layer.backward(params, x, tape, dh, space, grads, **options)
        return h, left, dx.copy(), tuple(field.copy() for field in d), grads

    h, left, dx, d, grads = run(x, dh, state, lengths=lengths)
    total = {name: np.zeros_like(array) for name, array in params.items()}
    for b, n in enumerate(lengths):
        assert not h[n:, b].any()
        assert not dx[n:, b].any()
        alone = type(state)(*(field[b : b + 1] for field in state))
        if not n:
            assert all((field[b] == own[0]).all() for field, own in zip(left, alone, strict=True))
            assert not any(field[b].any() for field in d)
            continue
        one = run(*(np.ascontiguousarray(a[:n, b : b + 1]) for a in (x, dh)), alone)
        for found, expected in ((h[:n, b], one[0][:, 0]), (dx[:n, b], one[2][:, 0])):
            np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)
        for fields, own in ((left, one[1]), (d, one[3])):
            for field, expected in zip(fields, own, strict=True):
                np.testing.assert_allclose(field[b], expected[0], rtol=0, atol=1e-12)
        for name, grad in one[4].items():
            total[name] += grad
    for name, grad in total.items():
        np.testing.assert_allclose(grads[name], grad, rtol=0, atol=1e-12)
    with pytest.raises(ShapeError, match="lengths must be from 0 to the 5 steps given"):
        layer.forward(params, x, state, Workspace(), lengths=[6, 1, 1])


def test_what_needs_a_model_that_reads_forward_says_so():
    model = draw()
    x, y, state = draw_window(model)
    for call in (
        lambda: model.step(x[0], state),
        lambda: model.loss_and_grads(x, y, state, truncation=Truncation(1, 2)),
        lambda: model.loss_and_grads(x, y, state, state_after=2),
        lambda: Decoder(model, x[0]),
    ):
        with pytest.raises(ConfigError, match="reads forward alone"):
            call()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"direction": "sideways"}, "a layer's direction is one of forward, reverse, bidirectional"),
        ({"direction": "forward,reverse"}, "names 2 layers of 3"),
        ({"cell": "gru", "projection": 2}, "gru carries its hidden state over elementwise"),
        ({"cell": "mingru", "projection": 2}, "mingru carries its hidden state over elementwise"),
        ({"cell": "sru", "projection": 2}, "sru carries its memory over elementwise"),
        ({"projection": 0}, "projection must be a whole number of at least 1, not 0"),
        ({"tied": True, "embedding": 4, "hidden": 4, "projection": 2}, "as wide as the output of the last"),
    ],
)
def test_settings(options, says):
    with pytest.raises(ConfigError) as caught:
        LanguageModel(vocab_size=5, **{"layers": 3, **options})
    assert says in str(caught.value)


def test_a_reset_in_reverse_keeps_two_texts_apart():
    """Neither way of a layer sees beyond the step where a row begins anew."""
    layer = new_layer("layers.0", get_cell("lstm"), 3, 4, np.dtype("f8"), direction="bidirectional")
    model = draw(direction="bidirectional", layers=1)
    assert model.stack.layers[0].shapes() == layer.shapes()
    x, _, _ = draw_window(model, batch=1)
    zeros, reset = model.initial_state(1), np.zeros((5, 1), np.bool_)
    reset[2] = True
    both, _ = model.logits(x, zeros, reset=reset)
    apart = [model.logits(part, zeros)[0] for part in (x[:2], x[2:])]
    np.testing.assert_allclose(both, np.concatenate(apart), rtol=0, atol=1e-13)


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize(("cell", "projection"), [("lstm", 3), ("rnn", 2), ("lstm", None)])
def test_a_decoder_gives_the_logits_of_the_window(cell, projection, rows):
    model = draw(cell, direction="forward", projection=projection)
    x, _, _ = draw_window(model, batch=rows)
    decoder = Decoder(model, np.array([1, 2]), rows=rows)
    led = np.concatenate([np.repeat([[1], [2]], rows, axis=1), x])
    expected, state = model.logits(led, model.initial_state(rows))
    for t, tokens in enumerate(x):
        np.testing.assert_allclose(decoder.feed(tokens), expected[2 + t], rtol=0, atol=1e-12)
    for one, other in zip(decoder.state, state, strict=True):
        for a, b in zip(one, other, strict=True):
            np.testing.assert_allclose(a, b, rtol=0, atol=1e-12)
