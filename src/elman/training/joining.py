"""A session that the first of several ranks opens, and the others join."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from elman.errors import DivergenceError, LeaderError
from elman.ranks import Ranks
from elman.storage.config import TrainConfig
from elman.storage.run import Run
from elman.training.checkpoint import load_progress
from elman.training.session import Session, stream_of
from elman.training.settings import optimizer_of
from elman.training.shares import rows_of, rows_of_rank


class _Told(NamedTuple):
    """What the others have to know of the session that the first has opened."""

    path: Path
    config: TrainConfig
    horizon: int  # which is not that of the checkpoint where the length of the run has changed


@contextmanager
def by_all(ranks: Ranks, opened: AbstractContextManager[Session]) -> Iterator[Session]:
    """Let the first rank open a session, and the others join it; give each its own rows of the state.

    Whatever one of them then fails of, also of joining, ends all: the others would wait for it for ever.

    Raises
    ------
    LeaderError
        On the other ranks, if the first cannot open it.
    """
    with ExitStack() as stack:
        mine: list[Session] = []

        def open_it() -> _Told:
            session = stack.enter_context(opened)
            mine.append(session)
            return _Told(session.run.path.resolve(), session.config, session.progress.horizon)

        told = ranks.first(open_it)
        with _ending_all(ranks, apart=told.config.sync_every > 1):
            own = rows_of_rank(told.config.batch, ranks)
            session = mine[0] if mine else _joined(told, own)
            session.ranks = ranks
            session.stream = stream_of(session.config, session.corpus, own)
            session.progress.state = rows_of(session.progress.state, own)
            if session.progress.left is not None:  # of all ranks, of which there may have been more or fewer
                session.progress.left = session.progress.left / ranks.size
            yield session


@contextmanager
def _ending_all(ranks: Ranks, *, apart: bool) -> Iterator[None]:
    """End all ranks with what one of them raises, unless all have come to the same."""
    try:
        yield
    except LeaderError:
        raise
    except BaseException as error:
        # Ranks that add up gradients see the same numbers, and diverge at once.
        if ranks.size > 1 and (apart or not isinstance(error, DivergenceError)):
            ranks.fail(error)
        raise


def _joined(told: _Told, own: slice) -> Session:
    """Open what the first rank has made or taken up, and of the text what holds one's own rows."""
    run, config = Run.existing(told.path), told.config
    corpus, model = run.corpus(None if config.data is None else Path(config.data)), run.new_model()
    progress = load_progress(run, model, config)
    progress.horizon = told.horizon
    stream = stream_of(config, corpus, own)
    return Session(run, config, corpus, model, stream, optimizer_of(config), progress)
