"""Options that were given on the command line, and what is said of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import typer

from elman.errors import ConfigError


def typed(ctx: typer.Context, name: str) -> bool:
    """Return whether an option was typed, rather than left at its default."""
    source = ctx.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


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
        if typed(ctx, name):
            option = next(param.opts[0] for param in ctx.command.params if param.name == name)
            raise ConfigError(f"{option} has no effect {why}: leave it out")


@contextmanager
def named(**options: str) -> Iterator[None]:
    """Name the option in errors of settings that have another name within.

    Such an error begins with the setting, as all of them do.

    Parameters
    ----------
    **options
        The options by the names of the settings.

    Examples
    --------
    >>> with named(width="--beam"):
    ...     raise ConfigError("width must be a whole number of at least 1, not 0")
    Traceback (most recent call last):
    elman.errors.ConfigError: --beam must be a whole number of at least 1, not 0
    """
    try:
        yield
    except ConfigError as error:
        setting, _, rest = str(error).partition(" ")
        if setting not in options:
            raise
        raise ConfigError(f"{options[setting]} {rest}") from None
