"""Files, folders, gzip, standard input and strings."""

import errno
import gzip
import io
import os
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elman.data import Text, check_sources, default_text, open_sources
from elman.data.sources import Source
from elman.errors import DataError


def read(given, chunk=7):
    with open_sources(given) as sources:
        return "".join(text for s in sources for text, _ in s.read_text(0, s.size, chunk))


def names(given):
    with open_sources(given) as sources:
        return [Path(source.name).name for source in sources]


def source_of(data):
    return Source("some.txt", io.BytesIO(data))


@given(st.text(st.characters(codec="utf-8")), st.integers(1, 9))
def test_text_is_read_alike_in_any_chunks(text, chunk):
    data = text.encode()
    source = source_of(data)
    pairs = list(source.read_text(0, len(data), chunk))
    expected = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    assert "".join(piece for piece, _ in pairs) == expected
    assert [size for _, size in pairs] == [len(piece.encode()) for piece, _ in pairs]
    assert all(len(block) <= chunk for block in source.read(0, len(data), chunk))
    assert b"".join(source.read(0, len(data), chunk)) == data


@pytest.mark.parametrize("chunk", [1, 2, 3, 100])
def test_what_is_changed_in_a_text_is_counted(chunk):
    data = "\ufeffa\r\nb\rc\n".encode()
    source = source_of(data)
    assert "".join(text for text, _ in source.read_text(0, len(data), chunk)) == "a\nb\nc\n"
    assert (source.dropped_mark, source.changed_ends) == (3, 2)
    later = source_of(b"x" + "\ufeffy".encode())
    assert "".join(text for text, _ in later.read_text(0, 5, chunk)) == "x\ufeffy"
    assert later.dropped_mark == 0


@pytest.mark.parametrize("chunk", [1, 2, 5, 4096])
@pytest.mark.parametrize(
    ("data", "offset"),
    [
        (b"abc\xffdef", 3),
        (b"\xe6\x98\x8e\xe6\x98", 3),  # a character that the end of the file cuts
        (b"\xef\xbb\xbfab\xc0\xaf", 5),
        (b"a\r\nb\r\nc\x80", 7),
        (b"x" * 50 + b"\xed\xa0\x80", 50),  # a surrogate, which no UTF-8 has
    ],
)
def test_the_first_offset_that_is_not_utf8_is_told(data, offset, chunk):
    with pytest.raises(DataError, match=rf"some.txt is not UTF-8 at byte {offset}: .*--tokens byte"):
        list(source_of(data).read_text(0, len(data), chunk))


def test_utf16_is_recognised():
    with pytest.raises(DataError, match=r"UTF-16"):
        list(source_of("hello".encode("utf-16")).read_text(0, 12, 100))


def test_a_file_that_shrinks_while_it_is_read_is_told():
    with pytest.raises(DataError, match=r"became shorter"):
        list(source_of(b"abc").read(0, 10, 2))


def test_several_files_keep_their_order(tmp_path):
    for name in "ba":
        (tmp_path / name).write_text(name * 3)
    assert read([tmp_path / "b", str(tmp_path / "a")]) == "bbbaaa"


def test_a_folder_gives_its_texts_in_order_at_any_depth(tmp_path):
    kept = ["a.txt", "b/c.text", "b/d.MD", "z.txt.gz"]
    for name in [*kept, ".hidden.txt", ".git/x.txt", "image.png", "table.csv", "b/y.gz"]:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(gzip.compress(b"zip") if name.endswith(".gz") else name.encode())
    (tmp_path / "empty.txt").touch()
    (tmp_path / "loop").symlink_to(tmp_path, target_is_directory=True)
    assert names(tmp_path) == ["a.txt", "c.text", "d.MD", "z.txt.gz"]
    assert read(tmp_path) == "a.txtb/c.textb/d.MDzip"


def test_gzip_has_the_size_of_its_text(tmp_path):
    path = tmp_path / "any.name.gz"
    path.write_bytes(gzip.compress(b"first ") + gzip.compress("zweité".encode()))
    with open_sources(path, tmp_path) as [source]:
        assert source.size == 13
    assert read(path) == "first zweité"
    assert [p.name for p in tmp_path.iterdir()] == ["any.name.gz"]  # no temporary file is left


@pytest.mark.parametrize("damage", ["truncated", "not gzip", "bits"])
def test_a_damaged_gzip_is_told(tmp_path, damage):
    data = gzip.compress(os.urandom(3000))
    path = tmp_path / "t.gz"
    path.write_bytes(
        {"truncated": data[:1000], "not gzip": b"plain text", "bits": data[:500] + bytes(500) + data[1000:]}[
            damage
        ]
    )
    with pytest.raises(DataError, match=r"cannot read .*t.gz"):
        read(path)


def give_standard_input(monkeypatch, data):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))


def test_standard_input(monkeypatch):
    give_standard_input(monkeypatch, "übrig".encode())
    assert read("-") == "übrig"


