"""The settings: checked, and the same after a round trip through TOML."""

from __future__ import annotations

import math
import tomllib
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elman.errors import ConfigError
from elman.storage.config import TrainConfig
from elman.storage.toml import read_toml

# Any text that UTF-8 can hold, control characters and quotation marks included.
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@given(
    text=st.lists(TEXTS, max_size=3),
    lr=st.floats(min_value=1e-300, max_value=1e300),
    seed=st.integers(0, 2**63 - 1),
    lowercase=st.booleans(),
    max_vocab=st.none() | st.integers(2, 10**9),
    cell=TEXTS,
)
def test_toml_round_trip(**values: Any) -> None:
    config = TrainConfig.from_mapping(values)
    written = config.to_toml()
    assert TrainConfig.from_mapping(tomllib.loads(written)) == config
    assert written.endswith("\n")
    assert "\n\n" not in written  # a line each


def test_every_setting_is_described_and_has_a_default() -> None:
    TrainConfig().validate()
    for setting in fields(TrainConfig):
        assert setting.metadata["help"].endswith("."), setting.name
        assert setting.metadata["group"] in ("Text", "Model", "Regularisers", "Training", "Ranks", "Length")
    assert TrainConfig.from_mapping({}) == TrainConfig()


def test_names_with_hyphens_are_those_of_the_flags() -> None:
    assert TrainConfig.from_mapping({"eval-every": 5}).eval_every == 5


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"hiden": 3}, "did you mean 'hidden'"),
        ({"layer_norm": True, "hidden": 1}, "layer_norm needs layers of two units or more"),
        ({"layer_norm": True, "layers": 2, "hidden_last": 1}, "layer_norm needs layers of two units or more"),
        ({"layer_norm": True, "cell": "sru"}, "layer_norm is not there for cell sru"),
        ({"connections": "dense"}, "connections must be one of none, residual, highway"),
        ({"connections": "residual", "layers": 1}, "no layer is as wide as its input \\(64 to 128\\)"),
        ({"connections": "highway", "hidden_last": 8}, "\\(64 to 128, 128 to 8\\); give more layers"),
        ({"hidden": None}, "hidden must be of type int"),
        ({"hidden": 3.0}, "hidden must be of type int"),
        ({"lr": "fast"}, "lr must be of type float"),
        ({"lr": math.nan}, "lr must be a finite number"),
        ({"lr": math.inf}, "lr must be a finite number"),
        ({"lr": 0}, "lr must be greater than 0"),
        ({"lr": -1}, "lr must be at least 0"),
        ({"dropout": 1.0}, "dropout must be less than 1"),
        ({"decay": 1.5}, "decay must be at most 1"),
        ({"lr_min": 0.1}, "at most lr"),
        ({"back": 3}, "at least the window"),
        ({"tied": True}, "--embedding 128"),
        ({"nesterov": True, "optimizer": "sgd"}, "nesterov needs a momentum"),
        ({"text": ["a"], "train": "b"}, "not both"),
        ({"test": "b"}, "name the text by train as well"),
        ({"split": "1/2"}, "three numbers"),
        ({"split": "80/10/10", "train": "a"}, "split has no effect"),
        ({"dropout_between": 0.1, "layers": 1}, "dropout_between .0.1. has no effect with layers 1"),
        ({"variational": True}, "variational has no effect where nothing is dropped"),
        ({"variational": True, "zoneout": 0.1}, "variational has no effect where nothing is dropped"),
        ({"zoneout_cell": 0.1, "cell": "gru"}, "zoneout_cell .0.1. has no effect with cell gru"),
        ({"zoneout": 1.0}, "zoneout must be less than 1"),
        ({"dropout_weights": -0.1}, "dropout_weights must be at least 0"),
        ({"temporal_reg": -1.0}, "temporal_reg must be at least 0"),
        ({"split": "90/0/10", "early_stop": 3}, "early_stop goes by the validation loss"),
        ({"train": "a", "schedule": "plateau"}, "plateau goes by the validation loss"),
        ({"warmup": 9, "steps": 9}, "warmup .9. must be less than the 9 steps"),
        ({"eval-every": 3, "eval_every": 4}, "eval_every is given twice"),
        ({"split": "a/b/c"}, "three numbers"),
        ({"split": "50/30/30"}, "sum to 100"),
        ({"split": "-10/100/10"}, "three numbers"),
        ({"init_scale": 0}, "init_scale must be greater than 0"),
        ({"init_scale": 0.1, "init": "glorot"}, r"init .glorot. has no effect with init_scale"),
        ({"init_scale": 0.1, "init_recurrent": "identity"}, "init_recurrent .identity. has no effect with"),
        ({"weight_decay": -1}, "weight_decay must be at least 0"),
        ({"decay_from": 2}, "decay_from .2. has no effect with schedule cosine"),
    ],
)
def test_values_that_cannot_be(values: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        TrainConfig.from_mapping(values)


@pytest.mark.parametrize(
    ("split", "expected"),
    [
        ("90/5/5", (0.9, 0.05, 0.05)),
        ("0.8/0.1/0.1", (0.8, 0.1, 0.1)),
        ("80,10,10", (0.8, 0.1, 0.1)),
        ("100/0/0", (1.0, 0.0, 0.0)),
        ("33.3333333/33.3333333/33.3333333", (1 / 3, 1 / 3, 1 / 3)),
    ],
)
def test_split(split: str, expected: tuple[float, ...]) -> None:
    parts = TrainConfig(split=split).fractions()
    assert parts == pytest.approx(expected)
    assert sum(parts) == pytest.approx(1.0, abs=1e-12)


def test_each_optimiser_has_a_rate_of_its_own() -> None:
    assert TrainConfig(optimizer="sgd").learning_rate() == 1.0
    assert TrainConfig(optimizer="adam").learning_rate() == 0.002
    assert TrainConfig(optimizer="adam", lr=0.5).learning_rate() == 0.5


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    for path in (tmp_path / "none.toml", tmp_path):
        with pytest.raises(ConfigError, match="cannot read"):
            read_toml(path)
    for body in (b"a = ", b"\xff", b"a = 1\na = 2"):
        (tmp_path / "bad.toml").write_bytes(body)
        with pytest.raises(ConfigError, match=r"bad\.toml is not valid TOML"):
            read_toml(tmp_path / "bad.toml")
