"""Each bad input: one clear line, status 2, nothing lost and nothing left in the way."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from tests.cli.conftest import Command
from tests.small import FLAGS, contents, sentences

Refused = Callable[..., str]
TRAIN = ["train", *FLAGS, "--steps", "3", "--quiet"]


@pytest.fixture
def refused(run_elman: Command, tmp_path: Path, text_file: Path, trained: Path) -> Refused:
    """Check a training that must fail, and that a right one works in the same place afterwards."""

    numbers = count()

    def check(*arguments: object, text: object = text_file) -> str:
        out = tmp_path / f"new{next(numbers)}"
        before = contents(trained)
        given = [] if text is None else [text]
        line = run_elman(*TRAIN, *given, "--out", out, *arguments).complaint()
        # Asked to replace a run, it must not lose it either.
        again = run_elman(*TRAIN, *given, "--out", trained, "--overwrite", *arguments).complaint()
        assert again.replace(str(trained), str(out)) == line
        assert contents(trained) == before
        assert not out.exists() or contents(out) == {}
        assert run_elman(*TRAIN, text_file, "--out", out).status == 0
        return line

    return check


def test_an_empty_file(refused: Refused, tmp_path: Path) -> None:
    (tmp_path / "empty.txt").touch()
    assert "empty.txt is empty" in refused(text=tmp_path / "empty.txt")


def test_only_white_space_has_no_words(refused: Refused, tmp_path: Path) -> None:
    (tmp_path / "blank.txt").write_text(" " * 100)
    assert "no tokens" in refused("--tokens", "word", text=tmp_path / "blank.txt")


@pytest.mark.parametrize("characters", [1, 2, 5, 9, 30])
def test_a_file_shorter_than_one_window(refused: Refused, tmp_path: Path, characters: int) -> None:
    (tmp_path / "short.txt").write_text("ab" * (characters // 2) + "a" * (characters % 2))
    line = refused(text=tmp_path / "short.txt")
    assert "give a longer text" in line or "at least two kinds" in line


def test_not_utf8_names_the_byte_and_offers_bytes(
    refused: Refused, tmp_path: Path, run_elman: Command
) -> None:
    path = tmp_path / "latin.txt"
    data = bytearray(sentences(100).encode())
    data[1234] = 0xE9
    path.write_bytes(data)
    line = refused(text=path)
    assert "byte 1234" in line
    assert "--tokens byte" in line
    assert run_elman(*TRAIN, path, "--tokens", "byte", "--out", tmp_path / "bytes").status == 0


def test_a_folder_without_text(refused: Refused, tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    (folder / "cat.png").write_bytes(b"\x89PNG")
    assert "folder with no text" in refused(text=folder)
    (folder / "empty.txt").touch()
    assert "only empty texts" in refused(text=folder)


def test_paths_that_cannot_be_read(refused: Refused, tmp_path: Path, text_file: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (tmp_path / "dangling.txt").symlink_to(tmp_path / "gone.txt")
    for path in (tmp_path / "dangling.txt", tmp_path / "nowhere.txt"):
        assert f"there is no file {path}" in refused(text=path)
    assert "cannot read" in refused(text=text_file / "below.txt")
    (tmp_path / "broken.txt.gz").write_bytes(b"\x1f\x8b not gzip")
    assert "broken.txt.gz" in refused(text=tmp_path / "broken.txt.gz")
    assert "no text" in refused("--train", folder, text=None)  # where a file is meant


def test_a_vocabulary_of_one_symbol(refused: Refused, tmp_path: Path) -> None:
    (tmp_path / "aaa.txt").write_text("a" * 5000)
    assert "nothing to predict" in refused(text=tmp_path / "aaa.txt")
    assert "nothing to predict" in refused("--min-count", "100000")


@pytest.mark.parametrize(
    "flags", [["--window", "6000"], ["--batch", "6000"], ["--window", "800", "--batch", "70"]]
)
def test_a_window_or_batch_larger_than_the_text(refused: Refused, flags: list[str]) -> None:
    line = refused(*flags)
    assert "too few" in line
    assert "at most" in line


SIZES = (
    "embedding hidden layers batch window back decay-every threads epochs steps minutes early-stop "
    "eval-every checkpoint-every min-count max-vocab lr decay"
)
NEGATIVE = "dropout momentum weight-decay clip warmup patience lr-min seed sample"


@pytest.mark.parametrize("flag", SIZES.split())
@pytest.mark.parametrize("value", ["0", "-1"])
def test_sizes_that_are_not_positive(run_elman: Command, tmp_path: Path, flag: str, value: str) -> None:
    line = run_elman("train", "--out", tmp_path / "new", f"--{flag}", value).complaint()
    assert flag.replace("-", "_") in line
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("flag", NEGATIVE.split())
def test_numbers_below_zero(run_elman: Command, tmp_path: Path, flag: str) -> None:
    line = run_elman("train", "--out", tmp_path / "new", f"--{flag}", "-1").complaint()
    assert f"{flag.replace('-', '_')} must be at least 0, not -1" in line
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("flag", ["lr", "minutes", "clip", "dropout", "momentum", "decay", "forget-bias"])
@pytest.mark.parametrize("value", ["nan", "inf", "-inf"])
def test_numbers_that_are_not_finite(run_elman: Command, tmp_path: Path, flag: str, value: str) -> None:
    line = run_elman("train", "--out", tmp_path / "new", f"--{flag}", value).complaint()
    assert flag.replace("-", "_") in line
    assert "finite" in line
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--epochs", "0", "--steps", "0"], "epochs must be at least 1"),
        (["--epochs", "0"], "epochs must be at least 1"),
        (["--steps", "0"], "steps must be at least 1"),
        (["--hidden", "many"], "--hidden"),
        (["--hiden", "8"], "--hidden"),
        (["--cell", "ltsm"], "did you mean 'lstm'"),
        (["--tokens", "wrd"], "bpe, byte, char, space, word"),
        (["--optimizer", "adamax"], "sgd, adagrad, rmsprop, adam, adamw"),
        (["--schedule", "linear"], "constant, step, exponential, cosine, plateau"),
        (["--dtype", "float16"], "float32, float64"),
        (["--documents", "chapter"], "none, file, line, blank"),
        (["--init", "zeros"], "uniform, glorot"),
        (["--init-recurrent", "zeros"], "orthogonal"),
        (["--split", "90/10"], "three numbers"),
        (["--split", "90/5/6"], "sum to 100"),
        (["--split", "0/50/50"], "the first not 0"),
        (["--split", "90/nan/5"], "three numbers"),
        (["--dropout", "1"], "less than 1"),
        (["--tied"], "embedding"),
        (["--nesterov", "--optimizer", "sgd"], "momentum"),
        (["--nesterov"], "no effect with optimizer adam"),
        (["--lowercase"], "word tokens"),
        (["--lr-min", "1"], "at most lr"),
        (["--back", "4", "--window", "8"], "at least the window"),
        (["--valid", "x.txt"], "name the text by train as well"),
        (["--resume", "run", "--out", "other"], "leave out"),
        (["--resume", "nowhere"], "there is no run at nowhere"),
    ],
)  # fmt: skip
def test_settings_that_cannot_be(run_elman: Command, tmp_path: Path, flags: list[str], says: str) -> None:
    out = [] if "--resume" in flags else ["--out", tmp_path / "new"]
    assert says in run_elman("train", *flags, *out).complaint()
    assert not (tmp_path / "new" / "config.toml").exists()


def test_commands_that_are_not_there(run_elman: Command) -> None:
    assert "No such command 'trian'" in run_elman("trian").complaint()
    assert "command" in run_elman().complaint()
    assert "RUN" in run_elman("info").complaint()


def test_an_existing_run_is_not_replaced_unasked(run_elman: Command, trained: Path, text_file: Path) -> None:
    before = contents(trained)
    line = run_elman(*TRAIN, text_file, "--out", trained).complaint()
    assert f"--resume {trained}" in line
    assert "--overwrite" in line
    assert contents(trained) == before


def test_a_replaced_run_leaves_nothing_behind(run_elman: Command, trained: Path, text_file: Path) -> None:
    assert run_elman(*TRAIN, text_file, "--out", trained, "--overwrite", "--tokens", "word").status == 0
    assert 'tokens = "word"' in (trained / "config.toml").read_text()
    steps = [line.split(",")[0] for line in (trained / "metrics.jsonl").read_text().splitlines()]
    assert steps == ['{"step": 1', '{"step": 2', '{"step": 3']


def test_folders_that_are_not_runs(run_elman: Command, tmp_path: Path, text_file: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "thesis.tex").write_text("years of work")
    for flags in ([], ["--overwrite"]):
        assert "thesis.tex" in run_elman(*TRAIN, text_file, "--out", home, *flags).complaint()
    assert contents(home) == {"thesis.tex": b"years of work"}
    assert "is a file" in run_elman(*TRAIN, text_file, "--out", home / "thesis.tex").complaint()
    assert "cannot make" in run_elman(*TRAIN, text_file, "--out", home / "thesis.tex" / "run").complaint()
    assert "config.toml is missing" in run_elman("info", home).complaint()


def test_prompts(run_elman: Command, trained: Path) -> None:
    done = run_elman("generate", trained, "--prompt", "the ξ cat Ω ξ", "--length", "5")
    assert done.status == 0
    assert done.out.startswith("the ξ cat Ω ξ")
    assert done.err == "elman: not in the vocabulary, read as <unk>: 'ξ', 'Ω'\n"
    done = run_elman("next", trained, "ξ")
    assert (done.status, done.err.count("'ξ'")) == (0, 1)
    for command in (["generate", trained, "--prompt", ""], ["next", trained, ""]):
        assert "prompt is empty" in run_elman(*command).complaint()


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--length", "0"], "length must be a whole number of at least 1"),
        (["--samples", "0"], "samples must be a whole number of at least 1"),
        (["--samples", "-3"], "samples must be a whole number of at least 1"),
        (["--temperature", "nan"], "temperature"),
        (["--temperature", "-1"], "temperature"),
        (["--top-k", "0"], "top_k"),
        (["--top-p", "0"], "top_p"),
        (["--top-p", "1.5"], "top_p"),
        (["--stop", ""], "stop"),
        (["--seed", "-1"], "--seed"),
    ],
)
def test_settings_of_generation(run_elman: Command, trained: Path, flags: list[str], says: str) -> None:
    for form in ([], ["--json"]):
        done = run_elman("generate", trained, *flags, *form)
        assert says in done.complaint()
        assert done.out == ""


def test_settings_of_evaluation(run_elman: Command, trained: Path, tmp_path: Path) -> None:
    for flag in ("--batch", "--window"):
        assert "at least 1" in run_elman("evaluate", trained, flag, "0").complaint()
    (tmp_path / "empty.txt").touch()
    assert "is empty" in run_elman("evaluate", trained, tmp_path / "empty.txt").complaint()
    assert "there is no file" in run_elman("evaluate", trained, tmp_path / "none.txt").complaint()
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9")
    assert "byte 3" in run_elman("evaluate", trained, tmp_path / "latin.txt").complaint()
    assert "--top" in run_elman("next", trained, "the", "--top", "0").complaint()


def test_a_run_without_test_part_says_what_to_give(
    run_elman: Command, tmp_path: Path, text_file: Path
) -> None:
    assert run_elman(*TRAIN, text_file, "--split", "95/5/0", "--out", tmp_path / "r").status == 0
    assert "no test part" in run_elman("evaluate", tmp_path / "r").complaint()


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--batch", "0"], "at least 1"),
        (["--layers", "0"], "layers"),
        (["--vocab-size", "0"], "vocab_size"),
        (["--cell", "elman"], "unknown cell"),
        (["--tied"], "embedding"),
    ],
)
def test_settings_of_gradcheck(run_elman: Command, flags: list[str], says: str) -> None:
    assert says in run_elman("gradcheck", *flags).complaint()


def test_plots_that_cannot_be_drawn(run_elman: Command, trained: Path, tmp_path: Path) -> None:
    assert "png or .svg" in run_elman("plot", trained, "--out", tmp_path / "x.pdf").complaint()
    assert "No such file" in run_elman("plot", trained, "--out", tmp_path / "no" / "x.png").complaint()
    assert (
        "seconds" in run_elman("plot", trained, "--against", "hours", "--out", tmp_path / "x.svg").complaint()
    )
    (trained / "metrics.jsonl").write_text("")
    assert "no records" in run_elman("plot", trained, "--out", tmp_path / "x.svg").complaint()


def test_training_that_diverges_names_the_place(run_elman: Command, tmp_path: Path, text_file: Path) -> None:
    out = tmp_path / "run"
    wild = [*TRAIN, text_file, "--out", out, "--cell", "rnn-relu", "--optimizer", "sgd", "--clip", "0"]
    wild += ["--eval-every", "3"]
    line = run_elman(*wild, "--lr", "1e30").complaint()
    assert "diverged at step 1" in line
    assert "layers.0" in line
    assert re.search("time step 0, batch row [0-3];", line)
    assert "--lr" in line
    # What was saved before is whole, and says what it was.
    assert run_elman("info", out).status == 2  # no model was ever the best
    assert run_elman("train", "--resume", out).complaint() == line


def test_a_validation_loss_that_is_not_finite(run_elman: Command, tmp_path: Path, text_file: Path) -> None:
    wild = ["--cell", "rnn-relu", "--optimizer", "sgd", "--clip", "0", "--lr", "1e30", "--eval-every", "1"]
    line = run_elman(*TRAIN, text_file, "--out", tmp_path / "run", *wild).complaint()
    assert "validation loss at step 1 is not finite" in line
    assert "layers.0" in line
    assert "time step 0, batch row 0 of the validation text" in line
    assert not (tmp_path / "run" / "metrics.jsonl").exists()
