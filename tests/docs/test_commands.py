"""Every ``elman`` command that a page shows can be given: options exist, and settings are valid."""

import tomllib
from dataclasses import fields

import pytest
import typer

from elman.cli.app import app
from elman.data import tokenizer_kind
from elman.errors import ConfigError, ElmanError
from elman.network import get_cell
from elman.storage.config import TrainConfig
from elman.storage.recipes import with_recipe
from elman.sweeps.plan import Plan

from .pages import blocks, commands, name, pages
from .test_cli_reference import generate_cli

SHOWN = [(page, command) for page in pages() for command in commands(page)]


def parse(command: list[str]) -> tuple[str, dict[str, object]]:
    """Parse a command as the command line does, without running it; return its name and its values."""
    group = typer.main.get_command(app)
    with group.make_context("elman", list(command), resilient_parsing=True) as outer:
        called, subcommand, rest = _resolve(group, outer, command)
        if hasattr(subcommand, "resolve_command"):  # a group, such as export
            called, subcommand, rest = _resolve(subcommand, outer, rest)
        with subcommand.make_context(called, rest, parent=outer) as inner:
            return called, dict(inner.params)


def _resolve(group, context, words):
    called, command, rest = group.resolve_command(context, list(words))
    if command is None:
        raise ConfigError(f"there is no command {words[0]!r}")
    return called, command, rest


def check(command: list[str]) -> None:
    """Parse a command, and see that what it asks for is there."""
    called, values = parse(command)
    if called == "train" and values["resume"] is None:
        known = {setting.name for setting in fields(TrainConfig)}
        # Texts are a tuple, empty where there are none.
        given = {
            k: list(v) if k == "text" else v for k, v in values.items() if k in known and v not in (None, ())
        }
        if values["recipe"]:
            given = with_recipe(str(values["recipe"]), given)
        tokenizer_kind(TrainConfig.from_mapping(given).tokens)
    if called in ("train", "gradcheck") and values["cell"]:
        get_cell(str(values["cell"]))


@pytest.mark.parametrize(("page", "command"), [pytest.param(p, c, id=f"{name(p)}: {c}") for p, c in SHOWN])
def test_a_command_that_a_page_shows_can_be_given(page, command):
    check(command)


def test_the_settings_files_that_pages_show_are_valid():
    shown = [block.body for page in pages() for block in blocks(page) if block.language == "toml"]
    assert shown
    for body in shown:
        values = tomllib.loads(body)
        if "search" in values:
            Plan.read(values).corners()
        else:
            TrainConfig.from_mapping(values)


def test_every_command_is_shown_on_some_page():
    named = {name for name, _ in generate_cli.commands(app)}
    groups = {name.split()[0] for name in named if " " in name}
    shown = {" ".join(command[: 2 if command[0] in groups else 1]) for _, command in SHOWN if command}
    assert shown == named


@pytest.mark.parametrize(
    "wrong",
    [
        ["train", "--hiden", "3"],
        ["train", "--steps", "many"],
        ["train", "--cell", "lstn"],
        ["train", "--tokens", "letters"],
        ["train", "text.txt", "--optimizer", "adem"],
        ["generates", "runs/mine"],
        ["export", "onyx", "runs/mine"],
        ["export", "onnx", "runs/mine", "--ot", "file.onnx"],
        ["next", "runs/mine"],
    ],
    ids=" ".join,
)
def test_a_wrong_command_is_told_from_a_right_one(wrong):
    complaint = next(base for base in typer.BadParameter.__mro__ if base.__name__ == "ClickException")
    with pytest.raises((ElmanError, complaint)):
        check(wrong)
