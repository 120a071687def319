"""What the table of rows of different lengths must say, and those of ONNX's versions and its runtime."""

from __future__ import annotations

import numpy as np

from tests.interop.conventions.facts import Facts
from tests.interop.conventions.formulas import Array, Sample, fits, lstm, the_one
from tests.interop.conventions.gate_rows import ALL, LSTM_ORDER
from tests.interop.conventions.onnx_facts import GATES, OPSETS
from tests.interop.conventions.page import claim
from tests.interop.conventions.sequence_rows import halves
from tests.interop.conventions.weight_rows import shaped

N = 2  # steps of the second row of the padded cases


def short(s: Sample, steps: int = N) -> Sample:
    """Return the second row alone, cut to its length."""
    assert s.c0 is not None
    return s._replace(x=s.x[:steps, 1:], out=s.out[:steps, 1:], h0=s.h0[1:], c0=s.c0[1:], h=s.h[1:])


@claim("given as", "torch")
def _(facts: Facts) -> str:
    assert facts.said["lengths"] == ["input", "lengths", "batch_first", "enforce_sorted"]
    return "`PackedSequence`, of lengths `(B)`"


@claim("given as", "keras")
def _(facts: Facts) -> str:
    return f"`mask` {shaped(facts.case('lstm_padded')['mask'], 'B', 'T')}, True where a step counts"


@claim("given as", "onnx")
def _(facts: Facts) -> str:
    return f"`sequence_lens` {shaped(facts.case('lstm_padded')['sequence_lens'], 'B')}"


@claim("given as", "elman")
def _(facts: Facts) -> str:
    import elman

    model = elman.LanguageModel(vocab_size=4, embedding=3, hidden=3, layers=1)
    x, state = np.zeros((6, 2), int), model.initial_state(2)
    one = model.logits(x, state, lengths=np.array([6, N]))
    other = model.logits(x, state, lengths=np.arange(6)[:, None] < np.array([6, N]))
    assert (one[0] == other[0]).all()
    return "`lengths` `(B)`, or a mask `(T, B)`, True where a step counts"


@claim("outputs at steps that do not count", "torch", "onnx", "elman")
def _(facts: Facts) -> str:
    return after(facts, "lstm_padded")


@claim("outputs at steps that do not count", "keras")
def _(facts: Facts) -> str:
    return f"{after(facts, 'lstm_padded')}; in `Bidirectional` {after(facts, 'lstm_both_padded')}"


def after(facts: Facts, case: str) -> str:
    """Return what stands behind the end of a short row."""
    out = facts.sample(case).out
    held = np.broadcast_to(out[N - 1, 1], out[N:, 1].shape)
    counted = lstm(facts.sample(case), LSTM_ORDER[facts.column])[N:, 1]
    ways = {"zeros": np.zeros_like(held), "the last output again": held, "as if they counted": counted}
    return the_one(out[N:, 1], ways)


@claim("state that is left", *ALL)
def _(facts: Facts) -> str:
    s = facts.sample("lstm_padded")
    row, order = short(s), LSTM_ORDER[facts.column]
    ways = {
        "that of the row's own last step": lstm(row, order)[-1],
        "that of the window's last step": lstm(s, order)[-1, 1:],
    }
    return the_one(row.h, ways)


@claim("way back begins", *ALL)
def _(facts: Facts) -> str:
    case = {"keras": "lstm_both_padded"}.get(facts.column, "lstm_padded")
    _, back = halves(facts, case)
    row, order = short(back), LSTM_ORDER[facts.column]
    ways = {
        "at the row's own last step": lstm(row, order, back=True),
        "at the window's last step": lstm(back, order, back=True)[:N, 1:],
    }
    return the_one(row.out, ways)


@claim("gaps within a row", "torch")
def _(facts: Facts) -> str:
    assert "mask" not in facts.said["lengths"]
    return "not possible"


@claim("gaps within a row", "onnx")
def _(facts: Facts) -> str:
    assert "has shape `[batch_size]`" in facts.said["lengths"]
    return "not possible"


@claim("gaps within a row", "keras", "elman")
def _(facts: Facts) -> str:
    s, order = facts.sample("lstm_gaps"), LSTM_ORDER[facts.column]
    live = np.array([[1, 0, 1, 1, 0, 1], [1, 1, 0, 1, 1, 0]], bool)
    assert s.c0 is not None
    for b, counts in enumerate(live):
        alone = s._replace(x=s.x[counts][:, [b]], h0=s.h0[[b]], c0=s.c0[[b]])
        ways = {"skipped": lstm(alone, order)[:, 0], "counted": lstm(s, order)[counts, b]}
        assert the_one(s.out[counts, b], ways) == "skipped"
    return "steps are skipped"


@claim("a row of no steps", "torch")
def _(facts: Facts) -> str:
    assert facts.said["empty_row"] is False
    return "refused"


@claim("a row of no steps", "keras", "onnx", "elman")
def _(facts: Facts) -> str:
    s = facts.sample("lstm_empty")
    assert s.c0 is not None
    assert s.c is not None
    left: dict[str, tuple[Array, Array]] = {
        "keeps the state it was given": (s.h0[1], s.c0[1]),
        "a state of zeros, whatever was given": (np.zeros_like(s.h0[1]), np.zeros_like(s.c0[1])),
    }
    found = the_one(s.h[1], {name: h for name, (h, _) in left.items()})
    assert the_one(s.c[1], {name: c for name, (_, c) in left.items()}) == found
    assert not s.out[:, 1].any()
    assert fits(s.out[:, 0], lstm(s, LSTM_ORDER[facts.column])[:, 0])
    return f"in ONNX Runtime {found}" if facts.column == "onnx" else found


def _news(version: int) -> None:
    @claim(f"opset {version}", "onnx")
    def _(facts: Facts) -> str:
        """Say what the version before had not, and what it had."""
        before = OPSETS[OPSETS.index(version) - 1]
        news: dict[str, list[str]] = {}
        for operator in GATES:
            old, new = (set(facts.said["attributes"][operator][v]) for v in (before, version))
            for name, sign in ((n, "new") for n in new - old):
                news.setdefault(f"{sign} `{name}`", []).append(operator)
            for name in old - new:
                news.setdefault(f"`{name}` is gone", []).append(operator)
        for kind in set(facts.said["types"][version]) - set(facts.said["types"][before]):
            news.setdefault(f"new type {kind}", []).extend(GATES)
        return "; ".join(f"{', '.join(of)}: {what}" for what, of in sorted(news.items()))


for _version in OPSETS[1:]:
    _news(_version)


@claim("`layout=1` in ONNX Runtime", "onnx")
def _(facts: Facts) -> str:
    assert "layout == 1) are not supported" in facts.said["layout_refused"]
    return "refused"
