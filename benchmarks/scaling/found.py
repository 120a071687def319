"""From what `benchmarks/network.py` kept to constants: the network's, and those of a core."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from bench.workloads import Workload
from scaling.cost import SUMS, Constants, counts, fastest, of_a_step
from scaling.fit import Fit, fit
from scaling.forecast import NUMBER, Packing
from scaling.work import Core, counted

Row = dict[str, Any]


class Fitted(NamedTuple):
    """Constants of a network, the measurements they are fitted to, and how well.

    Where `hosts` share `cores` that are fewer, each waits for its turn: what it does takes
    ``hosts / cores - 1`` times the constants of `crowd` longer. These are of the machine that simulates, and
    of no cluster.
    """

    constants: Constants
    crowd: Constants
    cores: int
    rows: list[Row]
    fit: Fit

    def at(self, hosts: int) -> Constants:
        """Return the constants among so many hosts of the machine that simulates."""
        excess = crowding(hosts, self.cores)
        return Constants(*(a + excess * b for a, b in zip(self.constants, self.crowd, strict=True)))


def crowding(hosts: int, cores: int) -> float:
    """Return how many others a host waits for at each core, on average."""
    return max(0.0, hosts / cores - 1)


class Model(NamedTuple):
    """All constants that what was kept gives."""

    networks: dict[str, Fitted]
    core: Core
    core_fit: Fit
    packing: Packing


def model(kept: dict[str, Any]) -> Model:
    """Fit all there is to fit."""
    return Model(networks(kept), *core(kept), packing(kept))


def gamma(kept: dict[str, Any]) -> float:
    """Return the seconds in which a core adds a byte of numbers to others, measured alone."""
    return float(kept["work"]["packing"]["sum"]) / NUMBER


def packing(kept: dict[str, Any]) -> Packing:
    """Return what compression costs a core."""
    return Packing(**{name: kept["work"]["packing"][name] for name in ("top", "placed", "bit", "unbit")})


def network(rows: list[Row], seconds_summed: float, cores: int) -> Fitted:
    """Fit alpha and beta, alone and crowded, to the exchanges that the model counts; gamma is known."""
    rows = [row for row in rows if row["exchange"] == "pingpong" or row["exchange"] in SUMS]
    each = [counts(row["exchange"], row["hosts"], row["bytes"]) for row in rows]
    excess = [crowding(row["hosts"], cores) for row in rows]
    found = fit(
        [
            (one.messages, one.sent, more * one.messages, more * one.sent)
            for one, more in zip(each, excess, strict=True)
        ],
        [row["median"] for row in rows],
        [(1 + more) * seconds_summed * one.summed for one, more in zip(each, excess, strict=True)],
    )
    alpha, beta, *others = (float(value) for value in found.constants)
    alone, crowd = Constants(alpha, beta, seconds_summed), Constants(*others, seconds_summed)
    return Fitted(alone, crowd, cores, rows, found)


def networks(kept: dict[str, Any]) -> dict[str, Fitted]:
    """Return the fit of every network that was measured."""
    by_name: dict[str, list[Row]] = {}
    for row in kept["traffic"]:
        by_name.setdefault(row["network"], []).append(row)
    cores = kept["machine"]["cores"]
    return {name: network(rows, gamma(kept), cores) for name, rows in by_name.items()}


def predicted(row: Row, constants: Constants) -> float:
    """Return the model's seconds of an exchange; of MPI's own choice, those of the best it may choose."""
    if row["exchange"] == "own":
        return fastest(constants, row["hosts"], row["bytes"])[1]
    return constants.seconds(counts(row["exchange"], row["hosts"], row["bytes"]))


def beyond(fitted: Fitted) -> float | None:
    """Return the median error about sums over the most hosts, of constants fitted to fewer hosts.

    That is what the model is used for. None where all were measured on as many.
    """
    most = max(row["hosts"] for row in fitted.rows)
    fewer = [row for row in fitted.rows if row["hosts"] < most]
    if not fewer:
        return None
    smaller = network(fewer, fitted.constants.gamma, fitted.cores)
    asked = [row for row in fitted.rows if row["hosts"] == most and row["exchange"] != "pingpong"]
    return float(np.median([abs(predicted(row, smaller.at(most)) / row["median"] - 1) for row in asked]))


def workload(row: Row) -> Workload:
    """Return the workload that a step was measured of."""
    sizes = {name: row[name] for name in ("layers", "H", "E", "K", "B", "T")}
    return Workload("measured", "lstm", **sizes)


def core(kept: dict[str, Any]) -> tuple[Core, Fit]:
    """Fit the constants of a core to its steps."""
    steps = kept["work"]["steps"]
    found = fit([counted(workload(row)) for row in steps], [row["median"] for row in steps])
    return Core(*(float(value) for value in found.constants)), found


def training(kept: dict[str, Any], constants: dict[str, Fitted]) -> list[Row]:
    """Return every training over hosts with the model's tokens a second.

    The model's step is that of one host with the rows of a host, as it was measured, and the sum of the
    gradients. Where there are more hosts than cores, they share these.
    """
    rows, cores = kept["training"], kept["machine"]["cores"]
    alone = {(row["model"], row["batch"]): row["tokens_per_second"] for row in rows if row["hosts"] == 1}
    found = []
    for row in rows:
        own = row["batch"] // row["hosts"]
        known = [(batch, rate) for (model, batch), rate in alone.items() if model == row["model"]]
        if not known or row["network"] not in constants:
            continue
        # A host with fewer rows than were measured alone is taken to be as fast a row.
        rate = min(known, key=lambda one: abs(one[0] - own))[1]
        compute = own * row["window"] / rate * (1 + crowding(row["hosts"], cores))
        vector = NUMBER * row["parameters"]
        sums = constants[row["network"]].at(row["hosts"]).seconds(of_a_step("fixed", row["hosts"], vector))
        found.append({**row, "model_rate": row["batch"] * row["window"] / (compute + sums)})
    return found


def errors_by(fitted: Fitted, key: str) -> dict[Any, float]:
    """Return the median error of a fit for each value of a column, measurements left out in turn."""
    values = {row[key]: None for row in fitted.rows}
    return {
        value: float(np.median([
            abs(error)
            for row, error in zip(fitted.rows, fitted.fit.unseen, strict=True) if row[key] == value
        ]))
        for value in values
    }  # fmt: skip
