"""What the table of weights must say."""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

import elman
from elman.interop import torch as elman_torch
from tests.interop.conventions.facts import SIZES, Facts, H
from tests.interop.conventions.formulas import Array, Options, fits, gru, lstm, rnn, the_one
from tests.interop.conventions.gate_rows import ALL, GRU_ORDER, LSTM_ORDER, absent
from tests.interop.conventions.page import claim

LSTM = SIZES | {"G": 4, "ways": 1}


def shaped(array: Array, *sizes: str, of: dict[str, int] = LSTM) -> str:
    """Return a shape as the page has it, if the array has that shape."""
    expected = tuple(int(np.prod([int(f) if f.isdigit() else of[f] for f in size.split()])) for size in sizes)
    assert array.shape == expected, f"({', '.join(sizes)}) is {expected}, not {array.shape}"
    return f"`({', '.join(sizes)})`"


@claim("input weights", *ALL)
def _(facts: Facts) -> str:
    case = facts.case("lstm")
    return {
        "torch": lambda: f"`weight_ih_l0` {shaped(case['weight_ih_l0'], 'G H', 'D')}",
        "keras": lambda: f"`kernel` {shaped(case['kernel'], 'D', 'G H')}",
        "onnx": lambda: f"`W` {shaped(case['W'], 'ways', 'G H', 'D')}",
        "elman": lambda: f"`U` {shaped(case['U'], 'G', 'D', 'H')}",
    }[facts.column]()


@claim("recurrent weights", *ALL)
def _(facts: Facts) -> str:
    case = facts.case("lstm")
    return {
        "torch": lambda: f"`weight_hh_l0` {shaped(case['weight_hh_l0'], 'G H', 'H')}",
        "keras": lambda: f"`recurrent_kernel` {shaped(case['recurrent_kernel'], 'H', 'G H')}",
        "onnx": lambda: f"`R` {shaped(case['R'], 'ways', 'G H', 'H')}",
        "elman": lambda: f"`W` {shaped(case['W'], 'G', 'H', 'H')}",
    }[facts.column]()


@claim("gate blocks", *ALL)
def _(facts: Facts) -> str:
    """Each block of W is a square: what of it is a row cannot be seen in its shape."""
    s, case, G = facts.sample("lstm"), facts.case("lstm"), 4
    if facts.column in ("torch", "onnx"):
        raw = case["weight_hh_l0"] if facts.column == "torch" else case["R"][0].astype("f8")
        ways = {
            "rows, one below the other, h W.T": raw.reshape(G, H, H).transpose(0, 2, 1),
            "rows, one below the other, h W": raw.reshape(G, H, H),
            "rows, in turn, h W.T": raw.reshape(H, G, H).transpose(1, 2, 0),
            "rows, in turn, h W": raw.reshape(H, G, H).transpose(1, 0, 2),
        }
    elif facts.column == "keras":
        raw = case["recurrent_kernel"]
        ways = {
            "columns, side by side, h W": raw.reshape(H, G, H).transpose(1, 0, 2),
            "columns, side by side, h W.T": raw.reshape(H, G, H).transpose(1, 2, 0),
            "columns, in turn, h W": raw.reshape(H, H, G).transpose(2, 0, 1),
            "columns, in turn, h W.T": raw.reshape(H, H, G).transpose(2, 1, 0),
        }
    else:
        ways = {
            "an axis of their own, h W": case["W"],
            "an axis of their own, h W.T": case["W"].transpose(0, 2, 1),
        }
    order = LSTM_ORDER[facts.column]
    found = the_one(s.out, {name: lstm(s._replace(W=W), order) for name, W in ways.items()})
    where, product = found.rsplit(", ", 1)
    return f"{where}, `{product}`"


@claim("biases", "torch")
def _(facts: Facts) -> str:
    case = facts.case("lstm")
    shape = shaped(case["bias_ih_l0"], "G H")
    assert shaped(case["bias_hh_l0"], "G H") == shape
    return f"`bias_ih_l0`, `bias_hh_l0` {shape}"


@claim("biases", "keras")
def _(facts: Facts) -> str:
    one, two = shaped(facts.case("lstm")["bias"], "G H"), shaped(facts.case("gru")["bias"], "2", "3 H")
    s = facts.sample("gru")  # the first row is that of the inputs
    assert the_one(s.out, {"inputs": gru(s, "zrn"), "h": gru(s._replace(b=s.b2, b2=s.b), "zrn")}) == "inputs"
    return f"`bias` {one}; GRU with `reset_after` {two.replace('3', 'G')}, that of the inputs first"


@claim("biases", "onnx")
def _(facts: Facts) -> str:
    s = facts.sample("gru_after")
    first = the_one(s.out, {"the inputs": gru(s, "zrn"), "h": gru(s._replace(b=s.b2, b2=s.b), "zrn")})
    return f"`B` {shaped(facts.case('lstm')['B'], 'ways', '2 G H')}, those of {first} first"


