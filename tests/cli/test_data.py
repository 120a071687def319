"""``elman data``, and training on what it made."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from elman.data.shards.work import WORK
from tests.cli.conftest import Command
from tests.small import FLAGS, contents, metrics_of

TRAIN = ["train", *FLAGS, "--quiet", "--steps", "4"]


@pytest.fixture
def prepared(run_elman: Command, tmp_path: Path, text_file: Path) -> Path:
    """A prepared text of words, in four shards."""
    out = tmp_path / "words"
    command = ["data", "prepare", text_file, "--out", out, "--tokens", "word", "--vocab-size", "12"]
    assert run_elman(*command, "--documents", "line", "--shards", "4", "--workers", "1").status == 0
    return out


def test_prepare_says_what_it_made_and_how_to_go_on(
    run_elman: Command, tmp_path: Path, text_file: Path
) -> None:
    command = ["data", "prepare", text_file, "--out", tmp_path / "out", "--tokens", "word", "--shards", "3"]
    done = run_elman(*command, "--workers", "2")
    assert (done.status, done.err) == (0, "")
    lines = done.out.splitlines()
    assert lines[0].startswith("text    ")
    assert lines[0].endswith("test word tokens, closed vocabulary of 22")
    index = json.loads(run_elman("data", "info", tmp_path / "out", "--json").out)["index"]
    assert lines[1:3] == [f"index   {index}", "Train on it by:"]
    assert lines[3].endswith(f"train --data {tmp_path}/out")
    again = run_elman(*command)  # checks what is there, with as many processes as cores
    assert again.out == done.out


def test_an_interruption_says_how_to_go_on(
    run_elman: Command, tmp_path: Path, text_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(order: object) -> None:
        raise KeyboardInterrupt

    command = ["data", "prepare", text_file, "--out", tmp_path / "out", "--shards", "2", "--workers", "1"]
    with monkeypatch.context() as patch:
        patch.setitem(WORK, "finish", interrupt)
        done = run_elman(*command)
    assert done.status == 130
    assert done.err == "elman: interrupted; the same command goes on from what is done\n"
    assert "has not come to its end" in run_elman("data", "info", tmp_path / "out").complaint()
    assert run_elman(*command).status == 0


def test_info_and_check(run_elman: Command, prepared: Path) -> None:
    shown = run_elman("data", "info", prepared).out.splitlines()
    facts = json.loads(run_elman("data", "info", prepared, "--json").out)
    assert facts["tokens"] == "word"
    assert facts["vocab_size"] == 12
    assert facts["documents"] == "line"
    assert facts["train"]["shards"] == 4
    assert facts["train"].keys() == {"shards", "tokens", "chars", "bytes", "unknown", "documents"}
    assert shown[0].split() == ["folder", str(prepared)]
    assert f"train       shards 4, tokens {facts['train']['tokens']:,}, " in "\n".join(shown)
    done = run_elman("data", "check", prepared, "--workers", "1")
    assert done.out == f"{prepared}: all 14 files are as they were made\n"
    path = prepared / "train-00002-of-00004.ids"
    path.write_bytes(b"x" + path.read_bytes()[1:])
    (prepared / "valid-00000-of-00001.starts").unlink()
    line = run_elman("data", "check", prepared).complaint()
    assert f"damaged in {prepared}: train-00002-of-00004.ids has another checksum" in line
    assert "valid-00000-of-00001.starts is missing; the elman data prepare that made" in line


def test_a_run_is_trained_on_it(run_elman: Command, tmp_path: Path, prepared: Path, text_file: Path) -> None:
    one, other, third = tmp_path / "one", tmp_path / "other", tmp_path / "third"
    done = run_elman(*TRAIN, "--data", prepared, "--out", one)
    assert (done.status, done.err) == (0, "")
    flags = ["--tokens", "word", "--max-vocab", "12", "--documents", "line"]
    assert run_elman(*TRAIN, text_file, *flags, "--out", other).status == 0
    assert contents(one)["model.safetensors"] == contents(other)["model.safetensors"]
    assert metrics_of(one) == metrics_of(other)
    assert not (one / "data").exists()
    evaluated = [json.loads(run_elman("evaluate", run, "--json").out) for run in (one, other)]
    assert evaluated[0] == evaluated[1]
    facts = json.loads(run_elman("info", one, "--json").out)
    assert facts["data"] == str(prepared)
    assert facts["train_tokens"] == json.loads(run_elman("info", other, "--json").out)["train_tokens"]
    # The settings of the run train the same run again; a text beside them takes the place of the folder.
    assert run_elman("train", "--config", one / "config.toml", "--quiet", "--out", third).status == 0
    assert contents(third)["model.safetensors"] == contents(one)["model.safetensors"]
    assert (third / "config.toml").read_bytes() == (one / "config.toml").read_bytes()
    command = ["train", text_file, "--config", one / "config.toml", "--quiet", "--out", third, "--overwrite"]
    assert run_elman(*command).status == 0
    settings = tomllib.loads((third / "config.toml").read_text())
    assert settings["text"] == [str(text_file)]
    assert "data" not in settings
    assert settings["tokens"] == "word"
    command = ["train", "--data", prepared, "--config", other / "config.toml", "--quiet", "--out", third]
    assert run_elman(*command, "--overwrite").status == 0
    assert contents(third)["model.safetensors"] == contents(one)["model.safetensors"]
    assert run_elman("train", "--resume", one, "--steps", "6", "--quiet").status == 0
    assert run_elman("inspect", one, "--length", "20").status == 0


def test_default_names(
    run_elman: Command, tmp_path: Path, prepared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("words-lstm", "words-lstm-2"):
        done = run_elman(*TRAIN, "--data", "words")
        assert done.out.splitlines()[0].split() == ["run", f"runs/{name}"]


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--data", "{data}", "--tokens", "char"], "tokens has no effect with data, which was prepared with"),
        (["--data", "{data}", "--min-count", "1"], "min_count has no effect with data"),
        (["{text}", "--data", "{data}"], "give the text either by data or by text, not both"),
        (["--data", "nowhere"], "nowhere/index.json is missing; there is no such folder"),
        (["--data", "{text}"], "index.json is missing; there is no such folder"),
        (["{data}"], "holds a prepared text, not texts: train on it by --data"),
    ],
)
def test_what_training_refuses(
    run_elman: Command, tmp_path: Path, prepared: Path, text_file: Path, flags: list[str], says: str
) -> None:
    given = [flag.format(data=prepared, text=text_file) for flag in flags]
    assert says in run_elman(*TRAIN, *given, "--out", tmp_path / "run").complaint()
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        ([], "give the texts to prepare, or each part by --train, --valid and --test"),
        (["-"], "standard input cannot be prepared"),
        (["nowhere.txt"], "there is no file nowhere.txt: give a text file or a folder"),
        (["{text}", "--shards", "0"], "Invalid value"),
        (["{text}", "--shards", "99999"], "99999 shards are too many for the train text of"),
        (["{text}", "--tokens", "letters"], "unknown tokens 'letters'"),
        (["{text}", "--split", "90/20/5"], "the parts of split must sum to 100"),
        (["{text}", "--train", "{text}"], "give the text either as arguments or with --train, not both"),
        (["{text}", "--lowercase"], "lowercase is an option of word tokens"),
        (["{text}", "--documents", "page"], "documents must be one of none, file, line, blank"),
        (["{text}", "--tokenizer", "x.json"], "tokenizer (x.json) has no effect with tokens char"),
        (["{text}", "--data", "x"], "No such option"),
    ],
)
def test_what_preparing_refuses(
    run_elman: Command, tmp_path: Path, text_file: Path, flags: list[str], says: str
) -> None:
    given = [flag.format(text=text_file) for flag in flags]
    line = run_elman("data", "prepare", *given, "--out", tmp_path / "out", "--workers", "1").complaint()
    assert says in line
    assert not (tmp_path / "out").exists()


def test_commands_without_a_folder(run_elman: Command, tmp_path: Path, text_file: Path) -> None:
    for command in ("info", "check"):
        assert "no such folder: elman data prepare" in run_elman("data", command, tmp_path / "x").complaint()
        assert "it holds no prepared text" in run_elman("data", command, tmp_path).complaint()
    assert "Missing option '--out'" in run_elman("data", "prepare", text_file).complaint()
