"""What a window asks of NumPy: calls a time step, matrix products, bytes. Counted, and so the same anywhere.

A number that rises is a step that got slower, and fails here at once, where a timing would hide it in noise.
To lower one is welcome: write the new number into its table.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from elman.network import CELLS, LanguageModel
from elman.network.layers import new_layer
from elman.network.output import chunking, columns, softmax
from elman.network.rows import Rows
from elman.network.workspace import Workspace

from .counting import count, least, products, small_buffers, traced, walking

__all__ = ["count"]  # a fixture

SCANNED = ("indrnn", "mingru", "minlstm", "sru")
"""Those without a recurrent product."""

STEP = {
    "rnn": (3, 3),
    "rnn-relu": (3, 3),
    "lstm": (10, 9),
    "lstm-peephole": (20, 9),
    "lstm-coupled": (10, 9),
    "gru": (12, 8),
    "gru-before": (12, 10),
    "mgu": (12, 8),
    "indrnn": (3, 2),
    "mingru": (2, 2),
    "minlstm": (2, 2),
    "sru": (8, 2),
}
"""NumPy calls a time step and layer, forward and backward, the recurrent product among them."""

WINDOW = {
    "rnn": (4, 8),
    "rnn-relu": (4, 7),
    "lstm": (15, 32),
    "lstm-peephole": (15, 41),
    "lstm-coupled": (12, 28),
    "gru": (11, 28),
    "gru-before": (11, 25),
    "mgu": (8, 21),
    "indrnn": (4, 10),
    "mingru": (11, 14),
    "minlstm": (18, 21),
    "sru": (23, 41),
}
"""NumPy calls a window and layer beside those of its steps: products of the whole window, slopes, copies."""

STEP_PRODUCTS = {
    "rnn": (1, 1), "rnn-relu": (1, 1), "lstm": (1, 1), "lstm-peephole": (1, 1), "lstm-coupled": (1, 1),
    "gru": (1, 2), "gru-before": (2, 2), "mgu": (1, 2), **dict.fromkeys(SCANNED, (0, 0)),
}  # fmt: skip
"""Matrix products among the calls of STEP: a gated one is apart backward, a staged one forward too."""

WINDOW_PRODUCTS = {
    "rnn": 5, "rnn-relu": 5, "lstm": 17, "lstm-peephole": 17, "lstm-coupled": 13, "gru": 15, "gru-before": 14,
    "mgu": 10, "indrnn": 4, "mingru": 8, "minlstm": 12, "sru": 12,
}  # fmt: skip
"""Matrix products a window and layer: G forward, 3 G backward, dW; a gated or staged product has a dW of its
own, and a GRU's a bias. An SRU's are those of a layer as wide as its input; else it has a block more."""

Count = Callable[[Callable[[], Any]], Counter[str]]

B, H = 4, 8
SMALL = 11  # words, few enough for a table of their products
LARGE = 3000  # words, enough for a look at where V and c lie


@pytest.fixture(autouse=True)
def _one_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """BLAS whose products need no packing up to the limit, whatever there is here: it decides the strips."""
    monkeypatch.setattr("elman.network.panels.unpacked_limit", lambda: 100**3)


def layer_problem(
    cell: str, T: int, *, rows: int = B, hidden: int = H, reset: bool = False, **options: Any
) -> Any:
    """Return the forward and the backward pass of a layer of vectors, as functions without arguments."""
    layer = new_layer("layers.0", CELLS[cell], 5, hidden, np.dtype("f4"), **options)
    rng = np.random.default_rng(0)
    params = {name: rng.normal(0, 0.1, shape).astype("f4") for name, shape in layer.shapes().items()}
    grads = {name: np.empty_like(array) for name, array in params.items()}
    x, dh = (rng.normal(size=(T, rows, width)).astype("f4") for width in (5, hidden))
    first = np.zeros((T, rows), np.bool_)
    first[:, 0] = True  # a row that begins anew at every step: others cost the way back nothing
    keep = Rows(first, None, np.dtype("f4")) if reset else None
    space, state, tapes = Workspace(), layer.initial_state(rows), []

    def forward() -> None:
        tapes[:] = [layer.forward(params, x, state, space, keep)]

    def backward() -> None:
        layer.backward(params, x, tapes[0], dh, space, grads, keep)

    return forward, backward


def step_and_rest(count: Count, cell: str, which: int, **sizes: Any) -> tuple[Counter[str], Counter[str]]:
    """Return the calls that every step makes, and those a window makes beside them; 0 forward, 1 backward."""
    found = []
    for T in (3, 5):
        passes = layer_problem(cell, T, **sizes)
        for run in passes * 2:  # once to lay out the memory
            calls = count(run)
            if run is passes[which]:
                kept = calls
        found.append(kept)
    step = Counter({name: (found[1][name] - found[0][name]) / 2 for name in found[1]})
    rest = Counter({name: found[0][name] - 3 * step[name] for name in found[0]})
    return step, rest


def model_of(cell: str, K: int, **settings: Any) -> LanguageModel:
    init = {"init_recurrent": "uniform"} if cell == "rnn-relu" else {}
    sizes = {"embedding": 6, "hidden": H, "layers": 2, **settings}
    return LanguageModel(vocab_size=K, cell=cell, **init, **sizes)


def window_of(model: LanguageModel, T: int, rows: int = B) -> tuple[Any, ...]:
    x, y = np.random.default_rng(0).integers(0, model.vocab_size, (2, T, rows))
    return x, y, model.initial_state(rows)


def test_every_cell_is_in_the_tables() -> None:
    for table in (STEP, WINDOW, STEP_PRODUCTS, WINDOW_PRODUCTS):
        assert table.keys() == CELLS.keys()


@pytest.mark.parametrize("which", [0, 1], ids=["forward", "backward"])
@pytest.mark.parametrize("cell", STEP)
def test_numpy_calls_of_a_step_and_of_a_window(count: Count, cell: str, which: int) -> None:
    step, rest = step_and_rest(count, cell, which)
    assert step.total() == STEP[cell][which], step
    assert rest.total() == WINDOW[cell][which], rest
    assert products(step) == STEP_PRODUCTS[cell][which], step


@pytest.mark.parametrize("which", [0, 1], ids=["forward", "backward"])
@pytest.mark.parametrize("cell", STEP)
def test_rows_that_are_reset_cost_a_call_for_every_state(count: Count, cell: str, which: int) -> None:
    step, _ = step_and_rest(count, cell, which, reset=True)
    states = 1 if cell in SCANNED else len(CELLS[cell].state_type._fields)  # of a scan those that are carried
    assert step.total() == STEP[cell][which] + states, step


@pytest.mark.parametrize("which", [0, 1], ids=["forward", "backward"])
@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru-before"])
def test_zoneout_costs_three_calls_for_every_state(count: Count, cell: str, which: int) -> None:
    """What is taken of the new state, what is kept of the old, their sum; on the way back likewise."""
    kind = CELLS[cell]
    rates = {"zoneout": 0.3, "zoneout_cell": 0.3 if len(kind.state_type._fields) > 1 else 0.0}
    step, _ = step_and_rest(count, cell, which, **rates)
    assert step.total() == STEP[cell][which] + 3 * len(kind.state_type._fields), step


@pytest.mark.parametrize("hidden", [64, 72, 130])
@pytest.mark.parametrize("cell", STEP)
def test_columns_left_over_cost_one_more_product_each(count: Count, cell: str, hidden: int) -> None:
    """Strips of one width are one product, however many there are."""
    for which in (0, 1):
        step, _ = step_and_rest(count, cell, which, hidden=hidden)
        more = STEP_PRODUCTS[cell][which] if hidden % 64 else 0
        assert products(step) == STEP_PRODUCTS[cell][which] + more, step
        assert step.total() == STEP[cell][which] + more, step


@pytest.mark.parametrize(
    ("K", "tied", "dropout"), [(SMALL, False, 0.3), (SMALL, True, 0), (LARGE, False, 0.3), (LARGE, True, 0)]
)
@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize("cell", STEP)
def test_matrix_products_of_a_window(
    count: Count, cell: str, layers: int, K: int, tied: bool, dropout: float
) -> None:
    """Of a small vocabulary all words are multiplied, and one product more sums the derivatives of each."""
    found = []
    for T in (12, 15):
        model = model_of(cell, K, layers=layers, tied=tied, dropout=dropout, embedding=H if tied else 6)
        window, out = window_of(model, T), model.new_grads()
        rng = np.random.default_rng(1) if dropout else None
        found.append(products(count(lambda: model.loss_and_grads(*window, rng=rng, out=out))))  # noqa: B023
    step = sum(STEP_PRODUCTS[cell])
    assert found[1] - found[0] == 3 * layers * step
    # The output: logits, sums of their exponentials, dh, and dV with dc below it where memory lies so.
    output = 4 if K == LARGE and not tied else 5
    table = 1 if K == SMALL else 0
    skip = 0  # of the first layer: its product, or that which sums what passes beside it by word
    if cell == "sru":
        skip = 4 if not tied else table
    assert found[0] == 12 * layers * step + layers * WINDOW_PRODUCTS[cell] + table + output + skip


@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_numpy_calls_of_a_whole_window(count: Count, dropout: float) -> None:
    """All of a model's window, depth by depth, on the memory of its workspace."""
    found = []
    for layers in (1, 2, 3):
        model = model_of("lstm", SMALL, layers=layers, dropout=dropout)
        window, out = window_of(model, 12), model.new_grads()
        rng = np.random.default_rng(1) if dropout else None
        for _ in range(2):
            calls = count(lambda: model.loss_and_grads(*window, rng=rng, out=out))  # noqa: B023
        found.append(calls.total())
    # The state that is returned; a mask compared, scaled, multiplied with h, and with dh on the way back.
    layer = 12 * sum(STEP["lstm"]) + sum(WINDOW["lstm"]) + 2 + (4 if dropout else 0)
    assert found[2] - found[1] == found[1] - found[0] == layer
    # A table: looked up for four gates; picks filled, set and multiplied. dh of skipped steps; the output.
    assert found[0] - layer == 4 + 3 + 1 + 13, calls


