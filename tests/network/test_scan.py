"""Layers without recurrent products: extremes, widths, masks, and what they refuse."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import elman
from elman.decoding import Decoder
from elman.network import CELLS, get_cell
from elman.network.cells import ScanCell
from elman.network.layers import ScanLayer, new_layer
from elman.network.workspace import Workspace

from .building import draw_window

SCANNED = [name for name, cell in CELLS.items() if isinstance(cell, ScanCell)]


@pytest.mark.parametrize("size", [20.0, 90.0, 1e4])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("cell", SCANNED)
def test_gates_that_are_wide_open_or_shut_stay_numbers(cell: str, dtype: str, size: float) -> None:
    """Both gates of minlstm shut are 0 / 0 for one who divides what tanh rounds to 0."""
    layer = new_layer("layers.0", get_cell(cell), 3, 4, np.dtype(dtype))
    rng = np.random.default_rng(0)
    params = {name: rng.normal(size=shape).astype(dtype) for name, shape in layer.shapes().items()}
    params["layers.0.U"] *= 0
    params["layers.0.b"][: layer.cell.sigmoids] = size * rng.choice([-1, 1], (layer.cell.sigmoids, 4))
    params["layers.0.b"][: layer.cell.sigmoids, 0] = -size  # a unit all of whose gates are shut
    grads = {name: np.empty_like(array) for name, array in params.items()}
    x, dh = (rng.normal(size=(6, 2, width)).astype(dtype) for width in (3, 4))
    state = type(layer.initial_state(2))(
        *(rng.normal(size=f.shape).astype(dtype) for f in layer.initial_state(2))
    )
    space = Workspace()
    tape = layer.forward(params, x, state, space)
    dx, d = layer.backward(params, x, tape, dh, space, grads)
    for array in (tape.h, dx, *d, *grads.values()):
        assert np.isfinite(array).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_shares_of_gates_that_are_nearly_shut_are_exact(dtype: str) -> None:
    """At -30 and below, where one half and half a tanh have no digits left."""
    cell, shut = get_cell("minlstm"), np.array([-30.0, -60.0, -75.0])
    f, i = shut[:, None] + np.array([[0.0, 1.0]]), shut[:, None] + np.array([[0.5, -2.0]])
    a = np.stack([f / 2, i / 2, np.zeros_like(f)]).astype(dtype)  # halved, as layers hand them over
    work = np.empty((2, *f.shape), dtype)
    cell.begin(a, a[:0], work, a[:0])
    share = 1 / (1 + np.exp(i - f))  # of exp(f) and exp(i), which the gates are to 1e-13
    np.testing.assert_allclose(a[2], share, rtol=1e-5 if dtype == "float32" else 1e-12)


def test_a_skip_is_a_product_only_where_widths_differ() -> None:
    model = elman.LanguageModel(vocab_size=6, cell="sru", embedding=4, hidden=4, layers=3, hidden_last=3)
    assert [name for name in model.params if "skip" in name] == ["layers.2.U_skip"]
    assert model.params["layers.2.U_skip"].shape == (4, 3)
    assert not [name for name in model.params if name.endswith(".W")]


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize("embedding", [4, 5])
def test_widths_masks_and_decoding(embedding: int, rows: int) -> None:
    """Of sru, whose first layer reads words that are dropped in part, and whose last has another width."""
    model = elman.LanguageModel(
        vocab_size=6, cell="sru", embedding=embedding, hidden=4, layers=3, hidden_last=3, dtype="float64",
        dropout=0.2, dropout_input=0.3, dropout_embedding=0.2, variational=True,
    )  # fmt: skip
    rng = np.random.default_rng(1)
    for array in model.params.values():
        array[...] = rng.normal(0.0, 0.8, array.shape)
    x, y, state = draw_window(model, batch=rows)

    class Masked:
        params, initial_state = model.params, model.initial_state

        def loss_and_grads(self, x: Any, y: Any, state: Any) -> Any:
            return model.loss_and_grads(x, y, state, rng=np.random.default_rng(3))

    report = elman.gradcheck(Masked(), x=x, y=y, state=state, projections=2, order=2)
    assert report.passed, report
    decoder = Decoder(model, np.array([1, 2]), rows=rows)
    led = np.concatenate([np.repeat([[1], [2]], rows, axis=1), x])
    expected, leaving = model.logits(led, model.initial_state(rows))
    for t, tokens in enumerate(x):
        np.testing.assert_allclose(decoder.feed(tokens), expected[2 + t], rtol=0, atol=1e-12)
    for one, other in zip(decoder.state, leaving, strict=True):
        for a, b in zip(one, other, strict=True):
            np.testing.assert_allclose(a, b, rtol=0, atol=1e-12)


@pytest.mark.parametrize("cell", SCANNED)
@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"zoneout": 0.1}, "zoneout cannot hold a state of {}, whose steps are not taken one by one"),
        ({"dropout_weights": 0.1}, "dropout_weights (0.1) has no effect with cell {}: it has no W"),
    ],
)
def test_what_needs_a_product_or_single_steps_is_refused(cell: str, settings: Any, says: str) -> None:
    with pytest.raises(elman.ConfigError) as caught:
        elman.LanguageModel(vocab_size=5, cell=cell, **settings)
    assert says.format(cell) in str(caught.value)


@pytest.mark.parametrize("cell", SCANNED)
def test_no_other_framework_has_them(cell: str) -> None:
    from elman.interop import keras, onnx, torch

    model = elman.LanguageModel(vocab_size=5, cell=cell, embedding=3, hidden=4, layers=1)
    assert isinstance(model.stack.layers[0], ScanLayer)
    for write in (
        lambda: torch.state_dict(model),
        lambda: keras.write(model, "model.keras"),
        lambda: onnx.export(model, "model.onnx"),
    ):
        with pytest.raises(elman.ConfigError, match=f"'?{cell}'?"):
            write()


def test_a_cell_that_is_not_linear_says_that_its_step_is_missing() -> None:
    class Empty(ScanCell):
        name, gates = "empty", 1

        def spread(self, a: Any, prev: Any, new: Any, keep: Any, work: Any, p: Any) -> None:
            """Do nothing."""

    layer = new_layer("layers.0", Empty(), 3, 4, np.dtype("f8"))
    params = {name: np.zeros(shape) for name, shape in layer.shapes().items()}
    with pytest.raises(NotImplementedError, match="Empty is not linear and has no step"):
        layer.forward(params, np.zeros((2, 1, 3)), layer.initial_state(1), Workspace())
