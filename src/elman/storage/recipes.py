"""Recipes: settings under a name, as TOML files of the package."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import fields
from importlib.resources import files
from typing import Any

from elman.errors import ConfigError
from elman.storage.config import EFFECT, TrainConfig, by_name, has_use
from elman.storage.settings.text import DECIDED
from elman.storage.toml import parse_toml, typed

INSTEAD = {
    "lr": ("optimizer",),
    "momentum": ("optimizer",),
    "eval_epochs": ("eval_every",),
    "eval_every": ("eval_epochs",),
    "init_scale": ("init", "init_recurrent"),
    "max_vocab": ("tokenizer",),
    "min_count": ("tokenizer",),
}
"""Settings of a recipe that are dropped where one of others is given: a rate is that of its optimiser."""


def recipes() -> dict[str, str]:
    """Return the first line of every recipe, which describes it, by its name.

    Examples
    --------
    >>> recipes()["word-small"]
    'Words, LSTM 2 x 200: the small model of Zaremba et al. 2014'
    """
    return {name: recipe_text(name).partition("\n")[0].removeprefix("# ") for name in _names()}


def recipe_text(name: str) -> str:
    """Return a recipe as it is written, with its comments.

    Raises
    ------
    ConfigError
        If there is none of that name; the message has those that there are.
    """
    if name not in _names():
        near = difflib.get_close_matches(name, _names(), n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ConfigError(f"there is no recipe {name!r}; there are {', '.join(_names())}{hint}")
    return (files("elman.recipes") / f"{name}.toml").read_text("utf-8")


def _names() -> list[str]:
    found = sorted(file.name for file in files("elman.recipes").iterdir())
    return [name.removesuffix(".toml") for name in found if name.endswith(".toml")]


def with_recipe(name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a recipe, with those that are given in their place.

    What a recipe says and what is given beside it has no use for is dropped, such as its `decay` with another
    schedule: nobody asked for it. What is given is kept, whatever it is.

    Parameters
    ----------
    name : str
        The recipe.
    given : mapping of str to object
        Settings by name.

    Raises
    ------
    ConfigError
        If there is no such recipe, or a name that is given is unknown, or its value of the wrong type.

    Examples
    --------
    >>> found = with_recipe("word-small", {"hidden": 100, "schedule": "cosine"})
    >>> found["hidden"], found["lr"], "decay_from" in found
    (100, 20.0, False)
    """
    kinds = {setting.name: setting.type for setting in fields(TrainConfig)}
    given = {key: typed(key, kinds[key], value) for key, value in by_name(given).items()}
    together = {**parse_toml(recipe_text(name), f"the recipe {name}"), **given}
    kept = TrainConfig(**together)
    return {key: value for key, value in together.items() if key in given or not _idle(key, kept, given)}


def _idle(name: str, together: TrainConfig, given: Mapping[str, Any]) -> bool:
    """Say whether a setting of a recipe has no use beside what is given."""
    if any(given.get(other) is not None for other in INSTEAD.get(name, ())):
        return True
    if name in DECIDED and given.get("data") is not None:
        return True
    if name in ("hidden_last", "dropout_between") and together.layers == 1:
        return True
    if name == "hidden_last" and together.projection is not None:
        return True
    if name == "back" and given.get("window") is not None and given["window"] > (together.back or 0):
        return True
    if name == "warmup" and given.get("steps") is not None and given["steps"] <= together.warmup:
        return True
    chooser, users = EFFECT.get(name, ("", ()))
    return chooser in given and not has_use(name, chooser, given[chooser], users)
