"""Safetensors files, sound and otherwise: the error is one of ours, soon, and without much memory."""

from __future__ import annotations

import os
import time
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save

from elman.errors import DataError
from elman.interop.files.listing import BITS
from elman.interop.files.opened import open_tensors
from elman.interop.files.safetensors import _TYPES, LONGEST_HEADER, SafetensorsFile

from .made import entry, put, safetensors

SOUND = save({"a": np.arange(6, dtype="f4").reshape(2, 3), "b": np.ones(2, "f8")}, {"note": "x"})


def test_names_shapes_types_and_metadata_without_the_numbers(tmp_path: Path) -> None:
    listing = SafetensorsFile(put(tmp_path, SOUND)).listing
    assert {n: (t.dtype, t.shape, t.nbytes) for n, t in listing.tensors.items()} == {
        "b": ("float64", (2,), 16),
        "a": ("float32", (2, 3), 24),
    }
    assert listing.metadata == {"note": "x"}


def test_every_type_of_the_format_is_listed(tmp_path: Path) -> None:
    header, end = {}, 0
    for kind in sorted(_TYPES, key=lambda kind: -BITS[_TYPES[kind]]):
        size = 4 * BITS[_TYPES[kind]] // 8
        header[kind], end = entry(kind, [2, 2], end, end + size), end + size
    tensors = SafetensorsFile(put(tmp_path, safetensors(header, bytes(end)))).listing.tensors
    assert {name: tensor.dtype for name, tensor in tensors.items()} == _TYPES
    assert sum(tensor.nbytes for tensor in tensors.values()) == end


@pytest.mark.parametrize("kind", [kind for kind in _TYPES if kind not in ("F16", "BF16", "F32", "F64")])
def test_only_floating_point_numbers_are_weights(kind: str, tmp_path: Path) -> None:
    size = 4 * BITS[_TYPES[kind]] // 8
    file = SafetensorsFile(put(tmp_path, safetensors({"w": entry(kind, [4], 0, size)}, bytes(size))))
    with pytest.raises(DataError, match=rf"w of .* is of type {_TYPES[kind]}: weights are float16"):
        file.arrays(["w"])


def test_halves(tmp_path: Path) -> None:
    numbers = np.array([1.5, -3.0, 6e-8], "f2")
    upper = (np.array([1.5, -3.0, 1e30], "f4").view("u4") >> 16).astype("u2")
    header = {"f": entry("F16", [3], 0, 6), "b": entry("BF16", [3, 1], 6, 12)}
    data = numbers.tobytes() + upper.tobytes()
    arrays = SafetensorsFile(put(tmp_path, safetensors(header, data))).arrays(["f", "b"])
    np.testing.assert_array_equal(arrays["f"], numbers.astype("f4"))
    np.testing.assert_allclose(arrays["b"], [[1.5], [-3.0], [1e30]], rtol=2**-7)
    assert arrays["b"].dtype == np.float32


