"""The errors of docs/guide/conventions.md, planted in what writes and reads models: none gets through."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import elman
from elman.errors import ElmanError
from elman.interop import onnx as elman_onnx
from elman.interop import torch as elman_torch
from elman.interop.onnx.out import graph, operators, verify, weights


def model_of(cell: str, direction: str = "forward") -> elman.LanguageModel:
    """Return a model with weights as large as PyTorch draws them, biases too."""
    model = elman.LanguageModel(
        vocab_size=11, cell=cell, embedding=8, hidden=16, layers=2, direction=direction
    )
    rng = np.random.default_rng(0)
    for name, array in model.params.items():
        array[...] = (
            rng.normal(size=array.shape) if name == "embedding.E" else rng.uniform(-0.25, 0.25, array.shape)
        )
    return model


def reordered(*order: int) -> Any:
    """Plant: gate blocks of the operator in another order."""

    def plant(patch: pytest.MonkeyPatch) -> None:
        def wrong(cell: Any, right: Any = operators.operator_of) -> Any:
            operator = right(cell)
            return replace(operator, blocks=tuple(operator.blocks[g] for g in order))

        patch.setattr(weights, "operator_of", wrong)

    return plant


def signed(gate: int) -> Any:
    """Plant: a gate's complement in its place."""

    def plant(patch: pytest.MonkeyPatch) -> None:
        def wrong(cell: Any, right: Any = operators.operator_of) -> Any:
            operator = right(cell)
            turned = [
                (number, -sign if g == gate else sign) for g, (number, sign) in enumerate(operator.blocks)
            ]
            return replace(operator, blocks=tuple(turned))

        patch.setattr(weights, "operator_of", wrong)

    return plant


def reset_first(patch: pytest.MonkeyPatch) -> None:
    """Plant: linear_before_reset left at its default."""

    def wrong(cell: Any, right: Any = operators.operator_of) -> Any:
        return replace(right(cell), attributes={"linear_before_reset": 0})

    patch.setattr(weights, "operator_of", wrong)


def tensors(change: Any) -> Any:
    """Plant: a change of the operator's inputs."""

    def plant(patch: pytest.MonkeyPatch) -> None:
        def wrong(plan: Any, params: Any, right: Any = weights.tensors_of) -> Any:
            found = right(plan, params)
            return found | {name: np.ascontiguousarray(a) for name, a in change(**found).items()}

        patch.setattr(graph, "tensors_of", wrong)

    return plant


def states_swapped(patch: pytest.MonkeyPatch) -> None:
    """Plant: c where h belongs, in and out."""

    def wrong(model: Any, right: Any = weights.plans_of) -> Any:
        return tuple(plan._replace(states=plan.states[::-1]) for plan in right(model))

    patch.setattr(graph, "plans_of", wrong)


def transposed(R: Any, **_: Any) -> dict[str, Any]:
    ways, rows, H = R.shape
    return {"R": R.reshape(ways, rows // H, H, H).swapaxes(2, 3).reshape(R.shape)}


def doubled(B: Any, **_: Any) -> dict[str, Any]:
    first = B[:, : B.shape[1] // 2]
    return {"B": np.concatenate([first, first], 1)}


def outside(B: Any, **_: Any) -> dict[str, Any]:
    """The bias of n that belongs inside the reset, added to that outside."""
    B = B.copy()
    H = B.shape[1] // 6
    B[:, 2 * H : 3 * H] += B[:, 5 * H :]
    B[:, 5 * H :] = 0
    return {"B": B}


def halves_swapped(patch: pytest.MonkeyPatch) -> None:
    """Plant: the way back in front of the way ahead."""

    def wrong(builder: Any, plan: Any, model: Any, x: str, right: Any = graph._layer) -> str:
        y = right(builder, plan, model, x)
        ahead, back = f"{y}.ahead", f"{y}.back"
        builder.node("Split", [y], [ahead, back], axis=-1)
        return str(builder.node("Concat", [back, ahead], f"{y}.swapped", axis=-1))

    patch.setattr(graph, "_layer", wrong)


ERRORS = {
    "gates taken for i, f, g, o": ("lstm", reordered(0, 2, 3, 1)),
    "gates taken for i, f, o, g": ("lstm", reordered(0, 2, 1, 3)),
    "blocks of W transposed": ("lstm", tensors(transposed)),
    "biases left out": ("lstm", tensors(lambda B, **_: {"B": 0 * B})),
    "biases counted twice": ("lstm", tensors(doubled)),
    "state handed over as c, h": ("lstm", states_swapped),
    "r and z swapped": ("gru", reordered(1, 0, 2)),
    "z keeps the candidate": ("gru", signed(0)),
    "reset before the product": ("gru", reset_first),
    "bias of n outside the reset": ("gru", tensors(outside)),
    "halves of the output swapped": ("both", halves_swapped),
    "weights of the ways swapped": ("both", tensors(lambda **found: {n: a[::-1] for n, a in found.items()})),
}


def kind(name: str) -> elman.LanguageModel:
    return model_of("lstm", "bidirectional") if name == "both" else model_of(name)


def refusal(model: elman.LanguageModel, path: Any) -> str:
    with pytest.raises(ElmanError) as caught:
        elman_onnx.export(model, path)
    return str(caught.value)


@pytest.mark.parametrize("name", ["lstm", "gru", "both"])
def test_without_an_error_a_file_is_written(name, tmp_path):
    elman_onnx.export(kind(name), tmp_path / "model.onnx")
    assert (tmp_path / "model.onnx").exists()


@pytest.mark.parametrize("error", ERRORS)
def test_an_error_in_the_exporter_leaves_no_file(error, monkeypatch, tmp_path):
    name, plant = ERRORS[error]
    plant(monkeypatch)
    message = refusal(kind(name), tmp_path / "model.onnx")
    (size,) = re.findall(r"disagrees with the model by ([\d.e-]+)", message)
    assert float(size) > 10_000 * verify.TOLERANCE, message
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (1, 0, 3, 2), (3, 1, 0, 2)])
def test_an_error_in_one_direction_is_noticed_by_a_round_trip(order, monkeypatch, tmp_path):
    from elman.interop.torch import names

    model, path = model_of("lstm"), tmp_path / "model.safetensors"
    elman_torch.write(model, path)
    assert all(
        (a == b).all()
        for a, b in zip(model.params.values(), elman_torch.load(path).params.values(), strict=True)
    )
    monkeypatch.setitem(names.ORDER, "lstm", order)
    back = elman_torch.load(path)
    assert any((a != b).any() for a, b in zip(model.params.values(), back.params.values(), strict=True))
