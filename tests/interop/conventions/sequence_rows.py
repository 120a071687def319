"""What the table of sequences and states must say."""

from __future__ import annotations

from itertools import product

import numpy as np

from tests.interop.conventions.facts import SIZES, Facts, H
from tests.interop.conventions.formulas import Array, Sample, fits, lstm, rnn, the_one
from tests.interop.conventions.gate_rows import ALL, LSTM_ORDER, NONE, absent
from tests.interop.conventions.page import claim
from tests.interop.conventions.weight_rows import shaped

BOTH = {"torch": "lstm_padded", "keras": "lstm_both", "onnx": "lstm_both", "elman": "lstm_both"}
TWO = SIZES | {"ways": 2}
ONE = SIZES | {"ways": 1}


@claim("sequence", "torch")
def _(facts: Facts) -> str:
    a, b = facts.case("lstm"), facts.case("lstm_batch_first")  # the same numbers, fed the other way round
    assert fits(a["out"], b["out"].swapaxes(0, 1))
    assert fits(a["out"], lstm(facts.sample("lstm"), "ifgo"))
    shape = shaped(b["out"].swapaxes(0, 1)[..., : SIZES["D"]], "T", "B", "D")
    assert shaped(a["x"], "T", "B", "D") == shape
    return f"{shape}; with `batch_first` {shaped(b['out'][..., : SIZES['D']], 'B', 'T', 'D')}"


@claim("sequence", "keras")
def _(facts: Facts) -> str:
    assert absent(facts, "time_major", "batch_first") == NONE
    return shaped(facts.case("lstm")["x"], "B", "T", "D")


@claim("sequence", "onnx")
def _(facts: Facts) -> str:
    plain, turned = facts.case("time_first"), facts.case("batch_first")
    assert plain["Y_h"].shape == (1, SIZES["B"], H)
    assert turned["Y_h"].shape == (SIZES["B"], 1, H)
    assert fits(plain["Y"], turned["Y"].transpose(1, 2, 0, 3))
    first, second = shaped(plain["X"], "T", "B", "D"), shaped(turned["X"], "B", "T", "D")
    return f"{first}; with `layout=1` {second}"


@claim("sequence", "elman")
def _(facts: Facts) -> str:
    return shaped(facts.case("lstm")["x"], "T", "B", "D")


@claim("output", "torch", "elman")
def _(facts: Facts) -> str:
    return shaped(facts.case("lstm")["out"], "T", "B", "H")


@claim("output", "keras")
def _(facts: Facts) -> str:
    last, whole = facts.case("lstm_last")["out"], facts.case("lstm")["out"]
    assert the_one(last, {"last": whole[:, -1], "first": whole[:, 0]}) == "last"
    return f"{shaped(last, 'B', 'H')}, the last; with `return_sequences` {shaped(whole, 'B', 'T', 'H')}"


@claim("output", "onnx")
def _(facts: Facts) -> str:
    return shaped(facts.case("lstm")["Y"], "T", "ways", "B", "H", of=ONE)


@claim("states of an LSTM", *ALL)
def _(facts: Facts) -> str:
    s, order = facts.sample("lstm"), LSTM_ORDER[facts.column]
    assert s.c0 is not None
    assert s.c is not None
    entering = {"h, c": lstm(s, order), "c, h": lstm(s._replace(h0=s.c0, c0=s.h0), order)}
    found = the_one(s.out, entering)
    assert the_one(s.out[-1], {"h, c": s.h, "c, h": s.c}) == found
    return found


@claim("shape of a state", *ALL)
def _(facts: Facts) -> str:
    if facts.column == "torch":
        case = facts.case("lstm_deep")
        assert case["h"].shape == case["c"].shape
        return shaped(case["h"], "L ways", "B", "H", of=TWO)
    if facts.column == "onnx":
        return shaped(facts.case("lstm_both")["Y_h"], "ways", "B", "H", of=TWO)
    case = facts.case("lstm")
    assert case["h"].shape == case["c"].shape
    return f"{shaped(case['h'], 'B', 'H')}, each an array"


@claim("where no state is given", *ALL)
def _(facts: Facts) -> str:
    if facts.column == "elman":
        assert not any(array.any() for array in facts.case("zero_state").values())
        return "one must be; `initial_state`: zeros"
    s = facts.sample("zero_state")
    s = s._replace(h0=np.zeros_like(s.h0))
    return the_one(s.out, {"zeros": rnn(s), "ones": rnn(s._replace(h0=np.ones_like(s.h0)))})


