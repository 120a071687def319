"""Turn what benchmarks/network.py kept into the tables of docs/scaling.md."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

from bench.details import listed
from bench.environment import ROOT
from bench.figures import figure
from bench.kept import load_one
from bench.pages import fill, where
from bench.workloads import Workload
from scaling import forecast as plan
from scaling import found
from scaling.fit import spread
from scaling.forecast import CORPORA, MACHINES, MODELS, OPTIONS, Cluster, Step, best, step
from scaling.found import Model
from scaling.work import parameters
from simulated.networks import NETWORKS

PAGE = ROOT / "docs" / "scaling.md"
Kept = dict[str, Any]
SHOWN = (1_000, 1_000_000, 100_000_000)  # bytes, of those that are measured
FORECAST = ("10g-0.1ms", "1g-1ms")
CORES = (2, 64)
KINDS = (
    ("weak", 2, f"weak scaling: {plan.ROWS_A_CORE} rows a core"),
    ("strong", 2, f"strong scaling: {plan.ROWS:,} rows in all"),
    ("strong", 64, f"strong scaling: {plan.ROWS:,} rows in all"),
    ("best", 2, "the best batch"),
    ("best", 64, "the best batch"),
)
YEAR = 365.25 * 86_400


def write(page: Path = PAGE, kept: Kept | None = None) -> None:
    """Write what stands between the marks of the page."""
    kept = load_one("network", False) if kept is None else kept
    model = found.model(kept) if {"traffic", "work"} <= set(kept) else None
    for name, section in SECTIONS.items():
        written = section(kept, model) if model else ""
        fill(page, f"\n{written or 'Not measured yet.'}\n\n", name)


def fits(kept: Kept, model: Model) -> str:
    """The constants of every network, and their errors."""
    rows = []
    for name, one in model.networks.items():
        inside, unseen, beyond = spread(one.fit.errors), spread(one.fit.unseen), found.beyond(one)
        line = NETWORKS[name].seconds_a_byte
        rows.append([
            NETWORKS[name].title, one.rows[0]["wiring"], f"{1e6 * one.constants.alpha:,.0f}",
            figure(1e9 * one.constants.beta), f"{one.constants.beta / line:.2f}" if line else "",
            f"{1e6 * one.crowd.alpha:,.0f}", figure(1e9 * one.crowd.beta),
            str(len(one.rows)), f"{inside['median']:.0%}", f"{unseen['median']:.0%}",
            f"{unseen['largest']:.0%}", "" if beyond is None else f"{beyond:.0%}",
        ])  # fmt: skip
    table = listed(
        ["network", "simulated by", "α, µs", "β, ns a byte", "times the line's own", "o, µs", "κ, ns a byte",
         "measurements",
         "error, median", "left out, median", "left out, largest", "more hosts, median"], rows,
    )  # fmt: skip
    gamma = figure(1e9 * found.gamma(kept))
    return (
        f"{where(kept)} γ is {gamma} ns a byte, measured by itself.\n\n{table}\n\n"
        "The median error by the way to sum, by the number of hosts, and by the bytes of the vector, each "
        "measurement left out in turn:"
        f"\n\n{errors(kept, model)}"
    )


def errors(kept: Kept, model: Model) -> str:
    """Where the model is right and where it is not."""
    heads = {
        "exchange": {name: name for name in _seen(kept, "exchange") if name != "own"},
        "hosts": {count: f"{count} hosts" for count in _seen(kept, "hosts")},
        "bytes": {size: _bytes(size) for size in _seen(kept, "bytes")},
    }
    tables = []
    for keys in (("exchange", "hosts"), ("bytes",)):
        rows = []
        for name, one in model.networks.items():
            by = {key: found.errors_by(one, key) for key in keys}
            cells = [by[key].get(value) for key in keys for value in heads[key]]
            rows.append([NETWORKS[name].title, *("" if cell is None else f"{cell:.0%}" for cell in cells)])
        tables.append(listed(["network", *(head for key in keys for head in heads[key].values())], rows))
    return "\n\n".join(tables)


def simulated(kept: Kept, model: Model) -> str:
    """What was measured beside what the model says, for some sizes."""
    parts = []
    sizes = [size for size in _seen(kept, "bytes") if size in SHOWN] or _seen(kept, "bytes")
    for name, one in model.networks.items():
        rows = []
        for hosts in _seen(kept, "hosts"):
            for exchange in _seen(kept, "exchange"):
                if exchange == "pingpong" and hosts != min(_seen(kept, "hosts")):
                    continue
                at = {
                    row["bytes"]: row for row in kept["traffic"]
                    if (row["network"], row["hosts"], row["exchange"]) == (name, hosts, exchange)
                }  # fmt: skip
                pairs = [
                    f"{_ms(at[size]['median'])} / {_ms(found.predicted(at[size], one.at(hosts)))}"
                    if size in at else "" for size in sizes
                ]  # fmt: skip
                rows.append([str(hosts), exchange, *pairs])
        table = listed(["hosts", "exchange", *(_bytes(size) for size in sizes)], rows)
        parts.append(f"**{NETWORKS[name].title}**, milliseconds, measured / model\n\n{table}")
    return "\n\n".join(parts)


def work(kept: Kept, model: Model) -> str:
    """The constants of a core, and its steps beside the model's."""
    core, fit = model.core, model.core_fit
    inside, unseen = spread(fit.errors), spread(fit.unseen)
    rows = [
        [
            f"2 x {row['H']}",
            str(row["B"]),
            _ms(row["median"]),
            _ms(row["median"] * (1 + error)),
            f"{error:+.0%}",
        ]
        for row, error in zip(kept["work"]["steps"], fit.unseen, strict=True)
    ]
    gigaflops = figure(1e-9 / core.operation if core.operation else None)
    table = listed(["LSTM", "rows", "measured, ms", "model, ms", "error"], rows)
    return (
        f"A call costs {figure(1e6 * core.call)} µs, a recurrent weight {figure(1e9 * core.weight)} ns a "
        f"time step, products run at {gigaflops} GFLOP/s, and an update costs {figure(1e9 * core.update)} ns "
        f"a parameter. The median error is {inside['median']:.0%}, and {unseen['median']:.0%} where the "
        f"measurement is left out of the fit; the largest {unseen['largest']:.0%}. In the table each row was "
        f"left out in turn.\n\n{table}"
    )


