"""``elman train --recipe``: three files of sentences, what is given beside it, and what there is."""

from __future__ import annotations

import json
import math
import re
import tomllib
from pathlib import Path

import pytest

from elman.storage.recipes import recipe_text, recipes
from tests.cli.conftest import Command
from tests.small import metrics_of, sentences

SMALL = ["--hidden", "8", "--embedding", "8", "--threads", "1", "--quiet"]


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Three files of one sentence a line, cut into words, with <unk> already in them."""
    folder, made = tmp_path_factory.mktemp("parts"), {}
    for seed, (name, lines) in enumerate({"train": 300, "valid": 40, "test": 50}.items()):
        text = sentences(lines, seed).replace("moon", "<unk>").replace(".", " .").replace("!", " !")
        made[name] = folder / f"{name}.txt"
        made[name].write_text(text, "utf-8")
    return made


def flags(parts: dict[str, Path]) -> list[str]:
    return [part for name, path in parts.items() for part in (f"--{name}", str(path))]


def test_three_files_of_sentences(run_elman: Command, tmp_path: Path, parts: dict[str, Path]) -> None:
    """Every line ends in <eos>, and <unk> is a word; perplexities after each epoch, and at the end."""
    run = tmp_path / "run"
    done = run_elman("train", "--recipe", "word-small", *flags(parts), *SMALL, "--epochs", "3", "--out", run)
    assert (done.status, done.err) == (0, "")
    tokens = {
        name: len(path.read_text().split()) + path.read_text().count("\n") for name, path in parts.items()
    }
    counts = ", ".join(f"{count:,} {name}" for name, count in tokens.items())
    assert f"{counts} space tokens" in done.out
    assert "sgd, rate 20 (step), 3 epochs" in done.out
    shown = [float(number) for number in re.findall(r"valid .* perplexity (\d+\.\d+)", done.out)]
    lines = [line for line in metrics_of(run) if "valid_loss" in line]
    assert shown == [pytest.approx(math.exp(line["valid_loss"]), abs=0.006) for line in lines]
    steps = lines[0]["step"]
    assert [line["step"] for line in lines] == [steps, 2 * steps, 3 * steps]
    assert lines[0]["tokens"] == (tokens["train"] - 1) // 20 * 20
    at_end = re.search(r"On the test part: .* perplexity (\d+\.\d+)", done.out)
    assert at_end is not None
    assert float(at_end[1]) == pytest.approx(math.exp(lines[-1]["test_loss"]), abs=0.006)
    found = json.loads(run_elman("evaluate", run, "--json").out)
    assert found["tokens"] == tokens["test"]
    assert found["nats_per_token"] == pytest.approx(lines[-1]["test_loss"], rel=1e-6)
    assert json.loads(run_elman("info", run, "--json").out)["test_loss"] == lines[-1]["test_loss"]


def test_the_order_of_recipe_file_and_command_line(
    run_elman: Command, tmp_path: Path, parts: dict[str, Path]
) -> None:
    file = tmp_path / "settings.toml"
    file.write_text('recipe = "word-small"\nbatch = 5\nhidden = 9\ndecay_from = 2\n')
    given = [*flags(parts), *SMALL, "--steps", "2"]
    run = tmp_path / "run"
    assert run_elman("train", "--config", file, *given, "--out", run).status == 0
    settings = tomllib.loads((run / "config.toml").read_text("utf-8"))
    names = ("batch", "hidden", "decay_from", "lr", "tokens")
    assert [settings[name] for name in names] == [5, 8, 2, 20.0, "space"]
    assert "recipe" not in settings
    # The command line names another.
    command = ["train", "--config", file, "--recipe", "tutorial", *given, "--out", run, "--overwrite"]
    assert run_elman(*command).status == 0
    settings = tomllib.loads((run / "config.toml").read_text("utf-8"))
    assert [settings[name] for name in ("batch", "cell", "back")] == [5, "rnn", 4]


def test_a_recipe_that_is_not_there(run_elman: Command, tmp_path: Path) -> None:
    line = run_elman("train", "--recipe", "word-smal", "--out", tmp_path / "run").complaint()
    names = ", ".join(recipes())
    assert line == f"elman: there is no recipe 'word-smal'; there are {names}; did you mean 'word-small'?"
    assert line == run_elman("info", "--recipe", "word-smal").complaint()
    file = tmp_path / "settings.toml"
    file.write_text('recipe = "char-small"\nsteps = "100"\n')
    assert "steps must be of type int" in run_elman("train", "--config", file).complaint()
    file.write_text("recipe = 3\n")
    assert "recipe must be of type str" in run_elman("train", "--config", file).complaint()


def test_a_run_is_taken_up_without_a_recipe(run_elman: Command, trained: Path) -> None:
    line = run_elman("train", "--resume", trained, "--recipe", "word-small").complaint()
    assert "leave out texts, --out, --config, --recipe and --overwrite" in line


def test_recipes_are_listed_and_shown(run_elman: Command) -> None:
    listed = run_elman("info", "--recipes").out.splitlines()
    assert [line.split(maxsplit=1) for line in listed] == [[name, text] for name, text in recipes().items()]
    assert json.loads(run_elman("info", "--recipes", "--json").out) == recipes()
    shown = run_elman("info", "--recipe", "awd").out
    assert shown == recipe_text("awd")
    assert json.loads(run_elman("info", "--recipe", "awd", "--json").out) == tomllib.loads(shown)
    assert "give a RUN or a FILE, --recipes or --recipe NAME" in run_elman("info").complaint()
    for two in (["--recipes", "--recipe", "awd"], ["runs/x", "--recipes"], ["runs/x", "--recipe", "awd"]):
        assert "give one of RUN, --recipes and --recipe NAME" in run_elman("info", *two).complaint()
