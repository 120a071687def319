"""How fast are draws, beams, scores of lines and adaptive evaluations, beside the plainest way to each?

    python benchmarks/decoding.py [--quick] [--only draws scores ...]

All sides of a question are calls of elman on one model of random parameters, and take turns. What is printed
is the median of the rounds, and of the ratios to the first side. Keeps benchmarks/results/decoding.json.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import elman
from bench import script
from bench.figures import figure, summary, times_better
from bench.kept import keep, lines, load_one
from bench.turns import seconds_in_turns
from elman.data import Part
from elman.decoding import Sampling, beam_search, generate, score, score_lines
from elman.training import Cache, Dynamic, evaluate
from elman.training.adapted import evaluate_adapted
from elman.training.dynamic import gradient_rms

CHARS, WORDS = (65, 128), (10_000, 200)
"""Vocabulary and width of two models of two LSTM layers; the second is like Zaremba's small one."""

Call = Callable[[], int]
"""Does some work; returns how many tokens it was."""


def text_model(sizes: tuple[int, int]) -> tuple[elman.LanguageModel, Any]:
    """Return a model, and a tokenizer that has a line end and characters from beyond the alphabets."""
    K, H = sizes
    tokenizer = elman.CharTokenizer(["\n", *(chr(0x4E00 + i) for i in range(K - 2))])
    model = elman.LanguageModel(vocab_size=K, cell="lstm", embedding=min(H, 128), hidden=H, layers=2, seed=0)
    return model, tokenizer


def text_of(sizes: tuple[int, int], tokens: int) -> str:
    """Return a text of a model's tokens, without line ends."""
    drawn = np.random.default_rng(0).integers(2, sizes[0], tokens)
    return "".join(chr(0x4E00 + int(i) - 2) for i in drawn)


def draws(sizes: tuple[int, int], quick: bool) -> dict[str, Call]:
    """A token at a time, one row."""
    model, tokenizer = text_model(sizes)
    length = 50 if quick else 500

    def side(sampling: Sampling) -> Call:
        def write() -> int:
            pieces = generate(model, tokenizer, None, length=length, sampling=sampling, seed=0)
            for _ in pieces:
                pass
            return length

        return write

    return {
        "greedy": side(Sampling(0.0)), "temperature 1": side(Sampling()),
        "top-k 40": side(Sampling(top_k=40)), "top-p 0.9": side(Sampling(top_p=0.9)),
        "min-p 0.1": side(Sampling(min_p=0.1)), "typical 0.9": side(Sampling(typical=0.9)),
        "penalty 1.2": side(Sampling(repetition_penalty=1.2)),
    }  # fmt: skip


def beams(sizes: tuple[int, int], quick: bool) -> dict[str, Call]:
    """Steps of the search, whatever the width."""
    model, tokenizer = text_model(sizes)
    length = 20 if quick else 200

    def side(width: int) -> Call:
        def search() -> int:
            beam_search(model, tokenizer, None, width=width, length=length, stop=())
            return length

        return search

    return {"greedy": draws(sizes, quick)["greedy"], **{f"beam {width}": side(width) for width in (1, 5, 10)}}


def scores(sizes: tuple[int, int], quick: bool) -> dict[str, Call]:
    """Lines of 10 to 30 tokens, one by one and side by side."""
    model, tokenizer = text_model(sizes)
    count = 50 if quick else 1000
    rng = np.random.default_rng(1)
    texts = [text_of(sizes, int(n)) for n in rng.integers(10, 31, count)]
    tokens = sum(len(text) + 1 for text in texts)

    def alone() -> int:
        few = texts[: max(1, count // 10)]
        for text in few:
            score(model, tokenizer, text + "\n")
        return sum(len(text) + 1 for text in few)

    def together(**settings: Any) -> Call:
        def read() -> int:
            for _ in score_lines(model, tokenizer, texts, **settings):
                pass
            return tokens

        return read

    return {"one by one": alone, "side by side": together(), "carried": together(carry=True)}


def adapted(sizes: tuple[int, int], quick: bool) -> dict[str, Call]:
    """A text, read by the model as it is, in one row and in many, and adapting."""
    model, tokenizer = text_model(sizes)
    tokens = 200 if quick else 2000
    rng = np.random.default_rng(2)
    part, train = (Part.from_ids(rng.integers(0, sizes[0], n)) for n in (tokens, 2000))
    rms = gradient_rms(model, train, Dynamic("rms", statistics=2))

    def side(**settings: Any) -> Call:
        def measure() -> int:
            return evaluate_adapted(model, part, tokenizer, **settings).tokens

        return measure

    return {
        "one row": lambda: evaluate(model, part, tokenizer, batch=1).tokens,
        "many rows": lambda: evaluate(model, part, tokenizer).tokens,
        "cache 2000": side(cache=Cache(2000)),
        "sgd, windows of 5": side(dynamic=Dynamic("sgd")),
        "sgd, windows of 20": side(dynamic=Dynamic("sgd", window=20)),
        "rms, windows of 5": side(dynamic=Dynamic("rms"), rms=rms),
    }


QUESTIONS: dict[str, Callable[[tuple[int, int], bool], dict[str, Call]]] = {
    "draws": draws, "beams": beams, "scores": scores, "adapted": adapted,
}  # fmt: skip


def measure(name: str, sizes: tuple[int, int], quick: bool) -> dict[str, Any]:
    """Let all sides of a question take turns; return tokens a second of each."""
    sides = QUESTIONS[name](sizes, quick)
    tokens = [call() for call in sides.values()]  # the same each time
    spent = seconds_in_turns(list(sides.values()), 1 if quick else 7)
    rates = {
        side: [n / seconds for seconds in turns] for side, n, turns in zip(sides, tokens, spent, strict=True)
    }
    first = next(iter(rates.values()))
    return {
        side: {**summary(values), "ratio": times_better(values, first, higher=True)["median"]}
        for side, values in rates.items()
    }


def main() -> None:
    """Measure the questions that were asked for."""
    arguments = script.arguments(__doc__, list(QUESTIONS)).parse_args()
    found = load_one("decoding", arguments.quick).get("questions", {})
    for name in arguments.only or QUESTIONS:
        for label, sizes in (("characters", CHARS), ("words", WORDS)):
            rates = measure(name, sizes, arguments.quick)
            found[f"{name}, {label}"] = rates
            table = [["", "tokens/s", "ratio"]]
            table += [[side, figure(each["median"]), f"{each['ratio']:.2f}"] for side, each in rates.items()]
            lines(f"{name}, {label} (K {sizes[0]:,}, LSTM 2 x {sizes[1]})", table)
            keep("decoding", {"questions": found}, arguments.quick)


if __name__ == "__main__":
    script.run(main)
