"""``elman explain``: what it shows, of which model, and what it refuses."""

import io
import json
import re
import sys

import numpy as np
import pytest

import elman
from elman.insight.explain import explain, small_model
from elman.network import CELLS

SENTENCE = "I like to play ."


@pytest.mark.parametrize("cell", sorted(CELLS))
def test_every_number_of_a_step_is_shown(run_elman, cell):
    result = run_elman("explain", SENTENCE, "--cell", cell, "--step", 1)
    assert (result.status, result.err) == (0, "")
    model, tokenizer, _ = small_model(SENTENCE, cell=cell)
    found = explain(model, tokenizer, SENTENCE)
    rows = {
        line[2:20].split("   ")[0].strip(): line for line in result.out.splitlines() if line.startswith("  ")
    }
    for g, gate in enumerate(found.trace.gates):
        tag = f" {gate}" if len(found.trace.gates) > 1 else ""
        named = [(f"U x{tag}", f"Ux_{gate}"), (f"sum a{tag}", f"a_{gate}")]
        if found.trace.reads:
            named.append((f"W {found.trace.reads[g].removesuffix('_prev')}{tag}", f"Wh_{gate}"))
        for shown, name in named:
            written = [float(number) for number in rows[shown].removeprefix("  " + shown).split()]
            np.testing.assert_allclose(written, found.trace.values[f"layers.0.{name}"][1, 0], atol=6e-5)
    for row, (gate, seen) in enumerate(found.trace.peepholes):
        shown = f"p {seen.removesuffix('_prev')}" + (f" {gate}" if len(found.trace.gates) > 1 else "")
        written = [float(number) for number in rows[shown].removeprefix("  " + shown).split()]
        expected = found.trace.params["layers.0.p"][row] * found.trace.values[f"layers.0.{seen}"][1, 0]
        np.testing.assert_allclose(written, expected, atol=6e-5)
    written = [float(number) for number in rows["dh"].removeprefix("  dh").split()]
    np.testing.assert_allclose(written, found.trace.grads["layers.0.h"][1, 0], atol=6e-5)


def test_the_whole_is_an_overview_and_fits_a_terminal(run_elman):
    result = run_elman("explain", SENTENCE)
    lines = result.out.splitlines()
    assert max(map(len, lines)) <= 120
    assert len(lines) < 90
    for t, word in enumerate(SENTENCE.split()):
        assert any(line.startswith(f"step {t}: {word} (index") for line in lines), word
    for title in ("What each loss sends", "What each step adds", "What truncation cuts off"):
        assert any(line.startswith(title) for line in lines)


def test_truncation_marks_what_is_cut(run_elman):
    result = run_elman("explain", SENTENCE, "--truncate", 2)
    (last,) = [line for line in result.out.splitlines() if line.startswith("  L4")]
    assert last.split()[:4] == ["L4", "·", "·", "·"]
    assert len(last.split()) == 6


def test_an_array_is_printed(run_elman):
    result = run_elman("explain", SENTENCE, "--cell", "rnn", "--step", 3, "--what", "dW")
    model, tokenizer, _ = small_model(SENTENCE)
    share = explain(model, tokenizer, SENTENCE).by_step(None)["layers.0.W"][3]
    title, _, numbers = result.out.partition("\n")
    assert title == "dW, step 3, shape (1, 4, 4)"
    written = np.array(re.findall(r"-?\d+\.\d*", numbers), float)
    np.testing.assert_allclose(written, share.ravel(), atol=6e-7)


def test_the_gates_of_an_array_are_named(run_elman):
    arguments = ("explain", SENTENCE, "--cell", "lstm", "--step", 3, "--what")
    assert run_elman(*arguments, "dW").out.startswith("dW, step 3, gates i f o g, shape (4, 4, 4)\n")
    assert run_elman(*arguments, "a").out.startswith("a, step 3, gates i f o g, shape (4, 4)\n")
    assert run_elman(*arguments, "h").out.startswith("h, step 3, shape (4,)\n")


def test_json_has_all_of_it(run_elman):
    result = run_elman("explain", SENTENCE, "--cell", "gru", "--json")
    made = json.loads(result.out)
    assert (made["cell"], made["gates"], made["sizes"]["T"]) == ("gru", ["r", "z", "n"], 5)
    assert made["source"].startswith("a small model")
    assert {"values", "grads", "each", "by_step", "params", "cut", "sent"} <= set(made)