def training(kept: Kept, model: Model) -> str:
    """`elman train` over the hosts, and the model's tokens a second."""
    rows = []
    for row in found.training(kept, model.networks) if "training" in kept else []:
        cells = [row["model"], row["kind"], str(row["hosts"]), "", str(row["batch"])]
        cells.append(figure(row["tokens_per_second"]))
        if row["hosts"] > 1:  # else it is what the model takes as given
            cells[3] = NETWORKS[row["network"]].title
            error = row["model_rate"] / row["tokens_per_second"] - 1
            cells += [figure(row["model_rate"]), f"{error:+.0%}"]
        rows.append(cells + [""] * (8 - len(cells)))
    if not rows:
        return ""
    heads = ["LSTM", "scaling", "hosts", "network", "rows", "measured, tokens/s", "model", "error"]
    return listed(heads, rows)


def measured_options(kept: Kept, model: Model) -> str:
    """What the ways to send less, or sooner, have brought over two hosts."""
    rates: dict[tuple[str, str], dict[str, float]] = {}
    for row in kept.get("options", []):
        rates.setdefault((row["model"], row["network"]), {})[row["option"]] = row["tokens_per_second"]
    if not rates:
        return ""
    names = list(next(iter(rates.values())))
    rows = [
        [lstm, NETWORKS[network].title, figure(each["flat"]),
         *(f"{each[name] / each['flat']:.2f}" for name in names if name != "flat")]
        for (lstm, network), each in rates.items()
    ]  # fmt: skip
    heads = ["LSTM", "network", "flat, tokens/s", *(name for name in names if name != "flat")]
    return listed(heads, rows)


