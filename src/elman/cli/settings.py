"""Flags from the settings: every field of TrainConfig is an option, and none is written twice."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from dataclasses import MISSING, Field, fields
from pathlib import Path
from typing import Annotated, Any

import typer

from elman.errors import ConfigError
from elman.storage.config import TrainConfig, by_name, of_run
from elman.storage.recipes import with_recipe
from elman.storage.settings import ModelSettings, RegulariserSettings, TextSettings
from elman.storage.settings.text import DECIDED
from elman.storage.toml import read_toml

_PARTS = ("train", "valid", "test")
_DATA = ("data", "data_index")
_KINDS: dict[str, Any] = {"str": str, "int": int, "float": float, "bool": bool}


def with_settings(command: Callable[..., None]) -> Callable[..., None]:
    """Add an option for every setting to a command that takes them as keywords.

    An option that is not given is None, so that one from a file can be told from one from the command
    line.
    """
    return _with_options(command, fields(TrainConfig))


def with_network_settings(command: Callable[..., None]) -> Callable[..., None]:
    """Add an option for every setting of what the network computes, but for those that the command has."""
    own = {*inspect.signature(command).parameters, *_BEGINNINGS, *_UPDATES}
    of_network = (*fields(ModelSettings), *fields(RegulariserSettings))
    return _with_options(command, [setting for setting in of_network if setting.name not in own])


_BEGINNINGS = ("init", "init_recurrent", "init_scale", "forget_bias", "dtype")
_UPDATES = ("weight_decay",)


def with_text_settings(command: Callable[..., None]) -> Callable[..., None]:
    """Add an option for every setting of a text that is to be encoded."""
    unused = ("data", "vectors", "freeze_vectors")
    return _with_options(command, [setting for setting in fields(TextSettings) if setting.name not in unused])


def _with_options(command: Callable[..., None], settings: Iterable[Field[Any]]) -> Callable[..., None]:
    # Resolved here, where the command was written, since Typer will look in this module.
    own = inspect.signature(command, eval_str=True).parameters.values()
    positional = [p for p in own if p.kind is not inspect.Parameter.VAR_KEYWORD]
    options = [_option(setting) for setting in settings if setting.metadata.get("flag", True)]
    signature = inspect.Signature([*positional, *options])

    def run(**given: Any) -> None:
        command(**given)

    run.__doc__ = command.__doc__
    run.__name__ = command.__name__
    run.__signature__ = signature  # type: ignore[attr-defined]
    run.__annotations__ = {p.name: p.annotation for p in signature.parameters.values()}
    return run


def _option(setting: Field[Any]) -> inspect.Parameter:
    kind: Any = _KINDS[str(setting.type).removesuffix(" | None")]
    flag = f"--{setting.name.replace('_', '-')}"
    names = [f"{flag}/--no-{flag[2:]}"] if kind is bool else [flag]
    names += [setting.metadata["also"]] if "also" in setting.metadata else []
    default = setting.default
    shown = default if default not in (None, MISSING, False) else None
    option = typer.Option(
        *names,
        help=setting.metadata["help"] + (f" (default {shown})" if shown is not None else ""),
        rich_help_panel=setting.metadata["group"],
        show_default=False,
        metavar=_metavar(kind),
    )
    annotation: Any = Annotated[kind | None, option]
    return inspect.Parameter(
        setting.name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation
    )


def _metavar(kind: type) -> str | None:
    return {str: "TEXT", int: "N", float: "X", bool: None}[kind]


def collect(
    config_file: Path | None, text: list[str] | None, given: dict[str, Any], own: dict[str, Any]
) -> tuple[TrainConfig, dict[str, Any]]:
    """Return the settings, and the command's own options.

    Those of the command line go before those of the file, and these before those of the recipe.

    Parameters
    ----------
    config_file : Path or None
        TOML file with any of either.
    text : list of str or None
        The arguments.
    given : dict
        Settings from the command line; None where not given.
    own : dict
        The command's own options (`out`, `overwrite`, `quiet`, `recipe`); None or False where not given.
    """
    values = read_settings(config_file, own) if config_file else {}
    options = {name: own_option(name, values.pop(name, None), given) for name, given in own.items()}
    values.update({name: value for name, value in given.items() if value is not None})
    # A text on the command line takes the place of that of the file, whichever way either is given.
    if text:
        values = _without(values, (*_PARTS, *_DATA), given)
        values["text"] = text
    elif given.get("train"):
        values = _without(values, ("text", *_DATA), given)
    elif given.get("data"):
        values = _without(values, ("text", "data_index", *_PARTS, *DECIDED), given)
    if options["recipe"]:
        values = with_recipe(options["recipe"], values)
    return TrainConfig.from_mapping(values), options


def _without(values: dict[str, Any], names: Iterable[str], given: dict[str, Any]) -> dict[str, Any]:
    """Return settings without some of a file's; those of the command line stay."""
    return {name: value for name, value in values.items() if name not in names or given.get(name) is not None}


def read_settings(path: Path, own: Iterable[str]) -> dict[str, Any]:
    """Return what a settings file says, under the names of the settings and of the command's own options."""
    from elman.storage.tensors import check_format

    values = read_toml(path)
    # The settings file of a run can be given back; these two describe the run, not the training.
    if "format" in values:
        check_format(values.pop("format"), path)
        values.pop("vocab_size", None)
        values = of_run(values)
    return by_name(values, own)


def own_option(name: str, filed: Any, given: Any) -> Any:
    """Return an option of the command: as given, or as the file has it."""
    kind = bool if isinstance(given, bool) else str
    if filed is not None and type(filed) is not kind:
        raise ConfigError(f"{name} must be of type {kind.__name__}, not {filed!r}")
    return given or filed or (False if kind is bool else None)