def halves(facts: Facts, case: str) -> tuple[Sample, Sample]:
    """Return both ways of a layer, each half of the output with the weights that are said to be its own."""
    return facts.sample(case), facts.sample(case, back=True)


def backs(facts: Facts, case: str) -> tuple[Sample, Sample]:
    """Return both ways of a case of full rows, having seen that either half is that of its own weights."""
    ahead, back = halves(facts, case)
    order = LSTM_ORDER[facts.column]
    if facts.column == "torch":  # padded: the first row alone is whole
        cut = {name: getattr(ahead, name)[:, :1] for name in ("x", "out")}
        ahead = ahead._replace(**cut, h0=ahead.h0[:1], c0=ahead.c0[:1], h=ahead.h[:1])
        cut = {name: getattr(back, name)[:, :1] for name in ("x", "out")}
        back = back._replace(**cut, h0=back.h0[:1], c0=back.c0[:1], h=back.h[:1])
    swapped = {"its own": lstm(ahead, order), "the other's": lstm(_weights_of(ahead, back), order)}
    assert the_one(ahead.out, swapped) == "its own"
    ways = {
        f"{whose}, {'back' if way else 'ahead'}": lstm(s, order, back=way)
        for (whose, s), way in product(
            {"its own": back, "the other's": _weights_of(back, ahead)}.items(), (0, 1)
        )
    }
    assert the_one(back.out, ways) == "its own, back"
    return ahead, back


def _weights_of(s: Sample, other: Sample) -> Sample:
    return s._replace(U=other.U, W=other.W, b=other.b, b2=other.b2)


@claim("bidirectional, weights of the way back", *ALL)
def _(facts: Facts) -> str:
    backs(facts, BOTH[facts.column])
    names = {
        "torch": ("weight_ih_l0_reverse", "`weight_ih_l0_reverse` and so on"),
        "keras": ("backward/kernel", "those of `backward_layer`"),
        "onnx": ("W", "second of axis 0"),
        "elman": ("reverse.U", "`reverse.U` and so on"),
    }
    name, text = names[facts.column]
    array = facts.case(BOTH[facts.column])[name]
    assert facts.column != "onnx" or len(array) == 2
    return text


@claim("bidirectional, output", *ALL)
def _(facts: Facts) -> str:
    backs(facts, BOTH[facts.column])
    case = facts.case(BOTH[facts.column])
    shapes = {"keras": ("B", "T", "2 H"), "onnx": ("T", "2", "B", "H")}
    out = case["Y" if facts.column == "onnx" else "out"]
    return f"{shaped(out, *shapes.get(facts.column, ('T', 'B', '2 H')))}, the way ahead first"


@claim("bidirectional, states", "torch")
def _(facts: Facts) -> str:
    x = facts.sample("lstm_deep").x
    order = {}
    for layer in (0, 1):
        outs = []
        for back in (False, True):
            s = facts.sample("lstm_deep", layer=layer, back=back)._replace(x=x)
            out = lstm(s, "ifgo", back=back)
            order[f"layer {layer} {'back' if back else 'ahead'}"] = out[0 if back else -1]
            outs.append(out)
        x = np.concatenate(outs, -1)
    assert fits(facts.case("lstm_deep")["out"], x)
    return ", ".join(the_one(left, order) for left in facts.case("lstm_deep")["h"])


@claim("bidirectional, states", "keras", "onnx", "elman")
def _(facts: Facts) -> str:
    ahead, back = backs(facts, BOTH[facts.column])
    order, case = LSTM_ORDER[facts.column], facts.case(BOTH[facts.column])
    made = {"h ahead": ahead.out[-1], "h back": back.out[0]}
    made |= {"c ahead": lstm(ahead, order, of=1)[-1], "c back": lstm(back, order, back=True, of=1)[0]}
    if facts.column == "onnx":
        found = [the_one(left, made) for left in (*case["Y_h"], *case["Y_c"])]
        assert found == ["h ahead", "h back", "c ahead", "c back"]
        return "ahead, back; h and c apart"
    names = {"keras": "forward/h forward/c backward/h backward/c", "elman": "h c h_reverse c_reverse"}
    states = [name for name in names[facts.column].split() if name in case]
    assert len(states) == 4
    single = {name: array.astype("f4") for name, array in made.items()} if facts.column == "keras" else made
    return ", ".join(the_one(case[name], single) for name in states)


