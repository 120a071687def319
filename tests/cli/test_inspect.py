"""elman inspect: what it prints and writes, and each bad input as one clear line."""

from __future__ import annotations

import io
import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest

import elman
from elman.network import CELLS
from elman.network.cells import ScanCell
from tests.cli.conftest import Command
from tests.small import FLAGS, contents


def test_a_summary_in_some_lines(run_elman: Command, trained: Path) -> None:
    before = contents(trained)
    done = run_elman("inspect", trained)
    assert (done.status, done.err) == (0, "")
    lines = done.out.splitlines()
    assert len(lines) < 30
    assert max(map(len, lines)) < 160
    figures = json.loads(run_elman("inspect", trained, "--json").out)
    assert f"{figures['nats_per_token']:.4f} nats a token" in done.out
    for word in ("test part", "lstm 2 x 6", "gates", "gradient", "place in the line", "left out"):
        assert word in done.out
    # Units are named as --unit takes them.
    name = next(line for line in lines if "place in the line" in line).split()[4]
    about = run_elman("inspect", trained, "--unit", name)
    assert about.status == 0
    assert f"unit {name}" in about.out
    assert "highest after" in about.out
    assert contents(trained) == before


def test_json_is_all_of_it(run_elman: Command, trained: Path, text_file: Path) -> None:
    done = run_elman("inspect", trained, "--text", text_file, "--length", "40", "--lags", "6", "--json")
    assert (done.status, done.err, done.out.count("\n")) == (0, "", 1)
    found = json.loads(done.out)
    model, text = elman.load(trained), text_file.read_text()[:40]
    assert "".join(found["pieces"]) == text
    assert (found["tokens"], found["cut"], found["text"]) == (40, True, str(text_file))
    np.testing.assert_allclose(found["surprise"], -model.score(text).log_probs, rtol=1e-4)
    assert found["nats_per_token"] == pytest.approx(np.mean(found["surprise"]), rel=1e-5)
    for k in (0, 20, 39):
        expected = model.next_tokens(text[:k] or None, 5)
        assert [entry["token"] for entry in found["predictions"][k]] == [token for token, _ in expected]
    assert np.shape(found["gradient_by_lag"]["h"]) == (2, 7)
    assert np.shape(found["gradient_by_lag"]["c"]) == (2, 7)
    assert [(s["layer"], s["gate"]) for s in found["saturation"]] == [(l, g) for l in (0, 1) for g in "ifog"]
    assert [np.shape(s["singular"]) for s in found["singular_values"]] == [(6,)] * 8
    assert len(found["units"]["line"]) == 2 * 2 * 6
    assert found["units"]["quotes"] == []
    assert len(found["curve"]["valid"]) == 2
    assert "unit" not in found
    unit = json.loads(run_elman("inspect", trained, "--text", text_file, "--unit", "1:3:c", "--json").out)
    assert unit["unit"].keys() == {"layer", "unit", "state", "values"}
    assert len(unit["unit"]["values"]) == unit["tokens"] == 3000
    assert max(map(abs, unit["unit"]["values"])) <= 1


def test_a_page_and_pictures(run_elman: Command, trained: Path, tmp_path: Path) -> None:
    page, folder = tmp_path / "report.html", tmp_path / "pictures"
    done = run_elman("inspect", trained, "--html", page, "--plots", folder, "--unit", "0:2", "--length", "60")
    assert (done.status, done.err) == (0, "")
    assert f"wrote {page}" in done.out
    assert "the first 60 tokens" in done.out  # that it was cut is said here too
    assert page.read_text("utf-8").startswith("<!DOCTYPE html>")
    names = {
        "surprise.svg", "unit-0-2-h.svg", "saturation.svg", "gradient-by-lag.svg", "singular-values.svg",
    }  # fmt: skip
    assert {path.name for path in folder.iterdir()} == names
    again = run_elman(
        "inspect", trained, "--html", page, "--plots", folder, "--json", "--length", "60"
    )  # over what is there, and JSON stays JSON
    assert again.status == 0
    json.loads(again.out)
    assert again.err.count("wrote ") == 5


def test_standard_input(run_elman: Command, trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"the cat sat\n")))
    done = run_elman("inspect", trained, "--text", "-")
    assert done.status == 0
    assert "<stdin>: 12 tokens" in done.out


@pytest.mark.parametrize("tokens", ["byte", "word"])
@pytest.mark.parametrize("cell", list(CELLS))
def test_every_cell_and_kind_of_token(
    run_elman: Command, tmp_path: Path, text_file: Path, tokens: str, cell: str
) -> None:
    flags = [*FLAGS, "--cell", cell, "--tokens", tokens, "--steps", "2", "--quiet"]
    if tokens == "word":
        flags += ["--documents", "line"]
    assert run_elman("train", text_file, *flags, "--out", tmp_path / "run").status == 0
    for given in (["--html", tmp_path / "a.html"], ["--text", text_file, "--length", "300"]):
        done = run_elman("inspect", tmp_path / "run", *given)
        assert (done.status, done.err) == (0, "")
    products = "W" in {line.split(" ")[0] for line in done.out.splitlines()}
    assert products is not isinstance(CELLS[cell], ScanCell)


