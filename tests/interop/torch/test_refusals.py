"""Which arrays make a model, and what is said of those that make none."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

import elman
from elman.errors import ConfigError, DataError, ShapeError
from elman.interop import torch as interop
from elman.interop.files.guess import guess
from tests.interop.files.made import pt, put, storage, table, tensor

from .test_stored import VECTORS

Arrays = dict[str, Any]


def weights(**sizes: Any) -> Arrays:
    """Return the weights of a model of ours under PyTorch's names."""
    given = {"vocab_size": 7, "cell": "lstm", "embedding": 4, "hidden": 5, "layers": 2, **sizes}
    return interop.state_dict(elman.LanguageModel(**given))


def file(folder: Path, arrays: Arrays, **metadata: str) -> Path:
    """Write arrays as safetensors."""
    save_file(
        {name: np.asarray(array, order="C") for name, array in arrays.items()}, folder / "file", metadata
    )
    return folder / "file"


def renamed(arrays: Arrays, names: dict[str, str]) -> Arrays:
    """Return arrays with the beginnings of their names changed."""
    for old, new in names.items():
        arrays = {new + k.removeprefix(old) if k.startswith(old) else k: a for k, a in arrays.items()}
    return arrays


@pytest.mark.parametrize(
    "names",
    [
        {"embedding.": "encoder.", "output.": "decoder."},
        {"embedding.": "transformer.wte.", "rnn.": "lstm.", "output.": "head."},
        {"embedding.": "module.word_embeddings.", "rnn.": "module.core.rnn.", "output.": "module.proj."},
        {"rnn.": ""},
    ],
)
@pytest.mark.parametrize("square", [False, True])
def test_names_of_any_kind(names: dict[str, str], square: bool, tmp_path: Path) -> None:
    arrays = weights(embedding=5 if square else 4)
    there = renamed(arrays, names)
    if square:  # of one shape, and so told apart by the bias, or by name
        there = {name: array for name, array in there.items() if not name.endswith(".bias")}
        arrays["output.bias"][:] = 0
    model, said = interop.read(file(tmp_path, dict(reversed(there.items()))))
    assert any("by their names" in sentence for sentence in said) == square
    for name, array in interop.state_dict(model).items():
        np.testing.assert_array_equal(array, arrays[name], err_msg=name)


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_sizes_that_are_all_the_same(cell: str, tmp_path: Path) -> None:
    model = elman.LanguageModel(vocab_size=5, cell=cell, embedding=5, hidden=5, layers=2)
    rng = np.random.default_rng(0)
    for array in model.params.values():
        array[...] = rng.normal(size=array.shape)
    arrays = interop.state_dict(model)
    # As PyTorch has them: its products are with the transposed weights.
    np.testing.assert_array_equal(arrays["output.weight"], model.params["output.V"].T)
    np.testing.assert_array_equal(arrays["rnn.weight_ih_l1"][:5], model.params["layers.1.U"][0].T)
    np.testing.assert_array_equal(arrays["rnn.weight_hh_l1"][:5], model.params["layers.1.W"][0].T)
    found = interop.read(file(tmp_path, arrays)).model
    assert found.settings == model.settings
    for name, array in model.params.items():
        np.testing.assert_array_equal(found.params[name], array, err_msg=name)


def test_a_tied_table_under_the_name_of_the_output(tmp_path: Path) -> None:
    arrays = weights(tied=True, embedding=5)
    arrays["output.bias"][:] = np.arange(7)
    there = renamed(arrays, {"embedding.": "encoder.", "output.": "decoder."})
    del there["encoder.weight"]  # as safetensors' save_model leaves out the second of two names
    model, said = interop.read(file(tmp_path, there))
    assert model.output.tied
    np.testing.assert_array_equal(model.params["embedding.E"], arrays["embedding.weight"])
    np.testing.assert_array_equal(model.params["output.c"], np.arange(7))
    assert "decoder.weight was taken for it (tied)" in said[0]


