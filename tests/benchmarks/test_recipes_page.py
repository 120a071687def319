"""What the page says of recipes, and how poems are split and judged."""

import contextlib
import io
import json
import sys

import pytest

import recipes as script
import tang
from elman.cli import main
from render_recipes import recipes
from render_recipes import tang as render_tang
from tests.small import sentences

MACHINE = {
    "processor": "Acme", "cores": 2, "system": "Linux", "python": "3.11.7", "numpy": "2.4.6",
    "blas": "openblas",
}  # fmt: skip


def kept(**more):
    return {
        "recipe": "word-small", "corpus": "Penn Treebank", "title": "",
        "command": "elman train --recipe word-small",
        "parameters": 4_653_200, "vocab_size": 10_000, "unit": "space",
        "tokens": {"train": 1, "valid": 2, "test": 3}, "steps": 7, "seconds": 3600.0, "epochs": 13.0,
        "tokens_per_second": 12_345, "valid_loss": 4.8, "best_step": 7, "averaged": False, "curve": [],
        "test": {"nats_per_token": 4.75, "bits_per_byte": 1.23456, "tokens": 3, "perplexity": 115.58},
        "sample": "", "machine": MACHINE, "date": "2026-11-30", **more,
    }  # fmt: skip


def table(*rows):
    page = recipes({"rows": list(rows)})
    return [line for line in page.splitlines() if line.startswith("| `")]


def test_a_row_has_perplexities_and_what_was_published():
    (line,) = table(kept())
    assert line == (
        "| `word-small` | Penn Treebank | 60 min | 13 | 121.51 | **115.58** | 1.235 | 120.7 / 114.5 |"
    )


def test_a_variant_has_no_published_figure_beside_it():
    """That is of the recipe as it is, on the corpus it was published for."""
    for more in ({"title": "tied"}, {"corpus": "WikiText-2"}):
        (line,) = table(kept(**more))
        assert "114.5" not in line
        assert line.endswith("| 1.235 |  |")
    assert "`word-small`, tied |" in table(kept(title="tied"))[0]


def test_characters_are_in_nats_and_a_part_may_be_missing():
    (line,) = table(kept(unit="char", valid_loss=1.45678, test=None, seconds=7200.0))
    assert "| 2.0 h | 13 | 1.4568 nats |  |  |" in line


def test_commands_name_files_without_their_folders():
    given = ["--train", "/home/me/a b.txt", "--tied", "--split", "90/10/0"]
    assert (
        script.command_of("awd", given) == 'elman train --recipe awd --train "a b.txt" --tied --split 90/10/0'
    )


def elman_here(monkeypatch):
    """Return what runs the command line in this process."""

    def run(*arguments, shown=False):
        with monkeypatch.context() as patched, contextlib.redirect_stdout(io.StringIO()) as out:
            patched.setattr(sys, "argv", ["elman", *map(str, arguments)])
            with pytest.raises(SystemExit, match="0"):
                main()
        return out.getvalue()

    return run


def test_a_recipe_is_trained_and_kept(tmp_path, monkeypatch):
    parts = {}
    for seed, name in enumerate(("train", "valid", "test")):
        parts[name] = tmp_path / f"{name}.txt"
        parts[name].write_text(sentences(200 if name == "train" else 30, seed))
    monkeypatch.setattr(script, "KEPT", tmp_path / "benchmarks" / "results" / "recipes")
    monkeypatch.setattr(script, "elman", elman_here(monkeypatch))
    given = [word for name, path in parts.items() for word in (f"--{name}", str(path))]
    small = ["--hidden", "6", "--embedding", "6", "--epochs", "2", "--threads", "1"]
    command = ["recipes.py", "word-small", "--corpus", "Cats", *given, "--title", "tiny", "--", *small]
    monkeypatch.setattr(sys, "argv", command)
    script.main()
    (path,) = (tmp_path / "benchmarks" / "results" / "recipes").iterdir()
    assert path.name == "word-small-cats-tiny.json"
    found = json.loads(path.read_text())
    assert found["epochs"] == pytest.approx(2.0, abs=0.05)
    assert len(found["curve"]) == 2
    assert found["valid_loss"] == min(loss for _, _, loss in found["curve"])
    assert found["test"]["tokens"] == len(parts["test"].read_text().split()) + 30
    assert str(tmp_path) not in found["command"]
    assert "tiny" in table(found)[0]


def test_poems_are_split_by_twenties():
    text = "\n\n".join(f"poem {n}\nline" for n in range(45)) + "\n"
    poems = tang.poems_of(text)
    assert len(poems) == 45
    parts = tang.parts_of(poems)
    assert parts["valid"] == ["poem 18\nline", "poem 38\nline"]
    assert parts["test"] == ["poem 19\nline", "poem 39\nline"]
    assert sum(map(len, parts.values())) == 45


@pytest.mark.parametrize(
    ("line", "is_regular"),
    [
        ("秦川雄帝宅，函谷壯皇居。", True),
        ("洛陽城東桃李花，飛來飛去落誰家？", True),
        ("秦川雄帝宅，洛陽城東桃李花。", False),
        ("前不見古人，後不見來者", False),
        ("念天地之悠悠，獨愴然而涕下。", False),
        ("，秦川雄帝宅。", False),
        ("秦川雄帝宅", False),
    ],
)
def test_lines_of_five_or_seven(line, is_regular):
    assert tang.regular(line) == is_regular
    assert tang.share_regular(f"{line}\n\n秦川雄帝宅。\n") == (1.0 if is_regular else 0.5)


def test_tokens_are_words_to_the_other_model():
    """A line a line, an empty one too; the unknown token is a word like any other."""
    import numpy as np

    assert tang.as_numbers(np.array([4, 0, 1, 1, 5, 1]), line_end=1) == "4 0 \n\n5 \n"


def test_the_part_on_poems():
    model = kept(unit="char", tokens={"train": 9, "valid": 9, "test": 1234})
    page = render_tang({
        "command": "elman train --recipe char-large", "model": model, "temperature": 0.8, "lines": 100,
        "poems": {"train": 90, "valid": 5, "test": 5}, "regular": 0.914, "regular_text": 0.95,
        "ngrams": [{"order": 3, "perplexity": 151.256, "tokens": 1234, "seconds": 1.0}],
        "sample": "秦川雄帝宅", "machine": MACHINE, "date": "2026-11-30",
    })  # fmt: skip
    assert "| 3-gram, modified Kneser-Ney | 151.26 |" in page
    assert "| LSTM, 60 min | **115.58** |" in page
    assert "of which 91% have exactly five" in page
