"""Beams, choices, scores of lines, new orders and adapted evaluations on the command line."""

from __future__ import annotations

import io
import json
import math
import sys
from pathlib import Path
from typing import Any

import pytest

import elman
from elman.training import Cache, Dynamic
from tests.cli.conftest import Command
from tests.small import contents, sentences

LINES = ["the cat sat.", "", "a dog ran!", "the zebra ξ."]


@pytest.fixture
def lines_file(tmp_path: Path) -> Path:
    path = tmp_path / "lines.txt"
    path.write_text("\n".join(LINES) + "\n", encoding="utf-8")
    return path


def test_generate_with_a_beam(run_elman: Command, trained: Path) -> None:
    command = ["generate", trained, "--prompt", "the", "--beam", "4", "--length", "12"]
    model = elman.load(trained)
    best = model.beam("the", width=4, n=3, length=12)
    assert run_elman(*command).out == f"the{best[0].text}\n"
    found = json.loads(run_elman(*command, "--samples", "3", "--json").out)
    assert found == [
        {
            "text": "the" + one.text, "score": one.score, "log_prob": one.log_prob, "tokens": len(one.ids),
            "ended": one.ended,
        }
        for one in best
    ]  # fmt: skip
    shown = run_elman(*command, "--samples", "3").out
    assert f"--- 1: score {best[0].score:.4f}, log-probability {best[0].log_prob:.4f}, " in shown
    assert shown.count("---") == 6
    other = run_elman(*command, "--length-penalty", "0", "--stop", "e", "--allow-unknown").out
    expected = model.beam("the", width=4, length=12, length_penalty=0, stop=["e"], ban_unknown=False)[0]
    assert other == f"the{expected.text}\n"
    assert run_elman("generate", trained, "--beam", "2", "--length", "3").status == 0


def test_generate_with_further_ways_to_draw(run_elman: Command, trained: Path) -> None:
    command = ["generate", trained, "--prompt", "the", "--length", "30", "--temperature", "1"]
    model = elman.load(trained)
    for flags, settings in (
        (["--min-p", "0.8"], {"min_p": 0.8}),
        (["--typical", "0.5"], {"typical": 0.5}),
        (["--repetition-penalty", "3", "--repetition-window", "5"],
         {"repetition_penalty": 3.0, "repetition_window": 5}),
    ):  # fmt: skip
        expected = model.generate("the", length=30, temperature=1.0, **settings)
        assert run_elman(*command, *flags).out == f"the{expected}\n"
        assert expected != model.generate("the", length=30, temperature=1.0)


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--beam", "0"], "--beam must be a whole number of at least 1"),
        (
            ["--beam", "2", "--samples", "3"],
            "--samples is 3: a beam of width 2 gives at most as many; widen the beam",
        ),
        (["--beam", "2", "--samples", "0"], "--samples must be a whole number of at least 1"),
        (["--beam", "2", "--length-penalty", "-1"], "length_penalty is -1"),
        (["--beam", "2", "--temperature", "0.8"], "--temperature has no effect with --beam: leave it out"),
        (["--temperature", "0", "--top-p", "0.9"], "--top-p has no effect with --temperature 0"),
        (["--beam", "2", "--seed", "1"], "--seed has no effect with --beam"),
        (["--beam", "2", "--min-p", "0.1"], "--min-p has no effect with --beam"),
        (["--length-penalty", "1"], "--length-penalty has no effect without --beam"),
        (["--repetition-window", "9"], "--repetition-window has no effect without a --repetition-penalty"),
        (["--min-p", "2"], "min_p is 2"),
        (["--typical", "0"], "typical is 0"),
        (["--repetition-penalty", "0"], "repetition_penalty is 0"),
        (["--repetition-penalty", "2", "--repetition-window", "0"], "repetition_window is 0"),
    ],
)
def test_settings_of_searches_and_draws(
    run_elman: Command, trained: Path, flags: list[str], says: str
) -> None:
    done = run_elman("generate", trained, *flags)
    assert says in done.complaint()
    assert done.out == ""


