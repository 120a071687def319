"""Write the command-line reference from the commands themselves.

Run ``python docs/generate_cli.py`` after a change of the command line; a test says when it was forgotten.
The page is made from the declarations that ``--help`` is made from, and not from the text it prints, which
changes with the width of the terminal and the version of the libraries that draw it.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args, get_origin

import typer
from typer.models import ArgumentInfo, OptionInfo

from elman.cli.app import app

PAGE = Path(__file__).parent / "reference" / "cli.md"

HEAD = """\
# Command line

<!-- Made by docs/generate_cli.py from the commands; change their help, and run it. -->

`elman COMMAND --help` prints what stands here. An error is one line on standard error, and the exit status
is 2. The settings of `elman train` (all but those under *Options*) can also come from a TOML file, see
{doc}`/guide/training`.
"""

METAVARS = {int: "N", float: "X", str: "TEXT", Path: "PATH"}


def page() -> str:
    """Return the whole page."""
    return "\n".join([HEAD, *(_command(name, callback) for name, callback in commands(app))])


def commands(within: typer.Typer, prefix: str = "") -> Iterator[tuple[str, Callable[..., Any] | None]]:
    """Yield the name and function of every command, those of groups after the others: ``export onnx``."""
    for command in within.registered_commands:
        yield f"{prefix}{command.name}", command.callback
    for group in within.registered_groups:
        assert group.typer_instance is not None
        yield from commands(group.typer_instance, f"{prefix}{group.name} ")


def _command(name: str, callback: Callable[..., Any] | None) -> str:
    assert callback is not None
    arguments, groups = [], dict[str, list[str]]()
    for parameter in inspect.signature(callback, eval_str=True).parameters.values():
        if parameter.annotation is typer.Context:  # not for the user to give
            continue
        kind, info = _declared(parameter)
        if isinstance(info, ArgumentInfo):
            arguments.append((_argument(parameter, info), str(info.help)))
        else:
            group = info.rich_help_panel if isinstance(info.rich_help_panel, str) else "Options"
            groups.setdefault(group, []).append(_option(parameter, kind, info))
    usage = " ".join(["elman", name, *(shown for shown, _ in arguments), "[OPTIONS]"])
    lines = [f"## elman {name}\n", f"```text\n{usage}\n```\n", inspect.getdoc(callback) or "", ""]
    lines += [f"`{shown}`\n: {text}\n" for shown, text in arguments]
    for group, options in groups.items():
        if len(groups) > 1:
            lines.append(f"**{group}**\n")
        lines += ["| option | meaning |", "| --- | --- |", *options, ""]
    return "\n".join(lines)


def _declared(parameter: inspect.Parameter) -> tuple[Any, ArgumentInfo | OptionInfo]:
    """Return the type and the declaration out of ``Annotated[type, typer.Option(...)]``."""
    kind, info = get_args(parameter.annotation)
    return kind, info


def _argument(parameter: inspect.Parameter, info: ArgumentInfo) -> str:
    if isinstance(info.metavar, str):
        return info.metavar
    optional = parameter.default is not inspect.Parameter.empty
    return f"[{parameter.name.upper()} ...]" if optional else parameter.name.upper()


def _option(parameter: inspect.Parameter, kind: Any, info: OptionInfo) -> str:
    # Within Annotated the first name of an option stands where its default would.
    first = str(info.default) if str(info.default).startswith("-") else ""
    first = first or f"--{parameter.name.replace('_', '-')}"
    bare = next((k for k in _alternatives(kind) if k is not type(None)), str)
    metavar = info.metavar if isinstance(info.metavar, str) else METAVARS.get(bare, "")
    shown = first.replace("/", "`, `") if bare is bool else f"{first} {metavar}".strip()
    text = str(info.help)
    if parameter.default is inspect.Parameter.empty:
        text += " (required)"
    elif parameter.default not in (None, False, "") and "(default" not in text:
        text += f" (default {parameter.default})"
    for mark in "|<":
        text = text.replace(mark, f"\\{mark}")
    return f"| `{shown}` | {text} |"


def _alternatives(kind: Any) -> Iterator[Any]:
    """Yield the types within a union, and of a list that of its elements."""
    inner = get_args(kind)
    if not inner:
        yield kind
    elif get_origin(kind) is list:
        yield inner[0]
    else:
        for part in inner:
            yield from _alternatives(part)


if __name__ == "__main__":
    if sys.argv[1:] not in ([], ["--check"]):
        sys.exit(f"usage: {sys.argv[0]} [--check]")
    if sys.argv[1:] == ["--check"]:
        sys.exit(PAGE.read_text("utf-8") != page() and f"{PAGE} is not current: run python {sys.argv[0]}")
    PAGE.write_text(page(), encoding="utf-8")
