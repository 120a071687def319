"""Models of ours, written as ``.keras``: Keras loads them, and gives the same logits."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import elman
from elman.interop import keras as ours
from elman.interop.keras.activations import kinds
from tests.interop.keras.live.models import BOUNDED
from tests.interop.keras.live.test_live import _precision

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Keras's, of NumPy's newer rules

CELLS = st.sampled_from(["rnn", "rnn-relu", "lstm", "gru", "gru-before", "mgu", "lstm-coupled"])


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    cell=CELLS
    | st.sampled_from([name for name, kind in kinds().items() if kind.recurrent in ("", *BOUNDED)]),
    ways=st.lists(st.sampled_from(["forward", "reverse", "bidirectional"]), max_size=2),
    last=st.sampled_from(["forward", "bidirectional"]),
    dtype=st.sampled_from(["float32", "float64"]),
    dropout=st.sampled_from([0.0, 0.3]),
    variational=st.booleans(),
    tied=st.booleans(),
    seed=st.integers(0, 99),
)
def test_logits(
    cell: str, ways: list[str], last: str, dtype: str, dropout: float, variational: bool, tied: bool,
    seed: int, tmp_path: Path,
) -> None:  # fmt: skip
    width = 3 * (1 + (last == "bidirectional"))
    model = elman.LanguageModel(
        vocab_size=5, cell=cell, embedding=width, hidden=3, layers=len(ways) + 1, dropout=dropout, tied=tied,
        dtype=dtype, direction=",".join([*ways, last]), variational=variational, dropout_input=dropout / 3,
    )  # fmt: skip
    rng = np.random.default_rng(seed)
    for array in model.params.values():
        array[...] = rng.normal(0, 0.4, array.shape)
    ours.write(model, tmp_path / "model.keras", overwrite=True)
    _precision(dtype)
    theirs = keras.saving.load_model(tmp_path / "model.keras")
    x = rng.integers(0, 5, (4, 2))
    logits, _ = model.logits(x, model.initial_state(2))
    found = keras.ops.convert_to_numpy(theirs(x.T)).transpose(1, 0, 2)
    _precision("float32")
    # Keras multiplies in float32 even where all else is float64, and rounds as large as its numbers are.
    np.testing.assert_allclose(found, logits, rtol=0, atol=2e-6 * max(1.0, np.abs(logits).max()))
    dropping = [layer for layer in theirs.layers if hasattr(layer, "rate")]
    rates = [dropout / 3, *[dropout] * len(model.stack.layers)] * bool(dropout)
    assert [layer.rate for layer in dropping] == rates
    assert {type(layer).__name__ for layer in dropping} <= {"SpatialDropout1D" if variational else "Dropout"}
    again = ours.load(tmp_path / "model.keras").settings
    drawn = ("dropout", "dropout_input", "dropout_between")
    assert [again[name] for name in drawn] == [model.settings[name] for name in drawn]