@claim("bidirectional, last output of the way back", *ALL)
def _(facts: Facts) -> str:
    _, back = backs(facts, BOTH[facts.column])
    found = the_one(back.h, {"step 0": back.out[0], "the last step": back.out[-1]})
    if facts.column == "keras":
        last = facts.sample("lstm_both_last", back=True).out[0]
        assert the_one(last, {"step 0": back.out[0], "the last step": back.out[-1]}) == found
    return f"at {found}"


@claim("in reverse alone", "torch")
def _(facts: Facts) -> str:
    options = [name for name in facts.said["options"] if name != "bidirectional"]
    assert len(options) > 5
    assert not any(word in name for name in options for word in ("direction", "reverse", "backward"))
    return NONE


@claim("in reverse alone", "keras", "onnx", "elman")
def _(facts: Facts) -> str:
    case = {"keras": "lstm_backwards"}.get(facts.column, "lstm_reverse")
    s, order = facts.sample(case), LSTM_ORDER[facts.column]
    own = lstm(s, order, back=True)
    found = the_one(
        s.out,
        {"each output at its own step": own, "outputs last step first": own[::-1], "ahead": lstm(s, order)},
    )
    option = {"keras": "go_backwards=True", "onnx": 'direction="reverse"', "elman": 'direction="reverse"'}
    return f"`{option[facts.column]}`: {found}"


@claim("dropout", "torch")
def _(facts: Facts) -> str:
    s, upper = facts.sample("rnn_dropout"), facts.sample("rnn_dropout", layer=1)
    below = rnn(s)
    outs = {
        "between layers, none after the last": rnn(upper._replace(x=np.zeros_like(below))),
        "none": rnn(upper._replace(x=below)),
        "after every layer": np.zeros_like(s.out),
        "on inputs": rnn(upper._replace(x=rnn(s._replace(x=np.zeros_like(s.x))))),
    }
    return the_one(facts.case("rnn_dropout")["out"], outs)


@claim("dropout", "keras")
def _(facts: Facts) -> str:
    inputs, states = facts.case("dropout")["out"], facts.case("recurrent_dropout")["out"]
    assert sorted(np.unique(inputs)) == [0, 2]
    assert (inputs == inputs[:, :1]).all()  # the same units at every step
    kept = states[:, 0] / 2
    assert sorted(np.unique(kept)) == [0, 1]
    assert all((states[:, t] == kept * 2.0 ** (t + 1)).all() for t in range(states.shape[1]))
    assert len(np.unique(inputs[:, 0], axis=0)) == len(inputs)  # others in each row
    return "on inputs, and apart on h; one mask a row for all steps"


@claim("dropout", "onnx")
def _(facts: Facts) -> str:
    return absent(facts, "dropout")


@claim("dropout", "elman")
def _(facts: Facts) -> str:
    from elman.network.cells import get_cell
    from elman.network.regularisers import Regularisers
    from elman.network.stack import new_stack
    from elman.network.workspace import Workspace

    stack = new_stack(get_cell("rnn"), 3, [16, 16], np.dtype("f8"), regularisers=Regularisers(dropout=0.5))
    rng = np.random.default_rng(0)
    params = {n: rng.normal(size=shape) for layer in stack.layers for n, shape in layer.shapes().items()}
    x, state = rng.normal(size=(5, 2, 3)), stack.initial_state(2)
    tape = stack.forward(params, x, state, Workspace(), rng=np.random.default_rng(1))
    _, *outs = tape.inputs
    made = [np.asarray(array) for array in outs]
    dropped: list[Array] = [array == 0 for array in made]
    assert all(0.2 < mask.mean() < 0.8 for mask in dropped)
    assert all((mask != mask[:1]).any() for mask in dropped)
    assert fits(tape.tapes[1].h, rnn_of(params, "layers.1", made[0]))
    return "after every layer, the last too; a mask a step"


def rnn_of(params: dict[str, Array], name: str, x: Array) -> Array:
    """Return the outputs of a simple layer of elman's, from zeros."""
    h = np.zeros((x.shape[1], params[f"{name}.W"].shape[1]))
    s = Sample(x, *(params[f"{name}.{n}"] for n in "UWb"), np.zeros((1, h.shape[1])), h, None, x, h, None)
    return rnn(s)
