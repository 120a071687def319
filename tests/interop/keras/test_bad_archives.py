"""Archives and weights that are damaged, or do not fit one another."""

from __future__ import annotations

import copy
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import elman
from elman.interop import keras
from elman.interop.keras import guess
from elman.interop.keras.guess import Told, guessed
from tests.interop.keras import files
from tests.interop.keras.files import HERE, config, layer, members, packed, refusal, with_weights


def written(tmp_path: Path, compression: int = zipfile.ZIP_STORED, **content: bytes | None) -> Path:
    everything: dict[str, bytes | None] = {
        **members(), **{name.replace("_", ".", 1): data for name, data in content.items()}
    }  # fmt: skip
    return packed(
        tmp_path / "x.keras",
        {name: data for name, data in everything.items() if data is not None},
        compression,
    )


def test_archives(tmp_path: Path) -> None:
    def refused(message: str, path: Path) -> None:
        with pytest.raises(elman.DataError, match=message):
            keras.read(path)

    refused("0 members named config.json", written(tmp_path, config_json=None))
    refused("config.json .* is not JSON", written(tmp_path, config_json=b"{"))
    refused("config.json .* is not JSON", written(tmp_path, config_json=b"\xff"))
    refused("is not an object", written(tmp_path, config_json=b"[1]"))
    refused("nested too deeply", written(tmp_path, config_json=b'{"a":' * 100_000 + b"1" + b"}" * 100_000))
    refused("is not JSON", written(tmp_path, config_json=b'{"a":' + b"9" * 5000 + b"}"))
    refused("more than 16 MiB", written(tmp_path, config_json=b" " * (17 << 20)))
    bomb = {**members(), "model.weights.h5": bytes(5 << 20)}
    refused("would grow from", packed(tmp_path / "x.keras", bomb, zipfile.ZIP_DEFLATED))
    refused("in a way that Keras", packed(tmp_path / "x.keras", members(), zipfile.ZIP_LZMA))
    refused(r"has a member \.\./x", packed(tmp_path / "x.keras", {**members(), "../x": b""}))
    with (
        pytest.warns(UserWarning, match="Duplicate name"),
        zipfile.ZipFile(tmp_path / "x.keras", "a") as archive,
    ):
        archive.writestr("config.json", b"{}")
    many = {**members(), **{f"assets/{number}": b"" for number in range(20_000)}}
    refused("the directory of its archive has .* at most 1,048,576", packed(tmp_path / "z.keras", many))
    refused("2 members named config.json", tmp_path / "x.keras")
    assert keras.read(packed(tmp_path / "y.keras", members(), zipfile.ZIP_DEFLATED)).model.cell == "lstm"


def test_directories_that_lie(tmp_path: Path) -> None:
    def entry(offset: int, number: int, name: bytes = b"config.json") -> Path:
        data = bytearray((HERE / "lstm.keras").read_bytes())
        start = data.rindex(b"PK\x01\x02", 0, data.rindex(name))
        data[start + offset : start + offset + 4] = number.to_bytes(4, "little")
        path = tmp_path / "x.keras"
        path.write_bytes(data)
        return path

    for path in (entry(20, 1 << 20), entry(24, 10), entry(24, 1 << 20)):  # sizes, stored and in all
        with pytest.raises(elman.DataError, match="says that it has more bytes than the archive"):
            keras.read(path)
    with pytest.raises(elman.DataError, match=r"config\.json of .* is encrypted"):
        keras.read(entry(8, 1))
    # Of what is compressed, no more is taken than the directory says.
    path = packed(tmp_path / "y.keras", members(), zipfile.ZIP_DEFLATED)
    data = bytearray(path.read_bytes())
    start = data.rindex(b"PK\x01\x02", 0, data.rindex(b"model.weights.h5"))
    data[start + 24 : start + 28] = (5000).to_bytes(4, "little")
    path.write_bytes(data)
    with pytest.raises(elman.DataError):
        keras.read(path)


