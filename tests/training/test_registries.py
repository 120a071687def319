"""What settings may be chosen is written where settings are read, and must be what the registries hold."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import fields
from inspect import signature
from typing import Any

import pytest

from elman.cli.use import CELL_NAMES
from elman.data import TOKENIZERS
from elman.data.corpus import DOCUMENTS
from elman.errors import ConfigError
from elman.network.cells import CELLS
from elman.network.connections import CONNECTIONS
from elman.network.initial import INPUT_INITIALIZERS, RECURRENT_INITIALIZERS
from elman.network.output import OUTPUTS, SETTINGS
from elman.network.regularisers import PENALTIES, RATES, Regularisers
from elman.ranks.sums import SUMS
from elman.storage.config import EFFECT, TrainConfig
from elman.storage.settings import LEARNING_RATES, RegulariserSettings
from elman.storage.settings.ranks import SCALINGS
from elman.training.opening import EXTENDABLE
from elman.training.optim import OPTIMIZERS
from elman.training.schedules import SCHEDULES, Schedule
from elman.training.settings import OPTIMIZER_SETTINGS, optimizer_of, schedule_of

HELP = {setting.name: setting.metadata["help"] for setting in fields(TrainConfig)}
PARAMETER = {"decay": "factor", "decay_every": "every", "decay_from": "first", "patience": "patience"}
"""What a schedule calls a setting."""


def test_the_choices_are_those_of_the_registries() -> None:
    choices = {setting.name: setting.metadata.get("choices") for setting in fields(TrainConfig)}
    assert {
        "connections": tuple(CONNECTIONS),
        "documents": DOCUMENTS,
        "dtype": ("float32", "float64"),
        "init": tuple(INPUT_INITIALIZERS),
        "init_recurrent": tuple(RECURRENT_INITIALIZERS),
        "optimizer": tuple(OPTIMIZERS),
        "output": (*OUTPUTS, "auto"),
        "schedule": tuple(SCHEDULES),
        "communicator": tuple(SUMS),
        "lr_scaling": tuple(SCALINGS),
    } == {name: words for name, words in choices.items() if words}
    assert LEARNING_RATES.keys() == OPTIMIZERS.keys()
    assert set(EXTENDABLE) <= HELP.keys()


@pytest.mark.parametrize(
    ("name", "registry"),
    [
        ("optimizer", OPTIMIZERS),
        ("schedule", SCHEDULES),
        ("cell", CELLS),
        ("tokens", {name for name, kind in TOKENIZERS.items() if kind.has_builder}),
        ("connections", CONNECTIONS),
        ("init", INPUT_INITIALIZERS),
        ("init_recurrent", RECURRENT_INITIALIZERS),
        ("output", OUTPUTS),
    ],
)
def test_the_help_names_every_choice(name: str, registry: Iterable[str]) -> None:
    assert set(registry) <= set(re.findall(r"[\w-]+", HELP[name]))


def test_the_other_help_texts_name_every_cell() -> None:
    assert list(CELLS) == re.split(r", | or ", CELL_NAMES)


def _having(registry: Mapping[str, Callable[..., object]], parameters: set[str]) -> set[str]:
    return {name for name, make in registry.items() if parameters & set(signature(make).parameters)}


def test_a_setting_has_an_effect_where_its_factory_takes_it() -> None:
    for name in OPTIMIZER_SETTINGS:
        chooser, users = EFFECT.get(name, ("optimizer", tuple(OPTIMIZERS)))
        assert chooser == "optimizer"
        assert set(users) == _having(OPTIMIZERS, {name})
    for name, parameter in PARAMETER.items():
        assert EFFECT[name][0] == "schedule"
        assert set(EFFECT[name][1]) == _having(SCHEDULES, {parameter})
    assert set(EFFECT["lr_min"][1]) == _having(SCHEDULES, {"floor", "min_lr"})
    for name, users in SETTINGS.items():
        assert EFFECT[name] == ("output", users)
        assert set(users) == _having(OUTPUTS, {name})


OTHER: dict[str, Any] = {
    "momentum": 0.5, "nesterov": True, "decay": 0.25, "decay_every": 3, "decay_from": 2, "patience": 2,
    "lr_min": 1e-4, "forget_bias": 2.0, "init_recurrent": "orthogonal", "tokenizer": "tokenizer.json",
    "vectors": "vec.txt",
    "cutoffs": "2,5", "samples": 4, "experts": 2, "topk_ratio": 0.5,
}  # fmt: skip


CHOOSERS: dict[str, Iterable[str]] = {
    "optimizer": OPTIMIZERS,
    "schedule": SCHEDULES,
    "cell": CELLS,
    "output": OUTPUTS,
    "communicator": SUMS,
    "tokens": [name for name, kind in TOKENIZERS.items() if kind.has_builder],
}


def _cases() -> Iterator[tuple[str, str, bool]]:
    for name, (chooser, users) in EFFECT.items():
        choices = CHOOSERS[chooser]
        for choice in choices:
            yield name, choice, choice in users


@pytest.mark.parametrize(("name", "choice", "used"), list(_cases()))
def test_a_setting_without_effect_is_refused(name: str, choice: str, used: bool) -> None:
    values = {EFFECT[name][0]: choice, name: OTHER[name]}
    if name == "nesterov" and used:
        values["momentum"] = 0.5
    if used:
        assert getattr(TrainConfig.from_mapping(values), name) == OTHER[name]
        return
    with pytest.raises(ConfigError, match=rf"^{name} \({OTHER[name]}\) has no effect with .* {choice}: "):
        TrainConfig.from_mapping(values)
    # A file that lists all defaults, as that of a run does, is no reason to complain.
    default = getattr(TrainConfig(), name)
    TrainConfig.from_mapping({EFFECT[name][0]: choice, name: default})


def test_settings_reach_the_optimiser() -> None:
    assert optimizer_of(TrainConfig(optimizer="rmsprop", momentum=0.5)).settings["momentum"] == 0.5
    sgd = optimizer_of(TrainConfig(optimizer="sgd", momentum=0.5, nesterov=True)).settings
    assert sgd == {"momentum": 0.5, "nesterov": True, "weight_decay": 0.0}
    for name in OPTIMIZERS:
        decays = [
            optimizer_of(TrainConfig(optimizer=name, weight_decay=value)).settings["weight_decay"]
            for value in (None, 0.0, 0.5)
        ]
        assert decays == [0.01 if name == "adamw" else 0.0, 0.0, 0.5]


def test_a_schedule_that_is_registered_is_built(monkeypatch: pytest.MonkeyPatch) -> None:
    def linear(lr: float, total: int, *, floor: float = 0.0, warmup: int = 0) -> Schedule:
        return lambda step, record=(): max(floor, lr * (1 - step / total))

    monkeypatch.setitem(SCHEDULES, "linear", linear)
    rate = schedule_of(TrainConfig(schedule="linear", lr=1.0, lr_min=0.25), horizon=10, epoch=5)
    assert [rate(step) for step in (0, 5, 9)] == [1.0, 0.5, 0.25]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"schedule": "step", "decay": 0.25, "decay_every": 2}, [1.0, 1.0, 0.25, 0.25]),
        ({"schedule": "step", "decay": 0.25}, [1.0, 1.0, 1.0, 0.25]),  # every epoch of 3
        ({"schedule": "step", "decay": 0.25, "decay_from": 1, "decay_every": 2}, [1.0, 1.0, 1.0, 0.25]),
        ({"schedule": "exponential", "decay": 0.25, "decay_every": 2}, [1.0, 0.5, 0.25, 0.125]),
        ({"schedule": "cosine", "lr_min": 0.5}, [1.0, 0.75, 0.5, 0.5]),
        ({"schedule": "constant", "warmup": 1}, [0.5, 1.0, 1.0, 1.0]),
        ({"schedule": "plateau", "lr_min": 0.75}, [1.0, 1.0, 0.75, 0.75]),
    ],
)
def test_settings_reach_the_schedule(values: dict[str, Any], expected: list[float]) -> None:
    rate = schedule_of(TrainConfig.from_mapping({**values, "lr": 1.0}), horizon=2, epoch=3)
    assert [rate(step, [(1, 2.0), (2, 3.0)]) for step in range(4)] == pytest.approx(expected)


def test_minutes_may_cut_a_warm_up_short() -> None:
    rate = schedule_of(TrainConfig(schedule="cosine", lr=1.0, warmup=100, minutes=1.0), horizon=4, epoch=3)
    assert [rate(step) for step in range(5)] == pytest.approx([0.25, 0.5, 0.75, 1.0, 0.0])


def test_a_forget_bias_goes_with_any_cell_that_has_a_forget_gate() -> None:
    for cell in ("lstm[elu,tanh,tanh]", "lstm[elu,tanh,tanh;peepholes]"):
        assert TrainConfig.from_mapping({"cell": cell, "forget_bias": 2.0}).forget_bias == 2.0
    for cell in ("lstm[elu,tanh,tanh;coupled]", "gru[elu,tanh]"):
        with pytest.raises(ConfigError, match=r"^forget_bias \(2.0\) has no effect with cell "):
            TrainConfig.from_mapping({"cell": cell, "forget_bias": 2.0})


def test_settings_of_regularisers_are_those_of_the_network() -> None:
    declared = {setting.name: setting.metadata for setting in fields(RegulariserSettings)}
    of_network = Regularisers().settings
    assert of_network.keys() == declared.keys() - {"weight_decay"}
    for name, default in of_network.items():
        assert getattr(TrainConfig(), name) == default
        assert (declared[name].get("below") == 1) == (name in RATES)
        assert (declared[name]["low"] == 0) == (name in (*RATES, *PENALTIES))
