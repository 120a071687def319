"""The most float32 arithmetic that the machine does, as large products of matrices reach it."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

from bench.environment import cores, in_words
from bench.pairs import Effort, contest, started
from bench.side import Side

SIZES = (512, 1024, 2048)


def ceiling(effort: Effort, *, quick: bool = False) -> dict[str, Any]:
    """Return the highest GFLOP/s of a square sgemm, with one thread and with all, of each library.

    ``"1"`` and ``"all"`` hold the highest of any library and size, ``"libraries"`` the highest of each.
    """
    libraries = ["numpy", *(["torch"] if find_spec("torch") else [])]
    sizes = SIZES[:1] if quick else SIZES
    settings = [
        {"library": library, "threads": threads, "size": size}
        for library in libraries for threads in sorted({1, cores()}) for size in sizes
    ]  # fmt: skip
    found: dict[str, Any] = {"libraries": {name: {} for name in libraries}}
    with started(lambda: [Side("sgemm", "sgemm", s, _label(s)) for s in settings]) as sides:
        measured = contest(sides, effort.trial, effort.trials)
        for side in sides:
            s = side.settings
            peak = max(measured.rates[side.title]) * 2 * s["size"] ** 3 / 1e9
            which = "1" if s["threads"] == 1 else "all"
            for table in (found, found["libraries"][s["library"]]):
                table[which] = max(table.get(which, 0.0), round(peak, 1))
    found.setdefault("all", found["1"])
    return found


def _label(s: dict[str, Any]) -> str:
    return f"{s['library']} {s['size']}, {in_words(s['threads'])}"
