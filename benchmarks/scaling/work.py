"""What a training step costs one core, by the sizes of the model and of the window.

Four constants: seconds a call (a layer's time step, there and back), seconds a recurrent weight and time step
(weights are read anew at each, however few the rows), seconds an operation of products, and seconds a
parameter that is updated. They are fitted to measured steps, as those of the network are.
"""

from __future__ import annotations

from dataclasses import dataclass

from bench.workloads import GATES, Workload

COUNTED = ("call", "weight", "operation", "update")


def parameters(w: Workload) -> int:
    """Return the number of parameters, all that an all-reduce has to sum."""
    widths = [w.E] + [w.H] * (w.layers - 1)
    layers = sum(GATES[w.cell] * (w.H * (D + w.H) + w.H) for D in widths)
    return w.K * w.E + layers + w.H * w.K + w.K


def counted(w: Workload, rows: float | None = None) -> list[float]:
    """Return what is counted of a step: calls, weights read, operations, parameters."""
    rows = w.B if rows is None else rows
    recurrent = w.layers * GATES[w.cell] * w.H * w.H
    return [w.T * w.layers, w.T * recurrent, w.training_flops * rows * w.T, parameters(w)]


@dataclass(frozen=True)
class Core:
    """The constants of a core: seconds a call, a weight read, an operation, a parameter updated."""

    call: float
    weight: float
    operation: float
    update: float

    def parts(self, w: Workload, rows: float, cores: int = 1) -> dict[str, float]:
        """Return the seconds of a step of so many rows that cores share.

        Rows are shared, and so are parameters in the update; every core has the calls, and reads the
        weights. A core has one row at least.
        """
        calls, weights, operations, update = counted(w, max(1.0, rows / cores))
        return {
            "thin rows": self.call * calls + self.weight * weights,
            "compute": self.operation * operations + self.update * update / cores,
        }

    def seconds(self, w: Workload, rows: float, cores: int = 1) -> float:
        """Return the seconds of a step."""
        return sum(self.parts(w, rows, cores).values())
