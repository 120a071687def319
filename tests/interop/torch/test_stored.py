"""Models that PyTorch saved, against what it computed with them: numbers made once, by `tests/vectors`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file

import elman
from elman.interop import torch as interop
from elman.interop.torch.names import kind_of

from .comparing import hold_equal, same

VECTORS = Path(__file__).parents[2] / "vectors" / "torch_interop"
RESULTS = load_file(VECTORS / "results.safetensors")
with safe_open(VECTORS / "results.safetensors", "numpy") as file:
    PLANS = {name: json.loads(plan) for name, plan in sorted(file.metadata().items()) if name != "torch"}


@pytest.mark.parametrize("name", PLANS)
def test_what_pytorch_computed(name: str) -> None:
    plan = PLANS[name]
    model = interop.read(VECTORS / name, cell=plan["cell"]).model
    assert (model.cell, model.dtype) == (plan["cell"], plan["dtype"])
    assert model.output.tied == plan["tied"]
    results = {key.removeprefix(f"{name}/"): a for key, a in RESULTS.items() if key.startswith(f"{name}/")}
    hold_equal(model, results["x"], results["y"], results)


@pytest.mark.parametrize("name", PLANS)
def test_there_and_back(name: str, tmp_path: Path) -> None:
    model = interop.read(VECTORS / name, cell=PLANS[name]["cell"]).model
    interop.write(model, tmp_path / "again.safetensors")
    again, said = interop.read(tmp_path / "again.safetensors")
    assert again.settings == model.settings
    assert [sentence for sentence in said if "tied" not in sentence] == []
    for key, array in model.params.items():
        np.testing.assert_array_equal(again.params[key], array, err_msg=key)


def test_views_and_shared_storages_are_the_numbers_they_show() -> None:
    views, plain = (interop.load(VECTORS / f"{name}.pt") for name in ("views", "plain"))
    for key, array in plain.params.items():
        np.testing.assert_array_equal(views.params[key], array, err_msg=key)


@pytest.mark.parametrize("name", ["half.pt", "bfloat16.safetensors"])
def test_halves_are_read_as_float32_and_it_is_said(name: str) -> None:
    with pytest.warns(UserWarning, match="float16 weights were converted to float32"):
        model = interop.load(VECTORS / name)
    assert model.dtype == np.float32
    # Every number is one that the shorter type has, and none became zero on the way.
    E = model.params["embedding.E"]
    assert E.all()
    if name == "half.pt":
        np.testing.assert_array_equal(E.astype(np.float16).astype(np.float32), E)
    else:
        assert not (E.view(np.uint32) & 0xFFFF).any()


def test_what_is_assumed_is_said() -> None:
    with pytest.warns(UserWarning, match=r"tanh was assumed.*rnn-relu"):
        assert interop.load(VECTORS / "rnn.pt").cell == "rnn"
    _, said = interop.read(VECTORS / "gru-tied.safetensors")
    assert said == ("there is no output weight: embedding.weight was taken for it (tied)",)
    _, said = interop.read(VECTORS / "lstm-tied.pt")
    assert said == ("model.output.weight equals model.embedding.weight: they were read as one (tied)",)


@pytest.mark.parametrize("cell", ["mgu", "lstm-coupled"])
def test_a_cell_that_is_another_with_other_weights(cell: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    model = elman.LanguageModel(
        vocab_size=5, cell=cell, embedding=3, hidden=4, layers=2, dtype="float64", direction="bidirectional"
    )
    for array in model.params.values():
        array[...] = rng.uniform(-0.8, 0.8, array.shape)
    interop.write(model, tmp_path / "file.safetensors")
    other = interop.load(tmp_path / "file.safetensors")
    assert other.cell == kind_of(cell) != cell
    x = rng.integers(0, 5, (6, 2))
    ours, _ = model.logits(x, model.initial_state(2))
    theirs, _ = other.logits(x, other.initial_state(2))
    same(theirs, ours, "logits")


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_arrays_lie_in_memory_as_they_are_written(cell: str) -> None:
    model = elman.LanguageModel(vocab_size=5, cell=cell, embedding=3, hidden=4, layers=1)
    assert all(array.flags.c_contiguous for array in interop.state_dict(model).values())
    assert all(array.flags.c_contiguous for array in interop.gradients(model, model.new_grads()).values())
