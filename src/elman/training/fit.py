"""From the open loop to a finished run: steps, and after each what the books ask for."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from elman.network import LanguageModel
from elman.network.threads import one_thread
from elman.training.events import Event, Finished
from elman.training.keeper import Keeper
from elman.training.loop import training_steps
from elman.training.profile import Profile
from elman.training.session import Session
from elman.training.sharing import make_workers


def fit(
    session: Session,
    *,
    stop: Callable[[], bool] = lambda: False,
    sample: Callable[[LanguageModel, int], str] | None = None,
    profile: bool = False,
) -> Iterator[Event]:
    """Train until the run is done; yield every step, evaluation, and the end.

    Parameters
    ----------
    session : Session
        From :func:`~elman.training.opening.begin` or :func:`~elman.training.opening.resume`.
    stop : callable
        Asked after every step; if true, all is saved and the session ends.
    sample : callable, optional
        Writes text with the model at each evaluation, given it and the step.
    profile : bool
        Measure where the time goes.

    Yields
    ------
    StepRecord, Evaluated, Slow or Finished
        In the order in which they happen; a Finished is the last.
    """
    config, progress = session.config, session.progress
    keeper, measured = Keeper(session, sample), Profile(session.model.clock) if profile else None
    evaluate, save = keeper.evaluate, keeper.save
    if measured is not None:
        evaluate, save = measured.apart("evaluation", evaluate), measured.apart("checkpoints", save)
    back = config.back or config.window
    windows = session.windows
    longest = back + (windows.longest - config.window if windows else 0)
    workers = make_workers(
        session.model, config.batch, session.threads, longest, session.optimizer, progress.moments,
        progress.average, frozen=config.freeze_vectors, together=session.together, left=progress.left,
    )  # fmt: skip
    steps = training_steps(
        session.model, session.stream, session.schedule, progress, workers,
        clip=config.clip, seed=config.seed, back=back, windows=windows,
    )  # fmt: skip
    keeper.unsent = lambda: workers.unsent
    try:
        reason = keeper.reason()
        while not reason:
            with one_thread():
                record = next(steps)
            keeper.after()
            yield record
            if not keeper.meets():
                continue
            workers.synchronise()
            # A stop in the very last step is no stop, so that nothing of the end is left undone.
            stopped, slow = keeper.settle(stop(), workers.seconds)
            yield from slow
            reason = keeper.reason() or ("stopped" if stopped else "")
            if stopped and keeper.evaluation_due():
                save()  # whoever asks to stop may not wait for an evaluation
            if (reason and reason != "stopped") or keeper.evaluation_due():
                with one_thread():
                    evaluated = evaluate(record)
                yield evaluated
                reason = reason or keeper.reason()
            else:
                keeper.log(record)
            if reason or keeper.checkpoint_due():
                save()
        keeper.end()
        if measured is not None:
            measured.end(progress.step - keeper.first_step)
        yield Finished(reason, progress.step, progress.seconds, measured, keeper.tested)
    finally:
        session.model.clock.on = False
        workers.close()
