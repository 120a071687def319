"""Measure what the README and docs/results.md say, and write it there.

    python benchmarks/results.py default gradients import memory files fuzz
    python benchmarks/results.py shakespeare --text input.txt [--minutes 10]
    python benchmarks/results.py --write

Each section runs the installed command line, and keeps what it found in benchmarks/results/. `files` needs
torch, onnx and onnxruntime; `fuzz` takes half an hour. `--write` renders docs/results.md, and the figures
between the marks of both READMEs, from what is kept. Run it on a quiet machine.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.environment import ROOT, free_environment, machine

KEPT = ROOT / "benchmarks" / "results"
SHAKESPEARE = [
    "--split", "90/10/0", "--tokens", "char", "--cell", "lstm", "--embedding", "64", "--hidden", "128",
    "--layers", "2", "--batch", "50", "--window", "50", "--optimizer", "adam", "--lr", "0.004",
    "--warmup", "200", "--dropout", "0.1", "--clip", "5", "--seed", "0", "--threads", "2",
]  # fmt: skip


def run(*arguments: str, quiet: bool = True, folder: str | None = None) -> str:
    """Run the command line in an environment that holds no BLAS back; return what it printed."""
    done = subprocess.run(
        [sys.executable, *arguments], env=free_environment(), cwd=folder, check=True, text=True,
        stdout=subprocess.PIPE,
    )  # fmt: skip
    if not quiet:
        print(done.stdout)
    return done.stdout


def keep(section: str, found: dict[str, Any]) -> None:
    """Write what a section found, and on which machine."""
    KEPT.mkdir(exist_ok=True)
    found = {**found, "machine": machine(), "date": time.strftime("%Y-%m-%d")}
    (KEPT / f"{section}.json").write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    print(json.dumps({name: value for name, value in found.items() if name != "curve"}, indent=1)[:2000])


def metrics(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def default() -> None:
    """`elman train` with no argument: time, loss, a sample, and the picture of the curve."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        started = time.monotonic()
        shown = run("-m", "elman", "train", "--out", str(out))
        seconds = time.monotonic() - started
        pictures = ROOT / "docs" / "images"
        pictures.mkdir(exist_ok=True)
        # The legend names a run as it was given: here without the folder it lay in for a minute.
        run("-m", "elman", "plot", out.name, "--out", str(pictures / "loss.svg"), folder=folder)
        evaluation = json.loads(run("-m", "elman", "evaluate", str(out), "--json"))
        sample = run(
            "-m", "elman", "generate", str(out), "--prompt", "The ", "--length", "300", "--seed", "1"
        )
        records = metrics(out)
        unigram = re.search(r"to beat\s+([\d.]+)", shown)
        keep("default", {
            "seconds": round(seconds, 1), "steps": records[-1]["step"],
            "tokens_per_second": round(records[-1]["tokens"] / records[-1]["seconds"]),
            "valid_loss": min(r["valid_loss"] for r in records if "valid_loss" in r),
            "unigram_loss": float(unigram.group(1)) if unigram else None,
            "test": evaluation, "sample": sample,
        })  # fmt: skip


