"""What the table of gates must say."""

from __future__ import annotations

import numpy as np

from tests.interop.conventions.facts import Facts
from tests.interop.conventions.formulas import (
    Array,
    Options,
    fits,
    gru,
    gru_conventions,
    hard_sigmoid,
    lstm,
    lstm_order,
    rnn,
    sigmoid,
    the_one,
)
from tests.interop.conventions.page import claim

ALL = ("torch", "keras", "onnx", "elman")
NONE = "none"
LSTM_ORDER = {"torch": "ifgo", "keras": "ifgo", "onnx": "iofg", "elman": "ifog"}
GRU_ORDER = {"torch": "rzn", "keras": "zrn", "onnx": "zrn", "elman": "rzn"}
AFTER = {"torch": "gru", "keras": "gru", "onnx": "gru_after", "elman": "gru"}
BEFORE = {"keras": "gru_before", "onnx": "gru", "elman": "gru_before"}


def absent(facts: Facts, *words: str) -> str:
    """Return "none", having seen that no option, weight or attribute is called so."""
    names = {key.rsplit("/", 1)[-1].lower() for key in facts.arrays}
    names |= {str(name).lower() for name in facts.said.get("options", [])}
    for operator in facts.said.get("attributes", {}).values():
        names |= {name.lower() for name in operator[22]}
    for operator in facts.said.get("inputs", {}).values():
        names |= {name.lower() for name in operator}
    assert len(names) > 10
    found = sorted(name for name in names for word in words if word in name)
    assert not found, found
    return NONE


@claim("LSTM, order of gates", *ALL)
def _(facts: Facts) -> str:
    return lstm_order(facts.sample("lstm"))


@claim("GRU, order of gates", *ALL)
def _(facts: Facts) -> str:
    orders = {
        gru_conventions(facts.sample(case[facts.column]))[0]
        for case in (AFTER, BEFORE)
        if facts.column in case
    }
    assert len(orders) == 1, orders
    return orders.pop()


@claim("GRU, z keeps", *ALL)
def _(facts: Facts) -> str:
    kept = {
        gru_conventions(facts.sample(case[facts.column]))[1]
        for case in (AFTER, BEFORE)
        if facts.column in case
    }
    assert len(kept) == 1, kept
    return kept.pop()


def sides(facts: Facts) -> tuple[str, str]:
    """Return on which side the reset acts where nothing is said, and with the other setting."""
    usual = gru_conventions(facts.sample("gru"))[2]
    other = {"torch": "gru", "keras": "gru_before", "onnx": "gru_after", "elman": "gru_before"}[facts.column]
    return usual, gru_conventions(facts.sample(other))[2]


@claim("GRU, reset acts", "torch")
def _(facts: Facts) -> str:
    assert absent(facts, "reset") == NONE
    return f"{sides(facts)[0]} the product"


@claim("GRU, reset acts", "keras")
def _(facts: Facts) -> str:
    usual, other = sides(facts)
    assert "reset_after" in facts.said["options"]
    return f"{usual} the product; with `reset_after=False` {other} it"


@claim("GRU, reset acts", "onnx")
def _(facts: Facts) -> str:
    usual, other = sides(facts)
    return f"{usual} the product; with `linear_before_reset=1` {other} it"


@claim("GRU, reset acts", "elman")
def _(facts: Facts) -> str:
    usual, other = sides(facts)
    return f"`gru`: {usual} the product; `gru-before`: {other} it"


@claim("GRU, bias inside the reset", *ALL)
def _(facts: Facts) -> str:
    sample, order = facts.sample(AFTER[facts.column]), GRU_ORDER[facts.column]
    kinds = {kind: gru(sample, order, inside=kind) for kind in ("b", "b2", "neither", "both")}
    assert the_one(sample.out, kinds) == "b2"
    if facts.column != "torch":  # where the reset comes first, there is nothing within it but the state
        before = facts.sample(BEFORE[facts.column])
        assert fits(before.out, gru(before, order, reset="before", inside="neither"))
    return {
        "torch": "n of `bias_hh`",
        "keras": "n of `bias[1]`, with `reset_after`",
        "onnx": "n of `Rb`, with `linear_before_reset=1`",
        "elman": "`b_candidate` of `gru`",
    }[facts.column]


@claim("biases of a gate", "torch", "onnx")
def _(facts: Facts) -> str:
    s, order = facts.sample("lstm"), LSTM_ORDER[facts.column]
    zero = np.zeros_like(s.b)
    ways = {"two, added": s, "the first": s._replace(b2=zero), "the second": s._replace(b=zero)}
    ways |= {"the first twice": s._replace(b2=s.b)}
    return the_one(s.out, {name: lstm(way, order) for name, way in ways.items()})