def test_two_precisions_in_one_file(tmp_path: Path) -> None:
    arrays = weights()
    arrays["embedding.weight"] = arrays["embedding.weight"].astype("f8")
    with pytest.warns(UserWarning, match="float32 and float64 weights stand side by side"):
        model = interop.load(file(tmp_path, arrays))
    assert model.dtype == np.float64


def test_what_the_metadata_says_of_the_nonlinearity(tmp_path: Path) -> None:
    path = file(tmp_path, weights(cell="rnn"), nonlinearity="relu")
    assert interop.load(path).cell == "rnn-relu"
    assert interop.load(path, cell="rnn").cell == "rnn"


def dropping(name: str) -> Callable[[Arrays], None]:
    return lambda arrays: arrays.pop(name) is None


def adding(**more: Any) -> Callable[[Arrays], None]:
    return lambda arrays: arrays.update(
        {name.replace("__", "."): np.ones(s, "f4") for name, s in more.items()}
    )


def two_layers_after(arrays: Arrays) -> None:
    arrays |= {"fc1.weight": np.ones((8, 5), "f4"), "fc1.bias": np.ones(8, "f4")}
    arrays["output.weight"] = np.ones((7, 8), "f4")


def a_second_module(arrays: Arrays) -> None:
    arrays |= renamed(weights(cell="gru"), {"rnn.": "decoder.rnn."})


def nothing_known(arrays: Arrays) -> None:
    for name in [name for name in arrays if name.startswith("rnn")]:
        del arrays[name]


def a_cell(arrays: Arrays) -> None:
    nothing_known(arrays)
    arrays |= {"step.weight_ih": np.ones((20, 4), "f4"), "step.weight_hh": np.ones((20, 5), "f4")}


CASES: dict[str, tuple[Callable[[Arrays], None], str]] = {
    "no input weights": (dropping("rnn.weight_ih_l0"), r"rnn.weight_ih_l0 is missing"),
    "no recurrent weights": (dropping("rnn.weight_hh_l0"), r"rnn.weight_hh_l0 is missing"),
    "half a layer": (
        dropping("rnn.weight_hh_l1"),
        r"rnn.weight_hh_l1 \(20 x 5\) is missing, which nn.LSTM, 2",
    ),
    "one bias": (dropping("rnn.bias_hh_l1"), r"rnn.bias_hh_l1 \(20\) is missing"),
    "a layer left out": (adding(rnn__weight_ih_l3=(20, 5)), r"rnn.weight_ih_l2 \(20 x 5\) is missing"),
    "a layer of a thousand": (
        adding(rnn__weight_ih_l999=(20, 5)),
        r"of 1000 layers of rnn., some are missing",
    ),
    "a way back of one array": (
        adding(rnn__weight_ih_l0_reverse=(20, 4)),
        r"rnn.weight_hh_l0_reverse .* is missing",
    ),
    "a projection of one layer": (
        adding(rnn__weight_hr_l1=(3, 5)),
        r"rnn.weight_hr_l1 has no place in nn.LSTM",
    ),
    "two gates": (
        adding(rnn__weight_hh_l0=(10, 5)),
        r"is 10 x 5: its rows must be 1 \(RNN\), 3 \(GRU\) or 4 \(LSTM\)",
    ),
    "eleven rows": (adding(rnn__weight_hh_l0=(11, 5)), r"is 11 x 5: its rows must be"),
    "three axes": (adding(rnn__weight_hh_l0=(4, 5, 5)), r"is 4 x 5 x 5, where 2 sizes were expected"),
    "no units": (adding(rnn__weight_hh_l0=(0, 0)), r"is 0 x 0"),
    "other inputs": (
        adding(rnn__weight_ih_l1=(20, 6)),
        r"rnn.weight_ih_l1 is 20 x 6, where nn.LSTM.* has 20 x 5",
    ),
    "another width": (adding(rnn__bias_ih_l1=(15,)), r"rnn.bias_ih_l1 is 15, where .* has 20"),
    "no embedding": (dropping("embedding.weight"), r"no word vectors: no weight of K x 4"),
    "no output": (dropping("output.weight"), r"no output layer: no weight of 7 x 5"),
    "another vocabulary": (
        adding(output__weight=(9, 5), output__bias=(9,)),
        r"no output layer: no weight of 7 x 5; output.weight is 9 x 5",
    ),
    "a norm": (adding(norm__weight=(5,), norm__bias=(5,)), r"after: norm.bias \(5\), norm.weight \(5\)"),
    "two layers after": (
        two_layers_after,
        r"no output layer: .*; fc1.weight is 8 x 5.*fc1.bias \(8\), fc1.weight",
    ),
    "two outputs": (
        adding(head__weight=(7, 5)),
        r"several output layers, .* one is expected: head.weight, output",
    ),
    "a second module": (
        a_second_module,
        r"2 recurrent modules.*decoder.rnn.: nn.GRU.*; rnn.: nn.LSTM, 2 layers.*save the model that you want",
    ),
    "a cell": (a_cell, r"step.weight_ih is that of a cell, .*: call it step.weight_ih_l0"),
    "nothing known": (nothing_known, r"none of its names are those of a recurrent module"),
}


