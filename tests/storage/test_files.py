"""Metrics, and tensors with a note."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elman.errors import CheckpointError
from elman.storage.metrics import Metrics
from elman.storage.tensors import read_tensors, write_tensors

LINE = {"step": 1, "tokens": 8, "seconds": 0.5, "train_loss": 2.5, "lr": 0.1}
RECORDS = st.fixed_dictionaries(
    {**{name: st.just(value) for name, value in LINE.items()}, "step": st.integers(0, 99)},
    optional={"sample": st.text(max_size=9), "valid_loss": st.floats(0, 99)},
)


class TestMetrics:
    @given(st.lists(RECORDS, max_size=5))
    def test_round_trip(
        self, tmp_path_factory: pytest.TempPathFactory, records: list[dict[str, Any]]
    ) -> None:
        metrics = Metrics(tmp_path_factory.mktemp("m") / "metrics.jsonl")
        metrics.path.touch()
        for record in records:
            metrics.append(record)
        assert metrics.read() == records
        metrics.rewind(100)
        assert metrics.read() == records

    def test_rewind_drops_what_came_after(self, tmp_path: Path) -> None:
        metrics = Metrics(tmp_path / "metrics.jsonl")
        metrics.rewind(5)  # nothing there yet
        assert not metrics.path.exists()
        for step in (1, 5, 5, 6, 9):
            metrics.append({**LINE, "step": step})
        with metrics.path.open("a") as file:
            file.write('{"step": 2')  # cut short by a kill
        metrics.rewind(5)
        assert [record["step"] for record in metrics.read()] == [1, 5, 5]
        metrics.append({**LINE, "step": 6})
        assert [record["step"] for record in metrics.read()] == [1, 5, 5, 6]

    def test_line_ends_of_unicode_are_no_line_ends(self, tmp_path: Path) -> None:
        metrics = Metrics(tmp_path / "metrics.jsonl")
        metrics.append({**LINE, "sample": "a\u2028b\x85c\x0bd\r\n"})
        assert metrics.read() == [{**LINE, "sample": "a\u2028b\x85c\x0bd\r\n"}]

    def test_files_that_cannot_be_used(self, tmp_path: Path) -> None:
        with pytest.raises(CheckpointError, match="missing"):
            Metrics(tmp_path / "none.jsonl").read()
        with pytest.raises(CheckpointError, match="cannot write"):
            Metrics(tmp_path).append({"step": 1})
        (tmp_path / "latin.jsonl").write_bytes(b'{"step": 1, "sample": "\xe9"}\n')
        with pytest.raises(CheckpointError, match="cannot read"):
            Metrics(tmp_path / "latin.jsonl").read()


class TestTensors:
    def test_every_layout_and_shape_comes_back(self, tmp_path: Path) -> None:
        base = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
        arrays = {
            "plain": base,
            "transposed": base.T,
            "sliced": base[:, ::2],
            "reversed": base[::-1],
            "fortran": np.asfortranarray(base),
            "double": base.astype(np.float64),
            "scalar": np.array(7, np.int64),
            "empty": np.zeros((0, 3), np.float32),
            "not finite": np.array([np.nan, np.inf, -0.0], np.float32),
        }
        write_tensors(tmp_path / "x.safetensors", arrays, {"step": 3, "name": "月"})
        found, note = read_tensors(tmp_path / "x.safetensors")
        assert note == {"format": 1, "step": 3, "name": "月"}
        assert found.keys() == arrays.keys()
        for name, array in arrays.items():
            assert found[name].dtype == array.dtype, name
            assert found[name].shape == array.shape, name
            np.testing.assert_array_equal(found[name], array, err_msg=name)