def shakespeare(text: Path, minutes: float) -> None:
    """Tiny Shakespeare, LSTM 2 x 128, on the last 10 %."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        command = ["train", str(text), "--out", str(out), *SHAKESPEARE, "--minutes", f"{minutes:g}"]
        run("-m", "elman", *command, quiet=False)
        records = metrics(out)
        sample = run("-m", "elman", "generate", str(out), "--prompt", "ROMEO:", "--length", "400")
        keep("shakespeare", {
            "command": "elman " + " ".join(["train", text.name, "--out", "RUN", *command[4:]]),
            "minutes": minutes,
            "curve": [[r["step"], r["seconds"], r["valid_loss"]] for r in records if "valid_loss" in r],
            "best": min(r["valid_loss"] for r in records if "valid_loss" in r),
            "steps": records[-1]["step"], "seconds": records[-1]["seconds"],
            "tokens_per_second": round(records[-1]["tokens"] / records[-1]["seconds"]), "sample": sample,
        })  # fmt: skip


def gradients() -> None:
    """The worst relative error of any gradient, element by element and along directions, at depth 3."""
    cells = (
        "rnn", "rnn-relu", "lstm", "lstm-peephole", "lstm-coupled", "gru", "gru-before", "mgu", "indrnn",
        "mingru", "minlstm", "sru",
        "lstm --projection 3", "gru --direction bidirectional --lengths 5,0,3",
    )  # fmt: skip
    found: dict[str, dict[str, str]] = {}
    for cell in cells:
        found[cell] = {}
        for name, options in (("every element", []), ("5 directions", ["--projections", "5"])):
            shown = run("-m", "elman", "gradcheck", "--layers", "3", "--cell", *cell.split(), *options)
            error = re.search(r"worst relative error (\S+)", shown)
            assert error is not None, shown
            found[cell][name] = error.group(1)
    keep("gradients", {"cells": found})


def imports() -> None:
    """Seconds to import elman, beside NumPy, as `python -X importtime` counts them; medians of 15."""

    def microseconds(name: str) -> float:
        times = []
        for _ in range(15):
            done = subprocess.run(
                [sys.executable, "-X", "importtime", "-c", f"import {name}"], check=True, text=True,
                stderr=subprocess.PIPE,
            )  # fmt: skip
            times.append(float(done.stderr.splitlines()[-1].split("|")[1]))
        return statistics.median(times)

    keep("import", {"numpy_us": microseconds("numpy"), "elman_us": microseconds("elman")})


def memory() -> None:
    """Peak memory of training on 10 MB and on 1 GB."""
    found = {}
    for tokens in ("char", "word"):
        shown = run(str(ROOT / "benchmarks" / "memory.py"), "--tokens", tokens)
        found[tokens] = re.findall(r"^.*\d MB .*$|^ratio .*$", shown, re.MULTILINE)
    keep("memory", {"lines": found})


def files() -> None:
    """Round trips through PyTorch and ONNX Runtime, onnx's own tests, and the default run in ONNX Runtime."""
    trips = run(str(ROOT / "benchmarks" / "round_trips.py"), "--configurations", "200")
    tested = run("-m", "pytest", "-q", "tests/interop/onnx/test_backend_suite.py", folder=str(ROOT))
    with tempfile.TemporaryDirectory() as folder:
        run("-m", "elman", "train", "--out", "run", "--quiet", "--sample", "0", folder=folder)
        card = json.loads(run("-m", "elman", "export", "onnx", "run", "--json", folder=folder))
        script = str(ROOT / "examples" / "onnx_generate.py")
        theirs = run(script, "run.onnx", "The ", "400", folder=folder)
        greedy = ("--prompt", "The ", "--length", "400", "--temperature", "0")
        ours = run("-m", "elman", "generate", "run", *greedy, folder=folder)
    keep("files", {
        "trips": trips.splitlines(), "suite": re.findall(r"^.*\d+ / \d+ passed$", tested, re.MULTILINE),
        "onnx_bytes": card["size"], "disagreement": card["disagreement"], "same_text": theirs == ours,
        "text": theirs,
    })  # fmt: skip


def fuzz() -> None:
    """Changed files, ten minutes for each reader, two readers at a time."""
    readers, found = ("safetensors", "pt", "keras", "onnx", "tokenizer", "vectors"), {}
    for pair in zip(readers[::2], readers[1::2], strict=True):
        running = {
            reader: subprocess.Popen(
                [sys.executable, "-m", "tests.fuzz", reader, "--minutes", "10"], cwd=ROOT, text=True,
                env=free_environment(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            )
            for reader in pair
        }  # fmt: skip
        for reader, process in running.items():
            printed = process.communicate()[0].strip().splitlines()
            found[reader] = {"status": process.returncode, "said": printed[-1]}
    keep("fuzz", {"readers": found})


def write() -> None:
    """Render docs/results.md and the figures of the README."""
    from render_results import render

    found = {path.stem: json.loads(path.read_text()) for path in KEPT.glob("*.json")}
    rows = [json.loads(path.read_text()) for path in sorted((KEPT / "recipes").glob("*.json"))]
    render(ROOT, {**found, **({"recipes": {"rows": rows}} if rows else {})})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("sections", nargs="*", help="default shakespeare gradients import memory files fuzz")
    parser.add_argument("--text", type=Path, help="Tiny Shakespeare")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--write", action="store_true", help="render what is kept")
    arguments = parser.parse_args()
    sections = {
        "default": default, "gradients": gradients, "import": imports, "memory": memory, "files": files,
        "fuzz": fuzz,
    }  # fmt: skip
    for name in arguments.sections:
        if name == "shakespeare":
            if arguments.text is None:
                parser.error("shakespeare needs --text")
            shakespeare(arguments.text, arguments.minutes)
        elif name in sections:
            sections[name]()
        else:
            parser.error(f"unknown section {name}")
    if arguments.write:
        write()


if __name__ == "__main__":
    main()