A = entry("F32", [2], 0, 8)
HOSTILE: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "is empty"),
    "seven bytes": (SOUND[:7], "does not begin with a header"),
    "no header": (SOUND[:8], "does not begin with a header"),
    "a text": (b"To be, or not to be, that is the question", "does not begin with a header"),
    "a header longer than the file": (safetensors({"a": A}, bytes(8), 999), "its header says 999 bytes, but"),
    "a header of 2^63 bytes": (safetensors({"a": A}, bytes(8), 2**63), "cut short or damaged"),
    "a header cut short": (safetensors({"a": A}, bytes(8), 20), "not JSON"),
    "not UTF-8": (safetensors(b'{"\xff": 1}'), "not JSON"),
    "an endless number": (safetensors(b'{"a": ' + b"9" * 9999 + b"}"), "not JSON"),
    "equal names": (safetensors(b'{"a": 1, "b": 2, "a": 3}'), "has 'a' twice"),
    "equal names of metadata": (safetensors(b'{"__metadata__": {"x": "1", "x": "2"}}'), "has 'x' twice"),
    "equal fields": (safetensors(b'{"a": {"dtype": "F32", "dtype": "F64"}}'), "has 'dtype' twice"),
    "metadata of numbers": (safetensors({"__metadata__": {"a": 1}}), "not an object of strings"),
    "metadata that is a list": (safetensors({"__metadata__": []}), "not an object of strings"),
    "a tensor that is a number": (safetensors({"a": 3}), "not dtype, shape and data_offsets"),
    "a tensor with more": (safetensors({"a": {**A, "x": 1}}, bytes(8)), "not dtype, shape and data_offsets"),
    "an unknown type": (safetensors({"a": entry("F128", [1], 0, 16)}, bytes(16)), "'F128' is no known type"),
    "a type that is a list": (safetensors({"a": {**A, "dtype": ["F32"]}}, bytes(8)), "is no known type"),
    "a negative size": (safetensors({"a": entry("F32", [-2, -1], 0, 8)}, bytes(8)), "no list of sizes"),
    "a size that is true": (safetensors({"a": entry("F32", [2, True], 0, 8)}, bytes(8)), "no list of sizes"),
    "a broken size": (safetensors({"a": entry("F32", [2.0], 0, 8)}, bytes(8)), "no list of sizes"),
    "a hundred axes": (safetensors({"a": entry("F32", [1] * 100, 0, 4)}, bytes(4)), "no list of sizes"),
    "10^12 numbers": (safetensors({"a": entry("F32", [10**6] * 2, 0, 8)}, bytes(8)), "8 bytes stand for"),
    "10^12 numbers and bytes": (
        safetensors({"a": entry("F32", [10**6] * 2, 0, 4 * 10**12)}, bytes(8)),
        "ends at byte 4,000,000,000,000 of 8",
    ),
    "a product of 600 digits": (safetensors({"a": entry("F32", [2**62] * 32, 0, 8)}, bytes(8)), "stand for"),
    "half a byte": (safetensors({"a": entry("F4", [3], 0, 1)}, bytes(1)), "stand for"),
    "offsets the wrong way": (safetensors({"a": entry("F32", [2], 8, 0)}, bytes(8)), "bytes stand for"),
    "a negative offset": (safetensors({"a": entry("F32", [2], -8, 0)}, bytes(8)), "no two offsets"),
    "three offsets": (safetensors({"a": {**A, "data_offsets": [0, 4, 8]}}, bytes(8)), "no two offsets"),
    "an overlap": (safetensors({"a": A, "b": entry("F32", [2], 4, 12)}, bytes(12)), "'b' overlaps"),
    "one place twice": (safetensors({"a": A, "b": A}, bytes(8)), "'b' overlaps"),
    "a hole": (safetensors({"a": A, "b": entry("F32", [1], 12, 16)}, bytes(16)), "'b' leaves a hole"),
    "a hole at the beginning": (safetensors({"b": entry("F32", [1], 4, 8)}, bytes(8)), "leaves a hole"),
    "bytes at the end": (safetensors({"a": A}, bytes(9)), "1 bytes at its end belong to no tensor"),
    "a lone surrogate": (safetensors(b'{"__metadata__": {"a": "\\ud800"}}'), "damaged"),
}  # fmt: skip


@pytest.mark.parametrize("what", HOSTILE)
def test_a_file_that_lies(what: str, tmp_path: Path) -> None:
    data, complaint = HOSTILE[what]
    with pytest.raises(DataError, match=complaint) as caught:
        open_tensors(put(tmp_path, data, "file.safetensors"))
    assert str(tmp_path / "file.safetensors") in str(caught.value)
    assert len(str(caught.value)) < 300 + len(str(tmp_path))


@pytest.mark.parametrize("start", [b"[", b'{"a":', b'{"a":['])
def test_absurd_depth_is_refused_soon(start: bytes, tmp_path: Path) -> None:
    header = b"{" + start * (200_000 // len(start))
    refused_soon(put(tmp_path, safetensors(header)), "not JSON|nested too deeply")


def test_a_header_of_many_megabytes_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with path.open("wb") as file:
        file.write((LONGEST_HEADER + 1).to_bytes(8, "little") + b"{")
        file.truncate(2 * LONGEST_HEADER)  # a hole: it takes no place on the disk
    refused_soon(path, "a header of 16,777,217 bytes")


def refused_soon(path: Path, complaint: str) -> None:
    tracemalloc.start()
    begun = time.perf_counter()
    try:
        with pytest.raises(DataError, match=complaint):
            open_tensors(path)
        assert time.perf_counter() - begun < 5
        assert tracemalloc.get_traced_memory()[1] < 64 << 20
    finally:
        tracemalloc.stop()


def test_every_beginning_of_a_file_is_refused(tmp_path: Path) -> None:
    for length in range(len(SOUND)):
        with pytest.raises(DataError):
            open_tensors(put(tmp_path, SOUND[:length]))


def test_what_is_no_file(tmp_path: Path) -> None:
    cases: list[tuple[Any, str]] = [
        (tmp_path, "is a directory"),
        (tmp_path / "no", "No such file"),
        ("a\0b", "a"),
    ]
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        cases.append((tmp_path / "pipe", "not a regular file"))
    for path, complaint in cases:
        with pytest.raises(DataError, match=complaint):
            open_tensors(path)


def test_a_header_of_any_length_is_no_archive_and_no_pickle(tmp_path: Path) -> None:
    for length in (0x4B50, 0x0280):  # "PK", and the beginning of a pickle
        header = b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'.ljust(length)
        assert list(open_tensors(put(tmp_path, safetensors(header, bytes(4)))).listing.tensors) == ["a"]


def test_a_tensor_without_numbers_is_listed_and_not_read(tmp_path: Path) -> None:
    file = open_tensors(put(tmp_path, save({"a": np.zeros((0, 3), "f4")})))
    assert file.listing.tensors["a"].shape == (0, 3)
    for name, complaint in (("a", "has no numbers"), ("b", "has no b")):
        with pytest.raises(DataError, match=complaint):
            file.arrays([name])
