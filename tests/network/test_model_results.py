"""Nothing hidden: arguments are only read, results are new memory, models do not disturb each other."""

import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from elman import LanguageModel, Truncation

from .building import CELLS, draw_model, draw_reset, draw_window

OPTIONS = {
    "plain": {},
    "reset": {"reset": draw_reset(5, 3)},
    "skip": {"skip": 2, "state_after": 0},
    "truncated": {"truncation": Truncation(2, 3)},
}


def arrays_of(state):
    return [field for layer in state for field in layer]


def copies(arrays):
    return [array.copy() for array in arrays]


def assert_all_equal(found, expected):
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize("cell", CELLS)
def test_arguments_are_only_read(cell, options):
    model = draw_model(cell)
    x, y, state = draw_window(model)
    expected = model.loss_and_grads(x, y, state, **options)
    for array in (x, y, *arrays_of(state), *model.params.values()):
        array.setflags(write=False)
    loss, leaving, grads = model.loss_and_grads(x, y, state, **options)
    assert loss == expected[0]
    assert_all_equal(arrays_of(leaving), arrays_of(expected[1]))
    assert_all_equal(grads.values(), expected[2].values())
    model.nll(x, y, state)
    model.step(x[0], state)


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize("cell", CELLS)
def test_old_results_are_not_touched_by_later_calls(cell, options):
    model = draw_model(cell)
    x, y, state = draw_window(model)
    _, leaving, grads = model.loss_and_grads(x, y, state, **options)
    nll, best, scored = model.nll(x, y, state)
    logits, stepped = model.step(x[0], state)
    old = [*arrays_of(leaving), *grads.values(), nll, best, *arrays_of(scored), logits, *arrays_of(stepped)]
    kept = copies(old)
    again = (y, x, scored)
    new = [*arrays_of(model.loss_and_grads(*again, **options)[1]), *model.loss_and_grads(*again)[2].values()]
    new += [*model.nll(*again)[:2], model.step(y[0], scored)[0], *arrays_of(model.step(y[0], scored)[1])]
    assert_all_equal(old, kept)
    for one in old:
        assert not any(np.shares_memory(one, other) for other in [*new, *model.params.values()])
        assert not any(np.shares_memory(one, other) for other in arrays_of(state))


@pytest.mark.parametrize("cell", CELLS)
def test_new_arrays_of_results_can_be_written_without_harm(cell):
    model = draw_model(cell)
    x, y, state = draw_window(model)
    expected = model.loss_and_grads(x, y, state)
    kept = expected[0], copies(arrays_of(expected[1])), copies(expected[2].values())
    for array in (*arrays_of(expected[1]), *expected[2].values()):
        array.fill(np.nan)
    loss, leaving, grads = model.loss_and_grads(x, y, state)
    assert loss == kept[0]
    assert_all_equal(arrays_of(leaving), kept[1])
    assert_all_equal(grads.values(), kept[2])


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize("tied", [False, True])
def test_gradients_are_written_where_asked(options, tied):
    model = draw_model("gru", tied=tied)
    window = draw_window(model)
    _, _, expected = model.loss_and_grads(*window, **options)
    out = model.new_grads()
    for array in out.values():
        array.fill(np.nan)  # overwritten, not added to
    arrays = dict(out)
    _, _, grads = model.loss_and_grads(*window, out=out, **options)
    assert grads is out
    assert all(out[name] is array for name, array in arrays.items())
    assert list(out) == list(model.params)
    assert_all_equal(out.values(), expected.values())


def test_parameters_and_gradients_lie_end_to_end():
    """So that an optimiser or an all-reduce can take them as one vector."""
    model = draw_model("lstm")
    for arrays in (model.params, model.new_grads()):
        base = next(iter(arrays.values())).base
        assert base.size == model.n_params == sum(array.size for array in arrays.values())
        start = base.ctypes.data
        for name, array in arrays.items():
            assert array.shape == model.shapes()[name]
            assert array.flags.c_contiguous
            assert array.ctypes.data == start
            start += array.nbytes


def test_the_model_reads_its_parameters_at_each_call():
    model = draw_model("mgu")
    window = draw_window(model)
    before = model.loss_and_grads(*window)[0]
    model.params["layers.1.W"] *= 0.5
    changed = model.loss_and_grads(*window)[0]
    model.params["layers.1.W"] *= 2.0
    assert changed != before
    assert model.loss_and_grads(*window)[0] == before


def test_the_initial_state_is_zeros_of_its_own():
    model = LanguageModel(vocab_size=4, cell="lstm", embedding=2, hidden=3, layers=2, dtype="float32")
    first, second = model.initial_state(5), model.initial_state(5)
    assert [layer._fields for layer in first] == [("h", "c")] * 2
    for array in arrays_of(first):
        assert array.shape == (5, 3)
        assert array.dtype == np.float32
        array.fill(1.0)
    assert not any(array.any() for array in arrays_of(second))


