"""Settings: from flags, from files, from runs, and from standard input."""

from __future__ import annotations

import json
import tomllib
from dataclasses import fields
from pathlib import Path

import pytest

from elman.storage.config import TrainConfig
from tests.cli.conftest import Command
from tests.small import FLAGS, contents, metrics_of

TRAIN = ["train", *FLAGS, "--quiet"]


SETTINGS = """
--tokens word --split 80/10/10 --max-vocab 12 --min-count 2 --lowercase --documents line
--embedding 6 --hidden 6 --layers 1 --dropout 0.25 --tied
--dtype float64 --batch 3 --window 10 --random-window --back 12 --average 2
--lr 0.25 --clip 2 --warmup 3 --decay 0.75
--seed 9 --threads 2 --epochs 2 --steps 12 --minutes 5
--early-stop 4 --sample 7
--dropout-input 0.125 --dropout-embedding 0.1 --dropout-weights 0.2 --variational --zoneout 0.05
--activation-reg 2 --temporal-reg 1 --layer-norm --connections highway --learn-state
"""
CHOICES = (
    "--cell lstm --projection 6 --forget-bias 0.5 --zoneout-cell 0.15 --optimizer sgd --momentum 0.5 "
    "--nesterov --schedule plateau --patience 1 --lr-min 0.001 --init glorot --init-recurrent orthogonal "
    "--eval-every 6 --output adaptive --cutoffs 3,7 --checkpoint-every 5",
    "--cell gru --layers 3 --hidden-last 6 --dropout-between 0.2 --optimizer adamw --weight-decay 0.125 "
    "--schedule step --decay-every 7 --decay-from 2 --init-scale 0.125 --eval-epochs 1 --output sampled "
    "--samples 5",
    "--schedule exponential --output mixture --experts 3 --accumulate 2 --lr-scaling sqrt --base-batch 3 "
    "--sync-every 2",
    "--checkpoint-minutes 2 --schedule step --communicator topk --topk-ratio 0.5",
)
ELSEWHERE = {
    "train", "valid", "test", "text", "direction", "tokenizer", "vectors", "freeze_vectors", "data",
    "data_index",
}  # fmt: skip
"""No single run has a use for all settings."""


def names_of(flags: list[str]) -> set[str]:
    return {flag[2:].replace("-", "_") for flag in flags if flag.startswith("--")}


def test_every_setting_is_in_the_next_test() -> None:
    given = names_of(f"{SETTINGS} {' '.join(CHOICES)}".split())
    # A direction is that of a model from elsewhere: it is no flag. Files are given in tests of their own.
    assert given | ELSEWHERE == {setting.name for setting in fields(TrainConfig)}


@pytest.mark.parametrize("choices", CHOICES)
def test_every_setting_goes_from_flags_to_config_and_back(
    run_elman: Command, tmp_path: Path, text_file: Path, choices: str
) -> None:
    flags = f"{SETTINGS} {choices}".split()
    one, two = tmp_path / "one", tmp_path / "two"
    assert run_elman("train", text_file, *flags, "--out", one).status == 0
    settings = tomllib.loads((one / "config.toml").read_text("utf-8"))
    defaults = TrainConfig()
    same = {name for name in names_of(flags) - {"cell"} if settings[name] == getattr(defaults, name)}
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
        ("max_vocab = 8\nvocab-size = 9", "max_vocab is given twice"),
        ('tokenizer = "x.json"', "tokenizer (x.json) has no effect with tokens char"),
        ('tokenizer = "x.json"\nmax_vocab = 300\ntokens = "bpe"', "max_vocab has no effect on a tokenizer"),
        ('tokenizer = "x.json"\nmin_count = 2\ntokens = "bpe"', "min_count has no effect on a tokenizer"),
        ('tokenizer = "x.json"\ntokens = "bpe"', "there is no file x.json"),
        ('vectors = "x"\ntokens = "bpe"', "vectors (x) has no effect with tokens bpe"),
        ('vectors = "x"', "there is no file x: give a file of word vectors"),
        ("freeze_vectors = true", "freeze_vectors has no effect without vectors"),
        ('tokens = "bpe"\nvocab_size = 99', "max_vocab is 99: give at least 256"),
        ('text = "caf\xe9"', "is not valid TOML"),
        ('data = "x"\ntokens = "char"', "tokens has no effect with data"),
        ('data = "x"\nsplit = "90/5/5"', "split has no effect with data"),
        ('data = "x"\ntext = ["a"]', "give the text either by data or by text, not both"),
        ('data_index = "x"', "data_index has no effect without data"),
        ('data = "x"', "index.json is missing; there is no such folder: elman data prepare FILES --out x"),
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
    left = tmp_path / "runs" / "empty-char-lstm"
    assert not left.exists()
    left.mkdir()
    (left / ".lock").touch()  # as one that was killed leaves it
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
