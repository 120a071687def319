"""What is printed: texts and paths as they are, commands that run as printed, JSON that is JSON."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from elman.cli import main
from elman.cli.advice import as_argument, prompt_from
from elman.storage.run import Run
from tests.cli.conftest import Command
from tests.small import FLAGS, sentences

TRAIN = ["train", *FLAGS, "--steps", "4", "--eval-every", "2"]


def advice(out: str) -> list[list[str]]:
    """Return the commands that training prints at its end."""
    lines = out.split("Try next:\n")[1].splitlines()
    assert all(line.startswith("  elman ") for line in lines)
    return [shlex.split(line)[1:] for line in lines]


TEXTS = {
    "markup": "[/i] hello [music] :smile:\n",
    "items": "- item one\n- item two\n",
    "quotes": 'it\'s "so" `here` $HOME\n',
    "backslashes": "\\n \\begin{x} \\end{x}\n",
    "digits": "3.14 15 92 65\n",
    "punctuation": "?! ...\n",
    "no line end": "-- ** ",
    "Chinese": "床前明月光，疑是地上霜。\n",
}


@pytest.mark.parametrize("name", TEXTS)
def test_the_commands_printed_run_as_printed(
    run_elman: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.txt").write_text(TEXTS[name] * 60, "utf-8")
    done = run_elman(*TRAIN, "text.txt", "--out", "my [i] run")
    assert (done.status, done.err) == (0, "")
    commands = advice(done.out)
    assert {command[0] for command in commands} >= {"evaluate", "plot"}
    for command in commands:
        assert "my [i] run" in command
        ran = run_elman(*command)
        assert (ran.status, ran.err) == (0, ""), command


def test_a_run_that_begins_with_a_hyphen(
    run_elman: Command, tmp_path: Path, text_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for command in advice(run_elman(*TRAIN, text_file, "--out=-run").out):
        assert run_elman(*command).status == 0, command


def test_only_what_a_run_can_do_is_advised(run_elman: Command, tmp_path: Path, text_file: Path) -> None:
    done = run_elman(*TRAIN, text_file, "--split", "90/10/0", "--out", tmp_path / "run")
    assert [command[0] for command in advice(done.out)] == ["generate", "next", "plot"]


@pytest.mark.parametrize(
    ("text", "prompt"),
    [
        ("- item one", "item one"),
        ("--help is a word", "is a word"),
        ("word\\n next", "next"),
        ("one \\two", "one"),
        ("a\x00b cd", "cd"),
        ("?!", ""),
        ("", ""),
        ("x" * 90, "x" * 24),
    ],
)
def test_prompts_to_try(text: str, prompt: str) -> None:
    assert shlex.split(prompt_from(text)) == ([prompt] if prompt else [])


def test_paths_to_print() -> None:
    assert as_argument(Path("-x")) == "./-x"
    assert shlex.split(as_argument(Path("a b/'c'"))) == ["a b/'c'"]


def test_texts_and_paths_are_no_markup(run_elman: Command, tmp_path: Path) -> None:
    text, out = tmp_path / "[music].txt", tmp_path / "[/b] [red]run"
    text.write_text("[/i] hello [music] :smile:\n" * 60, "utf-8")
    done = run_elman(*TRAIN, text, "--out", out)
    assert done.status == 0, done.err
    assert done.out.count(str(out)) >= 2  # at the beginning and at the end
    assert "[music]" not in done.out.split("Try next:")[0].splitlines()[0]


def test_evaluation_in_json_has_no_infinity(
    run_elman: Command, trained: Path, text_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from elman.training.figures import Evaluation

    for nats in (1e9, float("nan"), float("inf")):
        found = Evaluation(nats=nats, tokens=10, correct=1, unknown=0, chars=10, bytes=10)
        monkeypatch.setattr("elman.text_model.adapting.evaluate", lambda *_, found=found, **__: found)
        done = run_elman("evaluate", trained, text_file, "--json")
        figures = json.loads(done.out, parse_constant=lambda name: pytest.fail(name))
        assert figures["perplexity"] is None
        assert figures["accuracy"] == 0.1


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (MemoryError("Unable to allocate 7. TiB for an array with shape (1, 2)"), "7. TiB .* shape"),
        (MemoryError(), "not enough memory"),
        (UnicodeEncodeError("utf-8", "caf\udce9", 3, 4, "surrogates not allowed"), r"'caf\\udce9'"),
    ],
)
def test_errors_of_the_machine_are_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, error: Exception, says: str
) -> None:
    import re

    from elman.cli import app

    def fails(**_: Any) -> int:
        raise error

    monkeypatch.setattr(app, "app", fails)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    err = capsys.readouterr().err
    assert re.fullmatch(rf"elman: .*{says}.*\n", err), err


def test_a_model_that_is_too_large_is_one_line(run_elman: Command, tmp_path: Path, text_file: Path) -> None:
    wide = ["--hidden", "100000000000", "--layers", "1"]
    line = run_elman("train", text_file, "--out", tmp_path / "run", *wide, "--steps", "1").complaint()
    assert "1 x 100000000000 lstm" in line
    assert "does not fit into memory" in line


def test_plot_against_time(run_elman: Command, trained: Path, tmp_path: Path) -> None:
    pictures = {}
    for against in ("time", "seconds", "steps"):
        out = tmp_path / f"{against}.svg"
        assert run_elman("plot", trained, "--against", against, "--out", out).status == 0
        pictures[against] = out.read_bytes()
    assert pictures["time"] == pictures["seconds"] != pictures["steps"]


@pytest.mark.parametrize("key", ["tokens", "seconds", "train_loss", "lr"])
@pytest.mark.parametrize("value", [None, "3", True])
def test_metrics_without_their_numbers(
    run_elman: Command, trained: Path, tmp_path: Path, key: str, value: object
) -> None:
    path = trained / "metrics.jsonl"
    records = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    if value is None:
        del records[0][key]
    else:
        records[0][key] = value
    path.write_text("".join(json.dumps(record) + "\n" for record in records), "utf-8")
    for command in (["info", trained], ["plot", trained, "--out", tmp_path / "x.svg"]):
        assert "metrics.jsonl is damaged at line 1" in run_elman(*command).complaint()


def test_settings_files_of_a_newer_elman(run_elman: Command, trained: Path, tmp_path: Path) -> None:
    newer = (trained / "config.toml").read_text("utf-8").replace("format = 1", "format = 2")
    (tmp_path / "newer.toml").write_text(newer, "utf-8")
    command = ["train", "--config", tmp_path / "newer.toml", "--out", tmp_path / "new"]
    assert "made by a newer elman" in run_elman(*command).complaint()
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("key", "near"),
    [("ouput", "output"), ("over-write", "overwrite"), ("quite", "quiet"), ("hiden", "hidden")],
)
def test_a_key_near_an_option_of_the_command(run_elman: Command, tmp_path: Path, key: str, near: str) -> None:
    (tmp_path / "a.toml").write_text(f"{key} = 1\n")
    line = run_elman("train", "--config", tmp_path / "a.toml").complaint()
    assert f"unknown setting {key!r}; did you mean {near!r}?" in line


def test_a_key_given_twice(run_elman: Command, tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text("eval-every = 1\neval_every = 2\n")
    assert "eval_every is given twice" in run_elman("train", "--config", tmp_path / "a.toml").complaint()


def test_next_names_its_own_option(run_elman: Command, trained: Path) -> None:
    line = run_elman("next", trained, "the", "--top", "0").complaint()
    assert "--top" in line
    assert " n " not in line


def test_no_directory_for_a_text_that_is_not_there(run_elman: Command, tmp_path: Path) -> None:
    out = tmp_path / "z1"
    assert "there is no file" in run_elman("train", tmp_path / "nofile.txt", "--out", out).complaint()
    assert not out.exists()


def test_a_text_whose_name_is_not_unicode(
    run_elman: Command, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = str(tmp_path) + "/caf\udce9.txt"
    Path(name).write_text(sentences(100), "utf-8")
    line = run_elman(*TRAIN, name, "--out", trained, "--overwrite").complaint()
    assert "not valid Unicode" in line
    assert Run.existing(trained).load_model()


def test_divergence_advises_what_can_help(run_elman: Command, tmp_path: Path, text_file: Path) -> None:
    wild = [*TRAIN, text_file, "--cell", "rnn-relu", "--optimizer", "sgd", "--lr", "1e30"]
    line = run_elman(*wild, "--clip", "0", "--out", tmp_path / "a").complaint()
    assert line.endswith("Try a smaller --lr, and --clip 5")
    line = run_elman(*wild, "--clip", "1e30", "--out", tmp_path / "b").complaint()
    assert line.endswith("Try a smaller --lr")
