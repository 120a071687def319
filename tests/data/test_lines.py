"""Lines of texts: the same whatever the pieces they are read in."""

from __future__ import annotations

import gzip
import io
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elman.data import Text, lines, read_lines
from elman.errors import DataError


def lines_of(text: str) -> list[str]:
    """By hand: what stands before each line end, and what follows the last."""
    parts = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return parts if parts[-1] else parts[:-1]


@given(
    text=st.text(st.sampled_from("ab é月\n\r\x0b\u2028"), min_size=1),
    chunk=st.integers(1, 7),
)
def test_the_same_whatever_the_pieces(text: str, chunk: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines, "_CHUNK", chunk)
        found = list(read_lines(Text(text)))
    assert [line.text for line in found] == lines_of(text)
    assert [line.number for line in found] == list(range(1, len(found) + 1))


def test_files_one_after_the_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "one.txt").write_bytes(b"\xef\xbb\xbfa\nb")
    (tmp_path / "two.txt.gz").write_bytes(gzip.compress(b"\nc\r\n"))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"d")))
    found = [tuple(line) for line in read_lines([tmp_path / "one.txt", tmp_path / "two.txt.gz", "-"])]
    one, two = str(tmp_path / "one.txt"), str(tmp_path / "two.txt.gz")
    assert found == [(one, 1, "a"), (one, 2, "b"), (two, 1, ""), (two, 2, "c"), ("<stdin>", 1, "d")]


def test_what_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "empty.txt").touch()
    (tmp_path / "latin.txt").write_bytes(b"ab\ncaf\xe9")
    for name, says in (("empty.txt", "is empty"), ("latin.txt", "byte 6"), ("none.txt", "there is no file")):
        with pytest.raises(DataError, match=says):
            list(read_lines(tmp_path / name))
