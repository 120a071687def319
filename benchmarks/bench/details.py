"""The parts of the page below the table: the machine, all sides of every row, profiles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bench.environment import in_words
from bench.figures import figure
from bench.kept import QUIET

TITLES = {
    "train": "Training",
    "generate": "Generation",
    "start": "Start",
    "size": "Installed size",
    "step_memory": "Memory of a training step",
    "time_to_loss": "Time to a loss",
}
NOTES = {
    "train": "Tokens a second; random tokens, the state carried from step to step.",
    "generate": "Tokens a second. Each side reads a token, takes the likeliest next one and reads that.",
    "start": "Seconds from the start of a process to the next character it prints, all of it: interpreter, "
    "imports, weights, prediction.",
    "size": "Megabytes of a fresh virtual environment without pip, everything included.",
    "step_memory": "Megabytes, the highest while training, of all processes of a side; what they share "
    "counts once. *Before* is what interpreter and imports took before there was a model.",
    "time_to_loss": "Seconds of training until the loss on the last 10 % of Tiny Shakespeare is first at "
    "most 1.55 nats a character: Adam, warm-up and cosine, dropout 0.1, clipping at 5. A value a seed.",
}


OTHERS = (("PyTorch", "torch"), ("ONNX Runtime", "onnxruntime"))
LIBRARIES = {"numpy": "NumPy", "torch": "PyTorch"}


def machine(m: dict[str, Any]) -> str:
    """Return the machine and the versions in words."""
    versions = [f"Python {m['python']}", f"NumPy {m['numpy']} ({m['blas']})"]
    versions += [f"{name} {m[key]}" for name, key in OTHERS if m.get(key)]
    return f"{m['cores']} cores of {m['processor']}, {m['system']}; {', '.join(versions)}"


def measured(kept: dict[str, Any], main: dict[str, Any]) -> str:
    """Return when something was measured, and on what where that is not the main machine."""
    m = kept["machine"]
    at = f", elman {m['elman']}" + (f" at commit {m['commit']}" if m.get("commit") else "")
    on = "" if machine(m) == machine(main) else f" on {machine(m)}"
    return f"Measured {kept['date']}{at}{on}."


def where(found: dict[str, dict[str, Any]], main: dict[str, Any]) -> str:
    """Return the part about the machine, with the most it reaches."""
    if not main:
        return ""
    text = f"\n## The machine\n\n{machine(main)}.\n"
    peak = found.get("train", {}).get("ceiling")
    if peak:
        libraries = ", ".join(
            f"{LIBRARIES[name]} {figure(one['1'])} and {figure(one.get('all', one['1']))}"
            for name, one in peak["libraries"].items()
        )
        text += (
            f"Products of large float32 matrices reach {figure(peak['1'])} GFLOP/s with one thread and "
            f"{figure(peak['all'])} with all ({libraries}).\n"
        )
    return text


def section(name: str, kept: dict[str, Any], main: dict[str, Any]) -> str:
    """Return the part about a question: all sides of each of its rows."""
    parts = [f"\n## {TITLES[name]}\n\n{NOTES[name]} {measured(kept, main)}\n"]
    shown: list[str] = []
    for row in kept["rows"]:
        # Two rows of one contest, against different rivals, share their table of sides.
        if row["setting"] in shown:
            parts.append(f"{ratio(row)}\n")
            continue
        shown.append(row["setting"])
        parts.append(f"### {row['setting']}\n\n{sides(row)}\n\n{ratio(row)}{quiet(row)}\n{variants(row)}")
    return "\n".join(parts)


def ratio(row: dict[str, Any]) -> str:
    """Return the ratio of a row and its spread."""
    r, rival = row["ratio"], row["rival"]
    spread = f", {r['low']:.2f} to {r['high']:.2f} from round to round" if r["low"] < r["high"] else ""
    question = row["question"][0].upper() + row["question"][1:]
    return f"{question}: {r['median']:.2f} times as good as {rival['name']}{spread}."


def sides(row: dict[str, Any]) -> str:
    """Return the table of the sides of a row, with the columns that the row has figures for."""
    head = ["side", "how", f"median, {row['unit']}", "lowest", "highest"]
    extra = [(title, key) for title, key in EXTRAS if any(key in side for side in row["sides"])]
    lines = [
        "| " + " | ".join([*head, *(title for title, _ in extra)]) + " |",
        "| --- | --- |" + " ---: |" * (3 + len(extra)),
    ]
    for side in row["sides"]:
        how = side["label"] or (in_words(side["threads"]) if side.get("threads") else "")
        cells = [side["name"], how, *(figure(side[key]) for key in ("median", "low", "high"))]
        cells += [EXTRA[key](side[key]) if key in side else "" for _, key in extra]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


EXTRAS = (
    ("GFLOP/s", "gflops"),
    ("of the machine", "ceiling"),
    ("before", "imports"),
    ("processes", "processes"),
    ("updates", "updates"),
    ("largest folders, MB", "largest"),
)
EXTRA: dict[str, Any] = {
    "gflops": figure,
    "ceiling": lambda share: f"{share:.0%}" if share >= 0.1 else f"{share:.1%}",
    "imports": figure,
    "processes": str,
    "updates": lambda counts: ", ".join(f"{count:,}" for count in counts),
    "largest": lambda parts: ", ".join(f"{name} {figure(size)}" for name, size in parts),
}


def quiet(row: dict[str, Any]) -> str:
    """Return how undisturbed the measurement was."""
    if "quiet" not in row:
        return ""
    q = row["quiet"]
    doubt = " **The machine was not quiet: these figures are in doubt.**" if q["others"] > QUIET else ""
    return (
        f" {q['rounds']} rounds; sides that waited took at most {q['idle']:.1%} of a core, other processes "
        f"{q['others']:.1%}, a hypervisor {q['stolen']:.1%}.{doubt}"
    )


def variants(row: dict[str, Any]) -> str:
    """Return what was tried of each rival, from the best down."""
    lines = []
    for name, rates in row.get("variants", {}).items():
        ordered = sorted(rates.items(), key=lambda item: -item[1])
        if len(ordered) > 1:
            lines.append(f"{name}: " + "; ".join(f"{label} {figure(rate)}" for label, rate in ordered) + ".")
    return "\nTried in short turns: " + " ".join(lines) + "\n" if lines else ""


def profiles(kept: dict[str, Any], main: dict[str, Any]) -> str:
    """Return where the time goes: tables that `keep_profile` has written."""
    parts = [f"\n## Where the time goes\n\n{measured(kept, main)}\n"]
    for one in kept["profiles"]:
        parts.append(f"### {one['title']}\n\n```console\n$ {one['command']}\n```\n")
        parts.append(listed(one["columns"], one["rows"]) + "\n")
    return "\n".join(parts)


def listed(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Return a table of columns, the numbers to the right."""
    numbers = [all(isinstance(row[i], int | float) for row in rows) for i in range(len(columns))]
    lines = ["| " + " | ".join(columns) + " |"]
    lines.append("| " + " | ".join("---:" if number else "---" for number in numbers) + " |")
    for row in rows:
        cells = [figure(cell) if isinstance(cell, int | float) else str(cell) for cell in row]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def products(kept: dict[str, Any], main: dict[str, Any]) -> str:
    """Return what panels bring to the product of a time step."""
    columns = ["product", "whole, us", "GFLOP/s", "in panels, us", "GFLOP/s", "times as fast"]
    return (
        "\n## The product of a time step\n\nRows of a share by the recurrent weights of all gates, on one "
        "core; weights as one matrix a gate, and in panels. The last line is what a worker would do that had "
        f"all rows and half of the hidden units. {measured(kept, main)}\n\n{listed(columns, kept['table'])}\n"
    )


def workers(kept: dict[str, Any], main: dict[str, Any]) -> str:
    """Return what sharing a batch brings, by the size of a step."""
    columns = ["setting", "million operations a step", "alone, ms", "threads, ms", "processes, ms"]
    return (
        "\n## Alone, threads or processes\n\nThe same step done by one worker, by as many threads as there "
        "are cores, and by as many processes. Threads hand the interpreter's lock back and forth; processes "
        "pay from a hundred million operations on, and there a run chooses them. "
        f"{measured(kept, main)}\n\n"
        f"{listed(columns, kept['table'])}\n"
    )


def compiled(kept: dict[str, Any], main: dict[str, Any]) -> str:
    """Return what `torch.compile` brings."""
    table = listed(
        ["what", "setting", "PyTorch, tokens/s", "compiled, tokens/s", "ratio", "seconds to compile"],
        kept["table"],
    )
    return (
        "\n## torch.compile\n\nIt needs a C++ compiler on the machine, and time; it is no part of the rows "
        f"above. {measured(kept, main)}\n\n{table}\n"
    )
