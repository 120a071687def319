"""Texts, settings and folders that preparing refuses, with what it says and leaves."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest

from elman.data import encode_corpus
from elman.data.shards import check_corpus, prepare_corpus
from elman.errors import CheckpointError, ConfigError, DataError
from tests.small import sentences

from .conftest import OPTIONS, Stopped, files_in, stopping


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"tokens": "char"}, "with tokens word in place of char"),
        ({"max_vocab": 9}, "with max_vocab None in place of 9"),
        ({"shards": 2}, "with shards 3 in place of 2"),
        ({"documents": "none"}, "with documents blank in place of none"),
        ({"split": (0.8, 0.1, 0.1)}, "with split"),
    ],
)
@pytest.mark.parametrize("finished", [True, False])
def test_other_settings_are_refused_and_replace_if_asked(texts, tmp_path, change, says, finished):
    out = tmp_path / "out"
    if finished:
        prepare_corpus(texts, out, **OPTIONS)
    else:
        with pytest.raises(Stopped):
            prepare_corpus(texts, out, report=stopping(6)[0], **OPTIONS)
    before = files_in(out)
    with pytest.raises(ConfigError) as raised:
        prepare_corpus(texts, out, **{**OPTIONS, **change})
    assert says in str(raised.value)
    assert ("the beginning of a text" in str(raised.value)) != finished
    assert "--overwrite" in str(raised.value)
    assert files_in(out) == before
    replaced = prepare_corpus(texts, out, overwrite=True, **{**OPTIONS, **change})
    assert check_corpus(out) == {}
    fresh = prepare_corpus(texts, tmp_path / "fresh", **{**OPTIONS, **change})
    assert files_in(out) == files_in(tmp_path / "fresh")
    assert replaced.tokenizer == fresh.tokenizer


def test_other_files_and_changed_ones(tmp_path):
    path, out = tmp_path / "a.txt", tmp_path / "out"
    path.write_text(sentences(30))
    with pytest.raises(Stopped):
        prepare_corpus(path, out, report=stopping(4)[0], **OPTIONS)
    other = tmp_path / "b.txt"
    other.write_text(sentences(30))
    with pytest.raises(ConfigError, match=r"the beginning of a text that was prepared of other files"):
        prepare_corpus([path, other], out, **OPTIONS)
    path.write_text(sentences(31, seed=2))
    told = []
    prepare_corpus(path, out, report=lambda *step: told.append(step), **OPTIONS)
    assert told[0] == (f"{path} has changed since it was begun, so beginning anew", 0, 0)
    prepare_corpus(path, tmp_path / "fresh", **OPTIONS)
    assert files_in(out) == files_in(tmp_path / "fresh")
    path.write_text(path.read_text().swapcase())  # of the same size
    with pytest.raises(
        ConfigError, match=r"a text that was prepared before .*a.txt changed: give --overwrite"
    ):
        prepare_corpus(path, out, **OPTIONS)


def test_a_text_that_cannot_be_prepared_leaves_nothing_in_the_way(tmp_path):
    out = tmp_path / "new" / "out"
    for number in range(3):
        (tmp_path / f"{number}.txt").write_text(sentences(20))
    paths = [tmp_path / f"{number}.txt" for number in range(3)]
    paths[1].write_bytes(sentences(20).encode()[:300] + b"\xff" + sentences(20).encode())
    with pytest.raises(DataError, match=r"1.txt is not UTF-8 at byte 300"):
        prepare_corpus(paths, out, **OPTIONS)
    paths[1].write_text("")
    with pytest.raises(DataError, match=r"1.txt is empty: give a text to read"):
        prepare_corpus(paths, out, **OPTIONS)
    paths[1].unlink()
    with pytest.raises(DataError, match=r"there is no file .*1.txt: give a text file or a folder"):
        prepare_corpus(paths, out, **OPTIONS)
    paths[1].write_text(sentences(9))
    prepare_corpus(paths, out, **OPTIONS)


def test_what_is_wrong_before_anything_is_done_leaves_no_folder(tmp_path):
    path, out = tmp_path / "a.txt", tmp_path / "out"
    path.write_text("ab cd\nef\n")
    message = r"64 shards are too many for the train text of 9 bytes: cut behind spaces and line ends, it "
    with pytest.raises(ConfigError, match=message + "makes about 3"):
        prepare_corpus(path, out, tokens="word", split=(1, 0, 0), shards=64)
    with pytest.raises(
        ConfigError, match=r"cut between two characters, it makes about 9; give fewer --shards"
    ):
        prepare_corpus(path, out, split=(1, 0, 0), shards=64)
    with pytest.raises(ConfigError, match=r"cut behind line ends, it makes about 2"):
        prepare_corpus(path, out, split=(1, 0, 0), documents="line", shards=3)
    for options in ({"shards": 0}, {"workers": 0}, {"tokens": "none"}, {"split": (0, 0.5, 0.5)}):
        with pytest.raises(ConfigError):
            prepare_corpus(path, out, **options)
    empty = tmp_path / "empty.txt.gz"
    empty.write_bytes(gzip.compress(b""))
    with pytest.raises(DataError, match=r"empty.txt.gz is empty"):
        prepare_corpus([path, empty], out)
    empty.write_bytes(gzip.compress(b"some text")[:-5])
    with pytest.raises(DataError, match=r"cannot read .*empty.txt.gz"):
        prepare_corpus([path, empty], out)
    assert not out.exists()
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "a.txt.gz").write_bytes(gzip.compress(b""))
    with pytest.raises(DataError, match=r"a.txt.gz is empty"):
        prepare_corpus({"train": path, "valid": tmp_path / "empty"}, out)
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    with pytest.raises(DataError, match=r"fifo is no file on disk, and can be read only once"):
        prepare_corpus(fifo, out)
    assert not out.exists()


@pytest.mark.parametrize("first", [0, 6])  # at once; or once it has been listed, when it is encoded
def test_files_that_cannot_be_read(tmp_path, first):
    paths, out = [tmp_path / f"{number}.txt" for number in range(3)], tmp_path / "out"
    for path in paths:
        path.write_text(sentences(20))
    real, opened = Path.open, []

    def refuse(path, *arguments, **named):
        if path == paths[1] and len(opened) >= first:
            raise PermissionError(13, "Permission denied", str(path))
        opened.append(path)
        return real(path, *arguments, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "open", refuse)
        with pytest.raises(DataError, match=r"cannot read .*1.txt: Permission denied"):
            prepare_corpus(paths, out, **OPTIONS)
    assert not (out / "index.json").exists()
    prepare_corpus(paths, out, **OPTIONS)


def test_folders_of_others(texts, tmp_path):
    with pytest.raises(ConfigError, match=r"a.txt is a file; --out names a folder to make"):
        prepare_corpus(texts, texts / "a.txt", **OPTIONS)
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(ConfigError, match=r"holds files that are not a prepared text's \(mine.txt, ...\)"):
        prepare_corpus(texts, tmp_path, overwrite=True, **OPTIONS)
    assert files_in(tmp_path) == {"mine.txt": b"mine"}
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "tokenizer.json").write_text("mine")  # it has a name that we use
    with pytest.raises(ConfigError, match=r"folder holds tokenizer.json, but neither a prepared text nor"):
        prepare_corpus(texts, folder, **OPTIONS)
    assert files_in(folder) == {"tokenizer.json": b"mine"}
    prepare_corpus(texts, folder, overwrite=True, **OPTIONS)
    with pytest.raises(ConfigError, match=r"folder holds a prepared text: give another folder"):
        encode_corpus(texts, folder)
    with pytest.raises(CheckpointError, match=r"cannot make .*: Not a directory"):
        prepare_corpus(texts, texts / "a.txt" / "out", **OPTIONS)
