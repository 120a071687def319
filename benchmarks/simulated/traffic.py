"""What the ranks do while the network is measured: ``mpiexec ... python -m simulated.traffic SETTINGS``.

The sums of every exchange are checked first. Then rank 0 prints a line of JSON for every measurement.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from simulated.exchanges import EXCHANGES

ODD = 1003  # numbers of the checked vector: stretches of several lengths
ROUNDING = 1e-6  # of a sum of float32, for each rank; a rank that is missing makes a thousand times as much
LONG = 0.5  # seconds of a call that is measured less often


def check(comm: Any, names: list[str]) -> None:
    """Hold the sum of every exchange against the sum in the order of the ranks."""
    draw = [np.random.default_rng([7, rank]).standard_normal(ODD) for rank in range(comm.size)]
    each = [one.astype(np.float32) for one in draw]
    wanted = np.sum(each, axis=0, dtype=np.float64)
    for name in names:
        x = each[comm.rank].copy()
        EXCHANGES[name](comm, x, np.empty(ODD + comm.size, np.float32))
        wrong = float(np.abs(x - wanted).max())
        if not wrong < ROUNDING * comm.size:
            raise SystemExit(f"the sum by {name} is wrong by {wrong:g} on rank {comm.rank} of {comm.size}")


def pingpong(comm: Any, size: int) -> Callable[[], None]:
    """Return what sends so many bytes to rank 1 and back; the others wait."""
    message = np.zeros(size, np.uint8)

    def once() -> None:
        if comm.rank == 0:
            comm.Send(message, 1)
            comm.Recv(message, 1)
        elif comm.rank == 1:
            comm.Recv(message, 0)
            comm.Send(message, 0)

    return once


def one_way(exchange: str, seconds: float) -> float:
    """Return the seconds of what the model counts: of a message there and back, one of the two."""
    return seconds / 2 if exchange == "pingpong" else seconds


def allreduce(comm: Any, name: str, size: int) -> Callable[[], None]:
    """Return what sums a vector of so many bytes."""
    x, room = np.zeros(size // 4, np.float32), np.empty(size // 4 + comm.size, np.float32)
    exchange = EXCHANGES[name]
    return lambda: exchange(comm, x, room)


def timed(comm: Any, once: Callable[[], None], times: int) -> float:
    """Return the seconds of a call, of so many in a row, on the rank that took longest."""
    from mpi4py import MPI

    comm.Barrier()
    began = time.perf_counter()
    for _ in range(times):
        once()
    spent = time.perf_counter() - began
    return float(comm.allreduce(spent, op=MPI.MAX)) / times


def measured(comm: Any, calls: dict[str, Callable[[], None]], seconds: float, rounds: int) -> dict[str, Any]:
    """Let calls take turns of about so many seconds; return the seconds of a call in each round."""
    times, longest = {}, 0.0
    for name, once in calls.items():
        one = timed(comm, once, 1)
        if one < LONG:  # else connections and windows are soon what they will be
            one = timed(comm, once, 1)
        times[name], longest = max(1, min(1000, int(seconds / max(one, 1e-6)))), max(longest, one)
    rounds = rounds if longest < LONG else min(rounds, 3)
    found: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, once in calls.items():
            found[name].append(timed(comm, once, times[name]))
    return found


def main() -> None:
    """Check, measure and print."""
    from mpi4py import MPI

    comm, s = MPI.COMM_WORLD, json.loads(sys.argv[1])
    names = [name for name in s["exchanges"] if name != "halving" or comm.size & (comm.size - 1) == 0]
    check(comm, names)
    for size in s["sizes"]:
        calls: dict[str, Callable[[], None]] = {name: allreduce(comm, name, size) for name in names}
        if s["pingpong"]:
            calls["pingpong"] = pingpong(comm, size)
        found = measured(comm, calls, s["seconds"], s["rounds"])
        if comm.rank == 0:
            for name, seconds in found.items():
                values = [one_way(name, value) for value in seconds]
                print(json.dumps({"exchange": name, "bytes": size, "values": values}), flush=True)


if __name__ == "__main__":
    main()