def test_two_modules_of_a_layer_each_become_one_as_is_said(tmp_path: Path) -> None:
    arrays = weights()
    stacked = {
        name.replace("rnn.", "r1.").replace("r1.", "r2.").replace("_l1", "_l0")
        if "_l1" in name
        else name.replace("rnn.", "r1."): array
        for name, array in arrays.items()
    }
    with pytest.raises(ConfigError) as caught:
        interop.load(file(tmp_path, stacked))
    said = str(caught.value)
    assert "it has 2 recurrent modules, where one is expected (r1.: nn.LSTM, 1 layer" in said
    assert "elman reads one of several layers: where r2 reads the output of r1, " in said
    assert "call r2.weight_ih_l0 r1.weight_ih_l1, the others so, and save again" in said
    renamed_as_said = {
        name.replace("r2.", "r1.").replace("_l0", "_l1") if name.startswith("r2.") else name: array
        for name, array in stacked.items()
    }
    model = interop.load(file(tmp_path, renamed_as_said))
    for name, array in interop.state_dict(model).items():
        np.testing.assert_array_equal(array, arrays[name])


@pytest.mark.parametrize("what", CASES)
def test_what_is_no_model(what: str, tmp_path: Path) -> None:
    change, complaint = CASES[what]
    arrays = weights()
    change(arrays)
    path = file(tmp_path, arrays)
    with pytest.raises(ConfigError, match=complaint) as caught:
        interop.load(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("names", "embedding"),
    [
        (("embed_in", "embed_out"), "embed_in"),
        (("encoder.emb", "encoder.out"), "encoder.emb"),
        (("embedding.0", "last"), "embedding.0"),
        (("words", "encoder.last"), None),  # the encoder has the module, too
        (("first", "output_embedding"), None),
        (("tokens", "unembed"), None),
    ],
)
def test_two_tables_are_told_apart_by_what_they_are_called(
    names: tuple[str, str], embedding: str | None, tmp_path: Path
) -> None:
    arrays = weights(embedding=5)
    del arrays["output.bias"]
    path = file(
        tmp_path,
        renamed(arrays, {"embedding": names[0], "output": names[1], "rnn.": "encoder.rnn."}),
    )
    if embedding is None:
        with pytest.raises(ConfigError, match="several tables that could be the word vectors"):
            interop.read(path)
        return
    model, said = interop.read(path)
    assert f"{embedding}.weight was taken for the word vectors and" in said[0]
    np.testing.assert_array_equal(model.params["embedding.E"], arrays["embedding.weight"])


def test_two_tables_that_nothing_tells_apart(tmp_path: Path) -> None:
    arrays = weights(embedding=5)
    del arrays["output.bias"]
    path = file(tmp_path, renamed(arrays, {"embedding.": "a.", "output.": "b."}))
    with pytest.raises(
        ConfigError, match=r"several tables that could be the word vectors: a.weight, b.weight"
    ):
        interop.load(path)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", ["embedding.weight", "rnn.bias_hh_l1", "output.bias"])
