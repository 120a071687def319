"""Single layers of elman."""

from __future__ import annotations

from typing import Any

import numpy as np

import elman
from elman.network.cells import get_cell
from elman.network.layers import new_layer
from elman.network.rows import Rows
from elman.network.workspace import Workspace
from tests.interop.conventions.facts import B, D, H, P, T
from tests.interop.conventions.formulas import Array

PADDED = np.arange(T)[:, None] < np.array([T, 2])  # (T, B)
GAPS = np.array([[1, 0, 1, 1, 0, 1], [1, 1, 0, 1, 1, 0]], bool).T
EMPTY = np.arange(T)[:, None] < np.array([T, 0])


def elman_facts(seed: int) -> tuple[dict[str, Array], dict[str, Any]]:
    """Return the arrays and sayings of elman."""
    rng = np.random.default_rng(seed)
    arrays: dict[str, Array] = {}

    def case(name: str, cell: str, *, live: Any = None, **options: Any) -> None:
        layer = new_layer("layers.0", get_cell(cell), D, H, np.dtype("f8"), **options)
        params = {key: rng.normal(size=shape) for key, shape in layer.shapes().items()}
        x, zeros = rng.normal(size=(T, B, D)), layer.initial_state(B)
        state = type(zeros)(*(rng.normal(size=array.shape) for array in zeros))
        rows = None if live is None else Rows(None, live, np.dtype("f8"))
        tape = layer.forward(params, x, state, Workspace(), rows)
        left = tape.leaving(T)
        found = {"x": x, "out": tape.h.copy()} | {f"{key}0": a for key, a in state._asdict().items()}
        found |= {key: np.array(array) for key, array in left._asdict().items()}
        found |= {key.removeprefix("layers.0."): array for key, array in params.items()}
        arrays.update({f"{name}/{key}": array for key, array in found.items()})

    case("rnn", "rnn")
    case("lstm", "lstm")
    case("gru", "gru")
    case("gru_before", "gru-before")
    case("lstm_peephole", "lstm-peephole")
    case("lstm_coupled", "lstm-coupled")
    case("lstm_clip", "lstm[sigmoid,tanh,tanh;clip=0.6]")
    case("lstm_projected", "lstm", projection=P)
    case("lstm_reverse", "lstm", direction="reverse")
    case("lstm_both", "lstm", direction="bidirectional")
    case("lstm_padded", "lstm", direction="bidirectional", live=PADDED)
    case("lstm_gaps", "lstm", live=GAPS)
    case("lstm_empty", "lstm", live=EMPTY)
    case("rnn_hard", "rnn[hard-sigmoid]")
    case("rnn_hard_other", "rnn[hard-sigmoid:0.3:0.5]")
    model = elman.LanguageModel(vocab_size=3, cell="lstm", embedding=D, hidden=H, layers=1)
    arrays["initial/b"] = model.params["layers.0.b"]
    arrays |= {f"zero_state/{name}": array for name, array in model.initial_state(B)[0]._asdict().items()}
    return arrays, {}
