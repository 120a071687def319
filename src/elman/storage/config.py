"""All settings of a training run as one: one dataclass, one flat TOML file, one flag each."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from difflib import get_close_matches
from typing import Any

from elman.errors import ConfigError
from elman.storage.settings import (
    LengthSettings,
    ModelSettings,
    RanksSettings,
    RegulariserSettings,
    TextSettings,
    TrainingSettings,
)
from elman.storage.settings.text import DECIDED, no_effect_with_data
from elman.storage.toml import toml_value, typed


@dataclass
class TrainConfig(
    LengthSettings, RanksSettings, TrainingSettings, RegulariserSettings, ModelSettings, TextSettings
):
    """All settings of a training run, by the names of the command line's flags.

    Each is described by ``elman train --help``. Values are checked by :meth:`validate`, and by
    :meth:`from_mapping` when they come from a file.

    Raises
    ------
    ConfigError
        From those methods: a key is unknown (the message names the nearest), a value has the wrong type
        or is out of range, or two settings contradict each other.

    Examples
    --------
    >>> import elman
    >>> elman.TrainConfig.from_mapping({"hiden": 64})
    Traceback (most recent call last):
    ...
    elman.errors.ConfigError: unknown setting 'hiden'; did you mean 'hidden'?
    """

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> TrainConfig:
        """Build a validated configuration from keys and values, as read from TOML.

        Parameters
        ----------
        values : mapping of str to object
            Settings by name; ``-`` may stand for ``_``.

        Returns
        -------
        TrainConfig
            With the defaults for all settings that were not given.

        Raises
        ------
        ConfigError
            If a name is unknown, or a value has the wrong type or is out of range.
        """
        known = {setting.name: setting for setting in fields(cls)}
        named = by_name(values)
        if named.get("data") is not None and named.get("data_index") is None:
            for name in DECIDED:
                if name in named:  # even if it is the default
                    raise no_effect_with_data(name)
        config = cls(**{name: typed(name, known[name].type, value) for name, value in named.items()})
        config.validate()
        return config

    def validate(self) -> None:
        """Raise ConfigError for the first setting that is out of range or contradicts another."""
        for setting in fields(self):
            _check_value(setting.name, getattr(self, setting.name), setting.metadata)
        self.check_text()
        self.check_model()
        self.check_training()
        self.check_regularisers(self.cell, self.layers)
        self.check_ranks()
        self.check_rate(self.batch, self.learning_rate(), self.lr_min)
        self.check_length()
        if self.steps and self.warmup >= self.steps:
            raise ConfigError(
                f"warmup ({self.warmup}) must be less than the {self.steps:,} steps of the run, or the rate "
                "never gets to its full height"
            )
        self._check_effect()

    def _check_effect(self) -> None:
        """Raise ConfigError for a setting that would change nothing, since another has no use for it."""
        for name, (chooser, users) in EFFECT.items():
            value, choice = getattr(self, name), getattr(self, chooser)
            if value != _DEFAULTS[name] and not has_use(name, chooser, choice, users):
                raise ConfigError(
                    f"{name} ({value}) has no effect with {chooser} {choice}: "
                    f"leave it out, or choose {' or '.join(users)}"
                )
        self.check_validation(self.validated)

    def check_validation(self, validated: bool) -> None:
        """Raise ConfigError for a setting that goes by the validation loss, where there is none.

        Parameters
        ----------
        validated : bool
            Whether there is a validation part.

        Raises
        ------
        ConfigError
            If there is not, and a setting goes by it.
        """
        if validated:
            return
        going_by = {
            "early_stop": self.early_stop, "average": self.average, "plateau": self.schedule == "plateau",
        }  # fmt: skip
        for name, asked in going_by.items():
            if asked:
                raise ConfigError(
                    f"{name} goes by the validation loss, but there is no validation part: "
                    "give one by valid or split, or leave it out"
                )

    def to_toml(self) -> str:
        """Return the settings as TOML, a line each; those that are None are left out."""
        lines = []
        for setting in fields(self):
            value = getattr(self, setting.name)
            if value is not None:
                lines.append(f"{setting.name} = {toml_value(value)}")
        return "\n".join(lines) + "\n"


_DEFAULTS = {setting.name: setting.default for setting in fields(TrainConfig)}

EFFECT = {
    "momentum": ("optimizer", ("sgd", "rmsprop")),
    "nesterov": ("optimizer", ("sgd",)),
    "decay": ("schedule", ("step", "exponential", "plateau")),
    "decay_every": ("schedule", ("step", "exponential")),
    "decay_from": ("schedule", ("step",)),
    "patience": ("schedule", ("plateau",)),
    "lr_min": ("schedule", ("cosine", "plateau")),
    "forget_bias": ("cell", ("lstm", "lstm-peephole", "minlstm")),
    "init_recurrent": (
        "cell", ("rnn", "rnn-relu", "lstm", "lstm-peephole", "lstm-coupled", "gru", "gru-before", "mgu"),
    ),
    "cutoffs": ("output", ("adaptive",)),
    "samples": ("output", ("sampled", "nce")),
    "experts": ("output", ("mixture",)),
    "tokenizer": ("tokens", ("bpe",)),
    "topk_ratio": ("communicator", ("topk",)),
    "vectors": ("tokens", ("char", "word", "space")),
}  # fmt: skip
"""Settings that only some choices of another setting have a use for: that other, and those choices."""


def has_use(name: str, chooser: str, choice: str, users: tuple[str, ...]) -> bool:
    """Say whether that choice has a use for the setting of EFFECT; a cell says so itself."""
    if chooser != "cell":
        return choice in users
    from elman.network.cells import ScanCell, get_cell  # loads NumPy: only where there is something to say

    cell = get_cell(choice)
    return cell.forget is not None if name == "forget_bias" else not isinstance(cell, ScanCell)


def _check_value(name: str, value: Any, allowed: Mapping[str, Any]) -> None:
    """Raise ConfigError if a value is not among those that its declaration allows."""
    if value is None:
        return
    if isinstance(value, float) and not math.isfinite(value):
        raise ConfigError(f"{name} must be a finite number, not {value}")
    low, above, below, choices = (allowed.get(key) for key in ("low", "above", "below", "choices"))
    if low is not None and value < low:
        raise ConfigError(f"{name} must be at least {low}, not {value}")
    if above is not None and value <= above:
        raise ConfigError(f"{name} must be greater than {above}")
    if below is not None and value >= below:
        raise ConfigError(f"{name} must be less than {below}, not {value}")
    if choices is not None and value not in choices:
        raise ConfigError(f"{name} must be one of {', '.join(choices)}, not {value!r}")


def of_run(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that a run has written, without what an earlier version wrote and did not use.

    Every version writes down all settings that have a value. The first versions had a weight decay for adamw
    alone, wrote it down whatever the optimizer, and had no zoneout, which all since have.

    Examples
    --------
    >>> of_run({"optimizer": "adam", "weight_decay": 0.01})
    {'optimizer': 'adam'}
    >>> of_run({"optimizer": "adam", "weight_decay": 0.01, "zoneout": 0.0})["weight_decay"]
    0.01
    """
    idle = "zoneout" not in values and values.get("optimizer") != "adamw"
    return {name: value for name, value in values.items() if not (idle and name == "weight_decay")}


ALIASES = {"vocab_size": "max_vocab"}
"""Other names of settings."""


def by_name(values: Mapping[str, Any], also: Iterable[str] = ()) -> dict[str, Any]:
    """Return values under the names of the fields, with `_` for `-`.

    Parameters
    ----------
    values : mapping of str to object
        Settings, as from TOML.
    also : iterable of str
        Names that are known beside those of the settings.

    Raises
    ------
    ConfigError
        If a name is not known (the message has the nearest that is), or given twice.
    """
    known = [*_DEFAULTS, *also]
    named: dict[str, Any] = {}
    for key, value in values.items():
        name = key.replace("-", "_")
        name = ALIASES.get(name, name)
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise ConfigError(f"unknown setting {key!r}{hint}")
        if name in named:
            raise ConfigError(f"{name} is given twice, under two names: give it once")
        named[name] = value
    return named
