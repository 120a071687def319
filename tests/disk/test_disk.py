"""Files that are old or new and never between, and locks."""

from __future__ import annotations

import multiprocessing
import os
from pathlib import Path
from typing import Any

import pytest

from elman.disk import atomic
from elman.disk.atomic import write_atomic
from elman.disk.lock import exclusive
from elman.errors import CheckpointError


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

    def test_the_message_says_what_is_done(self, tmp_path: Path) -> None:
        with exclusive(tmp_path), pytest.raises(CheckpointError, match="is being prepared by another"):
            exclusive(tmp_path, "prepared").__enter__()

    def test_released_after_an_error(self, tmp_path: Path) -> None:
        with pytest.raises(KeyError), exclusive(tmp_path):
            raise KeyError
        with exclusive(tmp_path), pytest.raises(CheckpointError), exclusive(tmp_path):
            pass

    def test_a_folder_that_cannot_be_written(self, tmp_path: Path) -> None:
        (tmp_path / ".lock").mkdir()
        with pytest.raises(CheckpointError, match="cannot write in"), exclusive(tmp_path):
            pass
