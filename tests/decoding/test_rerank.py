"""N-best lists: read, scored and put in a new order."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from elman.data import CharTokenizer, Text, WordTokenizer
from elman.decoding import Candidate, Ranked, Weights, candidates_of, read_nbest, rerank, score_lines
from elman.errors import ConfigError, DataError
from elman.network import LanguageModel
from tests.small import sentences

WORDS = WordTokenizer.from_text(sentences(50))
LIST = [
    Candidate("utt1", "the cat sat", -1.5),
    Candidate("utt1", "the cat sad", -1.25),
    Candidate("b-2", "a dog ran", -4.0),
    Candidate("utt1", "a cat sat", -7.0),
    Candidate("b-2", "", -0.5),
]
MOSES = """utt1 ||| the cat sat ||| LM= -3 TM= 2 ||| -1.5
utt1 ||| the cat sad |||  ||| -1.25 ||| 0-0 1-1

b-2 ||| a dog ran ||| -4
  utt1|||a cat sat|||x|||-7e0
b-2 ||| ||| f= 1 ||| -.5
"""
TSV = "id\tscore\ttext\n" + "".join(f"{c.id}\t{c.score}\t{c.text}\n" for c in LIST)
JSONL = "\n".join(json.dumps({"id": c.id, "score": c.score, "text": c.text}) for c in LIST)


def model_of(**settings: Any) -> LanguageModel:
    sizes = {"embedding": 5, "hidden": 6, "layers": 1, "dtype": "float64", **settings}
    model = LanguageModel(vocab_size=WORDS.vocab_size, **sizes)
    for array in model.params.values():
        array *= 5
    return model


@pytest.mark.parametrize(("text", "form"), [(MOSES, "moses"), (TSV, "tsv"), (JSONL, "jsonl")])
def test_forms_that_say_all(text: str, form: str) -> None:
    for name in (form, "auto"):
        assert read_nbest([Text(text)], name) == LIST
    assert read_nbest([Text(text), Text(text)]) == LIST * 2


def test_scores_may_be_absent() -> None:
    expected = [Candidate("1", "a b", 0.0), Candidate("2", "c", 0.0)]
    assert read_nbest([Text("1 ||| a b\n2 ||| c\n")]) == expected
    assert read_nbest([Text('{"id": 1, "text": "a b"}\n{"id": "2", "text": "c"}\n')]) == expected
    assert read_nbest([Text("1-1 a b\n2-1 c\n")], "kaldi") == expected
    assert read_nbest([Text("1 a b\n2 c\n")], "espnet") == expected


def test_keys_with_scores_in_files_of_their_own(tmp_path: Path) -> None:
    """Kaldi numbers the hypotheses of an utterance, which may have a dash; ESPnet has a folder a rank."""
    (tmp_path / "text").write_text("a-7-1 the cat\na-7-2 a cat\nb-1\n")
    (tmp_path / "cost").write_text("b-1 3\na-7-2 -2.5\na-7-1 1e1\nunused 4\n")
    found = read_nbest([tmp_path / "text"], "kaldi", scores=[tmp_path / "cost"])
    assert found == [("a-7", "the cat", 10.0), ("a-7", "a cat", -2.5), ("b", "", 3.0)]
    texts = [Text("a-7 the cat\nb-1 x\n"), Text("a-7 a cat\n")]
    scores = [Text("a-7 tensor(-1.5000)\nb-1 -2\n"), Text("a-7 tensor(-3.25, device='cuda:0')\n")]
    found = read_nbest(texts, "espnet", scores=scores)
    assert found == [("a-7", "the cat", -1.5), ("b-1", "x", -2.0), ("a-7", "a cat", -3.25)]
    with pytest.raises(DataError, match="line 1: expected a key and a score"):
        read_nbest(texts, "espnet", scores=[Text("a-7\n"), scores[1]])


@pytest.mark.parametrize(
    ("text", "form", "says"),
    [
        ("1 ||| a ||| x ||| 0\n\n7", "auto", "<text>, line 3: expected id |||"),
        ("1 ||| a ||| x ||| nan", "auto", "line 1: its score is 'nan': expected a finite number"),
        ("1 ||| a ||| x ||| inf", "auto", "expected a finite number"),
        ("1 ||| a ||| LM= -3", "auto", "line 1: its score is 'LM= -3': expected a number"),
        ("1 ||| a ||| x ||| ", "auto", "line 1: its score is '': expected a number"),
        (" ||| a ||| x ||| 1", "auto", "line 1: it has no id"),
        ("1\t2\ta\n1\t2", "auto", "line 2: expected id, score and text"),
        ("1\tx\ta", "auto", "line 1: its score is 'x'"),
        ("\t1\ta", "auto", "line 1: it has no id"),
        ("1\t2\ta\nid\tscore\ttext", "auto", "line 2: its score is 'score'"),
        ("{", "auto", "line 1: it is not JSON"),
        ('{"id": 1}', "auto", "line 1: expected an object"),
        ("[]", "jsonl", "line 1: expected an object"),
        ('{"id": 1.5, "text": "a"}', "auto", "its id is 1.5"),
        ('{"id": true, "text": "a"}', "auto", "its id is True"),
        ('{"id": " ", "text": "a"}', "auto", "it has no id"),
        ('{"id": 1, "text": "a", "score": NaN}', "auto", "expected a finite number"),
        ('{"id": 1, "text": "a", "score": "1"}', "auto", "its score is '1': expected a number"),
        ('{"id": 1, "text": "a", "score": 1' + "0" * 400 + "}", "auto", "expected a number"),
        ("[" * 100_000, "jsonl", "line 1: it is not JSON"),
        ("the cat sat", "auto", "line 1: its format cannot be told"),
        ("utt1 the cat", "kaldi", "'utt1' does not end in a dash and the rank"),
        ("-1 the cat", "kaldi", "does not end in a dash"),
        (" \n \n", "auto", "no candidate"),
        ("", "auto", "is empty"),
    ],
)
def test_malformed_lists(text: str, form: str, says: str) -> None:
    with pytest.raises(DataError) as refused:
        read_nbest([Text(text)], form)
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


def test_scores_that_do_not_fit() -> None:
    texts = [Text("a-1 x\na-2 y")]
    for scores, says in (
        ("a-1 1", "line 2: the scores have no 'a-2'"),
        ("a-1 1\na-2 1\na-1 2", "line 3: it has a second score for 'a-1'"),
        ("a-1 1\na-2 tensor(nan)", "line 2: its score is 'nan'"),
    ):
        with pytest.raises(DataError, match=says):
            read_nbest(texts, "kaldi", scores=[Text(scores)])
    with pytest.raises(ConfigError, match="2 files of scores were given for 1 of texts"):
        read_nbest(texts, "kaldi", scores=[Text("a-1 1"), Text("a-1 1")])
    with pytest.raises(ConfigError, match="leave them out"):
        read_nbest([Text(MOSES)], "moses", scores=[Text("a 1")])
    with pytest.raises(ConfigError, match="unknown format 'sphinx': give auto, moses"):
        read_nbest(texts, "sphinx")


@given(
    text=st.text(st.sampled_from('1a \t|{}[]"\n:,-.eE\x00é') | st.characters(), min_size=1),
    form=st.sampled_from(["auto", "moses", "tsv", "jsonl", "espnet", "kaldi"]),
)
@example(text="1 ||| \ud800 ||| 1", form="auto")
def test_whatever_a_list_holds_is_read_or_refused(text: str, form: str) -> None:
    try:
        found = read_nbest([Text(text)], form)
    except DataError:
        return
    assert found
    for candidate in found:
        assert candidate.id
        assert math.isfinite(candidate.score)


@pytest.mark.parametrize("eos", [True, False])
@pytest.mark.parametrize(
    "weights",
    [
        Weights(), Weights(model=0.0), Weights(model=0.3, given=2.0, log_base=10), Weights(given=-1.0),
        Weights(word_bonus=3.0, length_penalty=1.0), Weights(log_base=2, word_bonus=-1.0, length_penalty=0.5),
        Weights(unknown_penalty=2.5),
    ],
)  # fmt: skip
def test_the_order_is_that_of_the_definition(weights: Weights, eos: bool) -> None:
    model = model_of()
    texts = [*sentences(60, seed=4).splitlines(), "", "zebra cat", "the zebra"]
    rng = np.random.default_rng(0)
    candidates = [
        Candidate(str(rng.integers(0, 9)), text, float(value))
        for text, value in zip(texts, rng.normal(size=len(texts)), strict=True)
    ]
    found = rerank(model, WORDS, candidates, weights, eos=eos)
    names = list(dict.fromkeys(candidate.id for candidate in candidates))
    expected: list[Ranked] = []
    for name in names:
        group = []
        for candidate in (candidate for candidate in candidates if candidate.id == name):
            (scored,) = score_lines(model, WORDS, [candidate.text], eos=eos)
            log_prob = scored.total / math.log(weights.log_base)
            mean = log_prob / max(len(scored.tokens), 1) ** weights.length_penalty
            words = len(candidate.text.split())
            total = weights.given * candidate.score + weights.model * mean + weights.word_bonus * words
            total -= weights.unknown_penalty * scored.unknown
            group.append((total, candidate, log_prob, len(scored.tokens), scored.unknown))
        group.sort(key=lambda entry: -entry[0])
        for rank, (total, candidate, log_prob, tokens, unknown) in enumerate(group, start=1):
            expected.append(
                Ranked(name, candidate.text, rank, total, candidate.score, log_prob, tokens, unknown)
            )
    for one, other in zip(found, expected, strict=True):
        assert (one.id, one.text, one.rank) == (other.id, other.text, other.rank)
        assert (one.tokens, one.unknown, one.given) == (other.tokens, other.unknown, other.given)
        assert one.total == pytest.approx(other.total, rel=1e-9)
        assert one.log_prob == pytest.approx(other.log_prob, rel=1e-9)


def test_of_equals_the_first_comes_first() -> None:
    candidates = [Candidate("1", text, 1.0) for text in ("the cat", "a cat", "the dog")]
    found = rerank(model_of(init="zeros"), WORDS, candidates)
    assert [ranked.text for ranked in found] == ["the cat", "a cat", "the dog"]
    assert rerank(model_of(), WORDS, []) == []


def test_a_model_of_characters_counts_words_by_white_space() -> None:
    tokenizer = CharTokenizer.from_text("ab c\n")
    model = LanguageModel(vocab_size=tokenizer.vocab_size, embedding=2, hidden=2, init="zeros")
    texts = ["a b", "abc", "a b c", ""]
    found = rerank(
        model, tokenizer, [Candidate("1", text, 0.0) for text in texts], Weights(0.0, word_bonus=1.0)
    )
    assert [(ranked.text, ranked.total, ranked.tokens) for ranked in found] == [
        ("a b c", 3.0, 6), ("a b", 2.0, 4), ("abc", 1.0, 4), ("", 0.0, 1),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"model": math.nan}, "model is nan"),
        ({"length_penalty": 1000}, "a number from -16 to 16"),
        ({"given": math.inf}, "given is inf"),
        ({"log_base": 1.0}, "log_base is 1.0"),
        ({"log_base": 0}, "log_base is 0"),
        ({"word_bonus": "1"}, "word_bonus is '1'"),
        ({"unknown_penalty": math.nan}, "unknown_penalty is nan"),
        ({"length_penalty": None}, "length_penalty is None"),
    ],
)
def test_bad_weights(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        Weights(**settings)


@pytest.mark.parametrize(
    ("scores", "ids", "says"),
    [
        ([1.0], None, "2 texts came with 1 scores and 2 ids"),
        (None, ["a"], "2 texts came with 2 scores and 1 ids"),
        ([1.0, math.nan], None, "a score is nan"),
        ([-math.inf, 1], None, "a score is -inf"),
        ([1.0, "2"], None, "a score is '2'"),
        ([True, 1], None, "a score is True"),
    ],
)
def test_columns_that_are_no_candidates(scores: Any, ids: Any, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        candidates_of(["a", "b"], scores, ids)


def test_columns_are_candidates() -> None:
    assert candidates_of(["a", "b"]) == [("", "a", 0.0), ("", "b", 0.0)]
    assert candidates_of(["a", "b"], np.array([1, 2]), [7, "8"]) == [("7", "a", 1.0), ("8", "b", 2.0)]
