"""``elman import keras`` and ``elman export keras``: what works, and what is refused in one line."""

from __future__ import annotations

import json
from pathlib import Path

import elman
from elman.interop import keras
from elman.interop.runs import write_run
from tests.cli.conftest import Command
from tests.interop.keras.files import HERE, members, packed


def test_a_model_comes_in_is_used_and_goes_out(run_elman: Command, tmp_path: Path) -> None:
    run, text, vocab = tmp_path / "run", tmp_path / "text.txt", tmp_path / "vocab.json"
    text.write_text("abba dad\n" * 9)
    vocab.write_text(json.dumps(["<unk>", "\n", "a", "b", "d", " "]))
    done = run_elman("import", "keras", HERE / "functional.keras", "--out", run, "--vocab", vocab)
    assert done.status == 0, done.err
    assert "Keras masks token 0 (mask_zero)" in done.err
    assert "evaluate, generate and next read token 0 as any other, unmasked" in done.err
    assert "cell='lstm'" in done.out
    assert run_elman("evaluate", run, text).status == 0
    assert run_elman("generate", run, "--length", 5).status == 0
    about = json.loads(run_elman("info", run, "--json").out)
    assert (about["tokens"], about["layers"], about["dropout"]) == ("listed-char", 2, 0.25)
    done = run_elman("export", "keras", run)
    assert done.status == 0, done.err
    assert "keras.saving.load_model(" in done.out
    assert keras.load(tmp_path / "run.keras").settings == keras.read(HERE / "functional.keras").model.settings
    assert "exists already" in run_elman("export", "keras", run).err


def test_what_is_rewritten_is_said(run_elman: Command, tmp_path: Path) -> None:
    for cell, kind in (("mgu", "GRU"), ("lstm-coupled", "LSTM"), ("gru", None)):
        model = elman.LanguageModel(vocab_size=4, cell=cell, embedding=3, hidden=2, layers=1)
        write_run(model, elman.CharTokenizer.from_text("ab\n"), tmp_path / cell)
        said = f"{cell} is written as the {kind} that computes the same"
        assert (said in run_elman("export", "keras", tmp_path / cell).out) == (kind is not None)


def test_weights_are_told_the_rest(run_elman: Command, tmp_path: Path) -> None:
    weights = HERE / "weights_lstm.weights.h5"
    options = ["--activation", "softsign", "--recurrent-activation", "hard_sigmoid", "--mask-zero"]
    done = run_elman("import", "keras", weights, "--out", tmp_path / "run", *options)
    assert "assumed: go_backwards False\n" in done.err
    assert ",softsign,softsign]" in done.out
    done = run_elman("import", "keras", weights, "--out", tmp_path / "back", "--go-backwards")
    assert "direction='reverse,forward'" in done.out


def test_refusals_are_one_line(run_elman: Command, tmp_path: Path) -> None:
    config = members()["config.json"].replace(b'"class_name": "LSTM"', b'"class_name": "ConvLSTM1D"')
    bad = {
        "damaged": packed(tmp_path / "a.keras", {**members(), "model.weights.h5": b"no"}),
        "'lstm' of": packed(tmp_path / "b.keras", {**members(), "config.json": config}),
        "No such file": tmp_path / "c.keras",
    }
    for message, path in bad.items():
        done = run_elman("import", "keras", path, "--out", tmp_path / "run")
        assert (done.status, done.out) == (2, "")
        assert message in done.err
        assert len(done.err.splitlines()) == 1
        assert not (tmp_path / "run").exists()