def forecast(kept: Kept, model: Model) -> str:
    """What clusters would do."""
    parts = [sizes()]
    heads = ["LSTM", "machines", "network", "tokens/s", "efficiency", "tokens needed", "binds",
             *(f"{_power(corpus)} tokens" for corpus in CORPORA)]  # fmt: skip
    for kind, cores, title in KINDS:
        rows = [
            cells(model, kind, w, p, cores, name)
            for w in MODELS
            for p in MACHINES
            for name in _forecast(model)
        ]
        parts.append(f"**Machines of {cores} cores, {title}**\n\n{listed(heads, rows)}")
    return "\n\n".join(parts)


def sizes() -> str:
    """The models of the forecast."""
    rows = []
    for w in MODELS:
        each = (parameters(w), w.K, w.training_flops / 1e6, plan.NUMBER * parameters(w) / 1e6)
        rows.append([w.name, *(f"{size:,.0f}" for size in each)])
    return listed(["LSTM", "parameters", "vocabulary", "million operations a token", "MB of gradients"], rows)


def cells(model: Model, kind: str, w: Workload, p: int, cores: int, name: str) -> list[str]:
    """A row of the forecast."""
    one, alone = (forecast_step(model, kind, w, n, cores, name) for n in (p, 1))
    gain = one.tokens_per_second / alone.tokens_per_second
    if kind == "best":  # the batches differ, so that what counts is what has been learnt
        gain = one.progress / alone.progress
    return [
        w.name, f"{p:,}", NETWORKS[name].title, figure(one.tokens_per_second), f"{gain / p:.0%}",
        f"{one.waste:,.1f} times", one.binds, *(_time(corpus / one.progress) for corpus in CORPORA),
    ]  # fmt: skip


def forecast_step(model: Model, kind: str, w: Workload, p: int, cores: int, name: str) -> Step:
    """A step of p machines, with so many rows for each core, so many in all, or as many as are best."""
    cluster = Cluster(p, cores, model.core, model.networks[name].constants)
    if kind == "best":
        return best("none", w, cluster, model.packing)[1]
    return step(w, plan.ROWS_A_CORE * cores * p if kind == "weak" else plan.ROWS, cluster)


def helps(kept: Kept, model: Model) -> str:
    """By how much the options raise progress."""
    rows = []
    for cores, name, w, p in product(CORES, _forecast(model), MODELS, MACHINES):
        cluster = Cluster(p, cores, model.core, model.networks[name].constants)
        steps = {one: best(one, w, cluster, model.packing) for one in OPTIONS}
        each, plain = steps["none"]
        gains = [f"{steps[one][1].progress / plain.progress:.2f}" for one in OPTIONS[1:]]
        rows.append([str(cores), NETWORKS[name].title, w.name, f"{p:,}", f"{each:,}", *gains])
    heads = ["cores", "network", "LSTM", "machines", "rows of a machine", *OPTIONS[1:]]
    return listed(heads, rows)


def noise(kept: Kept, model: Model) -> str:
    """The batch that is large enough, as a model learns."""
    rows = [
        [f"{row['step']:,}", f"{row['loss']:.3f}",
         f"{row['noise_scale']:,.0f}" if row["noise_scale"] else "lost in the noise"]
        for row in kept.get("noise", [])
    ]  # fmt: skip
    return listed(["steps", "loss, nats", "noise scale, tokens"], rows) if rows else ""


SECTIONS: dict[str, Callable[[Kept, Model], str]] = {
    "fits": fits, "simulated": simulated, "work": work, "training": training,
    "measured options": measured_options, "noise": noise,
    "forecast": forecast, "options": helps,
}  # fmt: skip


def _forecast(model: Model) -> list[str]:
    return [name for name in FORECAST if name in model.networks]


def _seen(kept: Kept, key: str) -> list[Any]:
    return list({row[key]: None for row in kept["traffic"]})


def _ms(seconds: float) -> str:
    return figure(1e3 * seconds)


def _bytes(size: int) -> str:
    for unit, name in ((10**6, "MB"), (10**3, "kB")):
        if size >= unit:
            return f"{size // unit} {name}"
    return f"{size} bytes"


def _power(number: int) -> str:
    return "10" + str(len(str(number)) - 1).translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹"))


def _time(seconds: float) -> str:
    for unit, name in ((YEAR, "years"), (86_400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * unit:
            return f"{figure(seconds / unit)} {name}"
    return f"{figure(seconds)} seconds"