def test_pictures_of_a_cell_without_recurrent_weights(
    run_elman: Command, tmp_path: Path, text_file: Path
) -> None:
    flags = [*FLAGS, "--cell", "mingru", "--steps", "2", "--quiet"]
    assert run_elman("train", text_file, *flags, "--out", tmp_path / "run").status == 0
    done = run_elman("inspect", tmp_path / "run", "--plots", tmp_path / "pictures")
    assert done.status == 0
    names = {path.name for path in (tmp_path / "pictures").iterdir()}
    assert names == {"surprise.svg", "saturation.svg", "gradient-by-lag.svg"}


def test_text_of_another_script_is_read_as_unknown(run_elman: Command, trained: Path, tmp_path: Path) -> None:
    (tmp_path / "tang.txt").write_text("床前明月光，\n疑是地上霜。\n", encoding="utf-8")
    found = json.loads(run_elman("inspect", trained, "--text", tmp_path / "tang.txt", "--json").out)
    assert "".join(found["pieces"]) == "床前明月光，\n疑是地上霜。\n"
    assert found["unknown"] == 12


def test_bad_texts(run_elman: Command, trained: Path, tmp_path: Path) -> None:
    (tmp_path / "empty.txt").touch()
    (tmp_path / "one.txt").write_text("a")
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9")
    for name, says in (
        ("empty.txt", "is empty"),
        ("one.txt", "the text has 1 token(s): give a text of at least two"),
        ("latin.txt", "byte 3"),
        ("none.txt", "there is no file"),
    ):
        for form in ([], ["--json"], ["--html", tmp_path / "a.html"]):
            done = run_elman("inspect", trained, "--text", tmp_path / name, *form)
            assert says in done.complaint()
            assert done.out == ""
    assert not (tmp_path / "a.html").exists()


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--length", "1"], "length=1: give at least 2"),
        (["--length", "many"], "--length"),
        (["--lags", "0"], "lags=0: give at least 1"),
        (["--unit", "2:0"], "there is no layer 2: they are 0 to 1"),
        (["--unit", "0:6"], "there is no unit 6: they are 0 to 5"),
        (["--unit", "0:0:x"], "there is no state 'x': choose one of h, c"),
        (["--unit", "7"], "--unit 7: give a layer and a unit"),
        (["--unit", "a:b"], "--unit a:b: give a layer and a unit"),
        (["--unit", "-1:0"], "--unit -1:0: give a layer and a unit"),
        (["--unit", "²:0"], "--unit ²:0: give a layer and a unit"),
    ],
)
def test_settings_that_cannot_be(run_elman: Command, trained: Path, flags: list[str], says: str) -> None:
    assert says in run_elman("inspect", trained, *flags).complaint()


def test_paths_that_cannot_be_written(run_elman: Command, trained: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    for flag, path, says in (
        ("--html", tmp_path / "no" / "a.html", "there is no folder"),
        ("--html", tmp_path, "is a folder: name a file"),
        ("--html", tmp_path / "file" / "a.html", "there is no folder"),
        ("--plots", tmp_path / "no" / "pictures", "there is no folder"),
        ("--plots", tmp_path / "file", "is a file: name a folder"),
    ):
        assert says in run_elman("inspect", trained, flag, path).complaint()
    assert (tmp_path / "file").read_text() == "mine"


def test_a_path_that_turns_out_not_to_be_writable(
    run_elman: Command, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.access", lambda path, mode: mode != os.W_OK)
    for flag in ("--html", "--plots"):
        assert "cannot be written" in run_elman("inspect", trained, flag, tmp_path / "x").complaint()
    monkeypatch.undo()

    def full(self: Path, data: bytes) -> int:
        raise OSError(28, "No space left on device", str(self))

    monkeypatch.setattr(Path, "write_bytes", full)
    line = run_elman("inspect", trained, "--html", tmp_path / "a.html").complaint()
    assert "No space left on device" in line


def test_runs_that_are_not_there_or_not_whole(run_elman: Command, trained: Path, tmp_path: Path) -> None:
    assert "there is no run at" in run_elman("inspect", tmp_path / "nowhere").complaint()
    assert "RUN" in run_elman("inspect").complaint()
    (trained / "metrics.jsonl").unlink()  # the curve is then left out
    assert run_elman("inspect", trained, "--html", tmp_path / "a.html").status == 0
    for name in ("data",):
        for path in sorted((trained / name).rglob("*"), reverse=True):
            path.unlink()
        (trained / name).rmdir()
    assert "the text of" in run_elman("inspect", trained).complaint()
    (tmp_path / "a.txt").write_text("the cat sat")
    assert run_elman("inspect", trained, "--text", tmp_path / "a.txt").status == 0
    (trained / "model.safetensors").unlink()
    assert "model.safetensors" in run_elman("inspect", trained, "--text", tmp_path / "a.txt").complaint()


def test_pictures_without_matplotlib(
    run_elman: Command, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    line = run_elman("inspect", trained, "--plots", tmp_path / "pictures").complaint()
    assert "python -m pip install matplotlib" in line
    assert run_elman("inspect", trained, "--html", tmp_path / "a.html").status == 0
