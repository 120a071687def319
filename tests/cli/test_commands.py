"""What the commands print and write when all is well."""

from __future__ import annotations

import json
import math
import os
import statistics
import subprocess
import sys
import tomllib
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

import elman
from elman.storage.config import TrainConfig
from tests.cli.conftest import Command
from tests.small import CHILD_ENV, FLAGS, contents, metrics_of

TRAIN = ["train", *FLAGS, "--quiet"]
NAMES = ["train", "evaluate", "generate", "next", "gradcheck", "info", "plot"]

ALL_SETTINGS = """
--tokens word --split 80/10/10 --max-vocab 12 --min-count 2 --lowercase --documents line --cell gru
--embedding 6 --hidden 6 --layers 1 --dropout 0.25 --tied --init glorot --init-recurrent orthogonal
--forget-bias 0.5 --dtype float64 --batch 3 --window 4 --back 6 --optimizer sgd --lr 0.25
--momentum 0.5 --nesterov --weight-decay 0.125 --clip 2 --schedule plateau --warmup 3 --decay 0.75
--decay-every 7 --patience 1 --lr-min 0.001 --seed 9 --threads 2 --epochs 2 --steps 12 --minutes 5
--early-stop 4 --eval-every 6 --checkpoint-every 5 --sample 7
"""
SMALL_CHECK = "--layers 1 --hidden 3 --embedding 2 --vocab-size 4 --batch 2 --window 3"


def test_training_prints_the_commands_to_try_next(
    run_elman: Command, tmp_path: Path, text_file: Path
) -> None:
    out = tmp_path / "my run"  # with a space, so that it must be quoted
    done = run_elman("train", text_file, *FLAGS, "--steps", "20", "--out", out)
    assert (done.status, done.err) == (0, "")
    assert "to beat" in done.out
    assert "*best" in done.out
    tries = [line.strip() for line in done.out.splitlines() if line.startswith("  elman ")]
    assert [line.split()[1] for line in tries] == ["generate", "next", "evaluate", "plot"]
    import shlex

    for line in tries[:3]:
        assert run_elman(*shlex.split(line)[1:]).status == 0, line
    # Every number that a reader may want is in the metrics.
    lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text("utf-8").splitlines()]
    for line in lines:
        assert {"step", "tokens", "seconds", "train_loss", "lr"} <= line.keys()
        assert all(math.isfinite(line[name]) for name in ("seconds", "train_loss", "lr"))
        assert line["tokens"] == line["step"] * 4 * 8
    assert [line["step"] for line in lines if "valid_loss" in line] == list(range(2, 21, 2))
    assert all("sample" in line for line in lines if "valid_loss" in line)


def test_quiet_training_prints_no_samples(run_elman: Command, tmp_path: Path, text_file: Path) -> None:
    done = run_elman(*TRAIN, text_file, "--steps", "10", "--out", tmp_path / "run")
    assert "\n    " not in done.out
    assert not any("sample" in line for line in metrics_of(tmp_path / "run"))


def test_every_setting_goes_from_flags_to_config_and_back(
    run_elman: Command, tmp_path: Path, text_file: Path
) -> None:
    flags = ALL_SETTINGS.split()
    one, two = tmp_path / "one", tmp_path / "two"
    assert run_elman("train", text_file, *flags, "--out", one).status == 0
    settings = tomllib.loads((one / "config.toml").read_text("utf-8"))
    given = {flag[2:].replace("-", "_") for flag in flags if flag.startswith("--")}
    not_given = {"train", "valid", "test", "text"}
    assert given | not_given == {setting.name for setting in fields(TrainConfig)}
    defaults = TrainConfig()
    same = {name for name in given if settings[name] == getattr(defaults, name)}
    assert same == set(), "each must differ from its default, or the test says nothing of it"
    # The file of the run trains the same run again.
    assert run_elman("train", "--config", one / "config.toml", "--out", two).status == 0
    assert (one / "config.toml").read_bytes() == (two / "config.toml").read_bytes()
    assert metrics_of(one) == metrics_of(two)
    assert contents(one)["model.safetensors"] == contents(two)["model.safetensors"]