def test_a_replica_shares_parameters_and_nothing_else():
    model = draw_model("lstm", dropout=0.3)
    twin, window = model.replica(), draw_window(model)
    assert type(twin) is LanguageModel
    assert twin.params is model.params
    loss, _, grads = model.loss_and_grads(*window)
    kept = copies(grads.values())
    model.params["output.c"][0] += 1.0
    other, _, changed = twin.loss_and_grads(*window)
    assert other != loss
    assert other == model.loss_and_grads(*window)[0]
    assert_all_equal(grads.values(), kept)
    assert not any(np.shares_memory(grads[name], changed[name]) for name in grads)


@pytest.mark.parametrize("cell", CELLS)
def test_threads_with_replicas_give_what_one_gives(cell):
    model = draw_model(cell, hidden=32, dropout=0.2)
    windows = [draw_window(model, seed=seed, steps=12 + seed % 3, batch=8) for seed in range(12)]

    def passes(worker, seeds):
        results = []
        for seed in seeds:
            rng = np.random.default_rng(seed)
            loss, state, grads = worker.loss_and_grads(*windows[seed], rng=rng)
            results.append([np.array(loss), *arrays_of(state), *grads.values()])
        return results

    expected = passes(model, range(12))
    with ThreadPoolExecutor(2) as pool:
        halves = [
            pool.submit(passes, worker, range(start, 12, 2))
            for start, worker in enumerate((model, model.replica()))
        ]
        for start, half in enumerate(halves):
            for found, one in zip(half.result(), expected[start::2], strict=True):
                assert_all_equal(found, one)


@pytest.mark.parametrize("cell", CELLS)
def test_rows_split_over_replicas_add_up_to_the_whole(cell):
    """`backprop` sums the loss and scales the gradient as told, so that shares of a batch can be added."""
    model = draw_model(cell, tied=True)
    x, y, state = draw_window(model, batch=5)
    loss, _, grads = model.loss_and_grads(x, y, state)
    nll, total = 0.0, {name: np.zeros_like(array) for name, array in grads.items()}
    for rows in (slice(0, 2), slice(2, 5)):
        part = model.new_grads()
        share = tuple(type(layer)(*(field[rows] for field in layer)) for layer in state)
        nll += model.replica().backprop(x[:, rows], y[:, rows], share, part, 1 / x.size).nll
        for name, grad in part.items():
            total[name] += grad
    assert nll / x.size == pytest.approx(loss, rel=1e-14)
    for name, grad in grads.items():
        np.testing.assert_allclose(total[name], grad, rtol=0, atol=1e-14, err_msg=name)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("cell", CELLS)
def test_streaming_by_steps_is_the_window(cell, dtype):
    """The logits of a step are those of the window at that place; so are the losses, and the state."""
    model = draw_model(cell, dtype=dtype)
    x, y, start = draw_window(model, steps=7)
    tolerance = {"rtol": 0, "atol": 1e-4 if dtype == "float32" else 1e-12}
    nll, best, leaving = model.nll(x, y, start)
    state = start
    for t, tokens in enumerate(x):
        logits, state = model.step(tokens, state)
        assert logits.dtype == nll.dtype == dtype
        shifted = logits - logits.max(axis=1, keepdims=True)
        log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
        np.testing.assert_allclose(nll[t], -log_p[np.arange(3), y[t]], **tolerance)
        np.testing.assert_array_equal(best[t], logits.argmax(axis=1))
    for one, other in zip(arrays_of(state), arrays_of(leaving), strict=True):
        np.testing.assert_allclose(one, other, **tolerance)
    loss, last, _ = model.loss_and_grads(x, y, start)
    assert loss == pytest.approx(nll.mean(dtype=float), rel=1e-6 if dtype == "float32" else 1e-13)
    assert_all_equal(arrays_of(last), arrays_of(leaving))


def test_dropout_acts_only_with_a_generator_and_repeats_with_its_seed():
    model, plain = draw_model("gru", dropout=0.5), draw_model("gru")
    window = draw_window(model)
    losses = [model.loss_and_grads(*window, rng=np.random.default_rng(s))[0] for s in (0, 0, 1)]
    assert losses[0] == losses[1] != losses[2]
    without = plain.loss_and_grads(*window)[0]
    assert model.loss_and_grads(*window)[0] == without != losses[0]
    assert model.nll(*window)[0].mean() == pytest.approx(without, rel=1e-13)
    rng = np.random.default_rng(0)
    plain.loss_and_grads(*window, rng=rng)  # nothing to drop: nothing is drawn
    assert rng.random() == np.random.default_rng(0).random()


def test_memory_does_not_grow_with_the_number_of_windows():
    """Words by a large vocabulary: what a window leaves behind is reused by the next."""
    model = LanguageModel(vocab_size=500, cell="lstm", embedding=8, hidden=16, layers=2)
    x = np.zeros((20, 10), int)
    state, out = model.initial_state(10), model.new_grads()
    model.loss_and_grads(x, x, state, out=out)
    tracemalloc.start()
    for _ in range(5):
        _, state, _ = model.loss_and_grads(x, x, state, out=out)
        model.loss_and_grads(x[:7], x[:7], state, out=out)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < 100_000
