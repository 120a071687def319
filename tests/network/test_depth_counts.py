"""What normalisation, connections and learnt states ask of NumPy beside the rest, counted."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from elman.decoding import Decoder
from elman.network import CELLS, LanguageModel
from elman.network.cells import LSTMState, ScanCell

from .counting import count, least, products, small_buffers, walking
from .test_counts import STEP, STEP_PRODUCTS, Count, _one_machine, layer_problem, step_and_rest

__all__ = ["_one_machine", "count"]  # fixtures

NORMALISED = {
    "rnn": (7, 7), "rnn-relu": (7, 7), "lstm": (19, 15), "lstm-peephole": (18, 17), "lstm-coupled": (19, 15),
    "gru": (7, 8), "gru-before": (14, 14), "mgu": (7, 8),
}  # fmt: skip
"""NumPy calls a time step and layer that normalising adds, forward and backward.

Of products: lengths 4, spread and divided 2, gains 1; back: gains 1, inner products 1, what is taken off 3,
spread and divided 2. A gated product lies apart (1), a staged one is normalised by itself. The memory cell of
an LSTM is 12 and 8; the rest is that activations are apart, as in cells with a choice of them.
"""


def test_every_cell_with_recurrent_products_is_in_the_table() -> None:
    assert NORMALISED.keys() == {name for name in STEP if not isinstance(CELLS[name], ScanCell)}


@pytest.mark.parametrize("which", [0, 1], ids=["forward", "backward"])
@pytest.mark.parametrize("cell", NORMALISED)
def test_numpy_calls_of_a_normalised_step(count: Count, cell: str, which: int) -> None:
    step, _ = step_and_rest(count, cell, which, layer_norm=True)
    assert step.total() == STEP[cell][which] + NORMALISED[cell][which], step
    # A gated product goes back with the others, since derivatives by all of them lie together.
    assert products(step) == STEP_PRODUCTS[cell][which], step
    learnt, _ = step_and_rest(count, cell, which, learn_state=True)
    assert learnt.total() == STEP[cell][which], learnt


@pytest.mark.parametrize("which", [0, 1], ids=["forward", "backward"])
def test_rows_that_begin_from_learnt_states_cost_calls_where_they_begin(count: Count, which: int) -> None:
    """Of every state a copy ahead; back a product, whose sum is of the gradients."""
    plain, _ = step_and_rest(count, "lstm", which, reset=True)
    learnt, _ = step_and_rest(count, "lstm", which, reset=True, learn_state=True)
    assert learnt.total() - plain.total() == len(LSTMState._fields), learnt


@pytest.mark.parametrize(
    ("connections", "calls", "multiplied"), [("none", 0, 0), ("residual", 2, 0), ("highway", 20, 4)]
)
def test_numpy_calls_of_a_connection(count: Count, connections: str, calls: int, multiplied: int) -> None:
    """Of a whole window: added, and added; gated, with one product ahead and three back, dT, db_T and dx."""
    found = []
    for kind in ("none", connections):
        model = LanguageModel(vocab_size=11, cell="rnn", embedding=6, hidden=8, layers=2, connections=kind)
        x, y = np.random.default_rng(0).integers(0, 11, (2, 5, 4))
        state, out = model.initial_state(4), model.new_grads()
        for _ in range(2):
            made = count(lambda: model.loss_and_grads(x, y, state, out=out))  # noqa: B023
        found.append(made)
    assert found[1].total() - found[0].total() == calls
    assert products(found[1]) - products(found[0]) == multiplied


@pytest.mark.parametrize("cell", NORMALISED)
def test_a_normalised_layer_allocates_what_its_gains_need(cell: str) -> None:
    """Nothing that grows with the window: gains, laid out for every row, of the memory cell."""
    rows, hidden, gates = 32, 64, CELLS[cell].gates
    for T in (20, 80):
        passes = layer_problem(cell, T, rows=rows, hidden=hidden, layer_norm=True, learn_state=True)
        for run in passes * 2:
            run()
        with small_buffers(16):
            found = least(*passes)
        for run, memory in zip(passes, found, strict=True):
            once = 2 * hidden * 4 * (gates + 4 * rows * ("lstm" in cell)) + 2 * gates * hidden * (hidden + 5)
            assert memory.peak < rows * hidden * 4 // 2 + 3000 + walking(cell) + 2 * once, (T, run.__name__)
            assert memory.stays < 1000, (T, run.__name__)


def test_a_token_allocates_nothing_that_stays() -> None:
    options: dict[str, Any] = {"layer_norm": True, "connections": "highway", "learn_state": True}
    model = LanguageModel(vocab_size=9, embedding=64, hidden=64, layers=2, **options)
    decoder, token = Decoder(model, np.array([1])), np.array([3])

    def many() -> None:
        for _ in range(20):
            decoder.feed(token)

    many()
    (memory,) = least(many)
    assert memory.stays < 2_000
    assert memory.peak < 10_000