def test_flags_go_before_the_file_and_the_file_before_defaults(
    run_elman: Command, tmp_path: Path, text_file: Path
) -> None:
    file = tmp_path / "settings.toml"
    body = "hidden = 6\nembedding = 5\nlayers = 1\nbatch = 4\nwindow = 8\nsteps = 3\nlr = 1\n"
    file.write_text(body + "checkpoint-every = 2\nthreads = 1\nlowercase = false\ntied = true\n")
    out = tmp_path / "run"
    command = ["train", text_file, "--config", file, "--out", out, "--embedding", "6", "--steps", "2"]
    assert run_elman(*command).status == 0
    settings = tomllib.loads((out / "config.toml").read_text("utf-8"))
    got = {
        name: settings[name] for name in ("hidden", "embedding", "steps", "lr", "checkpoint_every", "tied")
    }
    assert got == {"hidden": 6, "embedding": 6, "steps": 2, "lr": 1.0, "checkpoint_every": 2, "tied": True}
    assert settings["optimizer"] == "adam"
    assert settings["text"] == [str(text_file)]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("hiden = 8", "unknown setting 'hiden'; did you mean 'hidden'?"),
        ("check-point-every = 8", "did you mean 'checkpoint_every'?"),
        ("qqq = 8", "unknown setting 'qqq'"),
        ('hidden = "8"', "hidden must be of type int, not '8'"),
        ("hidden = 8.0", "hidden must be of type int, not 8.0"),
        ("hidden = true", "hidden must be of type int, not True"),
        ("lr = true", "lr must be of type float, not True"),
        ("lr = nan", "lr must be a finite number"),
        ("lr = [1]", "lr must be of type float"),
        ("tied = 1", "tied must be of type bool, not 1"),
        ("cell = 3", "cell must be of type str, not 3"),
        ("text = 3", "text must be a list of strings, not 3"),
        ('text = ["a", 3]', "text must be a list of strings"),
        ("[model]\nhidden = 3", "unknown setting 'model'"),
        ("hidden = 0", "hidden must be at least 1, not 0"),
        ("hidden = ", "is not valid TOML"),
        ("hidden = 8\nhidden = 9", "is not valid TOML"),
        ('text = "caf\xe9"', "is not valid TOML"),
    ],
)
def test_settings_files_that_are_wrong(run_elman: Command, tmp_path: Path, body: str, says: str) -> None:
    file = tmp_path / "settings.toml"
    file.write_bytes(body.encode("latin-1"))
    assert says in run_elman("train", "--config", file, "--out", tmp_path / "run").complaint()
    assert not (tmp_path / "run").exists()


def test_a_text_on_the_command_line_takes_the_place_of_the_files(
    run_elman: Command, tmp_path: Path, text_file: Path
) -> None:
    file, out = tmp_path / "settings.toml", tmp_path / "run"
    file.write_text('train = "none.txt"\nvalid = "none.txt"\n')
    assert run_elman(*TRAIN, text_file, "--config", file, "--steps", "1", "--out", out).status == 0
    file.write_text('text = ["none.txt"]\n')
    command = [*TRAIN, "--train", text_file, "--config", file, "--steps", "1", "--out", out, "--overwrite"]
    assert run_elman(*command).status == 0


def test_a_settings_file_that_is_not_there(run_elman: Command, tmp_path: Path) -> None:
    assert "cannot read" in run_elman("train", "--config", tmp_path / "none.toml").complaint()
    assert "cannot read" in run_elman("train", "--config", tmp_path).complaint()


def test_parts_from_separate_files(run_elman: Command, tmp_path: Path, text_file: Path) -> None:
    for name in ("b.txt", "c.txt"):
        (tmp_path / name).write_text("the cat sat.\n" * 9, "utf-8")
    parts = ["--train", text_file, "--valid", tmp_path / "b.txt", "--test", tmp_path / "c.txt"]
    done = run_elman(*TRAIN, *parts, "--steps", "2", "--out", tmp_path / "run")
    assert f"{text_file.stat().st_size:,} train, 117 valid, 117 test" in done.out
    found = json.loads(run_elman("evaluate", tmp_path / "run", "--json").out)
    assert found["tokens"] == 117
    assert "not both" in run_elman(*TRAIN, text_file, *parts, "--out", tmp_path / "other").complaint()