def test_standard_input_can_stand_among_files_once(monkeypatch, tmp_path):
    (tmp_path / "a").write_text("A")
    give_standard_input(monkeypatch, b"B")
    assert read(["-", tmp_path / "a"]) == "BA"
    with pytest.raises(DataError, match=r"only once"):
        read(["-", "-"])


def test_a_pipe_is_read_though_it_has_no_size(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(b"through a pipe",))
    writer.start()
    assert read(path) == "through a pipe"
    writer.join()


def test_strings(monkeypatch):
    assert read(Text("a明")) == "a明"
    assert names([Text("x"), Text("y", name="poem")]) == ["<text>", "poem"]
    with pytest.raises(DataError, match=r"<text> is not UTF-8 at byte 1"):
        read(Text("a\ud800"))


def test_the_default_text():
    text = default_text()
    assert text == default_text()
    assert len(text) > 300_000
    assert "\n\n" in text
    text.encode()


def test_nothing_given():
    with pytest.raises(DataError, match=r"no text was given"):
        read([])


@pytest.mark.parametrize("name", ["none.txt", "no/such/folder.txt"])
def test_a_missing_path_is_told(tmp_path, name):
    with pytest.raises(DataError, match=rf"there is no file .*{name}"):
        read(tmp_path / name)


def test_an_empty_file_is_told(tmp_path, monkeypatch):
    (tmp_path / "e.txt").touch()
    (tmp_path / "e.gz").write_bytes(gzip.compress(b""))
    (tmp_path / "full").write_text("text")
    give_standard_input(monkeypatch, b"")
    for given_, name in [
        (tmp_path / "e.txt", "e.txt"),
        ([tmp_path / "full", tmp_path / "e.txt"], "e.txt"),
        (tmp_path / "e.gz", "e.gz"),
        (Text(""), "<text>"),
        ("-", "<stdin>"),
    ]:
        with pytest.raises(DataError, match=rf"{name} is empty"):
            read(given_)


def test_a_folder_without_text_is_told(tmp_path):
    (tmp_path / "a.png").write_bytes(b"x")
    with pytest.raises(DataError, match=r"folder with no text: put in files that end in .txt"):
        read(tmp_path)
    (tmp_path / "a.txt").touch()
    with pytest.raises(DataError, match=r"folder with only empty texts"):
        read(tmp_path)


def test_a_path_that_cannot_be_opened_is_told(tmp_path, monkeypatch):
    (tmp_path / "loop.txt").symlink_to("loop.txt")
    with pytest.raises(DataError, match=r"cannot read .*loop.txt"):
        read(tmp_path / "loop.txt")
    with pytest.raises(DataError, match=r"cannot read .*null"):
        read("\0")

    def refuse(self, *args):
        raise PermissionError(errno.EACCES, "Permission denied", str(self))

    (tmp_path / "secret.txt").write_text("x")
    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(DataError, match=r"cannot read .*secret.txt: Permission denied"):
        read(tmp_path / "secret.txt")


def test_a_file_that_cannot_be_read_is_told():
    class Broken(io.BytesIO):
        def read(self, *args):
            raise OSError(errno.EIO, "Input/output error")

    with pytest.raises(DataError, match=r"cannot read disk.txt: Input/output error"):
        list(Source("disk.txt", Broken(b"abc")).read(0, 3, 3))


def test_a_folder_that_cannot_be_listed_is_told(tmp_path, monkeypatch):
    def refuse(folder, onerror, **_):
        onerror(PermissionError(errno.EACCES, "Permission denied", str(folder)))
        return iter(())

    monkeypatch.setattr(os, "walk", refuse)
    with pytest.raises(DataError, match=r"cannot read the folder .*Permission denied"):
        read(tmp_path)


def test_looking_for_sources_reads_none_of_them(tmp_path, monkeypatch):
    (tmp_path / "a.txt").write_text("a")
    (tmp_path / "folder").mkdir()
    pipe = tmp_path / "pipe"
    if hasattr(os, "mkfifo"):
        os.mkfifo(pipe)  # to open it would wait for a writer
    else:
        pipe.write_text("a")
    monkeypatch.setattr(sys, "stdin", None)
    check_sources([str(tmp_path / "a.txt"), tmp_path / "folder", pipe, "-", Text("a")])
    check_sources(tmp_path / "a.txt")


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (
            "nowhere.txt",
            r"there is no file nowhere\.txt: give a text file, a folder, or - for standard input$",
        ),
        (["-", "-"], "standard input was given twice"),
        ([], "no text was given"),
        ("a\0b", "cannot read"),
        ("to be or not", r"there is no file to be or not: .*elman\.Text\(\.\.\.\)"),
        ("x" * 5000, r"there is no file 'x{40}'\.\.\.: .*elman\.Text\(\.\.\.\)"),
    ],
)
def test_sources_that_are_plainly_not_there(given, says):
    with pytest.raises(DataError, match=says):
        check_sources(given)
    with pytest.raises(DataError, match=says), open_sources(given):
        pass
