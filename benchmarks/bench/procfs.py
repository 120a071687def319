"""What Linux tells of processes: their time on a core and their memory, with those of their children.

Elsewhere there is nothing to read, and all of it is zero.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

PROC = Path("/proc")
TICK = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


def family(pid: int) -> list[int]:
    """Return the process and all below it."""
    parents: dict[int, list[int]] = {}
    for folder in PROC.glob("[0-9]*"):
        stat = _read(folder / "stat")
        if stat:
            # The name stands in brackets, and may hold anything; the parent is the second field after it.
            parent = int(stat.rpartition(")")[2].split()[1])
            parents.setdefault(parent, []).append(int(folder.name))
    found = [pid]
    for one in found:
        found += parents.get(one, [])
    return found


def cpu_seconds(pids: Iterable[int]) -> float:
    """Return the seconds that all threads of the processes have spent on a core."""
    spent = 0
    for pid in pids:
        for task in (PROC / str(pid) / "task").glob("*"):
            fields = _read(task / "schedstat").split()
            spent += int(fields[0]) if fields else 0
    return spent / 1e9


def machine_seconds() -> tuple[float, float]:
    """Return the seconds that all cores have been busy, and those that a hypervisor took from them."""
    fields = [int(field) for field in _read(PROC / "stat").split("\n", 1)[0].split()[1:]]
    if len(fields) < 8:
        return 0.0, 0.0
    user, nice, system, _, _, irq, softirq, steal = fields[:8]
    return (user + nice + system + irq + softirq) / TICK, steal / TICK


def pss(pids: Iterable[int]) -> int:
    """Return the bytes of the processes, each page shared between them counted once.

    The kernel divides a page by the number of processes that map it ("proportional set size").
    """
    total = 0
    for pid in pids:
        found = re.search(r"^Pss:\s+(\d+) kB", _read(PROC / str(pid) / "smaps_rollup"), re.MULTILINE)
        total += int(found.group(1)) * 1024 if found else 0
    return total


def _read(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except (OSError, ValueError):  # a process may end while it is looked at
        return ""
