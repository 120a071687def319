"""Tang poems by character: a recipe, and an n-gram model with Kneser-Ney smoothing of the same tokens.

    python benchmarks/tang.py --text quantangshi_part.txt --kenlm BIN [--minutes 30] [--out RUN]
    python benchmarks/tang.py --write

Of every twenty poems the nineteenth is for validation, the twentieth for the test. Characters that occur once
in the training poems are <unk> to both models, and line ends are tokens of both. The n-gram models are those
of KenLM's `lmplz` (interpolated, modified Kneser-Ney), which is compiled from the source that PyPI has:

    apt-get install cmake g++ libboost-program-options-dev libboost-system-dev libboost-thread-dev \\
        libboost-test-dev
    pip download --no-deps --no-binary :all: kenlm==0.3.0 && tar xzf kenlm-0.3.0.tar.gz
    cmake -S kenlm-0.3.0 -B build -DCMAKE_BUILD_TYPE=Release && cmake --build build --target lmplz query

BIN is then build/bin. What stands after ``--`` goes to ``elman train``. Keeps benchmarks/results/tang.json.
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

from bench.environment import machine
from recipes import KEPT, command_of, elman, read, train

RECIPE = "word-tied"
MORE = [
    *("--tokens", "char", "--min-count", "2", "--output", "full"),
    *("--hidden", "256", "--embedding", "256", "--dropout", "0.3", "--epochs", "12"),
]
"""Thousands of characters are as many as the words of a small vocabulary, and are trained as such."""

ORDERS = (2, 3, 4, 5)
TEMPERATURE = 0.8
MARKS = re.compile("[，。？！；：、]")


def poems_of(text: str) -> list[str]:
    """Return the poems: what blank lines separate."""
    return [poem.strip("\n") for poem in re.split(r"\n\s*\n", text) if poem.strip()]


def parts_of(poems: list[str]) -> dict[str, list[str]]:
    """Return the training, validation and test poems."""
    parts: dict[str, list[str]] = {"train": [], "valid": [], "test": []}
    for number, poem in enumerate(poems):
        parts[{18: "valid", 19: "test"}.get(number % 20, "train")].append(poem)
    return parts


def regular(line: str) -> bool:
    """Say whether a line has five characters before each of its marks, or seven before each."""
    pieces = MARKS.split(line)
    return pieces[-1] == "" and ({len(piece) for piece in pieces[:-1]} in ({5}, {7}))


def share_regular(text: str) -> float:
    """Return the share of the lines with anything on them that are regular."""
    lines = [line for line in text.splitlines() if line.strip()]
    return sum(map(regular, lines)) / len(lines)


def as_numbers(ids: Any, line_end: int) -> str:
    """Write token ids as words, a line where the text has one."""
    words = ("\n" if index == line_end else f"{index} " for index in ids.tolist())
    return "".join(words)


def ngrams(run: Path, parts: dict[str, Path], binaries: Path) -> list[dict[str, Any]]:
    """Return the perplexities of n-gram models of the tokens that the run has."""
    from elman.data import load_tokenizer

    tokenizer = load_tokenizer(run / "tokenizer.json")
    line_end = int(tokenizer.encode("\n")[0])
    found = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in ("train", "test"):
            ids = tokenizer.encode(parts[part].read_text("utf-8"))
            (folder / part).write_text(as_numbers(ids, line_end))
        for order in ORDERS:
            started = time.monotonic()
            arpa, memory = folder / "arpa", ("-S", "1G", "-T", folder)
            subprocess.run(
                [binaries / "lmplz", "-o", str(order), *memory, "--text", folder / "train", "--arpa", arpa],
                check=True, stderr=subprocess.DEVNULL,
            )  # fmt: skip
            done = subprocess.run(
                [binaries / "query", "-v", "summary", arpa], check=True, text=True,
                stdin=(folder / "test").open(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            )  # fmt: skip
            said = dict(re.findall(r"^([\w ]+):\s+(\S+)$", done.stdout, re.MULTILINE))
            if int(said["OOVs"]):
                raise SystemExit(f"{said['OOVs']} test tokens are not among those of the training text")
            found.append({
                "order": order, "perplexity": float(said["Perplexity including OOVs"]),
                "tokens": int(said["Tokens"]), "seconds": round(time.monotonic() - started, 1),
            })  # fmt: skip
    return found


def measure(arguments: argparse.Namespace) -> None:
    """Split, train, count, and keep."""
    poems = parts_of(poems_of(arguments.text.read_text("utf-8")))
    with tempfile.TemporaryDirectory() as name:
        files = {}
        for part, its in poems.items():
            files[part] = Path(name) / f"{part}.txt"
            files[part].write_text("\n\n".join(its) + "\n", "utf-8")
        given = [word for part, path in files.items() for word in (f"--{part}", str(path))]
        given += [*MORE, *arguments.more]
        if arguments.minutes:
            given += ["--minutes", f"{arguments.minutes:g}"]
        run = arguments.out or Path(name) / "run"
        train(run, RECIPE, given)
        model, counted = read(run), ngrams(run, files, arguments.kenlm)
        sample = elman("generate", run, "--length", "3000", "--temperature", TEMPERATURE, "--seed", "1")
        found = {
            "command": command_of(RECIPE, given), "model": model, "ngrams": counted,
            "poems": {part: len(its) for part, its in poems.items()}, "temperature": TEMPERATURE,
            "regular": share_regular(sample),
            "lines": sum(bool(line.strip()) for line in sample.splitlines()),
            "regular_text": share_regular(files["test"].read_text("utf-8")),
            "sample": "\n".join(sample.splitlines()[:24]),
            "machine": machine(), "date": time.strftime("%Y-%m-%d"),
        }  # fmt: skip
    if {model["test"]["tokens"]} != {row["tokens"] for row in counted}:
        raise SystemExit(f"the models do not count the same tokens: {model['test']}, {counted}")
    path = KEPT.parent / "tang.json"
    path.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", "utf-8")
    print(json.dumps({name: found[name] for name in ("ngrams", "regular", "regular_text")}, indent=1))
    print(f"test perplexity {model['test']['perplexity']:.2f}; kept {path.name}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--text", type=Path, help="poems, with blank lines in between")
    parser.add_argument("--kenlm", type=Path, help="folder that has lmplz and query")
    parser.add_argument("--minutes", type=float, help="bound the training, in place of the recipe")
    parser.add_argument("--out", type=Path, help="keep the run here, or go on with the one that is there")
    parser.add_argument("--write", action="store_true", help="render what is kept")
    words = sys.argv[1:]
    at = words.index("--") if "--" in words else len(words)
    arguments = parser.parse_args(words[:at], argparse.Namespace(more=words[at + 1 :]))
    if arguments.text:
        if arguments.kenlm is None:
            parser.error("give --kenlm")
        measure(arguments)
    if arguments.write:
        from results import write

        write()


if __name__ == "__main__":
    main()
