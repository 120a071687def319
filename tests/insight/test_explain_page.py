"""The page of elman explain, without a browser: what it carries, and that it is whole."""

import json
import re
from importlib.resources import files

import numpy as np
import pytest

import elman
from elman.insight.explain import explain, small_model
from elman.insight.explain.page import page
from elman.insight.explain.page.build import SCRIPTS, STYLES
from elman.insight.explain.page.numbers import numbers
from elman.network import CELLS

PACKAGE = files("elman.insight.explain.page")


def small(cell="lstm", layers=2, **settings):
    model, tokenizer, _ = small_model("I like to play .", cell=cell, layers=layers, **settings)
    return explain(model, tokenizer, "I like to sing .")


def embedded(html):
    return json.loads(re.search(r'id="page-data">(.*?)</script>', html, re.DOTALL)[1])


@pytest.mark.parametrize("cell", list(CELLS))
def test_what_each_loss_sends_comes_back_from_the_page(cell):
    """Zeros above the diagonal and derivatives of products are left out, and nothing else."""
    explanation = small(cell)
    made = embedded(page(explanation))
    T, gates = explanation.steps, explanation.trace.gates
    assert made["omitted"] == []
    assert made["grads"] == {}
    for name, array in explanation.each.items():
        layer, _, key = name.rpartition(".")
        if key.startswith(("Ux_", "Wh_")):
            assert name not in made["each"]
            gate = key[3:]
            product = "m" if key.startswith("Wh") and made["gated_by"] and gate == gates[-1] else f"a_{gate}"
            np.testing.assert_array_equal(array, explanation.each[f"{layer}.{product}"])
            continue
        full = np.zeros_like(array)
        for t, rows in enumerate(made["each"][name]):
            if key == "logits":
                full[t, t] = rows
            else:
                full[t, : t + 1] = rows
        np.testing.assert_allclose(full, array, rtol=5e-6, atol=0, err_msg=name)
    assert T == len(made["steps"]) == len(made["cut"])


def test_values_and_parameters_have_six_digits():
    explanation = small()
    made = embedded(page(explanation, source="somewhere"))
    for name, array in explanation.trace.values.items():
        if "Ux_" in name or "Wh_" in name:  # the page multiplies for itself
            assert name not in made["values"]
            continue
        np.testing.assert_allclose(made["values"][name], array[:, 0], rtol=5e-6, err_msg=name)
    for name, array in explanation.trace.params.items():
        np.testing.assert_allclose(made["params"][name], array, rtol=5e-6, err_msg=name)
    assert made["source"] == "somewhere"
    assert [step["unknown"] for step in made["steps"]] == [False, False, False, True, False]
    digits = [len(number.lstrip("-0.").replace(".", "").split("e")[0]) for number in re.findall(
        r"-?[\d.]+(?:e[-+]?\d+)?", json.dumps(made["params"]))]  # fmt: skip
    assert max(digits) == 6


def test_arrays_that_are_too_large_are_named_and_left_out():
    explanation = small("gru", 1, hidden=12)
    made = numbers(explanation, most=150)
    assert made["omitted"] == ["params.layers.0.W", "each"]
    assert "layers.0.W" not in made["params"]
    assert "layers.0.h" in made["grads"]  # at one truncation there they are
    made = numbers(explanation, most=40)
    assert "values.layers.0.h" in made["omitted"]
    assert made["vocabulary"] is not None
    assert numbers(explanation, most=30)["vocabulary"] is None
    html = page(explanation, most=30)
    assert len(html) < len(page(explanation)) - 10_000


def test_the_file_asks_for_nothing_and_is_readable():
    html = page(small("rnn", 1))
    assert re.findall(r'(?:src|href)="(?!#|data:)', html) == []
    for forbidden in (
        "url(",
        "@import",
        "fetch(",
        "XMLHttpRequest",
        "sendBeacon",
        "innerHTML",
        "eval(",
        "import(",
    ):
        assert forbidden not in html, forbidden
    assert html.count("</script>") == 3
    here = {entry.name for entry in PACKAGE.iterdir()}
    assert {name for name in here if name.endswith(".js")} == set(SCRIPTS)
    assert {name for name in here if name.endswith(".css")} == set(STYLES)
    for name in SCRIPTS:
        lines = PACKAGE.joinpath(name).read_text("utf-8").splitlines()
        assert 20 < len(lines) <= 300, name
        assert lines[0].startswith("// "), name
        assert max(map(len, lines)) <= 120, name


def test_every_word_is_there_in_both_languages_and_used():
    words = json.loads(PACKAGE.joinpath("strings.json").read_text("utf-8"))
    script = "\n".join(PACKAGE.joinpath(name).read_text("utf-8") for name in SCRIPTS)
    body = PACKAGE.joinpath("template.html").read_text("utf-8")
    for key in re.findall(r'data-i18n(?:-label)?="(\w+)"', body) + re.findall(
        r'(?:words|page\.t)\("(\w+)"', script
    ):
        assert key in words, key
    for key, entry in words.items():
        fields = [set(re.findall(r"\{(\w+)\}", entry[language])) for language in ("en", "zh")]
        assert fields[0] >= fields[1], key
        made = re.match(r"(?:n|f|b|row|from|fn|slope)_", key)
        assert made or key == "page_title" or f'"{key}"' in script + body, f"{key} is not used"


def test_a_sentence_cannot_break_out():
    sentence = "</script><!-- <b>x</b> \" ' {{css}} 床前 😀 \u2028"
    model, tokenizer, _ = small_model(sentence, tokens="char")
    html = page(explain(model, tokenizer, sentence), source=sentence)
    assert html.count("</script>") == 3
    assert embedded(html)["sentence"] == sentence
    assert html.encode("utf-8")


def test_a_larger_model_is_not_too_slow_or_too_large():
    model = elman.LanguageModel(vocab_size=50, cell="lstm", embedding=32, hidden=64, layers=2, seed=3)
    _, tokenizer, _ = small_model(
        "".join(chr(97 + i % 26) + chr(65 + i % 22) for i in range(60)), tokens="char"
    )
    assert tokenizer.vocab_size == 50
    html = page(explain(model, tokenizer, "abcdefgh" * 3))
    assert len(html) < 20_000_000
