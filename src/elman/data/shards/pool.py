"""Work dealt out to processes, or done in this one."""

import contextlib
import json
import os
import queue
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any, Self

from elman import errors
from elman.data.shards.work import WORK
from elman.errors import ElmanError

PATIENCE = 5.0  # seconds that a process is given to end by itself


class Pool:
    """Processes that work on orders, one each at a time; with one worker, this process itself.

    A process ends when its standard input does, and so never outlives this one, whatever it is doing.

    Parameters
    ----------
    workers : int
        How many.
    """

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._children: list[subprocess.Popen[bytes]] = []
        self._idle: queue.LifoQueue[subprocess.Popen[bytes] | None] = queue.LifoQueue()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def run(self, work: str, orders: Sequence[dict[str, Any]]) -> Iterator[tuple[int, dict[str, Any]]]:
        """Do some work for each order, side by side.

        Parameters
        ----------
        work : str
            A key of `WORK`.
        orders : sequence of dict
            What it is given, as JSON.

        Yields
        ------
        int, dict
            Which order, and the answer; in the order in which they are ready.

        Raises
        ------
        ElmanError
            The first that one of them raised, or where a process has died.
        OSError
            Where a file could not be written.
        """
        if min(self.workers, len(orders)) <= 1:
            for number, order in enumerate(orders):
                yield number, WORK[work](order)
            return
        if not self._children:
            self._idle = queue.LifoQueue()
        while len(self._children) < min(self.workers, len(orders)):
            child = _start()
            self._children.append(child)
            self._idle.put(child)
        threads = ThreadPoolExecutor(len(self._children))
        try:
            asked = {threads.submit(self._ask, work, order): n for n, order in enumerate(orders)}
            for answered in as_completed(asked):
                yield asked[answered], answered.result()
        except BaseException:
            threads.shutdown(wait=False, cancel_futures=True)
            self.close()  # so that no thread waits for an answer any more
            raise
        finally:
            threads.shutdown()

    def close(self) -> None:
        """End all processes, whatever they are doing."""
        for child in self._children:
            assert child.stdin is not None
            with contextlib.suppress(OSError):  # it has died with an order on the way to it
                child.stdin.close()
        for child in self._children:
            try:
                child.wait(timeout=PATIENCE)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
            assert child.stdout is not None
            child.stdout.close()
            self._idle.put(None)  # a thread that waits for a process waits in vain
        self._children = []

    def _ask(self, work: str, order: Mapping[str, Any]) -> dict[str, Any]:
        child = self._idle.get()
        if child is None:
            self._idle.put(None)  # for the next that waits: more orders may be left than there were processes
            raise ElmanError("the work was broken off")
        assert child.stdin is not None
        assert child.stdout is not None
        try:
            child.stdin.write(json.dumps([work, order]).encode() + b"\n")
            child.stdin.flush()
            line = child.stdout.readline()
        except (OSError, ValueError):  # it has died, or was closed
            line = b""
        if not line.endswith(b"\n"):
            raise ElmanError(
                f"a worker process ended with status {child.wait()}; what it said is above. What is done "
                "stays: run the same command again, perhaps with fewer --workers, which takes less memory"
            )
        self._idle.put(child)
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise _raised(answer)
        found: dict[str, Any] = answer["answer"]
        return found


def _raised(answer: Mapping[str, Any]) -> Exception:
    """What a process raised, raised here."""
    if answer["error"] == "OSError":
        return OSError(answer["number"], answer["says"])
    kind: type[ElmanError] = getattr(errors, answer["error"])
    return kind(answer["says"])


def _start() -> subprocess.Popen[bytes]:
    libraries = ("OPENBLAS", "MKL", "OMP", "BLIS", "RAYON")
    one = {f"{name}_NUM_THREADS": "1" for name in libraries}
    # What we can import it can: our path, and not the folder it happens to start in before all others.
    path = os.pathsep.join(entry or str(Path.cwd()) for entry in sys.path)
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "elman.data.shards.child"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        env={**os.environ, **one, "PYTHONPATH": path},
        start_new_session=True,  # Ctrl-C is for us; we end it by closing its input
    )  # fmt: skip
