"""The page docs/benchmarks.md, from what the scripts have kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bench import details, pictures
from bench.environment import BENCHMARKS, in_words
from bench.figures import figure
from bench.targets import TARGETS, missed, setting

Found = dict[str, dict[str, Any]]
SCRIPTS = ("train", "generate", "start", "size", "step_memory", "time_to_loss")

INTRODUCTION = """# Benchmarks

How fast and how large elman is beside others that do the same: PyTorch on a processor, ONNX Runtime where
there is only inference, and the plain implementation that stands in `elman.insight.reference`.

A ratio says how many times better elman is than the best rival of the row: above 1 it is faster, or smaller.
*At least* is what must be seen on two cores, *aim* what is hoped for. A row that falls short says **missed**;
rows are shown as they were measured, all of them.
"""

RULES = """
## Rules

- Sizes and arithmetic are the same on all sides: word vectors, recurrent layers, softmax cross-entropy,
  clipping by the global norm, update; float32, but for the plain implementation, which computes in float64.
  All sides start from the same parameters, and their first losses and first tokens are compared before their
  speed.
- Each side is a process of its own. Sides take turns; the order turns round from one round to the next, and a
  turn begins when no thread of the others is busy any more. First turns warm up and are not counted.
- A ratio is taken in every round, between two turns of that round. The figure is the median of the
  ratios; the lowest and the highest stand beside it.
- A rival is measured at its best. Its numbers of threads, its layer and its cells, its ways to update and to
  wait are tried on each workload first, and the best is compared. elman chooses its threads itself.
- Variables that would hold a library back, such as `OPENBLAS_CORETYPE`, `OPENBLAS_L2_SIZE` and
  `OMP_NUM_THREADS`, are unset on all sides.
- The share of the machine is the arithmetic of the products in a training step (six operations a weight and
  token), over what large products of float32 matrices reach in the same run with all cores.
"""

NOTES = BENCHMARKS / "notes.md"  # written by hand, about what the figures show

COMMANDS = """
## Measure again

```console
$ pip install -e '.[bench]'
$ python benchmarks/run.py --text input.txt
```

measures everything and writes this page; `--only train` measures one question, `--write` only writes, and
`--quick` is a smoke run. Each script in `benchmarks/` also runs alone. Leave the machine to it meanwhile.
"""


def render(found: Found, page: Path) -> None:
    """Write the page, and its pictures into the folder ``images`` beside it."""
    main: dict[str, Any] = next((found[name]["machine"] for name in SCRIPTS if name in found), {})
    parts = [INTRODUCTION, table(found), RULES, details.where(found, main)]
    parts += [details.section(name, found[name], main) for name in SCRIPTS if name in found]
    parts += [details.profiles(found["profile"], main)] if "profile" in found else []
    parts += [details.products(found["products"], main)] if "products" in found else []
    parts += [details.workers(found["workers"], main)] if "workers" in found else []
    parts += [details.compiled(found["torch_compile"], main)] if "torch_compile" in found else []
    parts += [drawn(found, main, page.parent / "images"), NOTES.read_text("utf-8"), COMMANDS]
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text("\n".join(part.strip("\n") + "\n" for part in parts if part))


def table(found: Found) -> str:
    """Return the table of all rows, in the order of the targets; a row without figures says so."""
    rows = {row["id"]: row for name in SCRIPTS for row in found.get(name, {}).get("rows", [])}
    lines = [
        "| question | setting | elman | best rival | ratio | at least | aim |",
        "| --- | --- | ---: | --- | ---: | ---: | ---: |",
    ]
    for identity, target in TARGETS.items():
        least, aim = (f"{n:g}" if n is not None else "" for n in (target.least, target.aim))
        if identity in rows:
            lines.append(f"| {line(rows[identity])} | {least} | {aim} |")
        else:
            lines.append(
                f"| {target.question} | {setting(identity)} | not measured yet | | | {least} | {aim} |"
            )
    return "\n".join(lines)


def line(row: dict[str, Any]) -> str:
    """Return the cells of a row up to the ratio."""
    ours, rival = row["sides"][0], row["rival"]
    theirs = next(s for s in row["sides"] if (s["name"], s["label"]) == (rival["name"], rival["label"]))
    ratio = f"**{row['ratio']['median']:.2f} missed**" if missed(row) else f"{row['ratio']['median']:.2f}"
    cells = [
        row["question"],
        row["setting"],
        f"{figure(ours['median'])} {row['unit']}",
        f"{who(theirs)}: {figure(theirs['median'])} {row['unit']}",
        ratio,
    ]
    return " | ".join(cells)


def who(side: dict[str, Any]) -> str:
    """Return the name of a side, and how it ran."""
    label = side["label"] or (in_words(side["threads"]) if side.get("threads") else "")
    return f"{side['name']} ({label})" if label else str(side["name"])


def drawn(found: Found, main: dict[str, Any], folder: Path) -> str:
    """Draw what there is to draw, and return the part of the page that shows it."""
    lines = []
    curves = found.get("curves", {}).get("curves", [])
    for kind, draw, title in (
        (False, pictures.speed, "Tokens a second in training against the hidden width, the rows, "
         "the vocabulary and the threads"),
        (True, pictures.memory, "Peak memory of training against the steps and the vocabulary"),
    ):  # fmt: skip
        if any(curve["memory"] == kind for curve in curves):
            name = f"benchmark-{draw.__name__}.svg"
            draw(curves, folder / name)
            lines.append(f"![{title}](images/{name})\n")
    rows = found.get("time_to_loss", {}).get("rows", [])
    if rows:
        pictures.losses(rows[0], folder / "benchmark-loss.svg")
        lines.append("![Validation loss against the seconds of training](images/benchmark-loss.svg)\n")
    if curves:
        lines.insert(0, f"\n## Curves\n\n{details.measured(found['curves'], main)}\n")
    elif lines:
        lines.insert(0, "\n## Curves\n")
    return "\n".join(lines)