@claim("biases of a gate", "keras")
def _(facts: Facts) -> str:
    for name, rows in (("lstm", 1), ("gru_before", 1), ("rnn", 1), ("gru", 2)):
        assert facts.case(name)["bias"].ndim == rows
    s = facts.sample("gru")
    zero = np.zeros_like(s.b)
    ways = {"two, added": s, "the first": s._replace(b2=zero), "the second": s._replace(b=zero)}
    two = the_one(s.out, {name: gru(way, "zrn") for name, way in ways.items()})
    return f"one; GRU with `reset_after`: {two}"


@claim("biases of a gate", "elman")
def _(facts: Facts) -> str:
    names = {
        case: sorted(n for n in facts.case(case) if n[0] == "b")
        for case in ("rnn", "lstm", "gru", "gru_before")
    }
    assert names == {"rnn": ["b"], "lstm": ["b"], "gru_before": ["b"], "gru": ["b", "b_candidate"]}
    return "one; n of `gru`: two"


GATES = {
    "sigmoid": sigmoid,
    "x/6 + 1/2": hard_sigmoid(1 / 6),
    "x/5 + 1/2": hard_sigmoid(1 / 5),
    "tanh": np.tanh,
}


@claim("function of gates", *ALL)
def _(facts: Facts) -> str:
    s, order = facts.sample("lstm"), LSTM_ORDER[facts.column]
    found = the_one(s.out, {name: lstm(s, order, Options(gate=f)) for name, f in GATES.items()})
    s, order = facts.sample(AFTER[facts.column]), GRU_ORDER[facts.column]
    assert the_one(s.out, {name: gru(s, order, gate=f) for name, f in GATES.items()}) == found
    return found


@claim("function of the candidate, and of c", *ALL)
def _(facts: Facts) -> str:
    functions = GATES | {"relu": lambda x: np.maximum(x, 0), "x": lambda x: x}
    s, order = facts.sample("lstm"), LSTM_ORDER[facts.column]
    both = {
        f"{g} {h}": lstm(s, order, Options(candidate=functions[g], output=functions[h]))
        for g in functions
        for h in functions
    }
    assert the_one(s.out, both) == "tanh tanh"
    s, order = facts.sample(AFTER[facts.column]), GRU_ORDER[facts.column]
    assert the_one(s.out, {name: gru(s, order, candidate=f) for name, f in functions.items()}) == "tanh"
    s = facts.sample("rnn")
    return the_one(s.out, {name: rnn(s, f) for name, f in functions.items()})


@claim("functions to choose from", "torch")
def _(facts: Facts) -> str:
    s = facts.sample("rnn_relu")
    assert fits(s.out, rnn(s, lambda x: np.maximum(x, 0)))
    return f"{', '.join(facts.said['nonlinearities'])}; `nn.RNN` alone"


@claim("functions to choose from", "keras")
def _(facts: Facts) -> str:
    assert len(facts.said["activations"]) == 8
    s = facts.sample("rnn_relu")
    assert fits(s.out, rnn(s, lambda x: np.maximum(x, 0)))
    return "any" if facts.said["own_function"] else "those with names"


@claim("functions to choose from", "onnx")
def _(facts: Facts) -> str:
    return f"{len(facts.said['functions'])}, by name"


@claim("functions to choose from", "elman")
def _(facts: Facts) -> str:
    from elman.network.cells.variants import cell_of
    from tests.interop.conventions.facts import facts as of

    names = [re_case(name) for name in of("onnx").said["functions"]]
    made = {cell_of("lstm", [name, name, name]).name for name in names}
    assert len(made) == len(names)
    return f"the same {len(made)}"


def re_case(name: str) -> str:
    """Return ``hard-sigmoid`` for ``HardSigmoid``."""
    return "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in name).removeprefix("-")


def _line(x: Array, out: Array) -> str:
    lines = {name: f(x) for name, f in GATES.items() if name != "tanh"}
    return the_one(out, lines)


@claim("hard sigmoid", "torch")
def _(facts: Facts) -> str:
    case = facts.case("hard_sigmoid")
    return f"none in a layer; `nn.Hardsigmoid`: {_line(case['x'], case['out'])}"


@claim("hard sigmoid", "keras")
def _(facts: Facts) -> str:
    case = facts.case("hard_sigmoid")
    assert "hard_sigmoid" in facts.said["activations"]
    return _line(case["x"], case["out"])


@claim("hard sigmoid", "onnx", "elman")
def _(facts: Facts) -> str:
    s, other = facts.sample("rnn_hard"), facts.sample("rnn_hard_other")
    assert fits(other.out, rnn(other, hard_sigmoid(0.3)))
    found = the_one(s.out, {name: rnn(s, f) for name, f in GATES.items()})
    return f"{found}; others by " + ("`activation_alpha`" if facts.column == "onnx" else "`hard-sigmoid:a:b`")