def test_truncated_and_changed_archives(tmp_path: Path) -> None:
    whole, path = (HERE / "lstm.keras").read_bytes(), tmp_path / "x.keras"
    rng = np.random.default_rng(0)
    directory = whole.rindex(b"PK\x01\x02")
    for part in (0, 3, 30, 5000, len(whole) - 30, len(whole) - 1):
        path.write_bytes(whole[:part])
        with pytest.raises(elman.DataError):
            keras.read(path)
    for place in rng.integers(directory - 200, len(whole), 16):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << rng.integers(8)
        path.write_bytes(damaged)
        assert "\n" not in refusal(lambda: keras.read(path))


def test_missing_files(tmp_path: Path) -> None:
    with pytest.raises(elman.DataError, match=r"cannot read .*No such file"):
        keras.read(tmp_path / "x.keras")
    with pytest.raises(elman.DataError, match="is a directory"):
        keras.read(tmp_path)


def test_an_empty_file(tmp_path: Path) -> None:
    (tmp_path / "x.keras").touch()
    with pytest.raises(elman.DataError, match="is empty"):
        keras.read(tmp_path / "x.keras")


def _replace(file: Any, name: str, array: Any) -> None:
    if name in file:
        del file[name]
    file[name] = array


def _nan(file: Any) -> None:
    file["layers/lstm/cell/vars/1"][2, 3] = np.nan