def test_the_default_text_and_default_names(
    run_elman: Command, tmp_path: Path, text_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = run_elman(*TRAIN, "--steps", "1", "--eval-every", "5", "--hidden", "3")
    assert (done.status, done.err) == (0, "")
    assert done.out.splitlines()[0].split() == ["run", "runs/python-topics-char-lstm"]
    for _ in range(3):
        assert run_elman(*TRAIN, text_file, "--steps", "1").status == 0
    (tmp_path / "empty.txt").touch()
    for _ in range(2):
        run_elman(*TRAIN, tmp_path / "empty.txt").complaint()
    found = sorted(path.name for path in (tmp_path / "runs").iterdir())
    lstm = "cats-char-lstm"
    assert found == [lstm, f"{lstm}-2", f"{lstm}-3", "empty-char-lstm", "python-topics-char-lstm"]


def test_standard_input(
    run_elman: Command, tmp_path: Path, text_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with text_file.open("rb") as file:
        monkeypatch.setattr("sys.stdin", type("Stdin", (), {"buffer": file})())
        assert run_elman(*TRAIN, "-", "--steps", "1", "--out", tmp_path / "run").status == 0
    assert tomllib.loads((tmp_path / "run" / "config.toml").read_text())["text"] == ["-"]


def test_resume_says_when_there_is_nothing_left(run_elman: Command, trained: Path) -> None:
    before = contents(trained)
    done = run_elman("train", "--resume", trained, "--quiet")
    assert (done.status, done.err) == (0, "")
    assert "at its end" in done.out
    assert contents(trained) == before


def test_resume_with_more_steps(run_elman: Command, trained: Path) -> None:
    done = run_elman("train", "--resume", trained, "--steps", "30", "--quiet")
    assert "from step 20" in done.out
    assert "Done after 30 steps" in done.out
    assert [line["step"] for line in metrics_of(trained)] == [10, 20, 30]
    assert tomllib.loads((trained / "config.toml").read_text())["steps"] == 30


@pytest.mark.parametrize(
    "flags", [["--hidden", "7"], ["--lr", "1"], ["--tokens", "word"], ["--threads", "2"]]
)
def test_resume_changes_nothing_else(run_elman: Command, trained: Path, flags: list[str]) -> None:
    before = contents(trained)
    line = run_elman("train", "--resume", trained, *flags).complaint()
    assert f"{flags[0][2:]} cannot change" in line
    assert "epochs, steps, minutes" in line
    assert contents(trained) == before


def test_evaluate(run_elman: Command, trained: Path, text_file: Path) -> None:
    as_json = run_elman("evaluate", trained, text_file, "--json")
    found = json.loads(as_json.out)
    assert as_json.out.count("\n") == 1
    expected = {
        "nats_per_token",
        "perplexity",
        "bits_per_char",
        "bits_per_byte",
        "accuracy",
        "tokens",
        "unknown",
    }
    assert expected <= found.keys()
    assert found["tokens"] == text_file.stat().st_size
    assert found["perplexity"] == pytest.approx(math.exp(found["nats_per_token"]))
    assert found["bits_per_char"] == pytest.approx(found["nats_per_token"] / math.log(2))
    other = json.loads(
        run_elman("evaluate", trained, text_file, "--json", "--batch", "3", "--window", "7").out
    )
    assert other == pytest.approx(found, rel=1e-6)
    table = run_elman("evaluate", trained, text_file).out
    for shown in (f"{found['nats_per_token']:.4f}", f"{found['accuracy']:.2%}", "perplexity", "a byte"):
        assert shown in table


def test_next(run_elman: Command, trained: Path) -> None:
    found = json.loads(run_elman("next", trained, "the c", "--top", "5", "--json").out)
    assert len(found) == 5
    assert [set(row) for row in found] == [{"token", "probability"}] * 5
    probabilities = [row["probability"] for row in found]
    assert probabilities == sorted(probabilities, reverse=True)
    table = run_elman("next", trained, "the c", "--top", "5").out.splitlines()
    assert len(table) == 5
    assert f"{probabilities[0]:.2%}" in table[0]
    everything = json.loads(run_elman("next", trained, "the c", "--top", "1000", "--json").out)
    assert sum(row["probability"] for row in everything) == pytest.approx(1.0, abs=1e-6)
    assert "'\\n'" in run_elman("next", trained, "the c", "--top", "1000").out  # a line end can be seen


def test_generate(run_elman: Command, trained: Path) -> None:
    command = ["generate", trained, "--prompt", "the", "--length", "30", "--seed", "4"]
    one, again = run_elman(*command).out, run_elman(*command).out
    assert one == again
    assert one.startswith("the")
    assert len(one) == 3 + 30 + 1
    assert run_elman(*command[:-1], "5").out != one
    as_json = json.loads(run_elman(*command, "--json").out)
    assert as_json == [one.removesuffix("\n")]
    several = json.loads(run_elman(*command, "--json", "--samples", "3").out)
    assert (several[0], len(several), len(set(several))) == (as_json[0], 3, 3)
    shown = run_elman(*command, "--samples", "2").out
    assert shown == f"--- 1 ---\n{several[0]}\n--- 2 ---\n{several[1]}\n"
    stopped = run_elman(*command, "--stop", one[5:7]).out
    assert stopped == one[: 3 + one[3:].index(one[5:7])] + "\n"
    assert run_elman("generate", trained, "--prompt", r"the\n", "--length", "1").out.startswith("the\n")
    assert run_elman("generate", trained, "--length", "4").status == 0


def test_generation_streams_to_the_terminal(
    run_elman: Command, trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[str] = []
    monkeypatch.setattr("elman.cli.use._write", written.append)
    run_elman("generate", trained, "--prompt", "the", "--length", "6")
    assert len(written) == 7  # the prompt with the first piece, the other five, the line end
    assert written[-1] == "\n"


def test_info(run_elman: Command, trained: Path) -> None:
    found = json.loads(run_elman("info", trained, "--json").out)
    model = elman.load(trained).model
    assert found["parameters"] == model.n_params
    assert found["arrays"] == {name: list(array.shape) for name, array in model.params.items()}
    assert (found["steps"], found["cell"], found["hidden"]) == (20, "lstm", 6)
    losses = {line["step"]: line["valid_loss"] for line in metrics_of(trained) if "valid_loss" in line}
    assert found["best_valid_loss"] == min(losses.values()) == losses[found["best_step"]]
    table = run_elman("info", trained).out
    for name in (*model.params, f"{model.n_params:,}"):
        assert name in table


@pytest.mark.parametrize("suffix", ["png", "svg"])
def test_plot(run_elman: Command, trained: Path, tmp_path: Path, suffix: str) -> None:
    picture = tmp_path / f"loss.{suffix}"
    done = run_elman("plot", trained, trained, "--out", picture, "--against", "tokens")
    assert (done.status, done.err, done.out) == (0, "", f"wrote {picture}\n")
    assert picture.stat().st_size > 1000


@pytest.mark.parametrize("projections", ["0", "4"])
def test_gradcheck(run_elman: Command, projections: str) -> None:
    flags = SMALL_CHECK.split()
    done = run_elman("gradcheck", "--cell", "gru", *flags, "--projections", projections)
    assert (done.status, done.err) == (0, "")
    if projections == "0":
        assert "layers.0.W" in done.out


def test_gradcheck_fails_where_a_gradient_is_wrong(
    run_elman: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    from elman.network.backprop import embedding_backward

    def wrong(dx: Any, x: Any, dE: Any) -> None:
        embedding_backward(dx, x, dE)
        dE *= 1.001

    monkeypatch.setattr("elman.network.backprop.embedding_backward", wrong)
    flags = SMALL_CHECK.split()
    done = run_elman("gradcheck", *flags)
    assert done.status == 1
    assert "embedding.E" in done.out


@pytest.mark.parametrize("name", ["", *NAMES])
def test_help(run_elman: Command, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    done = run_elman(*[name] * bool(name), "--help")
    assert (done.status, done.err) == (0, "")
    if not name:
        assert all(command in done.out for command in NAMES)
    if name == "train":
        for setting in fields(TrainConfig):
            if setting.name != "text":
                assert f"--{setting.name.replace('_', '-')}" in done.out
    if name == "plot":
        assert "plot" in done.out.split("needs")[1][:40]


def test_version(run_elman: Command) -> None:
    assert run_elman("--version").out == f"elman {elman.__version__}\n"


@pytest.mark.parametrize("encoding", ["ascii", "utf-8"])
def test_characters_that_a_terminal_lacks(trained: Path, encoding: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "elman", "next", str(trained), "ξ"],
        env={**CHILD_ENV, "PYTHONIOENCODING": encoding}, capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert b"Traceback" not in done.stderr


def test_a_reader_that_goes_away_is_no_error(trained: Path) -> None:
    command = [sys.executable, "-m", "elman", "generate", str(trained), "--length", "20000"]
    process = subprocess.Popen(command, env=CHILD_ENV, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.read(10)
    process.stdout.close()
    assert process.wait(timeout=60) == 1
    assert process.stderr is not None
    assert process.stderr.read() == b""
    process.stderr.close()


def test_help_loads_no_numbers() -> None:
    """Help is instant: it needs neither NumPy nor the rooms that need it."""
    code = (
        "import sys; sys.argv = ['elman', 'train', '--help']\n"
        "from elman.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print('numpy' in sys.modules, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=CHILD_ENV, capture_output=True, text=True, check=True
    )
    assert done.stderr == "False\n"


def test_importing_elman_is_light() -> None:
    code = "import sys, elman; print(sorted({'typer', 'rich', 'matplotlib', 'numpy'} & sys.modules.keys()))"
    done = subprocess.run(
        [sys.executable, "-c", code], env=CHILD_ENV, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
    times = {name: statistics.median(_import_time(name) for _ in range(3)) for name in ("numpy", "elman")}
    assert times["elman"] < 1.3 * times["numpy"], times


def _import_time(name: str) -> int:
    """Return the microseconds that Python says an import took."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", f"import {name}"],
        env={**os.environ, **CHILD_ENV}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    rows = [line.split("|") for line in done.stderr.splitlines()]
    return next(int(row[1]) for row in reversed(rows) if row[-1].strip() == name)
