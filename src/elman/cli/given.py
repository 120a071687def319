"""Options that were given, and have no effect with others."""

from __future__ import annotations

import typer

from elman.errors import ConfigError


def refuse(ctx: typer.Context, names: str, why: str) -> None:
    """Raise ConfigError if one of these options was given on the command line.

    Parameters
    ----------
    ctx : typer.Context
        Of the command.
    names : str
        Of its parameters, with spaces between.
    why : str
        With or without what they have no effect, such as "with --beam".
    """
    for name in names.split():
        source = ctx.get_parameter_source(name)
        if source is not None and source.name == "COMMANDLINE":
            option = next(param.opts[0] for param in ctx.command.params if param.name == name)
            raise ConfigError(f"{option} has no effect {why}: leave it out")
