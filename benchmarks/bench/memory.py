"""The highest memory of a side while it works."""

from __future__ import annotations

import time
from threading import Event, Thread
from typing import NamedTuple

from bench.procfs import family, pss
from bench.side import Side

MB = 1e6
BETWEEN = 0.004  # seconds between two samples


class Peak(NamedTuple):
    """What was seen, in MB."""

    total: float  # the highest sum over the side's processes
    imported: float  # the side's first process, before it built a model
    processes: int
    threads: int
    samples: int


def peak_memory(side: Side, seconds: float) -> Peak:
    """Let a side work for so long, at least two turns of a step, and return the highest memory seen."""
    side.ready()
    pids = family(side.pid)
    highest, samples, done = 0, 0, Event()

    def watch() -> None:
        nonlocal highest, samples
        while not done.is_set():
            highest, samples = max(highest, pss(pids)), samples + 1
            time.sleep(BETWEEN)

    watcher = Thread(target=watch, daemon=True)
    watcher.start()
    try:
        deadline, steps = time.monotonic() + seconds, 0
        while steps < 2 or time.monotonic() < deadline:
            side.turn("run", 1)
            steps += 1
    finally:
        done.set()
        watcher.join()
    return Peak(highest / MB, side.hello["imported"] / MB, len(pids), side.threads, samples)
