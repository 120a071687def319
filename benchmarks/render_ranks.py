"""The parts of the pages that are about several ranks: how fast they are, what their ways cost, what a kill costs."""

from __future__ import annotations

from typing import Any

from bench.details import listed
from bench.environment import ROOT
from bench.kept import load_one
from bench.pages import fill, where

PAGE = ROOT / "docs" / "guide" / "distributed.md"


def write() -> None:
    """Write what stands between the marks of the guide."""
    for name, section in (("ranks", ranks), ("large_batches", large_batches)):
        if kept := load_one(name, False):
            fill(PAGE, f"\n{section(kept)}\n\n", name.replace("_", " "))


def ranks(kept: dict[str, Any]) -> str:
    """Speed beside one rank of one thread, and how far losses and models are apart."""
    parts = [
        "`python benchmarks/ranks.py`: the same run in turns, characters of the text that comes with Python, one thread a rank: "
        "tokens a second in float32; and of a run in float64 the largest difference to one rank of a training loss, and of a parameter at the end. "
        "`--threads` makes threads of the smallest, and of the others processes that share memory. "
        f"{where(kept)}"
    ]
    for one in kept["rows"]:
        if "speeds" not in one or "apart" not in one:  # a part of it was measured, and the other was not
            continue
        rows = [
            [way, f"{speed:,.0f}", f"{one['ratios'][way]:.2f}", _small(one["apart"][way]), _small(one["models"][way])]
            for way, speed in one["speeds"].items()
        ]  # fmt: skip
        apart = f"losses apart, {one['curve_steps']} steps"
        heads = [one["name"], "tokens a second", "times one rank", apart, "parameters apart"]
        parts.append(listed(heads, rows))
    return "\n\n".join(parts)


def _small(number: float) -> str:
    """Return a difference in one digit."""
    return f"{number:.0e}" if number else "0"


def large_batches(kept: dict[str, Any]) -> str:
    """What the ways to send less cost in loss, and save in bytes."""
    base = kept["rows"][0]
    rows = [
        [
            row["way"], f"{row['updates']:,}", f"{row['loss']:.3f} ± {row['spread']:.3f}",
            f"{row['loss'] - base['loss']:+.3f}", f"{row['sent'] / 1e6:,.1f}",
            f"{base['sent'] / row['sent']:,.1f}",
        ]
        for row in kept["rows"]
    ]  # fmt: skip
    heads = ["way", "updates", "validation loss, nats", "to the first", "MB a rank sends", "times fewer"]
    return (
        f"`python benchmarks/large_batches.py`: an LSTM of 64 units learns the characters of the text that comes with Python, {kept['ranks']} ranks, as "
        f"many tokens in every way as {kept['steps']} updates of 32 rows have; means of three seeds. {where(kept)}\n\n{listed(heads, rows)}"
    )


def faults(kept: dict[str, Any]) -> str:
    """The log of ranks that were killed."""
    rows = [
        [f"{i}", f"{row['rank']}", f"{row['all_gone_after']:.1f}", f"{row['kept_step']:,}", (row["said"].splitlines() or ["nothing"])[-1]]
        for i, row in enumerate(kept["kills"], 1)
    ]  # fmt: skip
    heads = ["kill", "rank", "seconds until all had ended", "step kept", "said"]
    same = "the same bytes as those of" if kept["same"] and kept["same_model"] else "NOT those of"
    return f"""## Ranks that are killed

`python benchmarks/faults.py`: {kept["ranks"]} ranks train, a random one is killed at a random moment, and the run goes on,
{len(kept["kills"])} times; a checkpoint every {kept["every"]} steps. The checkpoint and the model after {kept["steps"]:,} steps are
{same} a run that nobody disturbed; and {kept["ranks"] + 1} ranks went on with it.

{listed(heads, rows)}

{where(kept)}
"""


def prepared(kept: dict[str, Any]) -> str:
    """A text larger than memory."""
    rows = [
        [f"`{one['command']}`", f"{one['seconds'] / 60:.1f}", f"{one['processes']}", f"{one['peak'] / 1e6:,.0f}"]
        for one in kept["rows"]
    ]  # fmt: skip
    heads = ["command", "minutes", "processes", "MB, the largest process"]
    said = f" {kept['note']}" if kept.get("note") else ""
    return f"""## A text of {kept["megabytes"] / 1000:g} GB

`python benchmarks/prepare.py {kept["options"]}`: random words, of which every megabyte has a thousand that no other
has, {kept["shards"]} shards. Memory is the highest resident at any time.{said}

{listed(heads, rows)}

{where(kept)}
"""
