"""What a sweep shows: a line for each trial as it goes, and a table at the end."""

from __future__ import annotations

import shlex
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from elman.cli.advice import program
from elman.cli.progress import clock
from elman.sweeps.dimensions import said, shown
from elman.sweeps.records import Record, count
from elman.sweeps.results import Results, near
from elman.sweeps.sweep import Sweep
from elman.sweeps.trial import Event, TrialBegun, TrialEvaluated

CLOSED = ("max_vocab", "min_count", "lowercase", "tokens")
"""Searched settings that change which words are unknown."""


class Reporter:
    """Prints a sweep.

    Parameters
    ----------
    sweep : Sweep
        What is done.
    trials : int
        How many were asked for.
    quiet : bool
        Leave out evaluations.
    silent : bool
        Print nothing at all before the end.
    """

    def __init__(self, sweep: Sweep, trials: int, *, quiet: bool, silent: bool) -> None:
        self.sweep, self.wanted, self.quiet = sweep, trials, quiet
        self.console = Console(highlight=False, markup=False, emoji=False, soft_wrap=True, quiet=silent)
        self.best = self.results().best

    def begin(self) -> None:
        """Say what is searched, and where the study stands."""
        sweep, study = self.sweep, self.sweep.study
        done = count(study.records())
        self._line("sweep", f"{sweep.out}, study {study.name} in {study.storage}")
        self._line("trials", f"{self.wanted:,}" + (f", of which {done:,} there already" if done else ""))
        for corpus in sweep.corpora.values():
            sizes = ", ".join(f"{part.tokens:,} {name}" for name, part in corpus.parts.items())
            self._line(
                "text",
                f"{sizes} {corpus.tokenizer.name} tokens, vocabulary of {corpus.tokenizer.vocab_size:,}",
            )
        self._line("search", str(sweep.plan.space))
        kinds = [corpus.tokenizer for corpus in sweep.corpora.values()]
        if len(kinds) > 1:
            self._line("note", f"trials differ in what a token is, and are compared by {sweep.plan.measure}")
            if not all(kind.open for kind in kinds):
                self._line("note", "what is <unk> costs little: with a smaller vocabulary trials look better")

    def show(self, event: Event) -> None:
        """Print an event."""
        if isinstance(event, TrialBegun):
            again = "" if event.again is None else f", again for {event.again}"
            self._line(f"trial {event.number}", said(event.settings) + again)
        elif isinstance(event, TrialEvaluated):
            if not self.quiet:
                self._line("", f"step {event.step:,}  valid {event.loss:.4f}")
        else:
            record = event.record
            better = record.state == "complete" and (self.best is None or _loss(record) < _loss(self.best))
            self.best = record if better else self.best
            loss = "" if record.loss is None else f"valid {record.loss:.4f}  "
            self._line(
                "", f"{loss}{state_of(record)}  {_time(record.seconds)}" + ("  *best" if better else "")
            )

    def results(self) -> Results:
        """Return what there is."""
        study, plan = self.sweep.study, self.sweep.plan
        return Results.of(study.name, study.storage, plan.measure, plan.space.names, study.records())

    def end(self, found: Results, picture: Path | None, *, stopped: bool, over: bool) -> None:
        """Print the table, where the picture is, and what to do next."""
        if found.records:
            self.console.print()
        for line in table(found):
            self.console.print(line)
        if picture is not None and found.drawable:
            self.console.print(f"The picture is in {near(picture)}.")
        if count(found.records) < self.wanted or any(r.state == "running" for r in found.records):
            self._unfinished(found, stopped=stopped, over=over)
        if found.best is None:
            return
        words = found.longer()
        if words:
            self.console.print("Train the best one longer:")
            self.console.print(f"  {program()} {shlex.join(words)}")
        else:
            self.console.print(f"The run of the best one is {found.best.run} on {found.best.host}.")

    def _unfinished(self, found: Results, *, stopped: bool, over: bool) -> None:
        states = Counter(record.state for record in found.records)
        done, running = count(found.records) - states["running"], states["running"]
        why = "Stopped" if stopped else "The minutes are over" if over else "The trials are all given out"
        here = f", {running:,} at work in other processes" if running else ""
        self.console.print(f"{why}: {done:,} of {self.wanted:,} trials are done{here}.")
        if stopped or over:
            self.console.print("Go on by the same command:")
            self.console.print(f"  {program()} {shlex.join(sys.argv[1:])}")

    def _line(self, head: str, text: str) -> None:
        self.console.print(Text(f"{head:<10}", style="bold"), end="")
        self.console.print(Text(text))


def _time(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 10 else clock(seconds)


def _loss(record: Record) -> float:
    assert record.loss is not None  # it is complete
    return record.loss


def state_of(record: Record) -> str:
    """Return how a trial ended, in words.

    >>> state_of(Record(3, "pruned", (2.5, 2.4)))
    'pruned at evaluation 2'
    """
    if record.state == "pruned":
        return f"pruned at evaluation {len(record.losses)}"
    return f"{record.state}: {record.error}" if record.error else record.state


def table(found: Results) -> list[str]:
    """Return the trials as lines of a table, the best first; errors stand below it."""
    head = ["trial", "valid", "state", "time", *found.names]
    rows = [
        [
            str(record.number),
            "-" if record.loss is None else f"{record.loss:.4f}",
            record.state if record.state == "failed" else state_of(record).partition(":")[0],
            _time(record.seconds) if record.seconds else "-",
            *(shown(record.settings.get(name)) for name in found.names),
        ]
        for record in found.records
    ]
    return [*_aligned([head, *rows]), *_errors(found.records)]


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def _errors(records: Sequence[Record]) -> list[str]:
    """Return what went wrong, a line for all trials in which it was the same."""
    found: dict[str, list[str]] = {}
    for record in records:
        if record.error:
            found.setdefault(record.error, []).append(str(record.number))
    return [f"trial{'s' * (len(them) > 1)} {', '.join(them)}: {error}" for error, them in found.items()]
