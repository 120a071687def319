"""Archives around PyTorch's files that are cut short, damaged, or say of themselves what is not so."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from elman.errors import DataError
from elman.interop.files.opened import open_tensors

from .made import pickled, pt, put, table
from .test_pt import NUMBERS, SOUND, W, refused


def member(at: int, change: bytes, data: bytes = SOUND) -> bytes:
    return data[:at] + change + data[at + len(change) :]


CENTRAL = SOUND.index(b"PK\x01\x02")
SECOND = SOUND.index(b"PK\x01\x02", CENTRAL + 1)
END = SOUND.index(b"PK\x05\x06")


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"PK\x05\x06" + bytes(18), "no data.pkl"),
        (b"PK\x03\x04" + bytes(99), "cut short, damaged, or not a PyTorch file"),
        (SOUND[:-30], "cut short, damaged"),
        (SOUND[: len(SOUND) // 2], "cut short, damaged"),
        (member(SOUND.index(NUMBERS.tobytes()), b"\x01"), "checksum of 'archive/data/0' is wrong"),
        (member(SECOND + 46, b"archive/data.pkl"[:14]), "has another name"),
        (member(SECOND + 42, (0).to_bytes(4, "little")), "has another name"),
        (member(SECOND + 42, (1).to_bytes(4, "little")), "no member at the place of"),
        (member(SECOND + 42, (10**9).to_bytes(4, "little")), "damaged|cut short"),
        (member(SECOND + 20, (10**9).to_bytes(4, "little") * 2), "ends after the file"),
        (member(SECOND + 24, (10**9).to_bytes(4, "little")), "compressed or encrypted|bytes, and has"),
        (member(CENTRAL + 8, b"\x01"), "compressed or encrypted"),
        (member(END + 16, (10**6).to_bytes(4, "little")), "damaged"),  # a directory beyond its place
        (pt(table(w=W), compression=zipfile.ZIP_DEFLATED), "compressed or encrypted"),
        (pt(table(w=W), {"constants.pkl": b""}), "TorchScript"),
        (pt(table(w=W), {"code/__torch__.py": b""}), "TorchScript"),
        (pt(table(w=W), {"byteorder": b"middle"}), "byteorder is 'middle'"),
        (pt(table(w=W), {"byteorder": b"x" * 99}), "at most 16 are read"),
        (pickled(table(w=W)), "torch wrote before 1.6"),
        (b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.", "torch wrote before 1.6"),
    ],
    ids=range(20),
)  # fmt: skip
def test_an_archive_that_lies(data: bytes, complaint: str, tmp_path: Path) -> None:
    refused(tmp_path, data, complaint, "w")


def test_a_member_within_another(tmp_path: Path) -> None:
    whole_member = SOUND[SOUND.rindex(b"PK\x03\x04") : CENTRAL]  # data/0 with its own header
    data = pt(table(w=W), {"outer": b"before" + whole_member + b"after", "data/0": NUMBERS.tobytes()})
    last = data.rindex(b"PK\x01\x02")
    inner = data.index(b"before") + 6
    refused(tmp_path, member(last + 42, inner.to_bytes(4, "little"), data), "'archive/outer' and .* overlap")


def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", bytes(30 << 20))
    assert len(made.getvalue()) < 64 << 10
    refused(tmp_path, made.getvalue(), "compressed or encrypted")


def test_two_members_of_one_name(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="Duplicate name"):
        data = pt(table(w=W), {"data.pkl": b"x"})
    refused(tmp_path, data, "no data.pkl|two members|cut short")


def test_every_beginning_of_a_file_is_refused(tmp_path: Path) -> None:
    for length in range(len(SOUND)):
        with pytest.raises(DataError):
            open_tensors(put(tmp_path, SOUND[:length])).arrays(["w"])


@pytest.mark.parametrize("second", [False, True])
def test_a_directory_of_many_megabytes_is_not_read(second: bool, tmp_path: Path) -> None:
    size = (17 << 20).to_bytes(8, "little")
    end = b"PK\x05\x06" + bytes(8) + (b"\xff" * 4 if second else size[:4]) + bytes(6)
    data = b"PK\x03\x04" + bytes(100)
    record = b"PK\x06\x06" + bytes(36) + size + bytes(8)
    if second:
        data += record + b"PK\x06\x07" + bytes(4) + len(data).to_bytes(8, "little") + bytes(4)
    complaint = "the directory of its archive has 17,825,792 bytes"
    refused(tmp_path, data + end, complaint)
    refused(tmp_path, data + end[:-2] + b"\x05\x00" + b"hello", complaint)


def test_a_second_end_that_is_elsewhere(tmp_path: Path) -> None:
    large = b"PK\x06\x06" + bytes(36) + (17 << 20).to_bytes(8, "little") + bytes(8)
    small = b"PK\x06\x06" + bytes(36) + bytes(16)
    end = b"PK\x05\x06" + bytes(8) + b"\xff" * 4 + bytes(6)
    for records in (large + small, large + b"x"):
        locator = b"PK\x06\x07" + bytes(4) + (4).to_bytes(8, "little") + bytes(4)
        refused(tmp_path, b"PK\x03\x04" + records + locator + end, "end of its archive is not where it says")
