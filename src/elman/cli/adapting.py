"""The options of ``elman evaluate`` for a model that adapts to the text."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from elman.cli.given import named, refuse

if TYPE_CHECKING:
    from elman.training.cache import Cache
    from elman.training.dynamic import Dynamic
    from elman.training.figures import Evaluation

OF_DYNAMIC = "dynamic_lr dynamic_decay dynamic_window"
OF_CACHE = "cache_theta cache_weight"


def dynamic_of(
    ctx: typer.Context, rule: str | None, lr: float | None, decay: float | None, window: int
) -> Dynamic | None:
    """Return how the model is to go on learning, if it is."""
    if rule is None:
        refuse(ctx, OF_DYNAMIC, "without --dynamic")
        return None
    from elman.training.dynamic import Dynamic

    with named(lr="--dynamic-lr", decay="--dynamic-decay", window="--dynamic-window"):
        return Dynamic(rule, lr, decay, window)


def cache_of(ctx: typer.Context, size: int | None, theta: float, weight: float) -> Cache | None:
    """Return what is to stand beside the model, if something is."""
    if size is None:
        refuse(ctx, OF_CACHE, "without --cache")
        return None
    from elman.training.cache import Cache

    with named(size="--cache", theta="--cache-theta", weight="--cache-weight"):
        return Cache(size, theta, weight)


def check(ctx: typer.Context, dynamic: Dynamic | None, cache: Cache | None, tune: bool) -> None:
    """Refuse options that have no effect with those given."""
    if dynamic is None and cache is None:
        if tune:
            refuse(ctx, "tune", "without --dynamic or --cache")
        return
    refuse(ctx, "batch", "with --dynamic or --cache, which read the text in one row")
    if dynamic is not None:
        refuse(ctx, "window", "with --dynamic, whose window is --dynamic-window")


@contextmanager
def waiting(dynamic: Dynamic | None, tune: bool) -> Iterator[None]:
    """Show at a terminal what takes its time, and how long it has taken."""
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    if not console.is_terminal:
        yield
        return
    what = "searching the numbers, then measuring" if tune else "measuring"
    text = f"{what}{', a model that learns' if dynamic is not None else ''}"
    columns = (SpinnerColumn(), TimeElapsedColumn(), TextColumn("{task.description}", markup=False))
    with Progress(*columns, console=console, transient=True) as bar:
        bar.add_task(text, total=None)
        yield


def methods(result: Evaluation) -> list[tuple[str, str]]:
    """Return lines that say how a text was measured, where not by the model as it is."""
    lines = []
    if result.dynamic is not None:
        lines.append(("dynamic", str(result.dynamic)))
    if result.cache is not None:
        lines.append(("cache", str(result.cache)))
    if result.tuned:
        lines.append(("tuned", f"on the first {result.tuned:,} tokens of the validation part"))
    return lines
