"""Which trials are still at work: a lock tells on the same machine, signs of life tell on others."""

from __future__ import annotations

import shutil
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from elman.disk.lock import LOCK, exclusive
from elman.errors import CheckpointError
from elman.sweeps.records import Record
from elman.sweeps.study import Asked, Lost

EVERY = 10.0
"""Seconds between signs of life."""

GRACE = 90.0
"""Seconds without one, after which a process of another machine counts as gone."""


class Presence:
    """This process among those of a study, for as long as the ``with`` block lasts.

    Parameters
    ----------
    out : Path
        The sweep's folder. A folder within it holds the lock that the system releases however the process
        ends.
    """

    def __init__(self, out: Path) -> None:
        self.host = socket.gethostname()
        self.folder = out.resolve() / ".workers" / uuid.uuid4().hex
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        try:
            self.folder.mkdir(parents=True)
        except OSError as error:
            raise CheckpointError(f"cannot make {self.folder}: {error.strerror or error}") from error
        self._stack.enter_context(exclusive(self.folder))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()
        shutil.rmtree(self.folder, ignore_errors=True)
        with suppress(OSError):  # others are at work
            self.folder.parent.rmdir()

    @property
    def name(self) -> dict[str, str]:
        """What a trial of this process says of it."""
        return {"host": self.host, "worker": str(self.folder)}

    def gone(self, record: Record) -> bool:
        """Say whether the process of a running trial is at work no more. This process must be at none."""
        if record.host == self.host and record.worker:
            folder = Path(record.worker)
            if folder == self.folder:
                return True
            held = _held(folder) if (folder / LOCK).exists() else None
            if held is not None:
                return not held
        return time.time() - record.alive > GRACE

    @contextmanager
    def at_work(self, trial: Asked) -> Iterator[None]:
        """Give signs of life meanwhile."""
        over = threading.Event()

        def beat() -> None:
            while not over.wait(EVERY):
                try:
                    trial.note(alive=time.time())
                except Lost:
                    return  # it has been ended: the trial itself will say so
                except Exception:  # the storage is busy, or away for a moment: the next one may come through
                    continue

        thread = threading.Thread(target=beat, name="signs of life", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


def _held(folder: Path) -> bool | None:
    """Say whether a process holds the lock; None where we may not ask, as in the folder of another user."""
    try:
        with exclusive(folder):
            pass
    except CheckpointError as busy:
        return None if isinstance(busy.__cause__, OSError) else True
    shutil.rmtree(folder, ignore_errors=True)  # nobody comes back to it
    return False
