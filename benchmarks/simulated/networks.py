"""The networks that are simulated."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Network:
    """What joins the hosts: every host has one line to a switch, as fast in as out.

    Parameters
    ----------
    name : str
        What it is called on the command line.
    gigabits : float
        The rate of a line, 10^9 bits a second; 0 stands for no limit.
    delay : float
        Milliseconds from one host to another, one way; what a message waits for its turn comes on top.
    """

    name: str
    gigabits: float = 0.0
    delay: float = 0.0

    @property
    def title(self) -> str:
        """The network in words."""
        if not self.gigabits:
            return "no limit"
        return f"{self.gigabits:g} Gbit/s, {self.delay:g} ms"

    @property
    def seconds_a_byte(self) -> float:
        """What the line itself needs for a byte."""
        return 8e-9 / self.gigabits if self.gigabits else 0.0


NETWORKS = {
    network.name: network
    for network in (
        Network("free"),
        Network("10g-0.1ms", 10.0, 0.1),
        Network("10g-1ms", 10.0, 1.0),
        Network("1g-0.1ms", 1.0, 0.1),
        Network("1g-1ms", 1.0, 1.0),
    )
}
