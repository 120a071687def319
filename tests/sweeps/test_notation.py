"""How a search is written, and what is said of what is not written so."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from elman.errors import ConfigError, DataError, ElmanError
from elman.sweeps.plan import BITS, NATS, Plan
from elman.sweeps.space import MOST, Space, read_space
from tests.sweeps.small import values


class Told:
    """Draws what it is told, and keeps what it was asked."""

    def __init__(self, **answers: Any) -> None:
        self.answers, self.asked = answers, dict[str, Any]()

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        self.asked[name] = tuple(choices)
        return choices[self.answers[name]]

    def suggest_float(self, name: str, low: float, high: float, *, step: float | None, log: bool) -> float:
        self.asked[name] = (float, low, high, step, log)
        return float(self.answers[name])

    def suggest_int(self, name: str, low: int, high: int, *, step: int, log: bool) -> int:
        self.asked[name] = (int, low, high, step, log)
        return int(self.answers[name])


def space_of(toml: str) -> Space:
    return read_space(tomllib.loads(toml))


ALL = """
cell = ["lstm", "gru"]
tied = [true, false]
lr = { low = 1e-4, high = 0.01, log = true }
dropout = { low = 0.1, high = 0.4, step = 0.1 }
layers = { low = 1, high = 3 }
hidden-last = { low = 16, high = 64, step = 16 }
size = [
  { hidden = 64, embedding = 64 },
  { hidden = 128, clip = [1, 5.0], weight_decay = { low = 0, high = 1 } },
]
"""


def test_every_way_to_say_it() -> None:
    told = Told(cell=1, tied=0, lr=0.003, dropout=0.1 + 0.1 + 0.1, layers=2, hidden_last=32, size=1, **{
        "size.1.clip": 0, "size.1.weight_decay": 0.25,
    })  # fmt: skip
    found = space_of(ALL).draw(told)
    assert found == {
        "cell": "gru", "tied": True, "lr": 0.003, "dropout": 0.3, "layers": 2, "hidden_last": 32,
        "hidden": 128, "clip": 1.0, "weight_decay": 0.25,
    }  # fmt: skip
    assert list(map(type, found.values())) == [str, bool, float, float, int, int, int, float, float]
    assert told.asked == {
        "cell": ("lstm", "gru"),
        "tied": (True, False),
        "lr": (float, 1e-4, 0.01, None, True),
        "dropout": (float, 0.1, 0.4, 0.1, False),
        "layers": (int, 1, 3, 1, False),
        "hidden_last": (int, 16, 64, 16, False),
        "size": (
            "0: hidden 64, embedding 64",
            "1: hidden 128, clip 1, 5, weight_decay 0 to 1",
        ),
        "size.1.clip": (1.0, 5.0),
        "size.1.weight_decay": (float, 0.0, 1.0, None, False),
    }


def test_the_other_table_asks_nothing_of_the_first() -> None:
    told = Told(size=0)
    assert space_of(ALL[ALL.index("size") :]).draw(told) == {"hidden": 64, "embedding": 64}
    assert list(told.asked) == ["size"]


def test_scales_and_corners() -> None:
    space = space_of(ALL)
    assert space.scales == {
        "cell": "choice", "tied": "choice", "lr": "log", "dropout": "linear", "layers": "linear",
        "hidden_last": "linear", "hidden": "choice", "embedding": "choice", "clip": "choice",
        "weight_decay": "linear",
    }  # fmt: skip
    small = space_of('cell = ["lstm", "gru"]\n' + ALL[ALL.index("size") :])
    ends = [(corner.get("clip"), corner.get("weight_decay")) for corner in small.corners()]
    assert ends == 2 * [(None, None), (1.0, 0.0), (1.0, 1.0), (5.0, 0.0), (5.0, 1.0)]


def test_of_many_combinations_every_two_ends_meet() -> None:
    names = (
        "dropout",
        "dropout_input",
        "dropout_embedding",
        "zoneout",
        "lr",
        "clip",
        "decay",
        "momentum",
        "lr_min",
    )
    space = read_space({name: {"low": 0.25, "high": 0.5} for name in names})
    corners = list(space.corners())
    assert 2 ** len(names) > MOST
    for one in names:
        for other in names:
            if one != other:
                assert {(c[one], c[other]) for c in corners} == {
                    (a, b) for a in (0.25, 0.5) for b in (0.25, 0.5)
                }


def test_of_a_single_list_all_values_are_checked() -> None:
    seeds = list(range(MOST + 1))
    assert [corner["seed"] for corner in read_space({"seed": seeds}).corners()] == seeds


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("", "nothing is searched: give a table [search]"),
        ("hiden = [1, 2]", "[search]: unknown setting 'hiden'; did you mean 'hidden'?"),
        ("hidden = 8", "[search] hidden is 8: give a list of values or { low = ..., high = ... }"),
        ("hidden = []", "[search] hidden needs two values or more to choose from, not 0"),
        ("hidden = [8]", "[search] hidden needs two values or more to choose from, not 1"),
        ("hidden = [8, 9, 8]", "[search] hidden has 8 twice"),
        ("lr = [1, 1.0]", "[search] lr has 1.0 twice"),
        ("hidden = [8, 9.5]", "[search] hidden must be of type int, not 9.5"),
        ('hidden = [8, "9"]', "[search] hidden must be of type int, not '9'"),
        ("hidden = [8, [9]]", "[search] hidden must be of type int, not [9]"),
        ("hidden = [8, { low = 3 }]", "[search] hidden must be of type int, not {'low': 3}"),
        ("hidden = { low = 8 }", "[search] hidden has a range without both ends: give low and high"),
        ("hidden = { low = 8, hihg = 9 }", "[search] hidden has 'hihg', but a range is {"),
        ("hidden = { low = 8, high = 8 }", "[search] hidden is from 8 to 8: low must be less than high"),
        ("hidden = { low = 9, high = 8 }", "[search] hidden is from 9 to 8: low must be less than high"),
        ("hidden = { low = 8, high = 9.5 }", "[search] hidden has high = 9.5: high must be of type int"),
        ("lr = { low = 0.1, high = inf }", "[search] lr has high = inf: give a finite number"),
        ("lr = { low = nan, high = 1 }", "[search] lr has low = nan: give a finite number"),
        ("lr = { low = true, high = 1 }", "[search] lr has low = True: low must be of type float"),
        ("lr = { low = 0, high = 1, log = true }", "[search] lr has low = 0.0, which has no logarithm"),
        ("lr = { low = 0.1, high = 1, log = 1 }", "[search] lr has log = 1: give true or false"),
        ("lr = { low = 0.1, high = 1, log = true, step = 0.1 }", "[search] lr has log and step"),
        ("lr = { low = 0.1, high = 1, step = 0 }", "[search] lr has step = 0.0: give a number"),
        ("dropout = { low = 0, high = 0.5, step = 0.2 }", "from 0.0 to 0.5 in steps of 0.2: end at 0.4, say"),
        ('cell = { low = "a", high = "b" }', "[search] cell is no number, and has no range"),
        ("tied = { low = 0, high = 1 }", "[search] tied is no number, and has no range"),
        ("max_vocab = { low = 10, high = 20 }", "[search] max_vocab is encoded into the text"),
        ('text = ["a", "b"]', "[search] text is a list by itself, and cannot be searched"),
        ('data = ["a", "b"]', "[search] data decides what the loss is measured on"),
        ('valid = ["a", "b"]', "[search] valid decides what the loss is measured on"),
        ('split = ["90/5/5", "80/10/10"]', "[search] split decides what the loss is measured on"),
        ('a = [{ split = "90/5/5" }, { hidden = 3 }]', "[search] split decides what the loss is measured on"),
        ("max-vocab = [10, 20]\nvocab_size = [10, 20]", "[search] max_vocab is searched twice"),
        ("hidden = [3, 4]\na = [{ hidden = 5 }, { lr = 0.1 }]", "[search] hidden is searched twice"),
        ("a = [{ hidden = 5 }]", "[search] a has one table to choose from: give two or more"),
        ("a = [{ hidden = 5 }, {}]", "[search] a has an empty table"),
        ("a = [{ hidden = 5 }, { hidden = 5 }]", "[search] a has the same table twice"),
        ("a = [{ hidden = 5 }, { hiden = 6 }]", "[search]: unknown setting 'hiden'; did you mean 'hidden'?"),
        ("a = [{ hidden = 5 }, { lr = [1] }]", "[search] lr needs two values or more"),
        ("a = [{ hidden = 5 }, { hidden = 6.5 }]", "[search] hidden must be of type int, not 6.5"),
        ("a = [{ hidden = 5 }, { b = [{ lr = 1 }, { lr = 2 }] }]", "a has tables within a table, under b"),
        (
            "a = [{ hidden = 5 }, { max-vocab = 6, max_vocab = 7 }]",
            "[search] a has a setting twice in one table",
        ),
    ],
)  # fmt: skip
def test_what_is_not_in_the_notation(line: str, says: str) -> None:
    with pytest.raises(ConfigError) as raised:
        space_of(line)
    assert says in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("search", "base", "says"),
    [
        ({"hidden": [4, 0]}, {}, "with hidden 0: hidden must be at least 1, not 0"),
        ({"dropout": {"low": 0.5, "high": 1.0}}, {}, "with dropout 1: dropout must be less than 1, not 1.0"),
        ({"cell": ["lstm", "lstn"]}, {}, "with cell lstn: unknown cell 'lstn'"),
        ({"tokens": ["char", "letters"]}, {}, "with tokens letters: unknown"),
        ({"hidden": [4, 5]}, {"tied": True}, "with hidden 4: tied needs an embedding as wide"),
        (
            {"optimizer": ["sgd", "adam"], "momentum": [0.5, 0.9]}, {},
            "with optimizer adam, momentum 0.5: momentum (0.5) has no effect with optimizer adam",
        ),
        ({"hidden": [4, 5]}, {"valid": "none.txt"}, "valid and test name files beside train"),
        ({"hidden": [4, 5]}, {"split": "90/0/10"}, "a sweep goes by the validation loss"),
        ({"hidden": [4, 5]}, {"text": ["-"]}, "give a file in place of - (standard input)"),
        ({"hidden": [4, 5]}, {"text": ["none.txt"]}, "there is no file none.txt"),
        ({"warmup": [1, 12]}, {}, "with warmup 12: warmup (12) must be less than the 12 steps"),
    ],
)  # fmt: skip
def test_settings_are_checked_as_training_checks_them(
    tmp_path: Path, search: dict[str, Any], base: dict[str, Any], says: str
) -> None:
    with pytest.raises(ElmanError) as raised:
        Plan.read(values(tmp_path, search, **base)).corners()
    assert str(raised.value).startswith(says) or (not says.startswith("with") and says in str(raised.value))


def test_what_is_wrong_with_every_combination_is_said_without_one(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"^there is no file none.txt"):
        Plan.read(values(tmp_path, text=["none.txt"])).corners()


def test_settings_that_go_together_escape_a_contradiction(tmp_path: Path) -> None:
    search = {"size": [{"hidden": 4, "embedding": 4}, {"hidden": 6, "embedding": 6}], "lr": [0.1, 0.2]}
    base = values(tmp_path, search, tied=True)
    del base["hidden"], base["embedding"]
    assert len(Plan.read(base).corners()) == 4


def test_a_value_and_a_search_of_the_same_setting(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="hidden has a value and is searched as well"):
        Plan.read({"hidden": 3, "search": {"hidden": [3, 4]}})
    with pytest.raises(ConfigError, match="unknown setting 'hiden'"):
        Plan.read({"hiden": 3, "search": {"hidden": [3, 4]}})


def test_a_recipe_stands_behind_both() -> None:
    plan = Plan.read(
        {"layers": 1, "search": {"hidden": [8, 16], "schedule": ["step", "cosine"]}}, "word-small"
    )
    config = plan.config({"hidden": 16, "schedule": "cosine"})
    assert (config.layers, config.hidden, config.schedule, config.lr, config.decay_from) == (
        1,
        16,
        "cosine",
        20.0,
        None,
    )
    assert plan.config({"hidden": 8, "schedule": "step"}).decay_from is not None


def test_the_measure_goes_by_what_a_token_is() -> None:
    assert Plan.read({"search": {"hidden": [3, 4]}}).measure == NATS
    assert Plan.read({"search": {"tokens": ["char", "byte"]}}).measure == BITS
    assert Plan.read({"search": {"a": [{"max_vocab": 20}, {"hidden": 3}]}}).measure == BITS