@claim("biases", "elman")
def _(facts: Facts) -> str:
    inner = shaped(facts.case("gru")["b_candidate"], "H")
    return f"`b` {shaped(facts.case('lstm')['b'], 'G', 'H')}; `gru` also `b_candidate` {inner}"


@claim("projection of h", "torch")
def _(facts: Facts) -> str:
    s, raw = facts.sample("lstm_projected"), facts.case("lstm_projected")["weight_hr_l0"]
    assert fits(s.out, lstm(s, "ifgo", Options(projection=raw.T)))
    assert "proj_size" in facts.said["options"]
    return f"`weight_hr_l0` {shaped(raw, 'P', 'H')}"


@claim("projection of h", "keras", "onnx")
def _(facts: Facts) -> str:
    return absent(facts, "proj")


@claim("projection of h", "elman")
def _(facts: Facts) -> str:
    s, raw = facts.sample("lstm_projected"), facts.case("lstm_projected")["R"]
    assert fits(s.out, lstm(s, "ifog", Options(projection=raw)))
    return f"`R` {shaped(raw, 'H', 'P')}"


@claim("forget bias of a new LSTM", "torch")
def _(facts: Facts) -> str:
    bound = 400**-0.5
    for name in ("bias_ih_l0", "bias_hh_l0"):
        for block in facts.case("initial")[name].reshape(4, 400):
            assert np.abs(block).max() <= bound
            assert abs(block.mean()) < bound / 5
            assert block.std() > bound / 3
    return "random, as the others"


@claim("forget bias of a new LSTM", "keras")
def _(facts: Facts) -> str:
    blocks_ = facts.case("initial")["bias"].reshape(4, -1)
    assert [sorted(set(block)) for block in blocks_] == [[0], [1], [0], [0]]
    return "1"


@claim("forget bias of a new LSTM", "onnx")
def _(facts: Facts) -> str:
    assert absent(facts, "init_", "initializer") == "none"
    return "none: weights are given"


@claim("forget bias of a new LSTM", "elman")
def _(facts: Facts) -> str:
    assert [sorted(set(block)) for block in facts.case("initial")["b"]] == [[0], [1], [0], [0]]
    return "1, by `forget_bias`"


@claim("float64 is computed", *ALL)
def _(facts: Facts) -> str:
    """By how far the outputs are off the formulas."""
    if facts.column == "onnx":
        assert all(
            "double" in r or "Could not find an implementation" in r for r in facts.said["float64_refused"]
        )
        return "not at all by ONNX Runtime: refused"
    off = {}
    for name in ("rnn", "gru", "lstm", "lstm_padded", *(["gru_before"] if facts.column == "keras" else [])):
        out, s = facts.case(name)["out"], facts.sample(name)
        assert out.dtype == np.float64
        if name == "rnn":
            expected = rnn(s)
        elif name == "gru_before":
            expected = gru(s, GRU_ORDER[facts.column], reset="before", inside="neither")
        else:
            made, order = (gru, GRU_ORDER) if name == "gru" else (lstm, LSTM_ORDER)
            expected = made(s, order[facts.column])
        # Of the padded case the first row is whole; of a layer both ways, the first half is the way ahead.
        out = out.swapaxes(0, 1) if facts.column == "keras" else out
        off[name] = float(np.abs(out[:, 0, :H] - expected[:, 0]).max())
    exact = [name for name, size in off.items() if size < 1e-13]
    if len(exact) == len(off):
        return "in float64"
    assert all(1e-9 < size < 1e-5 for name, size in off.items() if name not in exact), off
    assert facts.said["backend"] == "torch"
    assert exact == ["gru", "lstm"]
    return "in float64, but products in float32 of `SimpleRNN`, with masks, with `reset_after=False`"


@claim("number types", "torch", "keras")
def _(facts: Facts) -> str:
    assert facts.said["default_type"] == "float32"
    return f"{', '.join(facts.said['types'])}; float32 if not said"


@claim("number types", "onnx")
def _(facts: Facts) -> str:
    types = facts.said["types"]
    assert types[1] == types[3] == types[7] == types[14] == ["double", "float", "float16"]
    assert sorted(set(types[22]) - set(types[14])) == ["bfloat16"]
    return "float16, float32, float64; from opset 22 bfloat16"


@claim("number types", "elman")
def _(facts: Facts) -> str:
    models = {}
    for dtype in ("float32", "float64"):
        models[dtype] = elman.LanguageModel(
            vocab_size=3, cell="gru", embedding=2, hidden=2, layers=1, dtype=dtype
        )
    arrays = {n: a.astype("f2") for n, a in elman_torch.state_dict(models["float32"]).items()}
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        save_file(arrays, Path(folder) / "half.safetensors")
        half = elman_torch.load(Path(folder) / "half.safetensors")
    assert any("float16" in str(warning.message) for warning in said)
    return (
        f"{', '.join(str(m.dtype) for m in models.values())}; halves are read as {half.dtype}, and it says so"
    )
