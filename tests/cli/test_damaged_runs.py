"""A run directory that lacks a file, was cut short, is too new, or does not fit itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from elman.errors import CheckpointError
from elman.storage.run import Run
from tests.cli.conftest import Command, Result
from tests.small import contents

SETTINGS, TOKENS, MODEL = "config.toml", "tokenizer.json", "model.safetensors"
CHECKPOINT, METRICS = "last/checkpoint.safetensors", "metrics.jsonl"
CORPUS = ("data/corpus.json", "data/tokenizer.json", "data/train.ids", "data/valid.ids", "data/test.ids")

COMMANDS = {
    "evaluate": ["evaluate", "RUN", "TEXT"],
    "evaluate its own": ["evaluate", "RUN"],
    "generate": ["generate", "RUN", "--length", "3"],
    "next": ["next", "RUN", "the"],
    "info": ["info", "RUN"],
    "plot": ["plot", "RUN", "--out", "PICTURE"],
    "resume": ["train", "--resume", "RUN", "--steps", "25", "--quiet"],
}
NEEDS = {
    SETTINGS: COMMANDS.keys(),
    TOKENS: COMMANDS.keys() - {"plot"},
    MODEL: COMMANDS.keys() - {"plot", "resume"},
    CHECKPOINT: {"resume"},
    METRICS: {"plot"},
    **{file: {"evaluate its own", "resume"} for file in CORPUS},
}
CASES = [(file, name) for file, names in NEEDS.items() for name in COMMANDS if name in names]


Do = Callable[[str], Result]


@pytest.fixture
def do(run_elman: Command, trained: Path, text_file: Path, tmp_path: Path) -> Do:
    """Run one of COMMANDS on the run."""
    places = {"RUN": trained, "TEXT": text_file, "PICTURE": tmp_path / "loss.svg"}

    def run(name: str) -> Result:
        return run_elman(*(places.get(part, part) for part in COMMANDS[name]))

    return run


@pytest.mark.parametrize(("file", "name"), CASES)
def test_a_file_that_is_missing(do: Do, trained: Path, file: str, name: str) -> None:
    (trained / file).unlink()
    before = contents(trained)
    line = do(name).complaint()
    assert Path(file).name in line
    assert contents(trained) == before


@pytest.mark.parametrize(("file", "name"), [case for case in CASES if case[0] != METRICS])
def test_a_file_that_was_cut_short(do: Do, trained: Path, file: str, name: str) -> None:
    whole = (trained / file).read_bytes()
    for length in (0, 1, 7, 8, 9, len(whole) // 2, len(whole) - 2):
        (trained / file).write_bytes(whole[:length])
        before = contents(trained)
        line = do(name).complaint()
        assert Path(file).name in line, length
        assert contents(trained) == before


def _read(path: Path, file: str) -> None:
    run = Run.existing(path)
    if file == CHECKPOINT:
        run.load_checkpoint()
    else:
        run.load_model()


@pytest.mark.parametrize("file", [SETTINGS, TOKENS, MODEL, CHECKPOINT])
def test_no_cut_at_all_passes_unseen(trained: Path, file: str) -> None:
    """Every length of the small files, and every length about the parts of the large ones."""
    whole = (trained / file).read_bytes()
    if file == TOKENS:
        whole = whole.rstrip()  # JSON without its last line end is whole
    cuts = (
        range(len(whole))
        if len(whole) < 2000
        else [*range(0, len(whole), 97), *range(len(whole) - 9, len(whole))]
    )
    for length in cuts:
        (trained / file).write_bytes(whole[:length])
        with pytest.raises(CheckpointError):
            _read(trained, file)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_file_that_no_command_needs(do: Do, trained: Path, name: str) -> None:
    for file, names in NEEDS.items():
        if name not in names:
            (trained / file).unlink()
    assert do(name).status == 0


@pytest.mark.parametrize("cut", [0, 1, 30, -1, -2, -20])
def test_metrics_cut_within_a_line_lose_that_line_alone(do: Do, trained: Path, cut: int) -> None:
    whole = (trained / METRICS).read_bytes()
    left = whole[:cut] if cut else b""
    (trained / METRICS).write_bytes(left)
    complete = left.count(b"\n")
    assert do("info").status == 0
    picture = do("plot")
    assert picture.status == (0 if complete else 2)
    if not complete:
        assert "no records" in picture.complaint()
    assert do("resume").status == 0
    steps = [json.loads(line)["step"] for line in (trained / METRICS).read_text().splitlines()]
    assert len(steps) == complete + 1  # and the evaluation at step 25
    assert steps[-1] == 25


def test_metrics_damaged_in_the_middle(do: Do, trained: Path) -> None:
    lines = (trained / METRICS).read_text().splitlines()
    for wrong in ('{"step": 1', "[]", '{"tokens": 3}', '{"step": null}'):
        (trained / METRICS).write_text("\n".join([lines[0], wrong, *lines[1:]]) + "\n")
        for name in ("plot", "info", "resume"):
            assert "damaged at line 2" in do(name).complaint()


def _set_note(path: Path, **changes: object) -> None:
    from safetensors import safe_open

    with safe_open(path, framework="numpy") as file:
        note = json.loads(file.metadata()["elman"])
    save_file(load_file(path), path, {"elman": json.dumps({**note, **changes})})


@pytest.mark.parametrize(("file", "name"), [case for case in CASES if case[0] not in (METRICS, *CORPUS[2:])])
def test_a_newer_format_asks_for_an_upgrade(do: Do, trained: Path, file: str, name: str) -> None:
    path = trained / file
    if path.suffix == ".safetensors":
        _set_note(path, format=2)
    else:
        text = path.read_text("utf-8")
        newer = text.replace("format = 1", "format = 2").replace('"format": 1', '"format": 2')
        assert newer != text
        path.write_text(newer, "utf-8")
    line = do(name).complaint()
    assert "newer elman" in line
    assert "upgrade" in line
    assert path.name in line


@pytest.mark.parametrize("file", [MODEL, CHECKPOINT])
@pytest.mark.parametrize(
    "note", [None, "", "[]", "nonsense", '{"format": "1"}', '{"format": 0}', '{"format": true}']
)
def test_tensors_that_are_not_ours(do: Do, trained: Path, file: str, note: str | None) -> None:
    path = trained / file
    save_file(load_file(path), path, None if note is None else {"elman": note})
    assert str(path) in do("resume" if file == CHECKPOINT else "info").complaint()


@pytest.mark.parametrize(
    "change", ["hidden = 7", "layers = 1", 'cell = "gru"', 'dtype = "float64"', "embedding = 9"]
)
def test_shapes_that_disagree_with_the_settings(do: Do, trained: Path, change: str) -> None:
    path = trained / SETTINGS
    name = change.split(" ")[0]
    lines = [change if line.startswith(f"{name} =") else line for line in path.read_text().splitlines()]
    path.write_text("\n".join(lines) + "\n")
    for command in ("info", "generate", "resume"):
        assert "config.toml" in do(command).complaint()


def test_a_model_with_an_array_too_many_or_too_few(do: Do, trained: Path) -> None:
    path = trained / MODEL
    arrays = load_file(path)
    note = {"elman": '{"format": 1}'}
    save_file({**arrays, "layers.9.U": np.ones(3, np.float32)}, path, note)
    assert "layers.9.U" in do("info").complaint()
    save_file({name: array for name, array in arrays.items() if name != "output.c"}, path, note)
    assert "lacks output.c" in do("info").complaint()


def test_a_checkpoint_of_another_optimiser(do: Do, trained: Path) -> None:
    path = trained / SETTINGS
    path.write_text(path.read_text().replace('optimizer = "adam"', 'optimizer = "rmsprop"'))
    assert "checkpoint.safetensors is damaged" in do("resume").complaint()


def test_a_checkpoint_of_another_batch(do: Do, trained: Path) -> None:
    path = trained / SETTINGS
    path.write_text(path.read_text().replace("batch = 4", "batch = 5"))
    assert "(5, 6)" in do("resume").complaint()


@pytest.mark.parametrize(
    "changes", [{"step": None}, {"evaluations": 3}, {"unheard_of": 1}, {"position": "x"}]
)
def test_a_checkpoint_with_a_note_that_is_wrong(do: Do, trained: Path, changes: dict[str, object]) -> None:
    _set_note(trained / CHECKPOINT, **changes)
    assert "checkpoint.safetensors is damaged" in do("resume").complaint()


def test_a_tokenizer_of_another_run(do: Do, trained: Path, tmp_path: Path, run_elman: Command) -> None:
    other = json.loads((trained / TOKENS).read_text("utf-8"))
    assert other["name"] == "char"
    (trained / TOKENS).write_text(json.dumps({"format": 1, "name": "byte"}))
    assert "different runs" in do("next").complaint()


@pytest.mark.parametrize(
    "text",
    ["", "not toml", "hidden = 8", "format = 1", "format = 1\nvocab_size = 3", "format = true", "\xff"],
)
def test_settings_that_are_not_a_runs(do: Do, trained: Path, text: str) -> None:
    (trained / SETTINGS).write_bytes(text.encode("latin-1") + b"\n")
    assert "config.toml" in do("info").complaint()


def test_a_setting_of_a_run_that_is_unknown(do: Do, trained: Path) -> None:
    with (trained / SETTINGS).open("a") as file:
        file.write("hiden = 3\n")
    assert "did you mean 'hidden'" in do("info").complaint()


def test_a_run_that_was_never_finished_encoding(do: Do, trained: Path) -> None:
    """What a kill before the first checkpoint leaves can be used for nothing, and replaced by anything."""
    for file in (MODEL, CHECKPOINT, METRICS):
        (trained / file).unlink()
    assert "checkpoint.safetensors is missing" in do("resume").complaint()
    assert "model.safetensors is missing" in do("generate").complaint()


def test_a_directory_that_is_not_there(run_elman: Command, tmp_path: Path, text_file: Path) -> None:
    for command in (["info"], ["generate"], ["next"], ["evaluate"], ["plot"]):
        rest = ["the"] if command == ["next"] else []
        assert "there is no run at" in run_elman(*command, tmp_path / "none", *rest).complaint()
        if command != ["info"]:  # which reads files too
            assert "there is no run at" in run_elman(*command, text_file, *rest).complaint()


def test_a_cut_run_is_whole_again_once_restored(do: Do, trained: Path) -> None:
    """Refusing changes nothing: with the file put back, all goes on."""
    whole = (trained / CHECKPOINT).read_bytes()
    (trained / CHECKPOINT).write_bytes(whole[:100])
    do("resume").complaint()
    (trained / CHECKPOINT).write_bytes(whole)
    assert do("resume").status == 0