ARRAYS: dict[str, tuple[Callable[[Any], Any], str]] = {
    "NaN": (_nan, "layers.0.W of .*x.keras holds nan"),
    "missing": (
        lambda f: f.__delitem__("layers/dense"),
        "has no weights layers/dense/vars/0, an array of 4 x 6",
    ),
    "no bias": (lambda f: f.__delitem__("layers/lstm/cell/vars/2"), "has no weights layers/lstm/cell/vars/2"),
    "surplus layer": (
        lambda f: f.__setitem__("layers/lstm_1/cell/vars/0", np.ones(2)),
        "lstm_1.*belong to no layer",
    ),
    "surplus weight": (lambda f: f.__setitem__("layers/dense/vars/2", np.ones(2)), "belong to no layer"),
    "gates": (
        lambda f: _replace(f, "layers/lstm/cell/vars/1", np.ones((4, 12), np.float32)),
        "must be 4 x 16, not 4 x 12",
    ),
    "width": (
        lambda f: _replace(f, "layers/embedding/vars/0", np.ones((6, 4), np.float32)),
        "must be 6 x 3, not 6 x 4",
    ),
    "whole numbers": (
        lambda f: _replace(f, "layers/dense/vars/1", np.ones(6, np.int8)),
        "weights of type int8; elman takes",
    ),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_weights_that_do_not_fit_the_config(name: str, tmp_path: Path) -> None:
    change, message = ARRAYS[name]
    with pytest.raises(elman.DataError, match=message):
        keras.read(with_weights(tmp_path / "x.keras", change))


def test_code_in_an_archive_is_named_and_not_run(tmp_path: Path) -> None:
    given = config()
    lambda_ = {"class_name": "Lambda", "module": "keras.layers", "config": {"name": "mine", "function": {}}}
    given["config"]["layers"].insert(2, lambda_)
    path = packed(tmp_path / "x.keras", {**members(), "config.json": json.dumps(given).encode()})
    with pytest.raises(elman.ConfigError, match=r"the Lambda layer 'mine' of .*x\.keras cannot be imported"):
        keras.read(path)


def test_layers_must_be_alike(tmp_path: Path) -> None:
    given = config()
    given["config"]["layers"].insert(3, copy.deepcopy(given["config"]["layers"][2]))
    given["config"]["layers"][3]["config"].update(units=5, name="upper")
    path = packed(tmp_path / "x.keras", {**members(), "config.json": json.dumps(given).encode()})
    with pytest.raises(elman.ConfigError, match="'upper' is lstm of 5 units and 'lstm' lstm of 4"):
        keras.read(path)


def test_a_mask_that_keras_does_not_turn_is_refused(tmp_path: Path) -> None:
    given = config("turned")
    layer(given, "Embedding").update(mask_zero=True)
    path = packed(tmp_path / "x.keras", {**members("turned"), "config.json": json.dumps(given).encode()})
    with pytest.raises(elman.ConfigError, match="Keras does not turn the mask with them"):
        keras.read(path)


def test_layers_are_in_the_order_of_their_numbers() -> None:
    names = ["lstm", *(f"lstm_{number}" for number in range(1, 12))]
    given = {f"layers/{name}/cell/vars/{i}": np.ones((4, 16)) for name in sorted(names) for i in (0, 1)}
    given |= {"layers/embedding/vars/0": np.ones((6, 4)), "layers/dense/vars/0": np.ones((4, 6))}
    assert [layer.name for layer in guessed("a file", given, Told()).layers] == names


def test_the_order_of_two_kinds_follows_from_their_widths(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {"layers/embedding/vars/0": np.ones((6, 3)), "layers/dense/vars/0": np.ones((4, 6))}
    for name, inputs in (
        ("lstm", 8),
        ("bidirectional/forward_layer", 3),
        ("bidirectional/backward_layer", 3),
    ):
        given |= {f"layers/{name}/cell/vars/0": np.ones((inputs, 16))}
        given |= {f"layers/{name}/cell/vars/1": np.ones((4, 16))}
    layers = guessed("a file", given, Told()).layers
    assert [layer.name for layer in layers] == ["bidirectional", "lstm"]
    assert [part.backwards for layer in layers for part in layer.parts] == [False, True, False]
    monkeypatch.setattr(guess, "MOST_ORDERS", 0)  # what is not followed to its end is not taken
    with pytest.raises(elman.ConfigError, match="does not tell the order of its layers"):
        guessed("a file", given, Told())


def test_weights_alone(tmp_path: Path) -> None:
    def weights(**arrays: tuple[int, ...]) -> Path:
        def fill(file: Any) -> None:
            del file["layers"]
            for name, shape in arrays.items():
                file["layers/" + name.replace("__", "/")] = np.ones(shape, np.float32)

        return files.h5(tmp_path / "x.weights.h5", fill)

    ends = {"embedding__vars__0": (6, 4), "dense__vars__0": (4, 6)}
    lstm = {"__cell__vars__0": (4, 16), "__cell__vars__1": (4, 16)}
    two = {f"{name}{key}": shape for name in ("lstm", "lstm_1") for key, shape in lstm.items()}
    model, said = keras.read(weights(**ends, **two))
    assert (model.cell, len(model.stack.layers), len(said)) == ("lstm", 2, 1)
    other = {f"simple_rnn{key}": (4, 4) for key in lstm}
    with pytest.raises(elman.ConfigError, match="does not tell the order of its layers"):
        keras.read(weights(**ends, **two, **other))
    with pytest.raises(elman.ConfigError, match="weights layers/conv1d, of no layer that elman has"):
        keras.read(weights(**ends, **two, conv1d__vars__0=(2, 2)))
    with pytest.raises(elman.ConfigError, match="has 1 Embedding and 0 Dense layers"):
        keras.read(weights(**two, embedding__vars__0=(6, 4)))
    with pytest.raises(elman.ConfigError, match="go_backwards has 1 values for the 2 recurrent layers"):
        keras.read(weights(**ends, **two), go_backwards=[True])
    with pytest.raises(elman.ConfigError, match="activation of the lstm is swish"):
        keras.read(weights(**ends, **two), activation="swish")
    with pytest.raises(elman.ConfigError, match="says activations, go_backwards and mask_zero itself"):
        keras.read(HERE / "lstm.keras", mask_zero=False)
