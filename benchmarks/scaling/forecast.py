"""What the model says of clusters that nobody here has: steps, what binds them, and what helps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from bench.workloads import Workload
from scaling.cost import Constants, Counts, fastest, fixed, gathered, of_a_step
from scaling.work import Core, parameters

T = 64
K = 32_768  # parts of words, as texts of these sizes would be cut into
MODELS = (
    Workload("2 x 512", "lstm", 2, H=512, E=512, K=K, B=1, T=T),
    Workload("2 x 1024", "lstm", 2, H=1024, E=1024, K=K, B=1, T=T),
    Workload("2 x 6144", "lstm", 2, H=6144, E=6144, K=K, B=1, T=T),  # 10^9 parameters
)

MACHINES = (8, 64, 1024)
CORPORA = (10**9, 10**12)  # tokens
ROWS_A_CORE = 32  # weak scaling: the batch grows with the machines
ROWS = 2048  # strong scaling: all machines share these, 131,072 tokens a step
POWERS = tuple(2**i for i in range(17))  # rows of a machine that are tried for the best
SUM = "fixed"  # how elman sums gradients
LOSS = 4.0  # nats a token, at which the critical batch is taken

EVERY = 16  # steps between the averages of local SGD
AVERAGED = 3  # vectors that are averaged then: parameters, and Adam's two moments
TOP = 0.01  # of all numbers, sent with their places by top-k
NUMBER, PLACED = 4.0, 8.0  # bytes of a number, of one with its place
BIT = 1 / 8 + NUMBER / 1024  # bytes of a sign, and of its part in the size that a block of them shares


def critical_batch(loss: float = LOSS) -> float:
    """Return the tokens of a batch beyond which twice the batch saves less than half of what it could.

    Kaplan et al. (2020), *Scaling Laws for Neural Language Models*, found 2.1e8 / L^4.8 for Transformers on
    web text, L nats a token. It was not measured here.
    """
    return 2.1e8 / loss**4.8


class Cluster(NamedTuple):
    """Machines of so many cores each, one rank on each, joined by a network."""

    machines: int
    cores: int
    core: Core
    network: Constants


@dataclass(frozen=True)
class Step:
    """A step of training, in seconds by what they are spent on.

    Parameters
    ----------
    tokens : float
        In all rows of all machines.
    parts : dict
        Seconds: thin rows, compute, latency, bandwidth, sums.
    """

    tokens: float
    parts: dict[str, float]

    @property
    def seconds(self) -> float:
        """Of the whole step."""
        return sum(self.parts.values())

    @property
    def tokens_per_second(self) -> float:
        """Of the whole cluster."""
        return self.tokens / self.seconds

    @property
    def waste(self) -> float:
        """How many times the tokens of a small batch this one needs to learn as much (McCandlish 2018)."""
        return 1 + self.tokens / critical_batch()

    @property
    def progress(self) -> float:
        """Tokens a second that a small batch would need to learn as much."""
        return self.tokens_per_second / self.waste

    @property
    def binds(self) -> str:
        """The largest part of the step, or the batch where more than that is lost by its size."""
        shares = {name: spent / self.seconds for name, spent in self.parts.items()}
        shares["batch size"] = 1 - 1 / self.waste
        return max(shares, key=lambda name: shares[name])


def step(w: Workload, rows: float, cluster: Cluster, exchange: str = SUM) -> Step:
    """Return a step in which machines share rows, and sum their gradients when all have theirs."""
    sent = of_a_step(exchange, cluster.machines, NUMBER * parameters(w))
    own = cluster.core.parts(w, rows / cluster.machines, cluster.cores)
    return Step(rows * w.T, {**own, **_on_the_network(sent, cluster)})


def _on_the_network(sent: Counts, cluster: Cluster) -> dict[str, float]:
    alpha, beta, gamma = cluster.network
    return {
        "latency": alpha * sent.messages, "bandwidth": beta * sent.sent, "sums": gamma * sent.summed,
    }  # fmt: skip


@dataclass(frozen=True)
class Packing:
    """Seconds that compression takes the core which sums.

    Parameters
    ----------
    top : float
        A number, of all, of which the largest are chosen.
    placed : float
        A number that was sent, added at its place.
    bit : float
        A number whose sign is packed, and whose rest is kept.
    unbit : float
        A sign that was sent, made a number again and added.
    """

    top: float
    placed: float
    bit: float
    unbit: float


OPTIONS = ("none", "local SGD", "top-k", "1-bit", "overlap", "another sum")


def option(name: str, w: Workload, rows: float, cluster: Cluster, packing: Packing) -> Step:
    """Return a step with an option: what it does to the time, and nothing of what it does to the loss.

    Accumulation is not among them: in the model it is a larger batch.
    """
    plain = step(w, rows, cluster)
    parts, p, P = plain.parts, cluster.machines, parameters(w)
    own = {part: parts[part] for part in ("thin rows", "compute")}
    network = {part: parts[part] for part in ("latency", "bandwidth", "sums")}
    if p == 1 or name == "none":
        return plain
    if name == "local SGD":
        return Step(plain.tokens, own | {part: AVERAGED / EVERY * spent for part, spent in network.items()})
    if name == "overlap":
        # Two thirds of the arithmetic are the way back, in which gradients become ready layer by layer. The
        # update waits for all of them.
        spent, update = sum(network.values()), cluster.core.update * P / cluster.cores
        seen = max(0.0, spent - 2 / 3 * (sum(own.values()) - update)) / spent
        return Step(plain.tokens, own | {part: value * seen for part, value in network.items()})
    if name == "another sum":
        return step(w, rows, cluster, fastest(cluster.network, p, NUMBER * P)[0])
    sent, packed = _compressed(name, p, P, packing)
    sent = sent + of_a_step("none", p, 0)
    return Step(plain.tokens, own | {"packing": packed} | _on_the_network(sent, cluster))


def _compressed(name: str, p: int, P: int, packing: Packing) -> tuple[Counts, float]:
    """Return what compressed gradients send, and the seconds of packing and unpacking them."""
    if name == "top-k":  # places, and numbers: two lists of everybody's
        lists = gathered(p, PLACED * TOP * P)
        return lists + Counts(lists.messages, 0, 0), packing.top * P + packing.placed * TOP * P * p
    # Signs cannot be summed as signs: each stretch has an owner who does it with numbers, and sends signs of
    # the sum. Signs and sizes go by themselves, there and back.
    both = fixed(p, BIT * P)
    packed = packing.bit * (1 + 1 / p) + 2 * packing.unbit
    return both._replace(messages=2 * both.messages, summed=0), packed * P


def best(name: str, w: Workload, cluster: Cluster, packing: Packing) -> tuple[int, Step]:
    """Return the rows of a machine, a power of two, with which an option makes most progress."""
    tried = [(rows, option(name, w, rows * cluster.machines, cluster, packing)) for rows in POWERS]
    return max(tried, key=lambda one: one[1].progress)
