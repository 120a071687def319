"""Train a recipe on a corpus, and keep what it reached and in which time for docs/results.md.

    python benchmarks/recipes.py word-small --corpus WikiText-2 --train A --valid B --test C
    python benchmarks/recipes.py char-large --corpus "Tiny Shakespeare" --text input.txt
    python benchmarks/recipes.py word-small --corpus WikiText-2 --train A --valid B --test C \\
        --title "tied, six epochs" -- --tied --epochs 6
    python benchmarks/recipes.py --write

What stands after ``--`` goes to ``elman train`` as it is; ``--minutes`` bounds the run; ``--out`` keeps it:
where there is one already it is gone on with, and one that is at its end is only read. With ``--adapted`` the
test text is also read by models that adapt to it. Each is kept in benchmarks/results/recipes, by the recipe,
the corpus and the title. Run it on a quiet machine.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.environment import ROOT, free_environment, machine

KEPT = ROOT / "benchmarks" / "results" / "recipes"
LETTERS = 400  # of a sample, in tokens; of words a fifth
CACHE, DYNAMIC = "--cache 2000", "--dynamic rms --dynamic-window 20"
ADAPTED = tuple(f"{ways} --tune" for ways in (CACHE, DYNAMIC, f"{DYNAMIC} {CACHE}"))


def elman(*arguments: object, shown: bool = False) -> str:
    """Run the command line in an environment that holds no BLAS back; return what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "elman", *map(str, arguments)], env=free_environment(), check=True, text=True,
        stdout=None if shown else subprocess.PIPE,
    )  # fmt: skip
    return done.stdout or ""


def train(run: Path, recipe: str, given: list[str]) -> None:
    """Train a run, or go on with it."""
    if (run / "last" / "checkpoint.safetensors").exists():
        elman("train", "--resume", run, "--quiet", shown=True)
    else:
        elman("train", "--recipe", recipe, *given, "--out", run, "--quiet", shown=True)


def read(run: Path) -> dict[str, Any]:
    """Return what a finished run reached."""
    info = json.loads(elman("info", run, "--json"))
    records = [json.loads(line) for line in (run / "metrics.jsonl").read_text("utf-8").splitlines()]
    evaluated = [record for record in records if "valid_loss" in record]
    best = min(evaluated, key=lambda record: record["valid_loss"], default=None)
    last = records[-1]
    letters = LETTERS if info["tokens"] in ("char", "byte") else LETTERS // 5
    return {
        "parameters": info["parameters"], "vocab_size": info["vocab_size"], "unit": info["tokens"],
        "tokens": {name: info.get(f"{name}_tokens") for name in ("train", "valid", "test")},
        "steps": last["step"], "seconds": last["seconds"],
        "epochs": round(last["tokens"] / info["train_tokens"], 2),
        "tokens_per_second": round(last["tokens"] / last["seconds"]),
        "valid_loss": best and best["valid_loss"], "best_step": best and best["step"],
        "averaged": bool(best and best.get("averaged")),
        "curve": [[record["step"], record["seconds"], record["valid_loss"]] for record in evaluated],
        "test": json.loads(elman("evaluate", run, "--json")) if info.get("test_tokens") else None,
        "sample": elman("generate", run, "--length", letters, "--temperature", "0.8", "--seed", "1"),
    }  # fmt: skip


def adapted(run: Path) -> list[dict[str, Any]]:
    """Return what it reaches on the test text by each way of adapting to it; the time has tuning in it."""
    found = []
    for options in ADAPTED:
        began = time.monotonic()
        result = json.loads(elman("evaluate", run, "--json", *options.split()))
        found.append({"options": options, "seconds": time.monotonic() - began, **result})
    return found


def texts_of(arguments: argparse.Namespace) -> list[str]:
    """Return the options that name the texts."""
    if arguments.text:
        return [str(arguments.text)]
    named = {name: getattr(arguments, name) for name in ("train", "valid", "test")}
    return [part for name, path in named.items() if path for part in (f"--{name}", str(path))]


def command_of(recipe: str, given: list[str]) -> str:
    """Return the command as the page shows it: files without their folders."""
    files = [word for word in given if "/" in word and not re.match(r"-|[\d./]+$", word)]
    words = [Path(word).name if word in files else word for word in given]
    shown = [f'"{word}"' if " " in word else word for word in words]
    return " ".join(["elman train --recipe", recipe, *shown])


def measure(arguments: argparse.Namespace) -> None:
    """Train, read, and keep."""
    given = [*texts_of(arguments), *arguments.more]
    if arguments.minutes:
        given += ["--minutes", f"{arguments.minutes:g}"]
    with tempfile.TemporaryDirectory() as folder:
        run = arguments.out or Path(folder) / "run"
        train(run, arguments.recipe, given)
        found = {
            "recipe": arguments.recipe, "corpus": arguments.corpus, "title": arguments.title,
            "command": command_of(arguments.recipe, given), **read(run),
            "adapted": adapted(run) if arguments.adapted else [],
            "machine": machine(), "date": time.strftime("%Y-%m-%d"),
        }  # fmt: skip
    name = " ".join(part for part in (arguments.recipe, arguments.corpus, arguments.title) if part)
    KEPT.mkdir(parents=True, exist_ok=True)
    path = KEPT / (re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") + ".json")
    path.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", "utf-8")
    print(f"kept {path.relative_to(KEPT.parents[1])}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("recipe", nargs="?", help="as elman info --recipes lists them")
    parser.add_argument("--corpus", help="the name of the corpus on the page")
    parser.add_argument("--title", default="", help="what is different from the recipe, on the page")
    parser.add_argument("--text", type=Path, help="one text, to be split")
    for name in ("train", "valid", "test"):
        parser.add_argument(f"--{name}", type=Path)
    parser.add_argument("--minutes", type=float, help="bound the run")
    parser.add_argument("--out", type=Path, help="keep the run here, or go on with the one that is there")
    parser.add_argument("--adapted", action="store_true", help="evaluate models that adapt to the text, too")
    parser.add_argument("--write", action="store_true", help="render what is kept")
    given = sys.argv[1:]
    at = given.index("--") if "--" in given else len(given)
    arguments = parser.parse_args(given[:at], argparse.Namespace(more=given[at + 1 :]))
    if arguments.recipe:
        if not arguments.corpus or not (arguments.text or arguments.train):
            parser.error("give --corpus, and --text or --train")
        measure(arguments)
    if arguments.write:
        from results import write

        write()


if __name__ == "__main__":
    main()