def test_next_among(run_elman: Command, trained: Path) -> None:
    command = ["next", trained, "the ", "--among", "cat", "--among", "dog sat", "--among", r"ξ\n"]
    done = run_elman(*command, "--json")
    assert done.err == "elman: not in the vocabulary, read as <unk>: 'ξ'\n"
    found = json.loads(done.out)
    expected = elman.load(trained).choose("the ", ["cat", "dog sat", "ξ\n"])
    assert found == [
        {
            "text": c.text, "probability": c.probability, "log_prob": c.log_prob, "tokens": c.tokens,
            "unknown": c.unknown,
        }
        for c in expected
    ]  # fmt: skip
    assert {c["text"]: c["unknown"] for c in found} == {"cat": 0, "dog sat": 0, "ξ\n": 1}
    table = run_elman(*command).out.splitlines()
    assert len(table) == 3
    assert "%" in table[0]
    assert [line.endswith("(1 unknown)") for line in table] == [c["unknown"] == 1 for c in found]
    by_mean = json.loads(run_elman(*command, "--length-penalty", "1", "--json").out)
    assert [c["text"] for c in by_mean] == [
        c.text for c in elman.load(trained).choose("the ", ["cat", "dog sat", "ξ\n"], length_penalty=1)
    ]
    for flags, says in (
        (["--top", "3"], "--top has no effect with --among"),
        (["--among", "cat"], "'cat' was given twice"),
        (["--among", ""], "has no token"),
    ):
        known = ["next", trained, "the ", "--among", "cat", "--among", "dog"]
        assert says in run_elman(*known, *flags).complaint()
    assert "without --among" in run_elman("next", trained, "a", "--length-penalty", "1").complaint()


def test_score(run_elman: Command, trained: Path, lines_file: Path) -> None:
    model = elman.load(trained)
    expected = list(model.score_lines(LINES))
    done = run_elman("score", trained, lines_file, "--json")
    assert (done.status, done.err) == (0, "")
    found = json.loads(done.out)
    assert [line["text"] for line in found["lines"]] == LINES
    assert [line["line"] for line in found["lines"]] == [1, 2, 3, 4]
    for line, scored in zip(found["lines"], expected, strict=True):
        assert (line["log_prob"], line["tokens"]) == (scored.total, len(scored.tokens))
    assert [line["unknown"] for line in found["lines"]] == [0, 0, 0, sum(c in "zξ" for c in LINES[3])]
    total = found["total"]
    assert total["log_prob"] == pytest.approx(sum(scored.total for scored in expected))
    assert total["tokens"] == sum(len(line) + 1 for line in LINES)
    assert total["perplexity"] == pytest.approx(math.exp(-total["log_prob"] / total["tokens"]))
    size = len(lines_file.read_bytes())
    assert total["bits_per_byte"] == pytest.approx(-total["log_prob"] / math.log(2) / size)
    assert (total["lines"], total["eos"], total["vocabulary"]) == (4, True, "closed")
    # Each line is what it is alone, whoever reads it.
    alone = [json.loads(run_elman("score", trained, _one(lines_file, i), "--json").out) for i in range(4)]
    for line, one in zip(found["lines"], alone, strict=True):
        assert one["total"]["log_prob"] == pytest.approx(line["log_prob"])


def _one(path: Path, number: int) -> Path:
    one = path.with_name(f"{number}.txt")
    one.write_text(LINES[number] + "\n", encoding="utf-8")
    return one


def test_score_in_columns_and_by_token(run_elman: Command, trained: Path, lines_file: Path) -> None:
    model = elman.load(trained)
    rows = [line.split("\t") for line in run_elman("score", trained, lines_file, "--tsv").out.splitlines()]
    assert rows[0] == ["line", "log_prob", "tokens", "unknown", "text"]
    for row, scored, text in zip(rows[1:], model.score_lines(LINES), LINES, strict=True):
        assert (float(row[1]), row[4]) == (pytest.approx(scored.total, abs=1e-6), text)
    flags = ["--tokens", "--carry", "--no-eos"]
    expected = list(model.score_lines(LINES, eos=False, carry=True))
    shown = run_elman("score", trained, lines_file, "--tsv", *flags).out.splitlines()
    columns = [line.split("\t") for line in shown]
    assert columns.pop(0) == ["line", "place", "token", "log_prob", "unknown"]
    assert len(columns) == sum(map(len, LINES))
    by_line = [[row for row in columns if row[0] == str(number)] for number in range(1, 5)]
    for of_line, scored in zip(by_line, expected, strict=True):
        assert [row[2] for row in of_line] == scored.tokens
        assert [int(row[1]) for row in of_line] == list(range(1, len(scored.tokens) + 1))
        assert [float(row[3]) for row in of_line] == pytest.approx(scored.log_probs.tolist(), abs=1e-6)
        assert sum(int(row[4]) for row in of_line) == scored.unknown
    found = json.loads(run_elman("score", trained, lines_file, "--json", *flags).out)
    each = [[(one["token"], one["log_prob"]) for one in line["each"]] for line in found["lines"]]
    assert each == [list(zip(s.tokens, s.log_probs.tolist(), strict=True)) for s in expected]
    assert found["total"]["eos"] is False


