"""What do outputs for large vocabularies save, and what do they cost in loss?

    python benchmarks/outputs.py --wikitext FOLDER [--only K ...] [--quick] [--render]

Two LSTM layers of 200 units are trained with each output, with plain gradient descent.
Speed: all take turns, in tokens a second. Loss: each alone, on as many tokens, and then its exact loss
on text it has not seen. The words are those of WikiText-2 where K is 33,278; else they are drawn, as
often as Zipf's law has it, and half of them follow from the word before. Keeps
benchmarks/results/outputs.json, and writes the tables of docs/guide/outputs.md; with --render only that.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench import script
from bench.environment import ROOT
from bench.figures import figure, summary, times_better
from bench.kept import keep, lines, load_one
from bench.pages import fill, where
from bench.pairs import contest, started
from bench.side import Side

PAGE = ROOT / "docs" / "guide" / "outputs.md"
SIZES: dict[str, Any] = {"H": 200, "layers": 2, "B": 20, "T": 35, "lr": 20.0, "clip": 0.25}

PLAIN = ("full", "adaptive", "sampled", "nce", "classes")
RUNS = {
    10_000: [(name, tied) for tied in (False, True) for name in (*PLAIN, "mixture")],
    33_278: [(name, tied) for tied in (False, True) for name in PLAIN],
    250_000: [("full", True), *((name, tied) for tied in (False, True) for name in PLAIN[1:])],
}
"""What is measured at each size of the vocabulary; a mixture of four costs four times a full softmax."""

STEPS = {10_000: 600, 33_278: 600, 250_000: 150}
"""Of training, before losses are compared; 700 tokens each."""

WORDS = 33_278


def zipf(classes: int, tokens: int, seed: int) -> NDArray[np.int32]:
    """Draw a text: every word is the one that follows the last, or one of Zipf's law, as often."""
    p = 1.0 / (np.arange(classes) + 2.7)
    ends = np.cumsum(p / p.sum())
    draw = lambda rng, n: np.minimum(np.searchsorted(ends, rng.random(n)), classes - 1)  # noqa: E731
    follows = draw(np.random.default_rng(classes), classes)
    rng = np.random.default_rng([classes, seed])
    ids, free = draw(rng, tokens), rng.random(tokens) < 0.5
    for i in range(1, tokens):
        if not free[i]:
            ids[i] = follows[ids[i - 1]]
    return ids.astype(np.int32)


def wikitext(folder: Path) -> dict[str, NDArray[np.int32]]:
    """Return the parts of WikiText-2 as ids, the most frequent word first, and `<eos>` at every line end."""
    parts = {}
    for part, name in (("train", "train*.txt"), ("valid", "valid.txt")):
        text = next(iter(sorted(folder.glob(name)))).read_text("utf-8")
        parts[part] = [word for line in text.splitlines() for word in (*line.split(), "<eos>")]
    number = {word: i for i, (word, _) in enumerate(Counter(parts["train"]).most_common())}
    return {part: np.array([number[word] for word in words], np.int32) for part, words in parts.items()}


def texts(classes: int, folder: Path | None, tokens: int) -> dict[str, NDArray[np.int32]]:
    """Return a text to train on and one to try."""
    if folder is not None:
        return wikitext(folder)
    return {"train": zipf(classes, tokens, 0), "valid": zipf(classes, 50_000, 1)}


