"""How a value that is searched is written: a list, a range, or a list of tables."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields
from decimal import Decimal
from difflib import get_close_matches
from typing import Any

from elman.errors import ConfigError
from elman.storage.config import TrainConfig, by_name
from elman.storage.settings import TextSettings
from elman.storage.toml import typed
from elman.sweeps.dimensions import Choice, Dimension, Group, Option, Range

RANGE = ("low", "high", "log", "step")
"""What the table of a range may hold."""

_TYPES = {setting.name: setting.type for setting in fields(TrainConfig)}
_OF_TEXT = tuple(setting.name for setting in fields(TextSettings))


def read_dimension(name: str, value: Any) -> Dimension:
    """Return what one line of ``[search]`` says.

    Parameters
    ----------
    name : str
        The setting, or of tables any name.
    value : object
        Of TOML: a list, or a table with `low` and `high`.

    Raises
    ------
    ConfigError
        If the value is none of these, or not of the setting's type; the message names it.

    Examples
    --------
    >>> print(read_dimension("lr", {"low": 1e-4, "high": 0.01, "log": True}))
    lr 0.0001 to 0.01 (log)
    >>> read_dimension("hidden", {"low": 64, "hihg": 128})
    Traceback (most recent call last):
    elman.errors.ConfigError: [search] hidden has 'hihg', but a range is ...; did you mean 'high'?
    """
    if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
        return _group(name, value)
    name = setting_of(name)
    if isinstance(value, list):
        return _choice(name, value)
    if isinstance(value, dict):
        return _range(name, value)
    raise _wrong(name, f"is {value!r}: give a list of values or {{ low = ..., high = ... }}, or move it up")


def setting_of(key: str) -> str:
    """Return the name of the setting that a key stands for; raise ConfigError if there is none."""
    try:
        (name,) = by_name({key: None})
    except ConfigError as error:
        raise ConfigError(f"[search]: {error}") from None
    return name


def _wrong(name: str, why: str) -> ConfigError:
    return ConfigError(f"[search] {name} {why}")


def _choice(name: str, values: list[Any]) -> Choice:
    if "list" in str(_TYPES[name]):
        raise _wrong(name, "is a list by itself, and cannot be searched")
    found = tuple(_typed(name, value) for value in values)
    for value in found:
        if found.count(value) > 1:
            raise _wrong(name, f"has {value!r} twice: give each value once")
    if len(found) < 2:
        raise _wrong(name, f"needs two values or more to choose from, not {len(found)}")
    return Choice(name, found)


def _range(name: str, table: Mapping[str, Any]) -> Range:
    for key in table:
        if key not in RANGE:
            near = get_close_matches(key, RANGE, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            how = "a range is { low = ..., high = ... }, also with log = true or step = ..."
            raise _wrong(name, f"has {key!r}, but {how}{hint}")
    kind = str(_TYPES[name]).removesuffix(" | None")
    if kind not in ("int", "float"):
        raise _wrong(name, "is no number, and has no range: give a list of values")
    if name in _OF_TEXT:
        raise _wrong(name, "is encoded into the text once for every value: give a list of them, not a range")
    if "low" not in table or "high" not in table:
        raise _wrong(name, "has a range without both ends: give low and high")
    low, high = _number(name, "low", table["low"]), _number(name, "high", table["high"])
    if low >= high:
        raise _wrong(name, f"is from {low} to {high}: low must be less than high")
    log, step = table.get("log", False), table.get("step")
    if not isinstance(log, bool):
        raise _wrong(name, f"has log = {log!r}: give true or false")
    if log and low <= 0:
        raise _wrong(name, f"has low = {low}, which has no logarithm: give a number greater than 0")
    if log and step is not None:
        raise _wrong(name, "has log and step: give one of them")
    return Range(name, low, high, log, step if step is None else _step(name, low, high, step))


def _step(name: str, low: float, high: float, given: Any) -> float:
    step = _number(name, "step", given)
    if step <= 0:
        raise _wrong(name, f"has step = {step}: give a number greater than 0")
    span = Decimal(str(high)) - Decimal(str(low))
    if span % Decimal(str(step)):
        last = high - float(span % Decimal(str(step)))
        raise _wrong(name, f"does not get from {low} to {high} in steps of {step}: end at {last:g}, say")
    return step


def _number(name: str, key: str, value: Any) -> float:
    """Return a number of a range, of the setting's type and finite."""
    try:
        found: float = typed(key, _TYPES[name], value)
    except ConfigError as error:
        raise _wrong(name, f"has {key} = {value!r}: {error}") from None
    if found is None or not math.isfinite(found):
        raise _wrong(name, f"has {key} = {value}: give a finite number")
    return found


def _typed(name: str, value: Any) -> Any:
    try:
        return typed(name, _TYPES[name], value)
    except ConfigError as error:
        raise ConfigError(f"[search] {error}") from None


def _group(name: str, tables: list[Any]) -> Group:
    if len(tables) < 2:
        raise _wrong(name, "has one table to choose from: give two or more")
    options = []
    for table in tables:
        fixed, within, taken = dict[str, Any](), list[Choice | Range](), list[str]()
        for key, value in table.items():
            if isinstance(value, list | dict):
                dimension = read_dimension(key, value)
                if isinstance(dimension, Group):
                    raise _wrong(
                        name, f"has tables within a table, under {key}: give values, lists and ranges"
                    )
                within.append(dimension)
                taken.append(dimension.name)
            else:
                setting = setting_of(key)
                fixed[setting] = _typed(setting, value)
                taken.append(setting)
        if len(set(taken)) < len(taken):
            raise _wrong(name, "has a setting twice in one table, under two names: give it once")
        options.append(Option(fixed, tuple(within)))
        if not taken:
            raise _wrong(name, "has an empty table: give the settings that go together")
        if options.count(options[-1]) > 1:
            raise _wrong(name, "has the same table twice: give each once")
    return Group(name, tuple(options))
