"""The sizes that are compared, each under a short name."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

GATES = {"rnn": 1, "lstm": 4, "gru": 3}


@dataclass(frozen=True)
class Workload:
    """A model, the window it is trained on, and how.

    The letters are those of the notation: `layers` of `cell` of width H over word vectors of width E, K
    tokens in the vocabulary, B rows, T steps.
    """

    name: str
    cell: str
    layers: int
    H: int
    E: int
    K: int
    B: int
    T: int
    optimizer: str = "adam"
    lr: float = 0.001
    clip: float = 5.0

    @property
    def model(self) -> str:
        """The model in words."""
        return f"{self.cell.upper()} {self.layers} x {self.H}, E {self.E}, K {self.K:,}"

    @property
    def setting(self) -> str:
        """The model and the window in words."""
        return f"{self.model}, B {self.B}, T {self.T}"

    @property
    def tokens(self) -> int:
        """Tokens in a window."""
        return self.B * self.T

    @property
    def weights(self) -> int:
        """Numbers that a token is multiplied by: all weights but the word vectors and the biases."""
        widths = [self.E] + [self.H] * (self.layers - 1)
        recurrent = sum(GATES[self.cell] * self.H * (D + self.H) for D in widths)
        return recurrent + self.H * self.K

    @property
    def training_flops(self) -> int:
        """Floating-point operations of the products of a token, forward and twice as many backward."""
        return 6 * self.weights

    def settings(self, **more: Any) -> dict[str, Any]:
        """Return what a side is told."""
        return {**asdict(self), **more}

    def but(self, **changes: Any) -> Workload:
        """Return the same with other sizes."""
        return replace(self, **changes)


WORKLOADS = {
    workload.name: workload
    for workload in (
        Workload("char-128", "lstm", 2, H=128, E=64, K=65, B=50, T=50),
        Workload("char-512", "lstm", 2, H=512, E=128, K=65, B=64, T=64),
        Workload("gru-256", "gru", 1, H=256, E=128, K=65, B=32, T=64),
        Workload("words-200", "lstm", 2, H=200, E=200, K=10_000, B=20, T=20, optimizer="sgd", lr=0.1),
        Workload("words-650", "lstm", 2, H=650, E=650, K=10_000, B=20, T=35, optimizer="sgd", lr=0.1),
        Workload("tutorial", "rnn", 1, H=100, E=100, K=80, B=1, T=4, optimizer="sgd", lr=0.005),
    )
}
GENERATED = ("char-128", "char-512", "words-650")
