"""Preparing that is interrupted: nothing looks finished, nothing is lost, and the end is the same."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from elman.data import Corpus
from elman.data.shards import check_corpus, index_checksum, open_prepared, prepare_corpus
from elman.data.shards import work as work_module
from elman.data.shards.pool import Pool
from elman.data.writing import PartWriter
from elman.disk.lock import exclusive
from elman.errors import CheckpointError, DataError, ElmanError
from tests.small import CHILD_ENV, sentences

from .conftest import OPTIONS, Stopped, files_in, stopping


@pytest.fixture(scope="module")
def undisturbed(texts, tmp_path_factory):
    """The files of a preparing that was left alone."""
    out = tmp_path_factory.mktemp("undisturbed") / "out"
    prepare_corpus(texts, out, **OPTIONS)
    return files_in(out)


def test_an_interruption_anywhere_loses_no_shard_and_changes_nothing(
    texts, undisturbed, tmp_path, monkeypatch
):
    encoded = []
    real = work_module.WORK["encode"]
    monkeypatch.setitem(
        work_module.WORK, "encode", lambda order: encoded.append(order["stem"]) or real(order)
    )
    report, told = stopping(10**9)
    prepare_corpus(texts, tmp_path / "whole", report=report, **OPTIONS)
    stages = list(dict.fromkeys(what for what, _, _ in told))
    assert stages == ["unpacking", "encoding", "choosing", "finishing"]
    shards, encoded[:] = sorted(encoded), []
    for after in range(len(told)):
        out = tmp_path / str(after)
        with pytest.raises(Stopped):
            prepare_corpus(texts, out, report=stopping(after)[0], **OPTIONS)
        with pytest.raises(CheckpointError, match=r"index.json is missing"):
            open_prepared(out)
        with pytest.raises(CheckpointError, match="missing"):
            Corpus.open(out)
        prepare_corpus(texts, out, workers=1 + after % 2, **OPTIONS) if after == 3 else prepare_corpus(
            texts, out, **OPTIONS
        )
        assert files_in(out) == undisturbed
        if after != 3:  # where other processes encode
            assert sorted(encoded) == shards, after
        encoded[:] = []


def test_what_is_done_is_known_by_its_checksum(texts, undisturbed, tmp_path, monkeypatch):
    out, encoded = tmp_path / "out", []
    report, _ = stopping(7)
    with pytest.raises(Stopped):
        prepare_corpus(texts, out, report=report, **OPTIONS)
    records = sorted((out / ".preparing").glob("*-of-*.json"))
    assert len(records) > 2
    stems = [path.stem for path in records]
    with (out / ".preparing" / f"{stems[0]}.ids").open("r+b") as file:
        file.write(b"xx")  # a flipped byte
    (out / ".preparing" / f"{stems[1]}.tally0").unlink()
    real = work_module.WORK["encode"]
    monkeypatch.setitem(
        work_module.WORK, "encode", lambda order: encoded.append(order["stem"]) or real(order)
    )
    prepare_corpus(texts, out, **OPTIONS)
    assert files_in(out) == undisturbed
    assert set(stems[:2]) <= set(encoded)
    assert not set(stems[2:]) & set(encoded)


def test_files_of_the_right_size_are_not_taken_on_trust(texts, undisturbed, tmp_path):
    for lost in ("train-00001-of-00003.counts", "tokenizer.json"):
        out = tmp_path / lost

        def stop(what, done, of):
            if (what, done) == ("finishing", of):
                raise Stopped

        with pytest.raises(Stopped):
            prepare_corpus(texts, out, report=stop, **OPTIONS)
        path = out / ".preparing" / lost
        path.write_bytes(bytes(path.stat().st_size))
        prepare_corpus(texts, out, **OPTIONS)
        assert files_in(out) == undisturbed


@pytest.mark.parametrize("tokens", ["word", "bpe"])
def test_what_was_unpacked_and_learnt_is_kept(texts, tmp_path, tokens):
    told = []

    def stop(what, done, of):
        told.append(what)
        if what == "encoding":
            raise Stopped

    def begin():
        told.clear()
        with pytest.raises(Stopped):
            prepare_corpus(texts, tmp_path / "out", report=stop, tokens=tokens, shards=1)

    begin()
    assert "unpacking" in told
    begin()
    assert told == ["encoding"]
    (tmp_path / "out" / ".preparing" / "unpacked-00001").write_bytes(b"half")
    begin()
    assert told[0] == "unpacking"
    assert "learning" not in told


@pytest.mark.parametrize("content", [None, "", "{}", '{"plan": {"settings": {}, "files": [3]}}'])
def test_a_finished_text_of_unknown_files_is_not_touched(texts, undisturbed, tmp_path, content):
    out = tmp_path / "out"
    out.mkdir()
    for name, data in undisturbed.items():
        (out / name).write_bytes(data)
    (out / "sources.json").unlink()
    if content is not None:
        (out / "sources.json").write_text(content)
    before = files_in(out)
    assert check_corpus(out) == {}
    with pytest.raises(CheckpointError, match=r"sources.json is missing or damaged .*: give --overwrite"):
        prepare_corpus(texts, out, **OPTIONS)
    assert files_in(out) == before
    prepare_corpus(texts, out, overwrite=True, **OPTIONS)
    assert files_in(out) == undisturbed


@pytest.mark.parametrize("damage", ["missing", "short", "flipped", "longer"])
@pytest.mark.parametrize(
    "name", ["train-00001-of-00003.ids", "test-00000-of-00001.starts", "tokenizer.json", "train.counts"]
)
def test_a_damaged_file_is_named_and_made_anew(texts, undisturbed, tmp_path, name, damage):
    out = tmp_path / "out"
    out.mkdir()
    for known, data in undisturbed.items():
        (out / known).write_bytes(data)
    assert check_corpus(out) == {}
    data = undisturbed[name]
    if damage == "missing":
        (out / name).unlink()
    else:
        flipped = data[:-2] + bytes([data[-2] ^ 1]) + data[-1:]
        (out / name).write_bytes({"short": data[:-3], "flipped": flipped, "longer": data + b"x"}[damage])
    how = "is missing" if damage == "missing" else "has another checksum"
    assert check_corpus(out, workers=1) == {name: how}
    prepare_corpus(texts, out, **OPTIONS)
    assert files_in(out) == undisturbed


def test_a_finished_text_is_checked_and_not_made_again(texts, tmp_path, monkeypatch):
    out = tmp_path / "out"
    prepare_corpus(texts, out, **OPTIONS)
    before = {path.name: path.stat().st_mtime_ns for path in out.iterdir()}
    monkeypatch.setitem(work_module.WORK, "encode", None)
    prepare_corpus(texts, out, **OPTIONS)
    assert {path.name: path.stat().st_mtime_ns for path in out.iterdir() if path.name != ".lock"} == {
        name: changed for name, changed in before.items() if name != ".lock"
    }


def test_a_kill_between_the_last_two_steps_is_swept_up(texts, undisturbed, tmp_path):
    out = tmp_path / "out"
    prepare_corpus(texts, out, **OPTIONS)
    (out / ".preparing").mkdir()
    (out / ".preparing" / "plan.json").write_text("{}")
    prepare_corpus(texts, out, **OPTIONS)
    assert files_in(out) == undisturbed


def test_a_file_that_changes_meanwhile_is_told(tmp_path):
    path, out = tmp_path / "a.txt", tmp_path / "out"
    path.write_text(sentences(30))

    def grow(what, done, of):
        if what == "choosing":
            path.write_text(sentences(40))

    with pytest.raises(DataError, match=r"a.txt changed while it was prepared: run the same command"):
        prepare_corpus(path, out, report=grow, **OPTIONS)
    with pytest.raises(
        CheckpointError, match="has not come to its end: run the same elman data prepare again"
    ):
        open_prepared(out)
    path.write_text(sentences(40))
    prepare_corpus(path, out, **OPTIONS)

    def add(what, done, of):
        (tmp_path / "in" / "b.txt").write_text(sentences(2))

    (tmp_path / "in").mkdir()
    path.rename(tmp_path / "in" / "a.txt")
    with pytest.raises(DataError, match=r"files were added or removed while .* with --overwrite"):
        prepare_corpus(tmp_path / "in", tmp_path / "other", report=add, **OPTIONS)


def test_two_at_once(texts, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    with (
        exclusive(out, "prepared"),
        pytest.raises(CheckpointError, match=rf"out is being prepared by another process \({os.getpid()}\)"),
    ):
        prepare_corpus(texts, out, **OPTIONS)
    prepare_corpus(texts, out, **OPTIONS)


@pytest.mark.parametrize("where", ["add", "finish", "record"])
def test_a_full_disk_is_told_and_then_gone_on_from(texts, undisturbed, tmp_path, monkeypatch, where):
    out, calls = tmp_path / "out", []

    def full_after(count, real):
        def write(*arguments, **named):
            calls.append(1)
            if len(calls) > count:
                raise OSError(28, "No space left on device")
            return real(*arguments, **named)

        return write

    with pytest.MonkeyPatch.context() as patch:
        if where == "add":
            patch.setattr(PartWriter, "add", full_after(2, PartWriter.add))
        elif where == "finish":
            patch.setattr(work_module, "_to_disk", full_after(3, work_module._to_disk))
        else:
            patch.setattr(os, "fsync", full_after(5, os.fsync))
        with pytest.raises(ElmanError, match=r"No space left on device") as raised:
            prepare_corpus(texts, out, **OPTIONS)
        if where != "record":
            assert "cannot write the prepared text to" in str(raised.value)
            assert "run the same command again" in str(raised.value)
        assert not (out / "index.json").exists()
    prepare_corpus(texts, out, **OPTIONS)
    assert files_in(out) == undisturbed


def test_a_worker_that_dies_and_one_that_complains(tmp_path, monkeypatch, capfd):
    order = {"sha256": {str(tmp_path / "none"): "x"}}
    with Pool(2) as pool:
        answers = dict(pool.run("verify", [order] * 5))
        assert answers == {number: {"found": {str(tmp_path / "none"): "is missing"}} for number in range(5)}
        pids = [child.pid for child in pool._children]
        with pytest.raises(DataError, match=r"cannot read x.gz"):
            list(pool.run("unpack", [{"name": "x.gz", "path": "x.gz", "target": str(tmp_path / "x")}] * 3))
        assert pool._children == []
        for pid in pids:
            with pytest.raises(ProcessLookupError):
                os.kill(pid, 0)
        with pytest.raises(OSError, match="No such file") as raised:
            list(pool.run("unpack", [{"name": "x", "path": "x", "target": str(tmp_path / "no" / "x")}] * 2))
        assert raised.value.errno == 2
        list(pool.run("verify", [order] * 2))
        (tmp_path / "long").write_bytes(bytes(5_000_000))
        answers = pool.run("verify", [{"sha256": {str(tmp_path / "long"): "x"}}] * 30)
        next(answers)
        pool.close()  # in the midst, by one who wants no more answers
        answers.close()  # which does not wait for those
        list(pool.run("verify", [order] * 2))
        pool._children[0].send_signal(signal.SIGKILL)
        with pytest.raises(ElmanError, match=r"a worker process ended with status -9; .* fewer --workers"):
            list(pool.run("verify", [order] * 60))
    assert "Traceback" not in capfd.readouterr().err


def alive(pid):
    """Whether a process of this number is there, and has not ended."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