@pytest.mark.parametrize(("K", "blocks", "chunks"), [(LARGE, 1, 1), (LARGE, 3, 1), (LARGE, 3, 2)])
def test_products_of_the_output(
    count: Count, monkeypatch: pytest.MonkeyPatch, K: int, blocks: int, chunks: int
) -> None:
    """A pass over the logits to write them, one to sum, one for dV; dh takes all columns at once."""
    layer, rng, rows = softmax.Softmax(H, K, False, np.dtype("f4")), np.random.default_rng(0), 256
    model = model_of("rnn", K, layers=1)
    grads, h = model.new_grads(), rng.normal(size=(rows, H)).astype("f4")
    y, dh = rng.integers(0, K, rows), np.empty_like(h)
    monkeypatch.setattr(chunking, "CHUNK_NUMBERS", rows // chunks * K)
    monkeypatch.setattr(columns, "BLOCK_NUMBERS", rows // chunks * (1024 if blocks == 3 else K + 63))
    space = Workspace()
    calls = count(lambda: layer.nll_and_grads(model.params, h, y, 1.0, space, grads, dh))
    assert products(calls) == chunks * (3 * blocks + 1), calls


@pytest.mark.parametrize("reset", [False, True], ids=["plain", "reset"])
@pytest.mark.parametrize("cell", STEP)
def test_a_layer_allocates_nothing(cell: str, reset: bool) -> None:
    """Half a `(B, H)` block, and a few views, are more than a pass may have at once beside its workspace."""
    rows, hidden = 32, 64
    for T in (20, 80):
        passes = layer_problem(cell, T, rows=rows, hidden=hidden, reset=reset)
        for run in passes * 2:
            run()
        with small_buffers(16):
            found = least(*passes)
        for run, memory in zip(passes, found, strict=True):
            assert memory.peak < rows * hidden * 4 // 2 + 1000 + walking(cell), (T, run.__name__)
            assert memory.stays < 1000, (T, run.__name__)


@pytest.mark.parametrize(
    ("cell", "K", "tied"),
    [*((cell, 20, False) for cell in STEP), ("lstm", 20, True), ("lstm", 500, False), ("lstm", 500, True)],
)
def test_a_window_allocates_the_state_and_a_few_numbers_a_token(cell: str, K: int, tied: bool) -> None:
    """The bound is of the window's bookkeeping, and far below a block: no `(T, B, H)` fits in it.

    A token has its target, twice, its sum, its logit, and its factor: 28 bytes. Sorting tokens by word, where
    they are not looked up in a table, copies the rows of their derivatives, and makes a row for each word.
    """
    rows, width = 8, 64
    for T in (80, 20):
        model = model_of(cell, K, tied=tied, embedding=width, hidden=width, dropout=0.2)
        window, out, rng = window_of(model, T, rows), model.new_grads(), np.random.default_rng(0)
        options: dict[str, Any] = {"out": out, "rng": rng, "reset": np.zeros((T, rows), np.bool_)}
        for _ in range(2):
            model.loss_and_grads(*window, **options)
        with small_buffers(256), traced() as memory:
            _, state, _ = model.loss_and_grads(*window, **options)
        returned = sum(field.nbytes for layer in state for field in layer)
        by_word = (T * rows + len(np.unique(window[0]))) * width * 4 + 24 * T * rows if K == 500 else 0
        assert memory.peak < returned + 36 * T * rows + by_word + 10_000 + walking(cell), T
    with traced() as memory:
        for _ in range(10):
            model.loss_and_grads(*window, **options)
    assert memory.stays < 2 * rows * width * 4  # not one block in five windows


@pytest.mark.parametrize("tied", [False, True])
def test_the_logits_of_a_window_are_never_held(tied: bool) -> None:
    """At the first window, that lays out all memory: a fifth of the logits, with everything else in it."""
    T, rows, K = 40, 32, 10_000
    model = model_of("lstm", K, embedding=H, tied=tied)
    window, out = window_of(model, T, rows), model.new_grads()
    with traced() as memory:
        model.loss_and_grads(*window, out=out)
    assert memory.peak < T * rows * K * 4 // 5
