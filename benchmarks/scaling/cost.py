"""The alpha-beta-gamma model: what a sum of n bytes over p ranks sends, and how long that takes.

A message of n bytes takes alpha + n beta seconds, and adding n bytes to others gamma n. Each way to sum is
counted by what lies one after the other on the longest path: messages, bytes sent, bytes summed. Times are
linear in the three constants, and so these are found by least squares (`scaling.fit`).

References
----------
Thakur, Rabenseifner & Gropp (2005), *Optimization of Collective Communication Operations in MPICH*.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple


class Counts(NamedTuple):
    """What lies on the longest path."""

    messages: float
    sent: float  # bytes
    summed: float  # bytes

    def __add__(self, other: object) -> Counts:
        if not isinstance(other, Counts):
            return NotImplemented
        return Counts(*(a + b for a, b in zip(self, other, strict=True)))


class Constants(NamedTuple):
    """Seconds a message, seconds a byte sent, seconds a byte summed."""

    alpha: float
    beta: float
    gamma: float

    def seconds(self, counts: Counts) -> float:
        """Return how long that takes."""
        return self.alpha * counts.messages + self.beta * counts.sent + self.gamma * counts.summed


def pingpong(p: int, n: float) -> Counts:
    """One message of n bytes, one way."""
    return Counts(1, n, 0)


def ring(p: int, n: float) -> Counts:
    """p - 1 rounds in which stretches of n / p bytes are summed, p - 1 in which they are handed on."""
    return Counts(2 * (p - 1), 2 * n * (p - 1) / p, n * (p - 1) / p)


def doubling(p: int, n: float) -> Counts:
    """Exchanges of all n bytes at distance 1, 2, 4 and so on; two more where p is no power of two."""
    rounds, left = math.floor(math.log2(p)), p & (p - 1) != 0
    return Counts(rounds + 2 * left, (rounds + 2 * left) * n, (rounds + left) * n)


def tree(p: int, n: float) -> Counts:
    """Up a binomial tree and down again, all n bytes at every step."""
    height = math.ceil(math.log2(p))
    return Counts(2 * height, 2 * height * n, height * n)


def halving(p: int, n: float) -> Counts:
    """As many rounds as a tree, and as few bytes as a ring. p a power of two (Rabenseifner)."""
    if p & (p - 1):
        raise ValueError(f"halving needs a power of two of ranks, not {p}")
    return Counts(2 * math.log2(p), 2 * n * (p - 1) / p, n * (p - 1) / p)


def fixed(p: int, n: float) -> Counts:
    """Stretches to their owners, all on their way at once; then the sums go round as in a ring."""
    return ring(p, n)._replace(messages=p)


SUMS: dict[str, Callable[[int, float], Counts]] = {
    sum_.__name__: sum_ for sum_ in (ring, doubling, tree, halving, fixed)
}
"""Ways to sum a vector over all ranks, by the names of `simulated.exchanges`."""

CHOICE = ("ring", "doubling", "halving")  # what a good MPI chooses from


def gathered(p: int, n: float) -> Counts:
    """Every rank gets n bytes of every other, in a ring: what lists that cannot be summed on the way need."""
    return Counts(p - 1, (p - 1) * n, 0)


def counts(exchange: str, p: int, n: float) -> Counts:
    """Return what an exchange, or ``none``, sends; of MPI's own choice (``own``) nothing is known."""
    if p == 1 or exchange == "none":
        return Counts(0, 0, 0)
    return pingpong(p, n) if exchange == "pingpong" else SUMS[exchange](p, n)


def of_a_step(exchange: str, p: int, n: float) -> Counts:
    """Return what a training step sends: the sum of n bytes, and twice a few numbers that all gather.

    These are losses and norms, and clocks; they are gathered in rounds as a tree has.
    """
    talk = Counts(2 * math.ceil(math.log2(p)), 0, 0)
    return counts(exchange, p, n) + talk


def fastest(constants: Constants, p: int, n: float) -> tuple[str, float]:
    """Return the way to sum that the model holds for the fastest, and its seconds."""
    names = [name for name in CHOICE if name != "halving" or p & (p - 1) == 0]
    spent = {name: constants.seconds(counts(name, p, n)) for name in names}
    best = min(spent, key=lambda name: spent[name])
    return best, spent[best]