def test_score_for_people(run_elman: Command, trained: Path, lines_file: Path) -> None:
    out = run_elman("score", trained, lines_file).out
    scored = next(iter(elman.load(trained).score_lines(LINES)))
    assert out.splitlines()[1] == f"{scored.total:12.4f}      13        0  the cat sat."
    for name in ("total", "loss", "bits", "vocabulary  closed"):
        assert f"\n{name}" in out
    tokens = run_elman("score", trained, lines_file, "--tokens").out
    assert f"{scored.log_probs[0]:12.4f}  t\n" in tokens
    assert "  ' '\n" in tokens
    assert "  '\\n'\n" in tokens


def test_score_reads_standard_input_and_files_after_one_another(
    run_elman: Command, trained: Path, lines_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"ab\r\ncd")))
    out = run_elman("score", trained, "-", lines_file, "--json").out
    assert [line["text"] for line in json.loads(out)["lines"]] == ["ab", "cd", *LINES]


def test_texts_that_cannot_be_scored(
    run_elman: Command, trained: Path, tmp_path: Path, lines_file: Path
) -> None:
    (tmp_path / "empty.txt").touch()
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9")
    (tmp_path / "mark.txt").write_bytes(b"\xef\xbb\xbf")
    assert "there is no line" in run_elman("score", trained, tmp_path / "mark.txt").complaint()
    for name, says in (("empty.txt", "is empty"), ("none.txt", "there is no file"), ("latin.txt", "byte 3")):
        done = run_elman("score", trained, tmp_path / name, "--json")
        assert says in done.complaint()
        assert done.out == ""
    assert "give one of them" in run_elman("score", trained, lines_file, "--json", "--tsv").complaint()
    assert "there is no run" in run_elman("score", tmp_path / "no", lines_file).complaint()
    assert run_elman("score", trained).status == 2


NBEST = """u1 ||| the Cat sat. ||| LM= 1 ||| -3.5
u1 ||| teh cat sat. ||| LM= 1 ||| -3.0
u2 ||| a dog ran! ||| ||| -2
u1 ||| the cat. ||| ||| -4
"""


def test_rerank(run_elman: Command, trained: Path, tmp_path: Path) -> None:
    (tmp_path / "nbest").write_text(NBEST)
    command = ["rerank", trained, tmp_path / "nbest"]
    model = elman.load(trained)
    texts = ["the Cat sat.", "teh cat sat.", "a dog ran!", "the cat."]
    expected = model.rerank(texts, [-3.5, -3.0, -2, -4], ["u1", "u1", "u2", "u1"])
    rows = [line.split("\t") for line in run_elman(*command).out.splitlines()]
    assert rows.pop(0) == ["id", "rank", "total", "given", "log_prob", "tokens", "unknown", "text"]
    assert [(row[0], row[1], row[7]) for row in rows] == [(r.id, str(r.rank), r.text) for r in expected]
    for row, ranked in zip(rows, expected, strict=True):
        assert [float(n) for n in row[2:5]] == pytest.approx(
            [ranked.total, ranked.given, ranked.log_prob], abs=1e-6
        )
        assert float(row[2]) == pytest.approx(float(row[3]) + float(row[4]), abs=3e-6)
    best = run_elman(*command, "--best", "--json").out.splitlines()
    assert [json.loads(line)["id"] for line in best] == ["u1", "u2"]
    assert [json.loads(line)["rank"] for line in best] == [1, 1]
    flags = ["--weight", "0.5", "--given-weight", "2", "--log-base", "10", "--word-bonus", "1.5"]
    flags += ["--length-penalty", "0.5", "--unknown-penalty", "3", "--no-eos"]
    other = model.rerank(
        texts, [-3.5, -3.0, -2, -4], ["u1", "u1", "u2", "u1"], weight=0.5, given_weight=2, log_base=10,
        word_bonus=1.5, length_penalty=0.5, unknown_penalty=3, eos=False,
    )  # fmt: skip
    found = [json.loads(line) for line in run_elman(*command, *flags, "--json").out.splitlines()]
    assert found == [{name: getattr(r, name) for name in found[0]} for r in other]