def test_a_run_is_explained_as_it_scores(run_elman, trained):
    result = run_elman("explain", "the cat", "--run", trained, "--json")
    made = json.loads(result.out)
    scored = elman.load(trained).score("the cat")
    assert [step["target"] for step in made["steps"]] == list("the cat")
    np.testing.assert_allclose([-step["loss"] for step in made["steps"]], scored.log_probs, rtol=1e-5)
    whole = run_elman("explain", "the 猫", "--run", trained)
    assert "Not in the vocabulary, and read as <unk>: 猫" in whole.out
    assert f"From the run {trained}" in whole.out
    assert run_elman("explain", "the cat", "--run", trained, "--step", 0).out.startswith(
        r"step 0: '\n' (index"
    )


def test_white_space_is_made_visible(run_elman, trained):
    assert "step 4: ' ' (index" in run_elman("explain", "the cat", "--run", trained, "--step", 4).out


def test_a_line_end_is_no_unknown_word(run_elman):
    assert "Not in the vocabulary" not in run_elman("explain", "line one\nline two").out


def test_words_need_no_quotes(run_elman):
    assert run_elman("explain", *SENTENCE.split()).out == run_elman("explain", SENTENCE).out


def test_chinese_columns_are_aligned(run_elman):
    lines = run_elman("explain", "床前明月光").out.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("  step  word"))
    assert [line.split()[1] for line in lines[start + 1 : start + 6]] == list("床前明月光")
    ends = {len(line) + sum(c > "\u2e80" for c in line) for line in lines[start : start + 6]}
    assert len(ends) == 1


def test_a_long_sentence_is_shown_in_part(run_elman):
    lines = run_elman("explain", " ".join(f"w{i}" for i in range(30))).out.splitlines()
    shown = sum(line.startswith("step ") for line in lines)
    assert f"Steps {shown} to 29 are left out; --step {shown} shows one." in lines
    assert 5 < shown < 30
    assert len(lines) < 300


def test_the_sentence_may_come_from_standard_input(run_elman, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("to be\n"))
    assert "step 1: be" in run_elman("explain", "-").out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([""], "the sentence is empty"),
        (["   "], "the sentence is empty"),
        (["word " * 500], "has 500 tokens, and at most 100"),
        ([SENTENCE, "--run", "nowhere"], "no run at nowhere"),
        ([SENTENCE, "--step", "5"], "no step 5"),
        ([SENTENCE, "--what", "dZ"], "no 'dZ'"),
        ([SENTENCE, "--truncate", "0"], "truncate"),
        ([SENTENCE, "--cell", "lstn"], "unknown cell 'lstn'"),
        ([SENTENCE, "--tokens", "letters"], "unknown tokens"),
        ([SENTENCE, "--lr", "1e300"], "smaller rate"),
        ([SENTENCE, "--run", "x", "--cell", "gru"], "give it or --run, not both"),
        ([SENTENCE, "--html", "x.html", "--json"], "leave out --json"),
        ([SENTENCE, "--html", "x.html", "--step", "1"], "leave it out"),
        ([SENTENCE, "--json", "--step", "1"], "leave it out"),
        ([SENTENCE, "--json", "--what", "h"], "leave out --what"),
        ([SENTENCE, "--layer", "0"], "give --what too"),
        ([SENTENCE, "--html", "nowhere/x.html"], "there is no folder nowhere"),
        ([SENTENCE, "--hidden", "0"], "hidden must be"),
        ([], "entence"),
    ],
)
def test_what_cannot_be_explained_is_one_line(run_elman, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    assert message in run_elman("explain", *arguments).complaint()


def test_a_cell_with_other_activations_is_explained_without_formulas(run_elman):
    result = run_elman(
        "explain", SENTENCE, "--cell", "lstm[hard-sigmoid,elu,tanh;peepholes;coupled]", "--step", 1
    )
    assert (result.status, result.err) == (0, "")
    rows = [line[2:].split("   ")[0].strip() for line in result.out.splitlines() if line.startswith("  ")]
    assert {"p c 0", "p c 1", "sum a 2", "c", "h"} <= set(rows)
    assert rows.index("c") < rows.index("p c 1")  # the output gate sees the new memory
    wrong = run_elman("explain", SENTENCE, "--cell", "lstm[hard-sigmoid,ela,tanh]")
    assert wrong.status == 2
    assert "unknown activation 'ela'" in wrong.err
    assert wrong.err.count("\n") == 1
