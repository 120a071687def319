"""What the table of gates must say of what an LSTM may have: peepholes, coupled gates, a clip."""

from __future__ import annotations

from itertools import permutations

from tests.interop.conventions.facts import Facts, blocks
from tests.interop.conventions.formulas import Options, lstm, the_one
from tests.interop.conventions.gate_rows import LSTM_ORDER, absent
from tests.interop.conventions.page import claim


@claim("LSTM, peepholes", "torch", "keras")
def _(facts: Facts) -> str:
    return absent(facts, "peephole")


@claim("LSTM, peepholes", "onnx", "elman")
def _(facts: Facts) -> str:
    s, order, case = facts.sample("lstm_peephole"), LSTM_ORDER[facts.column], facts.case("lstm_peephole")
    p = blocks(case["P"][0], 0) if facts.column == "onnx" else case["p"]
    found = {
        f"{', '.join(gates)}; o sees c {when} the step": lstm(
            s,
            order,
            Options(
                peepholes=dict(zip(gates, p.astype("f8"), strict=True)),
                o_sees="new" if when == "after" else "old",
            ),
        )
        for gates in permutations("ifo")
        for when in ("before", "after")
    }
    return the_one(s.out, found)


@claim("LSTM, coupled gates", "torch", "keras")
def _(facts: Facts) -> str:
    return absent(facts, "couple", "input_forget")


def _coupled(facts: Facts, *orders: str) -> str:
    s = facts.sample("lstm_coupled")
    ways = {
        f"{', '.join(order)}; {how}": lstm(s, order, Options(coupled=how))
        for order in orders
        for how in ("f = 1 - i", "i = 1 - f", "")
        if ("f" in order or how == "f = 1 - i")
    }
    return the_one(s.out, ways)


@claim("LSTM, coupled gates", "onnx")
def _(facts: Facts) -> str:
    how = _coupled(facts, LSTM_ORDER["onnx"]).split("; ")[1]
    return f"`input_forget=1`: {how}; the blocks of f stay, unused"


@claim("LSTM, coupled gates", "elman")
def _(facts: Facts) -> str:
    order, how = _coupled(facts, *map("".join, permutations("iog"))).split("; ")
    return f"`lstm-coupled`: {how}, blocks {order}"


@claim("clip", "torch", "keras")
def _(facts: Facts) -> str:
    return absent(facts, "clip")


@claim("clip", "onnx", "elman")
def _(facts: Facts) -> str:
    s, order = facts.sample("lstm_clip"), LSTM_ORDER[facts.column]
    ways = {
        "what enters gates and candidate": Options(clip=0.6),
        "that, and what enters tanh(c)": Options(clip=0.6, clip_output=0.6),
        "that, and c": Options(clip=0.6, clip_memory=0.6),
        "what enters tanh(c)": Options(clip_output=0.6),
        "nothing": Options(),
    }
    return the_one(s.out, {name: lstm(s, order, how) for name, how in ways.items()})