def test_a_kill_of_the_first_process_ends_the_others_and_nothing_is_lost(tmp_path):
    path, out = tmp_path / "a.txt", tmp_path / "out"
    path.write_text(sentences(60_000))
    command = [sys.executable, "-m", "elman", "data", "prepare", str(path), "--out", str(out)]
    command += ["--tokens", "word", "--shards", "12", "--workers", "2"]
    process = subprocess.Popen(command, env=CHILD_ENV, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while len(list(out.glob(".preparing/*-of-*.json"))) < 2 and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    others = children.read_text().split() if children.exists() else []  # on Linux
    assert len(others) == 2 or not children.exists()
    process.kill()
    process.wait()
    while any(alive(pid) for pid in others):
        assert time.monotonic() < deadline
        time.sleep(0.005)
    records = list(out.glob(".preparing/*-of-*.json"))
    assert not (out / "index.json").exists()
    assert len(records) >= 2
    told = []
    corpus = prepare_corpus(path, out, tokens="word", shards=12, report=lambda *step: told.append(step))
    assert ("checking", len(records), len(records)) in told
    assert ("encoding", 14 - len(records), 14 - len(records)) in told
    other = prepare_corpus(path, tmp_path / "other", tokens="word", shards=12)
    assert index_checksum(out) == index_checksum(tmp_path / "other")
    assert corpus.tokenizer == other.tokenizer
