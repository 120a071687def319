"""Models of ours as ``.keras`` files, read again."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

import elman
from elman.interop import keras
from elman.interop.keras import writing


def model(**options: object) -> elman.LanguageModel:
    made = elman.LanguageModel(**{"vocab_size": 5, "embedding": 3, "hidden": 3, "layers": 2, **options})
    rng = np.random.default_rng(0)
    for array in made.params.values():
        array[...] = rng.normal(0, 0.5, array.shape)
    return made


@pytest.mark.parametrize(
    ("cell", "direction", "becomes"),
    [
        ("rnn", "forward", "rnn"),
        ("rnn-relu", "reverse,forward", "rnn-relu"),
        ("lstm", "bidirectional", "lstm"),
        ("gru", "reverse,bidirectional", "gru"),
        ("gru-before", "bidirectional,forward", "gru-before"),
        ("mgu", "forward", "gru"),
        ("lstm-coupled", "bidirectional", "lstm"),
        ("lstm[softsign,elu:1,elu:1]", "forward", "lstm[softsign,elu:1,elu:1]"),
    ],
)
def test_what_was_written_is_read(cell: str, direction: str, becomes: str, tmp_path: Path) -> None:
    given = model(cell=cell, direction=direction, dropout=0.25, dtype="float64")
    keras.write(given, tmp_path / "model.keras")
    found, said = keras.read(tmp_path / "model.keras")
    assert (said, found.settings) == ((), {**given.settings, "cell": elman.network.get_cell(becomes).name})
    x = np.arange(8).reshape(4, 2) % 5
    one, _ = given.logits(x, given.initial_state(2))
    other, _ = found.logits(x, found.initial_state(2))
    np.testing.assert_allclose(other, one, rtol=1e-13, atol=1e-13)
    if becomes == cell:
        for name, array in given.params.items():
            np.testing.assert_array_equal(found.params[name], array)


def test_the_same_model_is_the_same_file(tmp_path: Path) -> None:
    for name in ("a", "b"):
        keras.write(model(), tmp_path / f"{name}.keras")
    assert (tmp_path / "a.keras").read_bytes() == (tmp_path / "b.keras").read_bytes()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"output": "mixture"}, "the output 'mixture' is none of Keras's layers"),
        ({"cell": "lstm-peephole"}, "no layer that computes the cell 'lstm-peephole'"),
        ({"cell": "lstm[sigmoid,tanh,relu]"}, "no layer that computes the cell"),
        ({"cell": "rnn[tanh;clip=2]"}, "no layer that computes the cell"),
        ({"projection": 2}, "no layer that computes a projection"),
        ({"zoneout": 0.1}, r"zoneout \(0.1\) cannot be exported: in evaluation too a unit keeps"),
        ({"direction": "reverse"}, None),
        ({"direction": "forward,reverse"}, "the last layer reads in reverse"),
    ],
)
def test_what_keras_has_not(options: dict[str, object], message: str | None, tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    with pytest.raises(elman.ConfigError, match=message or "the last layer reads in reverse"):
        keras.write(model(**options), path)
    assert not path.exists()


def test_places_to_write_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(elman.ConfigError, match=r"must end in \.keras"):
        keras.write(model(), tmp_path / "model.h5")
    keras.write(model(), tmp_path / "model.keras")
    with pytest.raises(elman.ConfigError, match="exists already"):
        keras.write(model(), tmp_path / "model.keras")
    keras.write(model(cell="gru"), tmp_path / "model.keras", overwrite=True)
    assert keras.read(tmp_path / "model.keras").model.cell == "gru"
    monkeypatch.setitem(sys.modules, "h5py", None)
    monkeypatch.setattr(writing, "find_spec", lambda name: None)
    with pytest.raises(elman.ElmanError, match=r"elman\[keras\]"):
        keras.write(model(), tmp_path / "other.keras")
