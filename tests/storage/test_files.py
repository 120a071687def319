"""Files that are old or new and never between; locks; metrics; tensors with a note."""

from __future__ import annotations

import multiprocessing
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elman.errors import CheckpointError
from elman.storage import atomic
from elman.storage.atomic import write_atomic
from elman.storage.lock import exclusive
from elman.storage.metrics import Metrics
from elman.storage.tensors import read_tensors, write_tensors


class TestAtomic:
    @pytest.mark.parametrize("failing", ["fsync", "replace", "write"])
    def test_a_failure_leaves_the_old_file_and_nothing_else(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str
    ) -> None:
        path = tmp_path / "model"
        write_atomic(path, b"old")

        def fail(*arguments: Any, **named: Any) -> Any:
            raise OSError(28, "No space left on device")

        if failing == "fsync":
            monkeypatch.setattr(os, "fsync", fail)
        elif failing == "replace":
            monkeypatch.setattr(Path, "replace", fail)
        else:
            real = Path.open
            monkeypatch.setattr(Path, "open", lambda p, *a: Full(real(p, *a)))
        with pytest.raises(CheckpointError, match=r"cannot save .*model: No space left.*untouched"):
            write_atomic(path, b"new")
        monkeypatch.undo()
        assert path.read_bytes() == b"old"
        assert [found.name for found in tmp_path.iterdir()] == ["model"]

    def test_the_bytes_are_durable_before_the_name(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        order: list[str] = []
        real_sync, real_replace = os.fsync, Path.replace
        monkeypatch.setattr(os, "fsync", lambda handle: order.append("sync") or real_sync(handle))
        monkeypatch.setattr(Path, "replace", lambda a, b: order.append("name") or real_replace(a, b))
        write_atomic(tmp_path / "model", b"new")
        assert order == ["sync", "name", "sync"]
        assert (tmp_path / "model").read_bytes() == b"new"

    def test_a_folder_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(CheckpointError, match="cannot save") as error:
            write_atomic(tmp_path / "none" / "model", b"new")
        assert "untouched" not in str(error.value)  # there was nothing

    def test_systems_that_cannot_open_a_folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delattr(atomic.os, "O_DIRECTORY")
        write_atomic(tmp_path / "model", b"new")
        assert (tmp_path / "model").read_bytes() == b"new"


class Full:
    """A file on a full disk."""

    def __init__(self, file: Any) -> None:
        self.file = file

    def __enter__(self) -> Full:
        return self

    def __exit__(self, *error: object) -> None:
        self.file.close()

    def write(self, data: bytes) -> int:
        self.file.write(data[:1])
        raise OSError(28, "No space left on device")


def _hold(folder: Path, ready: Any, done: Any) -> None:
    with exclusive(folder):
        ready.set()
        done.wait(30)


class TestLock:
    def test_another_process_is_kept_out_until_the_holder_dies(self, tmp_path: Path) -> None:
        spawn = multiprocessing.get_context("spawn")
        ready, done = spawn.Event(), spawn.Event()
        holder = spawn.Process(target=_hold, args=(tmp_path, ready, done))
        holder.start()
        assert ready.wait(30)
        with pytest.raises(CheckpointError, match=f"another process \\({holder.pid}\\)"), exclusive(tmp_path):
            pass
        holder.kill()  # the system lets go of what a killed process held
        holder.join()
        with exclusive(tmp_path):
            assert (tmp_path / ".lock").read_text() == str(os.getpid())

    def test_released_after_an_error(self, tmp_path: Path) -> None:
        with pytest.raises(KeyError), exclusive(tmp_path):
            raise KeyError
        with exclusive(tmp_path), pytest.raises(CheckpointError), exclusive(tmp_path):
            pass

    def test_a_folder_that_cannot_be_written(self, tmp_path: Path) -> None:
        (tmp_path / ".lock").mkdir()
        with pytest.raises(CheckpointError, match="cannot write in"), exclusive(tmp_path):
            pass


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
