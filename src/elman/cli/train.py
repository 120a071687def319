"""``elman train``: from a text to a run."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from elman.cli.settings import collect, with_settings
from elman.errors import ConfigError

if TYPE_CHECKING:
    from elman.storage.config import TrainConfig
    from elman.training.session import Session


@with_settings
def train(
    text: Annotated[
        list[str] | None,
        typer.Argument(
            help="Files, folders, .gz files, or - for standard input. "
            "Without any, the text that every Python carries.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Directory of the run; by default a new one under runs/.")
    ] = None,
    config: Annotated[Path | None, typer.Option(help="TOML file with any of the options.")] = None,
    recipe: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Settings of a known model; what is given beside it goes before. "
            "elman info --recipes lists them.",
        ),
    ] = None,
    resume: Annotated[
        Path | None, typer.Option(help="Go on with this run, where its last checkpoint was made.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the run at --out.")] = False,
    workers: Annotated[
        str | None,
        typer.Option(
            metavar="N",
            help="Start so many ranks on this machine, as mpiexec -n N would; with auto in place of a "
            "number, several only where that is faster than --threads.",
        ),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print evaluations only, without samples.")] = False,
    profile: Annotated[
        bool, typer.Option("--profile", help="At the end print where the time went, part by part.")
    ] = False,
    **settings: Any,
) -> None:
    """Train a language model on a text.

    Ctrl-C and SIGTERM finish the step, save, and say how to go on.
    """
    from elman import api
    from elman.ranks.here import here, started_together
    from elman.ranks.launch import launch, launched
    from elman.training.opening import begin
    from elman.training.opening import resume as take_up

    def asked() -> tuple[TrainConfig | None, dict[str, Any]]:
        if resume is not None:
            if text or out or config or recipe or overwrite:
                raise ConfigError(
                    "--resume goes on with a run as it is: leave out texts, --out, --config, --recipe and "
                    "--overwrite"
                )
            return None, {"quiet": quiet}
        options = {"out": out and str(out), "overwrite": overwrite, "quiet": quiet, "recipe": recipe}
        collected, own = collect(config, text, settings, options)
        return collected, {**own, "out": own["out"] or api.default_out(collected)}

    if workers is not None and not launched():
        if started_together() > 1:
            raise ConfigError("--workers starts ranks, and mpiexec or srun has done so already: leave it out")
        number = _number_of(workers, _settings(resume, asked()[0]))
        if number > 1:
            raise typer.Exit(launch(number, sys.argv[1:]))

    # One process may die of a signal until there is something to save. Ranks note it from the beginning: all
    # are to end by themselves, in the first step that they make together.
    early: list[int] = []
    with noted_signals(early) if started_together() > 1 else nullcontext():
        ranks = here()
        collected, own = ranks.first(asked)  # a file of settings need not be seen from all machines
        if resume is not None:
            changes = {name: value for name, value in settings.items() if value is not None}
            opened = take_up(resume, changes, ranks=ranks)
        else:
            assert collected is not None
            opened = begin(collected, own["out"], overwrite=own["overwrite"], ranks=ranks)
        with opened as session:
            stopped = _trained(
                session, early, resumed=resume is not None, quiet=own["quiet"], profile=profile
            )
    if stopped and stopped[0] == signal.SIGINT:
        raise typer.Exit(130)


def _number_of(workers: str, config: TrainConfig) -> int:
    """Return how many ranks are asked for; `auto` goes by the settings."""
    from elman.training.shares import check_rows
    from elman.training.sharing import best_ranks

    if workers == "auto":
        return best_ranks(config)
    if not (workers.isdecimal() and int(workers)):
        raise ConfigError(f"--workers {workers}: give a number of ranks, 1 or more, or auto")
    check_rows(config.batch, int(workers))  # before they are started: they may be more than fit into memory
    return int(workers)


def _settings(resume: Path | None, collected: TrainConfig | None) -> TrainConfig:
    """Return the settings of the run that is begun or gone on with."""
    if collected is not None:
        return collected
    from elman.storage.run import Run

    assert resume is not None
    return Run.existing(resume).config


def _trained(
    session: Session, early: list[int], *, resumed: bool, quiet: bool, profile: bool
) -> list[int]:  # fmt: skip
    """Train a session to its end, or until a signal comes; return those that came. One rank alone prints."""
    from elman import api
    from elman.training.fit import fit

    if not session.ranks.leads:
        for _ in fit(session, stop=lambda: bool(early)):
            pass
        return early
    from elman.cli.progress import Reporter

    reporter = Reporter(session, quiet=quiet)
    reporter.begin(resumed=resumed)
    with noted_signals(early) as stopped, reporter.progress():
        sample = None if quiet else api.sampler(session)
        for event in fit(session, stop=lambda: bool(stopped), sample=sample, profile=profile):
            reporter.show(event)
    reporter.end()
    return stopped


@contextmanager
def noted_signals(received: list[int] | None = None) -> Iterator[list[int]]:
    """Note Ctrl-C and SIGTERM rather than die of them; a second Ctrl-C does end the program."""
    from elman.ranks.launch import STOP

    received = [] if received is None else received

    def note(number: int, frame: FrameType | None) -> None:
        if received and number == signal.SIGINT:
            raise KeyboardInterrupt
        received.append(number)

    numbers = {signal.SIGINT, signal.SIGTERM, STOP}
    before = {number: signal.signal(number, note) for number in numbers}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
