"""The books of a session: the clock and the plan, metrics, evaluations, checkpoints, and when to stop."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

from elman.data import vocabulary_of
from elman.network import LanguageModel
from elman.training.divergence import explain_evaluation
from elman.training.evaluation import evaluate
from elman.training.events import Evaluated
from elman.training.figures import Evaluation
from elman.training.loop import StepRecord
from elman.training.pace import Pace, Slow
from elman.training.session import Session
from elman.training.shares import rows_of_rank
from elman.typing import Floats

LOG_EVERY = 10  # steps between lines of the metrics
CALIBRATION = 0.03  # share of the minutes after which the length of the run is planned
EVALUATING = 0.2  # the largest share of a bounded time, next to training, that evaluations take
FEWEST_TIMED = 10  # steps to judge the speed by
MARGIN = 0.985  # share of the minutes that the plan fills


class Keeper:
    """The books of a session: the clock, the plan, metrics, evaluations, checkpoints."""

    def __init__(self, session: Session, sample: Callable[[LanguageModel, int], str] | None) -> None:
        self.session, self.sample = session, sample
        self.vocabulary = vocabulary_of(session.corpus.tokenizer, session.corpus.parts["train"])
        self.began = time.monotonic() - session.progress.seconds
        self.saved_at, self.saved_step = session.progress.seconds, session.progress.step
        self.together = session.together
        self.unsent: Callable[[], Floats | None] = lambda: None  # what is left to send
        own = rows_of_rank(session.config.batch, session.ranks)
        self.rows = own.stop - own.start
        self.leads, self.pace = session.ranks.leads, Pace(session.ranks.gather(session.ranks.host))
        self.first_step, self.first_seconds = session.progress.step, session.progress.seconds
        self.evaluation = self.evaluating = 0.0  # seconds of the last, and of all of this session
        self.spacing = 0  # the fewest steps between evaluations, where they are costly and time is short
        self.plans = 0
        self.tested: Evaluation | None = None

    def after(self) -> None:
        """Note a step."""
        progress = self.session.progress
        if progress.step == self.first_step + 1 > 1 and self.leads:
            self.session.run.metrics.drop("test_loss", "end")  # what was the end of the run is not, any more
        progress.seconds = time.monotonic() - self.began

    def meets(self) -> bool:
        """Say whether ranks are to meet after this step: always, unless they make updates of their own."""
        progress, end = self.session.progress, self.session.length()
        at_an_end = progress.position == 0 or (end and progress.step >= end)
        return not self.together.apart or bool(at_an_end) or progress.step % self.together.sync_every == 0

    def settle(self, stopping: bool, seconds: float) -> tuple[bool, list[Slow]]:
        """Let all ranks go by the clock of the first, and plan by it.

        Return whether any of them is to stop, and those that have become slow, given what one's own part of
        the step took.
        """
        progress = self.session.progress
        sums, rows = (progress.loss_sum, progress.penalty_sum), self.rows
        seen = self.session.ranks.agree([progress.seconds, stopping, seconds, rows, *sums])  # (ranks, 6)
        progress.seconds = float(seen[0, 0])
        if self.together.apart:  # else all have those of all rows
            shares = seen[:, 3] / seen[:, 3].sum()
            progress.loss_sum, progress.penalty_sum = (shares @ seen[:, 4:]).tolist()
        if progress.horizon == 0:
            self._plan()
        slow = self.pace.add(seen[:, 2]) if self.session.ranks.size > 1 else []
        return bool(seen[:, 1].any()), slow

    def log(self, record: StepRecord) -> None:
        """Write a line of the metrics, if it is time for one; ranks may meet at other steps than those."""
        steps = self.session.progress.loss_steps
        if steps >= LOG_EVERY if self.together.apart else record.step % LOG_EVERY == 0:
            self._write(record)

    def reason(self) -> str:
        """Say why the run is at its end, or return an empty string."""
        config, progress = self.session.config, self.session.progress
        if self.session.length() and progress.step >= self.session.length():
            return "done"
        if config.minutes and progress.seconds >= config.minutes * 60:
            return "time"
        losses = [loss for _, loss in progress.evaluations]
        if config.early_stop and losses and len(losses) - 1 - losses.index(min(losses)) >= config.early_stop:
            return "early"
        return ""

    def evaluation_due(self) -> bool:
        """Say whether it is time to evaluate."""
        config, progress = self.session.config, self.session.progress
        if config.eval_epochs:
            return progress.position == 0 and progress.epoch % config.eval_epochs == 0
        every = config.eval_every or max(-(-self.session.length() // 10), self.spacing)
        if every > LOG_EVERY and not config.eval_every:
            every += -every % LOG_EVERY  # so that the training loss beside it is a mean of as many steps
        return bool(every) and progress.step - progress.evaluated >= every

    def evaluate(self, record: StepRecord) -> Evaluated:
        """Evaluate, write a sample and the metrics, and keep the model if it is the best."""
        session, progress, started = self.session, self.session.progress, time.monotonic()
        model, averaged = session.judged, progress.averaged
        part, valid = session.corpus.parts.get("valid"), None
        losses = [loss for _, loss in progress.evaluations]
        if part is not None:
            valid = evaluate(
                model, part, session.corpus.tokenizer, vocabulary=self.vocabulary, guesses=False,
                ranks=session.ranks,
            )  # fmt: skip
            if not math.isfinite(valid.nats):
                raise session.ranks.alike(
                    explain_evaluation(model, part, progress.step, clip=session.config.clip)
                )
            progress.evaluations.append((progress.step, valid.nats_per_token))
        best = valid is None or not losses or valid.nats_per_token < min(losses)
        if best and self.leads:
            session.run.save_model(model, {"step": progress.step})
        wanted = self.sample if session.config.sample and self.leads else None
        text = None if wanted is None else wanted(model, progress.step)
        progress.evaluated, now = progress.step, time.monotonic()
        progress.seconds, self.evaluation = session.ranks.broadcast((now - self.began, now - started))
        self.evaluating += self.evaluation
        found: dict[str, Any] = {}
        if valid is not None:
            found = {"valid_loss": valid.nats_per_token, "valid_bits_per_byte": valid.bits_per_byte}
        found |= {"averaged": averaged} if averaged else {}
        found |= {} if text is None else {"sample": text}
        if reason := self.reason():
            found |= {**self._test(), "end": reason}
        self._write(record, **found)
        session.begin_to_average()
        if self.plans == 1:
            self._plan()  # now that the cost of an evaluation is known
        return Evaluated(progress.step, valid, best, text, averaged)

    def _test(self) -> dict[str, float]:
        """Evaluate the model that was kept on the test part; its time is not counted."""
        session = self.session
        part = session.corpus.parts.get("test")
        if part is None:
            return {}
        # From the first: what it has just written need not be seen from another machine yet.
        best = session.model.with_params(session.ranks.first(lambda: session.run.load_model().params))
        self.tested = evaluate(
            best, part, session.corpus.tokenizer, vocabulary=self.vocabulary, ranks=session.ranks
        )
        loss = self.tested.nats_per_token
        return {"test_loss": loss} if math.isfinite(loss) else {}

    def checkpoint_due(self) -> bool:
        """Say whether it is time to save."""
        every, progress = self.session.config.checkpoint_every, self.session.progress
        if progress.evaluated == progress.step:
            return True
        if every:
            return progress.step - self.saved_step >= every
        return progress.seconds - self.saved_at >= 60.0 * (self.session.config.checkpoint_minutes or 1.0)

    def save(self) -> None:
        """Save all that resuming needs."""
        self.session.progress.left = self.unsent()
        self.session.save()
        now = time.monotonic() - self.began  # saving takes time too
        self.saved_at, self.saved_step = self.session.ranks.broadcast(now), self.session.progress.step

    def end(self) -> None:
        """Leave a model behind even if the session ended before its first evaluation."""
        session = self.session

        def leave() -> None:
            if not session.run.has_model:
                session.run.save_model(session.judged, {"step": session.progress.step})

        session.ranks.first(leave)

    def _plan(self) -> None:
        """Where minutes bound the run, say how many steps it will take, from this session's speed so far.

        A schedule that ends with the run needs to know its length. It is estimated twice in the session
        that begins the run, or gives it other minutes: a little after the start, and after the first
        evaluation, when the cost of one is known. The number is part of the checkpoint.
        """
        config, progress = self.session.config, self.session.progress
        steps = progress.step - self.first_step
        spent = progress.seconds - self.first_seconds - self.evaluating
        share = config.minutes * 60 - self.first_seconds if config.minutes else 0.0
        if not config.minutes or steps < FEWEST_TIMED or spent < CALIBRATION * share:
            return
        left = config.minutes * 60 - (1 - MARGIN) * share - progress.seconds
        a_step = spent / steps
        self.spacing = int(self.evaluation / (EVALUATING * a_step))
        more = (left - 9 * self.evaluation) / a_step
        every = (
            config.eval_every
            or (config.eval_epochs and config.eval_epochs * self.session.epoch_updates)
            or (self.spacing if 10 * self.spacing > more else 0)
        )
        if every:
            more = left / (a_step + self.evaluation / every)
        planned = progress.step + max(1, int(more))
        progress.horizon = min(planned, self.session.known_length() or planned)
        self.plans += 1

    def _write(self, record: StepRecord, **more: Any) -> None:
        """Add a line to the metrics; its training loss and penalty are means since the line before."""
        progress = self.session.progress
        line = {
            "step": progress.step,
            "tokens": progress.tokens,
            "seconds": round(progress.seconds, 3),
            "train_loss": progress.loss_sum / progress.loss_steps,
            "lr": record.lr,
            "grad_norm": record.grad_norm,
        }
        if self.session.model.regularisers.penalised:
            line["penalty"] = progress.penalty_sum / progress.loss_steps
        if self.leads:
            self.session.run.metrics.append({**line, **more})
        progress.loss_sum, progress.penalty_sum, progress.loss_steps = 0.0, 0.0, 0
