"""What a token asks of NumPy in decoding: calls and bytes, counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from elman.decoding import Decoder, layout
from elman.network import CELLS, LanguageModel, workspace
from elman.network.cells import ScanCell
from tests.network.counting import Counted, count, least, products, small_buffers, walking

__all__ = ["count"]  # a fixture

STEP = {
    "rnn": 3, "rnn-relu": 3, "lstm": 10, "lstm-peephole": 20, "lstm-coupled": 10, "gru": 12, "gru-before": 12,
    "mgu": 12, "indrnn": 3, "mingru": 7, "minlstm": 11, "sru": 16,
}  # fmt: skip
"""NumPy calls a token and layer: the recurrent product, if there is one, and what is elementwise."""

Count = Callable[[Callable[[], Any]], Counter[str]]
K = 7


@pytest.fixture(params=[True, False], ids=["table", "no table"])
def table(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Say whether the products of all words are in a table: it must not be larger than the model."""
    if not request.param:
        monkeypatch.setattr(LanguageModel, "n_params", 0)
    return bool(request.param)


def decoder_of(cell: str, layers: int, rows: int, **settings: Any) -> Decoder:
    sizes = {"embedding": 6, "hidden": 8, **settings}
    return Decoder(LanguageModel(vocab_size=K, cell=cell, layers=layers, **sizes), np.array([1, 2]), rows)


def watched(decoder: Decoder) -> Decoder:
    """Let all of its memory count what it takes part in."""
    for layer in decoder._layers:
        layer._keep, layer._work = layer._keep.view(Counted), layer._work.view(Counted)
        layer.state, layer._other = (
            type(state)(*(field.view(Counted) for field in state)) for state in (layer.state, layer._other)
        )
    decoder.logits = decoder.logits.view(Counted)
    return decoder


def test_every_cell_is_in_the_table() -> None:
    assert STEP.keys() == CELLS.keys()


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize("cell", STEP)
def test_numpy_calls_of_a_token(
    count: Count, monkeypatch: pytest.MonkeyPatch, cell: str, table: bool, rows: int
) -> None:
    monkeypatch.setattr(layout, "aligned", workspace.aligned)
    found = []
    for layers in (1, 2):
        decoder = watched(decoder_of(cell, layers, rows))
        found.append(count(lambda: decoder.feed(np.full(rows, 3))))  # noqa: B023
    # A layer more: its own step, and the product that reads the one below, its bias in it; several rows of h
    # are copied to where each ends with a one.
    step, echoes = STEP[cell] + int(rows > 1), int(cell == "sru")  # which copies its input, where as wide
    assert found[1].total() - found[0].total() == step + 1 + echoes, found
    recurrent = 0 if isinstance(CELLS[cell], ScanCell) else 1 + int(CELLS[cell].staged)
    assert products(found[1]) - products(found[0]) == recurrent + 1
    # The first: words are looked up, and multiplied where there is no table; then the logits.
    looked_up, read, logits = 1, int(not table), 1
    assert found[0].total() == looked_up + read + step + logits, found[0]
    assert products(found[0]) == read + recurrent + logits


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize("cell", STEP)
def test_a_token_allocates_nothing(cell: str, table: bool, rows: int) -> None:
    """Views and what walks over them; without a table the vectors of several words are picked out."""
    width, hidden = 48, 1024
    decoder, tokens = decoder_of(cell, 1, rows, hidden=hidden, embedding=width), np.arange(rows)
    for _ in range(3):
        decoder.feed(tokens)
    picked = rows * width * 4 if not table and rows > 1 else 0
    limit = (1900 if rows == 1 else 3500) + walking(cell)
    assert limit < rows * hidden * 4  # nor one block of a state
    with small_buffers(16):
        assert least(lambda: decoder.feed(tokens))[0].peak < limit + picked

    def many() -> None:
        for _ in range(50):
            decoder.feed(tokens)

    assert least(many)[0].stays < 1000