def test_numbers_that_are_none_are_named(value: float, name: str, tmp_path: Path) -> None:
    arrays = weights()
    arrays[name].flat[3] = value
    place = r"\(0, 3\)" if name == "embedding.weight" else r"\(3,\)"
    with pytest.raises(DataError, match=rf"{name} of .* holds {value} at index {place}"):
        interop.load(file(tmp_path, arrays))


def test_weights_that_are_whole_numbers(tmp_path: Path) -> None:
    arrays = weights()
    arrays["output.bias"] = np.zeros(7, "i8")
    with pytest.raises(DataError, match=r"output.bias of .* is of type int64"):
        interop.load(file(tmp_path, arrays))


def test_two_models_in_one_checkpoint(tmp_path: Path) -> None:
    data = (VECTORS / "plain.pt").read_bytes()
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        value = archive.read("plain/data.pkl")
        members = {n.removeprefix("plain/"): archive.read(n) for n in archive.namelist() if "/data/" in n}
    one = value[value.index(b"\x95") + 9 : -1]  # its opcodes, without the head and the end
    path = put(tmp_path, pt(table(model=one, ema=one), members))
    with pytest.raises(ConfigError, match=r"in 2 dictionaries, model, ema: choose one by its prefix"):
        interop.load(path)
    model, said = interop.read(path, prefix="ema.")
    assert said == ()
    path = put(tmp_path, pt(table(model=one, moments=table(m=tensor(storage(1), (1,), (1,)))), members))
    assert interop.read(path).said == ("only model of the file was read",)
    plain = interop.load(VECTORS / "plain.pt")
    for name, array in model.params.items():
        np.testing.assert_array_equal(array, plain.params[name], err_msg=name)


def test_steps_that_pytorch_has_not() -> None:
    model = elman.LanguageModel(vocab_size=3, cell="lstm", embedding=2, hidden=2, zoneout_cell=0.25)
    with pytest.raises(ConfigError, match=r"zoneout_cell \(0.25\) cannot be exported"):
        interop.state_dict(model)
    with pytest.raises(ConfigError, match=r"zoneout_cell \(0.25\) cannot be exported"):
        interop.gradients(model, model.new_grads())


def test_derivatives_where_one_weight_stands_for_two() -> None:
    model = elman.LanguageModel(vocab_size=3, cell="mgu", embedding=2, hidden=2, layers=1)
    with pytest.raises(ConfigError, match=r"one weight stands for several of nn.GRU"):
        interop.gradients(model, model.new_grads())
    other = elman.LanguageModel(vocab_size=3, cell="gru", embedding=2, hidden=3, layers=1)
    with pytest.raises(ShapeError, match="out"):
        interop.gradients(
            elman.LanguageModel(vocab_size=3, cell="gru", embedding=2, hidden=2), other.new_grads()
        )


def test_of_many_modules_a_few_are_listed() -> None:
    halves = {f"m{number}.weight_ih_l0": (20, 4) for number in range(5000)}
    assert len(guess(halves).problems) == 10
    assert guess(halves).problems[-1] == "and 4,991 modules more are not whole"
    whole = {**halves, **{f"m{number}.weight_hh_l0": (20, 5) for number in range(5000)}}
    assert "4,991 more" in guess(whole).text(whole)
    assert len(guess(whole).text(whole)) < 900


def test_what_else_a_file_could_be() -> None:
    ours = {
        "embedding.E": (9, 4), "layers.0.U": (4, 4, 6), "layers.0.W": (4, 6, 6), "layers.1.U": (4, 6, 6),
        "output.c": (9,),
    }  # fmt: skip
    assert "elman's own (lstm, 2 x 6, inputs 4, vocabulary 9)" in guess(ours).text(ours)
    theirs = {"gru/cell/recurrent_kernel": (6, 18), "gru/cell/kernel": (4, 18)}
    assert "layers of Keras: GRU, 6 wide" in guess(theirs).text(theirs)
    assert guess({}).text({}) == ""