def measure(classes: int, source: Path | None, quick: bool) -> dict[str, Any]:
    """Measure speed and loss at one size of the vocabulary."""
    steps = 3 if quick else STEPS[classes]
    with tempfile.TemporaryDirectory() as folder:
        found = texts(classes, source, (steps + 100) * SIZES["B"] * SIZES["T"])
        settings = {**SIZES, "K": classes}
        for part, ids in found.items():
            settings[part] = str(Path(folder) / f"{part}.npy")
            np.save(settings[part], ids)
        runs = RUNS[classes][:3] if quick else RUNS[classes]
        make = lambda run: Side(  # noqa: E731
            run[0],
            "elman_output",
            {**settings, "output": run[0], "tied": run[1]},
            "tied" if run[1] else "untied",
        )
        with started(lambda: [make(run) for run in runs]) as sides:
            turns = contest(sides, 0.1 if quick else 1.5, 2 if quick else 7)
        rows = []
        for run in runs:
            with make(run) as side:
                seconds = side.turn("run", steps)["seconds"]
                loss = side.turn("evaluate", 2 if quick else 60)["value"]
            rates = [rate * SIZES["B"] * SIZES["T"] for rate in turns.rates[side.title]]
            rows.append({
                "output": run[0], "tied": run[1], "tokens_per_second": summary(rates), "values": rates,
                "loss": loss, "seconds": seconds,
            })  # fmt: skip
    for row in rows:
        full = next(one for one in rows if one["output"] == "full" and one["tied"] in (row["tied"], True))
        row["speedup"] = times_better(row["values"], full["values"], higher=True)
        row["more_loss"] = row["loss"] / full["loss"] - 1.0
    return {
        "K": classes, "text": "WikiText-2" if source is not None else "drawn", "quiet": turns.record(),
        "tokens": steps * SIZES["B"] * SIZES["T"], "rows": rows,
    }  # fmt: skip


def shown(one: dict[str, Any]) -> list[list[str]]:
    """Return the cells of a table of one size."""
    return [
        [
            row["output"], "tied" if row["tied"] else "", figure(row["tokens_per_second"]["median"]),
            f"{row['speedup']['median']:.2f}", f"{row['loss']:.3f}", f"{row['more_loss']:+.1%}",
        ]
        for row in one["rows"]
    ]  # fmt: skip


def render() -> None:
    """Write the tables into the guide, between its marks."""
    kept = load_one("outputs", False)
    if not kept:
        return
    parts = [f"\n{where(kept)}"]
    for one in sorted(kept["sizes"], key=lambda one: int(one["K"])):
        parts += [
            f"\n**K = {one['K']:,}**, {one['text']} text, loss after {one['tokens']:,} tokens\n",
            "| output | | tokens a second | times as fast | loss | against full |",
            "| --- | --- | ---: | ---: | ---: | ---: |",
            *("| " + " | ".join(cells) + " |" for cells in shown(one)),
        ]
        if not any(row["output"] == "full" and not row["tied"] for row in one["rows"]):
            parts.append("\nAll stand beside the tied full softmax, also those that are not tied.")
    fill(PAGE, "\n".join(parts) + "\n\n")


def main() -> None:
    """Measure, print, keep and render."""
    parser = script.arguments(__doc__)
    parser.add_argument(
        "--only", nargs="+", type=int, choices=list(RUNS), metavar="K", help="sizes to measure"
    )
    parser.add_argument("--wikitext", type=Path, help="folder of WikiText-2")
    parser.add_argument(
        "--render", action="store_true", help="write the tables of what was kept, and no more"
    )
    arguments = parser.parse_args()
    if arguments.render:
        render()
        return
    sizes = arguments.only or ([10_000] if arguments.quick else list(RUNS))
    if WORDS in sizes and not (arguments.wikitext and arguments.wikitext.is_dir()):
        parser.error(f"K = {WORDS:,} is that of WikiText-2: give its folder by --wikitext")
    found = {}
    for classes in sizes:
        source = arguments.wikitext if classes == WORDS else None
        found[classes] = measure(classes, source, arguments.quick)
        lines(f"K = {classes:,}: tokens a second, times as fast, loss, against full", shown(found[classes]))
        old = {one["K"]: one for one in load_one("outputs", arguments.quick).get("sizes", [])}
        keep("outputs", {"sizes": list({**old, **found}.values())}, arguments.quick)
    if not arguments.quick:
        render()


if __name__ == "__main__":
    script.run(main)
