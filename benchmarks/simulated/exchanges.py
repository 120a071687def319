"""Sums of a vector over all ranks, written out: each leaves the sum in `x` on every rank.

`comm` is a communicator of mpi4py, `x` a contiguous vector ``(n,)``, `room` another of its kind that is
written over. The names are those of `scaling.cost`, which counts what each sends.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float32]


def bounds(n: int, p: int) -> list[int]:
    """Return where each of p stretches of n numbers begins, and the end; they differ by one at most."""
    return [n * i // p for i in range(p + 1)]


def ring(comm: Any, x: Vector, room: Vector) -> None:
    """Partial sums of stretches go round; then the finished stretches do."""
    p, me = comm.size, comm.rank
    cut = bounds(x.size, p)
    part = [x[a:b] for a, b in pairwise(cut)]
    right, left = (me + 1) % p, (me - 1) % p
    for step in range(p - 1):
        out, into = part[(me - step) % p], part[(me - step - 1) % p]
        come = room[: into.size]
        comm.Sendrecv(out, right, recvbuf=come, source=left)
        np.add(into, come, out=into)
    for step in range(p - 1):
        comm.Sendrecv(part[(me + 1 - step) % p], right, recvbuf=part[(me - step) % p], source=left)


def doubling(comm: Any, x: Vector, room: Vector) -> None:
    """Pairs at distance 1, 2, 4 and so on exchange all they have.

    Where p is no power of two, the ranks beyond give theirs to a partner first, and get the sum at the end.
    """
    p, me = comm.size, comm.rank
    core = 1 << (p.bit_length() - 1)
    come = room[: x.size]
    if me >= core:
        comm.Send(x, me - core)
        comm.Recv(x, me - core)
        return
    if me + core < p:
        comm.Recv(come, me + core)
        np.add(x, come, out=x)
    distance = 1
    while distance < core:
        partner = me ^ distance
        comm.Sendrecv(x, partner, recvbuf=come, source=partner)
        np.add(x, come, out=x)
        distance *= 2
    if me + core < p:
        comm.Send(x, me + core)


def tree(comm: Any, x: Vector, room: Vector) -> None:
    """Sums climb a binomial tree to rank 0, and the whole sum comes down again."""
    p, me = comm.size, comm.rank
    come, distance = room[: x.size], 1
    while distance < p:
        if me & distance:
            comm.Send(x, me - distance)
            break
        if me + distance < p:
            comm.Recv(come, me + distance)
            np.add(x, come, out=x)
        distance *= 2
    if me:
        comm.Recv(x, me - distance)  # from whom the sum went to
    while distance > 1:
        distance //= 2
        if me + distance < p:
            comm.Send(x, me + distance)


def halving(comm: Any, x: Vector, room: Vector) -> None:
    """Pairs exchange halves of halves and sum them; then the way back (Rabenseifner). p a power of two."""
    p, me = comm.size, comm.rank
    if p & (p - 1):
        raise ValueError(f"halving needs a power of two of ranks, not {p}")
    low, high, spans = 0, x.size, []
    distance = p // 2
    while distance:
        partner, middle = me ^ distance, (low + high) // 2
        spans.append((low, high))
        keep, give = ((low, middle), (middle, high)) if me < partner else ((middle, high), (low, middle))
        mine, come = x[slice(*keep)], room[: keep[1] - keep[0]]
        comm.Sendrecv(x[slice(*give)], partner, recvbuf=come, source=partner)
        np.add(mine, come, out=mine)
        low, high = keep
        distance //= 2
    distance = 1
    for whole in reversed(spans):
        partner = me ^ distance
        other = (high, whole[1]) if low == whole[0] else (whole[0], low)
        comm.Sendrecv(x[low:high], partner, recvbuf=x[slice(*other)], source=partner)
        low, high = whole
        distance *= 2


def fixed(comm: Any, x: Vector, room: Vector) -> None:
    """Each rank gets its stretch from all, sums it in the order of the ranks, and gives it to all."""
    p, me = comm.size, comm.rank
    cut = bounds(x.size, p)
    counts, begins = np.diff(cut).tolist(), cut[:-1]
    mine = x[cut[me] : cut[me + 1]]
    come = room[: p * mine.size].reshape(p, mine.size)
    places = [mine.size * i for i in range(p)]
    comm.Alltoallv([x, (counts, begins)], [come, ([mine.size] * p, places)])
    total = come[0]
    for other in come[1:]:
        np.add(total, other, out=total)
    comm.Allgatherv(total, [x, (counts, begins)])


def own(comm: Any, x: Vector, room: Vector) -> None:
    """What MPI chooses by itself."""
    from mpi4py import MPI

    comm.Allreduce(MPI.IN_PLACE, x)


EXCHANGES: dict[str, Callable[[Any, Vector, Vector], None]] = {
    exchange.__name__: exchange for exchange in (ring, doubling, tree, halving, fixed, own)
}
