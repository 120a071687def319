"""Random models of PyTorch, here and there: the same outputs and the same gradients."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from elman.interop import torch as interop

from .comparing import hold_equal, same
from .modules import Model, Plan, new_model, run, save

pytestmark = [
    pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN:UserWarning"),
    pytest.mark.filterwarnings("ignore:`torch.jit.*:DeprecationWarning"),
]


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    cell = draw(st.sampled_from(["rnn", "rnn-relu", "gru", "lstm"]))
    hidden = draw(st.integers(2, 9))
    return Plan(
        cell, layers=draw(st.integers(1, 3)), tied=draw(st.booleans()), bias=draw(st.booleans()),
        output_bias=draw(st.booleans()), bidirectional=draw(st.booleans()), hidden=hidden,
        projection=draw(st.integers(0, hidden - 1)) if cell == "lstm" else 0,
        dtype=draw(st.sampled_from(["float32", "float64"])), vocab_size=draw(st.integers(2, 11)),
        embedding=draw(st.integers(1, 9)), steps=draw(st.integers(1, 7)), batch=draw(st.integers(1, 4)),
        seed=draw(st.integers(0, 10_000)),
    )  # fmt: skip


@settings(max_examples=100)
@given(plan=plans(), suffix=st.sampled_from([".pt", ".safetensors"]))
def test_what_pytorch_computes(plan: Plan, suffix: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    there = new_model(plan)
    path = tmp_path_factory.mktemp("model") / f"model{suffix}"
    save(there, path)
    imported = interop.read(path, cell=plan.cell)
    results = run(plan, there)
    hold_equal(imported.model, results["x"], results["y"], results)


@settings(max_examples=40)
@given(plan=plans())
def test_there_and_back(plan: Plan, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("model")
    there = new_model(plan)
    save(there, folder / "one.safetensors")
    model = interop.read(folder / "one.safetensors", cell=plan.cell).model
    interop.write(model, folder / "two.safetensors")
    again = load_as_printed(model, folder / "two.safetensors")
    x = torch.arange(6).reshape(3, 2) % plan.vocab_size
    with torch.no_grad():
        h, _ = again["rnn"](again["embedding"](x))
        expected, _ = there(x, None)
        same(again["output"](h).numpy(), expected.numpy(), "logits")
    once_more = interop.read(folder / "two.safetensors").model
    assert once_more.cell == plan.cell
    for name, array in model.params.items():
        np.testing.assert_array_equal(once_more.params[name], array, err_msg=name)


def load_as_printed(model, path: Path):
    """Run the lines that `elman export torch` prints."""
    from elman.interop.torch.writing import code

    names: dict[str, object] = {"tokens": torch.zeros(3, 1, dtype=torch.long)}
    exec(code(model, path), names)
    assert names["logits"].shape == (3, 1, model.vocab_size)
    return names["model"]


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_halves_are_read_as_float32(dtype: str, tmp_path: Path) -> None:
    half = getattr(torch, dtype)
    there = new_model(Plan("gru", dtype="float32")).to(half)
    for name in ("m.pt", "m.safetensors"):
        save(there, tmp_path / name)
        imported = interop.read(tmp_path / name)
        assert f"{dtype} weights were converted to float32" in imported.said
        E = imported.model.params["embedding.E"]
        assert E.dtype == np.float32
        np.testing.assert_array_equal(E, there.embedding.weight.detach().float().numpy())


@pytest.mark.parametrize("cell", ["mgu", "lstm-coupled"])
def test_a_cell_that_is_another_in_disguise(cell: str, tmp_path: Path) -> None:
    import elman

    model = elman.LanguageModel(
        vocab_size=5, cell=cell, embedding=3, hidden=4, layers=2, dtype="float64", seed=3
    )
    rng = np.random.default_rng(0)
    for array in model.params.values():
        array[...] = rng.uniform(-0.8, 0.8, array.shape)
    interop.write(model, tmp_path / "model.safetensors")
    there = load_as_printed(model, tmp_path / "model.safetensors")
    x = rng.integers(0, 5, (6, 2))
    logits, _ = model.logits(x, model.initial_state(2))
    with torch.no_grad():
        same(logits, there["output"](there["rnn"](there["embedding"](torch.tensor(x)))[0]).numpy(), "logits")


def test_a_view_a_shared_storage_and_a_parameter(tmp_path: Path) -> None:
    there = new_model(Plan("lstm", dtype="float32"))
    weights = there.state_dict()
    block = torch.cat([weights["rnn.bias_ih_l0"], weights["rnn.bias_hh_l0"]])
    weights["rnn.bias_ih_l0"], weights["rnn.bias_hh_l0"] = block[:20], block[20:]
    weights["rnn.weight_hh_l0"] = torch.nn.Parameter(weights["rnn.weight_hh_l0"].T.contiguous().T)
    wide = torch.zeros(7, 12)
    wide[:, 3:11:2] = weights["embedding.weight"]
    weights["embedding.weight"] = wide[:, 3:11:2]
    torch.save(weights, tmp_path / "views.pt")
    torch.save(there.state_dict(), tmp_path / "plain.pt", pickle_protocol=4)
    one, other = interop.load(tmp_path / "views.pt"), interop.load(tmp_path / "plain.pt")
    for name, array in one.params.items():
        np.testing.assert_array_equal(array, other.params[name], err_msg=name)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (torch._neg_view, "to be negated"),
        (torch.Tensor.to_sparse, "sparse"),
        (lambda weight: weight.to("meta"), "meta tensor"),
        (lambda weight: (1e6 * weight).half(), "holds -?inf at index"),
        (lambda weight: weight.to(torch.float8_e4m3fn), "of type float8_e4m3fn: weights are"),
    ],
)
def test_weights_that_are_not_their_numbers(change, reason: str, tmp_path: Path) -> None:
    from elman.errors import DataError

    weights = new_model(Plan(dtype="float32")).state_dict()
    weights["embedding.weight"] = change(weights["embedding.weight"])
    torch.save(weights, tmp_path / "model.pt")
    with pytest.raises(DataError, match=reason):
        interop.read(tmp_path / "model.pt")


def test_tanh_is_assumed_and_said(tmp_path: Path) -> None:
    save(new_model(Plan("rnn")), tmp_path / "model.pt")
    with pytest.warns(UserWarning, match="tanh was assumed"):
        assert interop.load(tmp_path / "model.pt").cell == "rnn"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert interop.load(tmp_path / "model.pt", cell="rnn-relu", prefix="model.").cell == "rnn-relu"


def test_what_torch_saves_beside_tensors_is_refused(tmp_path: Path) -> None:
    from elman.errors import DataError

    model = new_model(Plan())
    torch.save(model, tmp_path / "whole.pt")
    torch.save(model.state_dict(), tmp_path / "old.pt", _use_new_zipfile_serialization=False)
    torch.jit.save(torch.jit.script(nn_linear()), str(tmp_path / "script.pt"))
    for name, reason in (
        ("whole", r"tests.interop.torch.modules.Model.*torch.save\(model.state_dict"),
        ("old", "before 1.6"),
        ("script", "TorchScript"),
    ):
        with pytest.raises(DataError, match=reason):
            interop.load(tmp_path / f"{name}.pt")
    assert isinstance(model, Model)


def nn_linear() -> torch.nn.Linear:
    return torch.nn.Linear(2, 3)