def test_rerank_with_scores_of_their_own_and_from_standard_input(
    run_elman: Command, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cost").write_text("u-1 3\nu-2 1\n")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"u-1 the cat\nu-2 a dog\n")))
    flags = ["--format", "kaldi", "--scores", tmp_path / "cost", "--weight", "0", "--given-weight", "-1"]
    out = run_elman("rerank", trained, "-", *flags).out
    assert [line.split("\t")[7] for line in out.splitlines()[1:]] == ["a dog", "the cat"]


@pytest.mark.parametrize(
    ("text", "flags", "says"),
    [
        ("u1 ||| a ||| ||| x", [], "nbest, line 1: its score is 'x'"),
        ("u1 ||| a ||| ||| 1\nu2", [], "nbest, line 2: expected id |||"),
        ("u1 ||| a ||| ||| nan", [], "nbest, line 1: its score is 'nan': expected a finite number"),
        ("", [], "is empty"),
        ("u1 a", [], "its format cannot be told"),
        (NBEST, ["--format", "htk"], "unknown format 'htk'"),
        (NBEST, ["--log-base", "1"], "log_base is 1"),
        (NBEST, ["--log-base", "ten"], "log_base is 'ten': give e"),
        (NBEST, ["--weight", "nan"], "--weight is nan: give a finite number"),
        (NBEST, ["--scores", "x"], "leave them out"),
    ],
)
def test_lists_that_cannot_be_ordered(
    run_elman: Command, trained: Path, tmp_path: Path, text: str, flags: list[str], says: str
) -> None:
    (tmp_path / "nbest").write_text(text)
    done = run_elman("rerank", trained, tmp_path / "nbest", *flags)
    assert says in done.complaint()
    assert done.out == ""


def evaluated(run_elman: Command, *arguments: object) -> dict[str, Any]:
    done = run_elman("evaluate", *arguments, "--json")
    assert (done.status, done.err) == (0, "")
    found: dict[str, Any] = json.loads(done.out)
    return found


def test_evaluate_adapted(run_elman: Command, trained: Path, tmp_path: Path) -> None:
    before = contents(trained)
    model = elman.load(trained)
    plain = evaluated(run_elman, trained)
    assert (plain["dynamic"], plain["cache"], plain["tuned"]) == (None, None, 0)
    for flags, settings in (
        (["--dynamic", "sgd"], {"dynamic": "sgd"}),
        (["--dynamic", "rms", "--dynamic-window", "9"], {"dynamic": Dynamic("rms", window=9)}),
        (["--cache", "100"], {"cache": 100}),
        (["--dynamic", "sgd", "--dynamic-lr", "0.3", "--dynamic-decay", "0.02", "--cache", "30",
          "--cache-theta", "1", "--cache-weight", "0.2"],
         {"dynamic": Dynamic("sgd", lr=0.3, decay=0.02), "cache": Cache(30, 1.0, 0.2)}),
    ):  # fmt: skip
        found = evaluated(run_elman, trained, *flags)
        expected = model.evaluate(**settings)
        assert found["nats_per_token"] == pytest.approx(expected.nats_per_token)
        for name, value in expected.as_dict().items():
            assert found[name] == (value if name in ("dynamic", "cache") else pytest.approx(value)), name
        assert found["nats_per_token"] != plain["nats_per_token"]
        assert found["tokens"] == plain["tokens"]
    table = run_elman("evaluate", trained, "--dynamic", "sgd", "--cache", "30").out
    assert "\ndynamic     sgd, rate 0.01, decay 0.001, windows of 5\n" in table
    assert "\ncache       30 tokens, theta 0.3, weight 0.1\n" in table
    for flags in (["--dynamic", "rms", "--dynamic-lr", "0"], ["--cache", "9", "--cache-weight", "0"]):
        same = evaluated(run_elman, trained, *flags)
        assert same["nats_per_token"] == pytest.approx(plain["nats_per_token"], rel=1e-6)
    text = tmp_path / "other.txt"
    text.write_text(sentences(40, seed=3))
    other = evaluated(run_elman, trained, text, "--cache", "50", "--no-eos")
    assert (other["cache"]["size"], other["eos"]) == (50, False)
    assert contents(trained) == before


def test_evaluate_tuned_on_the_validation_part(
    run_elman: Command, trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from elman.training import tuning

    monkeypatch.setattr(tuning, "TUNED", 100)
    monkeypatch.setattr(tuning, "DOUBLINGS", 1)
    seen = []
    search = tuning.tune

    def watched(model: Any, valid: Any, *rest: Any, **settings: Any) -> Any:
        seen.append(valid.name)
        return search(model, valid, *rest, **settings)

    monkeypatch.setattr(tuning, "tune", watched)
    found = evaluated(run_elman, trained, "--dynamic", "sgd", "--cache", "50", "--tune")
    assert seen == ["valid"]
    assert found["tuned"] == 100
    given = evaluated(
        run_elman, trained, "--dynamic", "sgd", "--dynamic-lr", found["dynamic"]["lr"], "--dynamic-decay",
        found["dynamic"]["decay"], "--cache", "50", "--cache-theta", found["cache"]["theta"],
        "--cache-weight", found["cache"]["weight"],
    )  # fmt: skip
    assert given["nats_per_token"] == pytest.approx(found["nats_per_token"])
    table = run_elman("evaluate", trained, "--cache", "50", "--tune").out
    assert "tuned       on the first 100 tokens of the validation part" in table


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--dynamic", "adam"], "unknown rule of dynamic evaluation 'adam'"),
        (["--dynamic", "sgd", "--dynamic-lr", "-1"], "--dynamic-lr is -1"),
        (["--dynamic", "sgd", "--dynamic-decay", "2"], "--dynamic-decay is 2"),
        (["--dynamic", "sgd", "--dynamic-window", "0"], "--dynamic-window is 0"),
        (["--dynamic-lr", "1"], "--dynamic-lr has no effect without --dynamic"),
        (["--dynamic-window", "5"], "--dynamic-window has no effect without --dynamic"),
        (["--cache", "0"], "--cache is 0: give a whole number of 1 or more"),
        (["--cache", "5", "--cache-weight", "1"], "--cache-weight is 1"),
        (["--cache", "5", "--cache-theta", "-1"], "--cache-theta is -1"),
        (["--cache-theta", "1"], "--cache-theta has no effect without --cache"),
        (["--tune"], "--tune has no effect without --dynamic or --cache"),
        (["--cache", "5", "--batch", "9"], "--batch has no effect with --dynamic or --cache"),
        (["--dynamic", "sgd", "--window", "9"], "--window has no effect with --dynamic"),
    ],
)
def test_settings_of_adapted_evaluations(
    run_elman: Command, trained: Path, flags: list[str], says: str
) -> None:
    done = run_elman("evaluate", trained, *flags)
    assert says in done.complaint()
    assert done.out == ""


def test_what_a_run_without_parts_can_do(trained: Path) -> None:
    model = elman.load(trained)
    bare = elman.TextModel(model.model, model.tokenizer)
    text = elman.Text("the cat sat.\n" * 5)
    assert bare.evaluate(text, dynamic="sgd").dynamic == Dynamic("sgd")
    for settings, says in (
        ({"dynamic": "rms"}, "no train part; whose gradients"),
        ({"cache": 5, "tune": True}, "no valid part; on which to tune"),
    ):
        with pytest.raises(elman.DataError, match=says):
            bare.evaluate(text, **settings)
    for settings, says in (
        ({"tune": True}, "nothing to tune"),
        ({"dynamic": 3}, "dynamic must be an elman.training.Dynamic or a rule"),
        ({"cache": True}, "cache must be an elman.training.Cache or its size"),
        ({"cache": "9"}, "cache must be"),
    ):
        with pytest.raises(elman.ConfigError, match=says):
            bare.evaluate(text, **settings)
