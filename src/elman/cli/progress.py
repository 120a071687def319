"""What training shows while it runs: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.text import Text

from elman.cli.advice import as_argument, program, prompt_from
from elman.cli.figures import in_a_line, of_what
from elman.storage.config import TrainConfig
from elman.training.evaluation import unigram_loss
from elman.training.events import Evaluated, Event, Finished
from elman.training.loop import StepRecord
from elman.training.pace import Slow
from elman.training.profile import Profile
from elman.training.session import Session

PLAIN_SECONDS = 15.0  # between lines where there is no terminal
PROMPT_FROM = 400  # tokens at the beginning of the text, for a prompt to try
SMOOTHING = 0.98  # of the loss and the speed that are shown


class Reporter:
    """Prints a training session.

    Parameters
    ----------
    session : Session
        What is trained.
    quiet : bool
        Leave out samples and the bar.
    """

    def __init__(self, session: Session, *, quiet: bool) -> None:
        self.session, self.quiet = session, quiet
        # Engines give their ranks a terminal that is none.
        plain: dict[str, Any] = {"force_terminal": False} if session.ranks.size > 1 else {}
        # Paths and texts are shown as they are: "[music]" is no markup, and ":cat:" no picture.
        self.console = Console(highlight=False, markup=False, emoji=False, soft_wrap=True, **plain)
        self.finished: Finished | None = None
        self._loss = self._speed = self._weight = 0.0
        self._last = time.monotonic()
        self._tokens = session.progress.tokens
        self._resumed, self._first_tokens = False, session.progress.tokens
        self._printed = time.monotonic()
        self._base = 0.0  # the loss of the frequencies, once it is known
        self._bar: Progress | None = None
        self._task = TaskID(0)

    def begin(self, *, resumed: bool) -> None:
        """Say what is trained on what, and how good knowing nothing but frequencies would be."""
        self._resumed = resumed
        session, config = self.session, self.session.config
        parts, tokenizer = session.corpus.parts, session.corpus.tokenizer
        sizes = ", ".join(f"{part.tokens:,} {name}" for name, part in parts.items())
        model = session.model
        reach = f", back {config.back}" if config.back else ""
        window = f"{'about ' if config.random_window else ''}{config.window}"
        self._line(
            "run", str(session.run.path) + (f", from step {session.progress.step:,}" if resumed else "")
        )
        kind = "open" if tokenizer.open else "closed"
        self._line("text", f"{sizes} {tokenizer.name} tokens, {kind} vocabulary of {tokenizer.vocab_size:,}")
        for note in (*session.corpus.notes, *session.notes):
            self._line("note", note)
        valid = parts.get("valid")
        if valid is not None and valid.unknown and not parts["train"].unknown and config.tokenizer is None:
            self._line(
                "note",
                f"{valid.unknown:,} validation tokens do not occur in the training text, from which <unk> "
                "is then never learnt; --min-count 2 would teach it",
            )
        last = "" if config.hidden_last is None else f", the last {config.hidden_last}"
        more = f"{config.connections} connections, " if config.connections != "none" else ""
        more = f"normalised, {more}" if config.layer_norm else more
        more = f"{more}learnt first state, " if config.learn_state else more
        self._line(
            "model",
            f"{config.cell} {config.layers} x {config.hidden}{last}, embedding {config.embedding}, "
            f"{more}{_output(config)}{model.n_params:,} parameters, {config.dtype}",
        )
        rate, threads = config.learning_rate() * config.scale_of(config.batch), session.threads
        ranks = f"{session.ranks.size} ranks of " if session.ranks.size > 1 else ""
        self._line(
            "train",
            f"{config.batch} rows x {window} steps{reach}, {config.optimizer}, rate {rate:g} "
            f"({config.schedule}), {_length(session)}, {ranks}{threads} thread{'s' * (threads != 1)}",
        )
        if valid is not None:
            self._base = unigram_loss(parts["train"], valid, tokenizer.vocab_size)
            self._line(
                "to beat",
                f"{self._base:.3f} nats a token, the validation loss of knowing only how often each occurs",
            )

    @contextmanager
    def progress(self) -> Iterator[None]:
        """Show a bar meanwhile, if there is a terminal."""
        if self.quiet or not self.console.is_terminal:
            yield
            return
        columns = (BarColumn(bar_width=20), TextColumn("{task.fields[line]}", markup=False))
        with Progress(*columns, console=self.console, transient=True, refresh_per_second=4) as bar:
            self._bar = bar
            self._task = bar.add_task("train", total=None, line="")
            yield
        self._bar = None

    def show(self, event: Event) -> None:
        """Show what happened."""
        if isinstance(event, StepRecord):
            self._step(event)
        elif isinstance(event, Evaluated):
            self._evaluated(event)
        elif isinstance(event, Slow):
            self._line(
                "slow",
                f"rank {event.rank} on {event.host} takes {event.times:.1f} times as long for a step as the "
                "others, which wait for it",
            )
        else:
            self.finished = event

    def end(self) -> None:
        """Say how it ended, where the time went if that was asked, and what to type next."""
        finished, run, name = self.finished, self.session.run, as_argument(self.session.run.path)
        if finished is None:
            return
        if finished.profile is not None:
            self.console.print("\n" + profile_table(finished.profile, self.session.config.threads or 1))
        if finished.reason == "stopped":
            self.console.print(f"\nStopped and saved at step {finished.step:,}. Go on with:")
            self.console.print(f"  {program()} train --resume {name}")
            return
        if self._resumed and self.session.progress.tokens == self._first_tokens:
            self.console.print(f"\nThis run was at its end, {self._end()}; give a larger number to go on.")
            return
        planned = 0 < self.session.progress.horizon <= finished.step
        reason = "time" if planned and self.session.known_length() != finished.step else finished.reason
        why = {"done": "Done", "time": "Time is up", "early": "No more progress: stopped early"}[reason]
        self.console.print(f"\n{why} after {finished.step:,} steps, {clock(finished.seconds)}. ", end="")
        self.console.print(self._verdict())
        evaluations = self.session.progress.evaluations
        if self._base and evaluations and min(loss for _, loss in evaluations) >= self._base:
            self.console.print(
                f"The validation loss did not beat {self._base:.3f}: more steps may help, or a smaller --lr."
            )
        self.console.print(f"The {'best ' if evaluations else ''}model is in {run.path}. Try next:")
        prompt = self._prompt()
        led = self.session.corpus.tokenizer.start is not None  # a new line can be begun without a prompt
        lines = [f"generate {name}{prompt and f' --prompt {prompt}'}"] if prompt or led else []
        lines += [f"next {name} {prompt}"] if prompt else []
        lines += [f"evaluate {name}"] if "test" in self.session.corpus.parts else []
        lines += [f"plot {name}"] if find_spec("matplotlib") else []
        for line in lines:
            self.console.print(f"  {program()} {line}")

    def _end(self) -> str:
        """Name the bound that the run has reached."""
        config, step = self.session.config, self.session.progress.step
        if config.steps and step >= config.steps:
            return f"--steps {config.steps}"
        if config.epochs and step >= self.session.updates(config.epochs):
            return f"--epochs {config.epochs}"
        stopped = self.finished is not None and self.finished.reason == "early"
        return f"--early-stop {config.early_stop}" if stopped else f"--minutes {config.minutes:g}"

    def _step(self, record: StepRecord) -> None:
        now = time.monotonic()
        speed = (record.tokens - self._tokens) / max(now - self._last, 1e-9)
        # A running mean that weighs the first steps fully, as Adam corrects its moments.
        self._weight = SMOOTHING * self._weight + 1 - SMOOTHING
        share = (1 - SMOOTHING) / self._weight
        self._loss += share * (record.loss - self._loss)
        self._speed += share * (speed - self._speed)
        self._last, self._tokens = now, record.tokens
        left = self._left(record)
        line = f"step {record.step:,}  loss {self._loss:.3f}  lr {record.lr:.2g}"
        line += f"  penalty {record.penalty:.3f}" if record.penalty else ""
        line += f"  {self._speed:,.0f} tokens/s" + (f"  {clock(left)} left" if left else "")
        if self._bar is not None:
            seconds = self.session.progress.seconds
            self._bar.update(self._task, total=seconds + left, completed=seconds, line=line)
        elif not self.quiet and now - self._printed >= PLAIN_SECONDS:
            self._printed = now
            self.console.print(line)

    def _left(self, record: StepRecord) -> float:
        """Return the seconds left, by steps or by minutes, whichever is less; 0 if that is not known."""
        progress, minutes = self.session.progress, self.session.config.minutes
        rate = progress.seconds / max(record.step, 1)
        length = self.session.length()
        bounds = [(length - record.step) * rate] if length else []
        bounds += [minutes * 60 - progress.seconds] if minutes else []
        return max(0.0, min(bounds, default=0.0))

    def _evaluated(self, event: Evaluated) -> None:
        self._printed = self._last = time.monotonic()
        progress = self.session.progress
        line = f"step {event.step:,}  train {self._loss:.3f}"
        if event.valid is not None:
            line += f"  valid {in_a_line(event.valid)}"
            line += "  averaged" if event.averaged else ""
        line += f"  {clock(progress.seconds)}" + ("  *best" if event.best and event.valid else "")
        self.console.print(line)
        if progress.averaged and not event.averaged:
            n = self.session.config.average
            self._line("note", f"no progress over {n} evaluations: from here on the parameters are averaged")
        if event.sample is not None and not self.quiet:
            for row in event.sample.strip("\n").splitlines():
                self.console.print(Text(f"    {row}", style="dim"))

    def _verdict(self) -> str:
        """Return the figures of the best model on the test part, or on the validation part."""
        evaluations, finished = self.session.progress.evaluations, self.finished
        if finished is not None and finished.test is not None:
            test = finished.test
            return f"On the test part: {in_a_line(test)}.\nThe vocabulary is {of_what(test)}."
        return f"Best validation loss {min(loss for _, loss in evaluations):.4f}." if evaluations else ""

    def _prompt(self) -> str:
        """Return the beginning of the training text, quoted, as a prompt to try."""
        part = self.session.corpus.parts["train"]
        ids = part.ids[:PROMPT_FROM]
        part.check(ids)
        return prompt_from(self.session.corpus.tokenizer.decode(ids))

    def _line(self, head: str, text: str) -> None:
        self.console.print(Text(f"{head:<8}", style="bold"), end="")
        self.console.print(Text(text))


def profile_table(profile: Profile, threads: int) -> str:
    """Return where the time went, a line a part."""
    steps, whose = (
        max(profile.steps, 1),
        f", as the first of {threads} workers sees it" if threads > 1 else "",
    )
    lines = [
        f"{profile.steps:,} steps in {profile.seconds:.1f} s{whose}:",
        f"  {'part':<20}{'seconds':>9}{'share':>8}{'ms a step':>12}{'calls a step':>14}",
    ]
    for name, seconds, calls in profile.parts():
        shown = f"{calls / steps:,.1f}" if calls else ""
        lines.append(
            f"  {name:<20}{seconds:>9.2f}{seconds / profile.seconds:>8.1%}"
            f"{1000 * seconds / steps:>12.3f}{shown:>14}"
        )
    return "\n".join(line.rstrip() for line in lines)


def _output(config: TrainConfig) -> str:
    """Say what the output is, where it is not the softmax over all words."""
    if config.output == "full":
        return ""
    settings = {name: getattr(config, name) for name in ("cutoffs", "samples", "experts")}
    shown = "".join(f", {name} {value}" for name, value in settings.items() if value is not None)
    return f"output {config.output}{shown}, "


def _length(session: Session) -> str:
    config = session.config
    about = "about " if session.windows else ""
    epochs = f"{config.epochs} epochs of {about}{session.epoch_updates:,} steps"
    lengths = [epochs if config.epochs else ""]
    lengths += [f"{config.steps:,} steps" if config.steps else ""]
    lengths += [f"{config.minutes:g} minutes" if config.minutes else ""]
    return " or ".join(length for length in lengths if length)


def clock(seconds: float) -> str:
    """Return a time in the units that people read it in.

    >>> clock(12.3), clock(754), clock(7500)
    ('12 s', '12 min 34 s', '2 h 05 min')
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s"
