"""``elman sweep``: many trainings whose settings are searched."""

from __future__ import annotations

import json
import math
import signal
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from elman.cli.use import AsJson
from elman.errors import ConfigError


def sweep(
    config: Annotated[
        Path,
        typer.Argument(
            metavar="CONFIG",
            help="TOML file with settings of elman train, and a table [search] of those to search.",
            show_default=False,
        ),
    ],
    trials: Annotated[
        int, typer.Option(help="Trials of the study, those there are already included.", min=1)
    ],
    minutes: Annotated[
        float | None, typer.Option(help="Leave off after so many minutes; another call goes on.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the runs; by default sweeps/ and the name of the study.")
    ] = None,
    study: Annotated[
        str | None, typer.Option(metavar="NAME", help="Name of the study; by default that of CONFIG.")
    ] = None,
    storage: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Where the study is kept: a .journal file, a .db file of SQLite, or the URL of a database; "
            "by default study.journal in the folder.",
        ),
    ] = None,
    pruner: Annotated[
        str, typer.Option(help="What ends trials early: median, hyperband or none.")
    ] = "median",
    seed: Annotated[int, typer.Option(help="Of what is chosen.", min=0)] = 0,
    plot: Annotated[
        Path | None,
        typer.Option(
            help="Picture to write, .png or .svg (needs matplotlib); by default sweep.svg in the folder."
        ),
    ] = None,
    as_json: AsJson = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Leave out evaluations.")] = False,
) -> None:
    """Train many models whose settings are searched by Optuna (needs the extra "sweep").

    Processes with the same --storage and --study share its trials. Ctrl-C and SIGTERM finish the step and
    save; the same command goes on.
    """
    from elman.cli.advice import program
    from elman.cli.settings import own_option, read_settings
    from elman.cli.sweeping import Reporter
    from elman.cli.train import noted_signals
    from elman.insight.sweep_plots import plot_sweep
    from elman.sweeps.plan import Plan
    from elman.sweeps.storages import check_storage, require_optuna
    from elman.sweeps.sweep import Sweep, check_name

    require_optuna()
    name = study or config.stem
    check_name(name)
    if minutes is not None and not 0 < minutes < math.inf:
        raise ConfigError(f"minutes must be greater than 0, not {minutes:g}")
    own: dict[str, Any] = {"out": out and str(out), "quiet": quiet, "recipe": None}
    values = read_settings(config, (*own, "search"))
    own = {key: own_option(key, values.pop(key, None), given) for key, given in own.items()}
    folder = Path(own["out"] or f"sweeps/{name}")
    storage = storage or str(folder / "study.journal")
    check_storage(storage)
    picture = _picture(plot, folder)
    plan = Plan.read(values, own["recipe"])
    with Sweep(plan, folder, study=name, storage=storage, pruner=pruner, seed=seed) as opened:
        reporter = Reporter(opened, trials, quiet=own["quiet"], silent=as_json)
        reporter.begin()
        end = time.monotonic() + 60 * (minutes or math.inf)
        with noted_signals() as stopped:
            for event in opened.trials(trials, lambda: bool(stopped) or time.monotonic() >= end):
                reporter.show(event)
        found = reporter.results()
    if picture is not None and found.drawable:
        plot_sweep(found.trials, plan.space.scales, picture, measure=plan.measure)
    if as_json:
        print(json.dumps(found.as_dict(program()), ensure_ascii=False))
    else:
        reporter.end(found, picture, stopped=bool(stopped), over=time.monotonic() >= end)
    if stopped and stopped[0] == signal.SIGINT:
        raise typer.Exit(130)
    if not stopped:
        found.check()


def _picture(given: Path | None, folder: Path) -> Path | None:
    """Return where to draw, and see that it can be done before anything else is; None where it cannot."""
    from importlib.util import find_spec

    if given is None:
        return folder / "sweep.svg" if find_spec("matplotlib") else None
    from elman.insight.drawing import check_picture

    check_picture(given)
    return given
