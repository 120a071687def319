"""HDF5 files that are damaged, or made to do something else than hold weights."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from safetensors.numpy import load

import elman
from elman.interop.keras import child, process, stored
from elman.interop.keras.process import read_h5
from elman.interop.keras.stored import arrays
from tests.interop.keras.files import WEIGHTS, h5

PYTHON = sys.executable


def _external_storage(file: h5py.File) -> None:
    file.create_dataset("layers/x", (4,), "f4", external=[("/etc/passwd", 0, 16)])


def _virtual(file: h5py.File) -> None:
    layout = h5py.VirtualLayout((2, 3), "f4")
    layout[:] = h5py.VirtualSource("elsewhere.h5", "x", (2, 3))
    file.create_virtual_dataset("layers/x", layout)


def _never_written(file: h5py.File) -> None:
    file.create_dataset("layers/x", (10**6, 10**6), "f4")  # contiguous, but nothing is allocated


def _deep(file: h5py.File) -> None:
    file.create_group("layers/" + "/".join("x" * 40))


def _cycle(file: h5py.File) -> None:
    file["layers/dense/up"] = file["layers"]


def _named_type(file: h5py.File) -> None:
    file["layers/x"] = np.dtype("f8")


def _put(value: Any) -> Callable[[h5py.File], None]:
    return lambda file: file.__setitem__("layers/x", value)


HOSTILE: dict[str, tuple[Callable[[h5py.File], Any], str]] = {
    "external link": (_put(h5py.ExternalLink("/etc/passwd", "/x")), "layers/x is a link to another file"),
    "soft link": (_put(h5py.SoftLink("/layers/dense")), "layers/x is a link to another name"),
    "soft link to itself": (_put(h5py.SoftLink("/layers/x")), "layers/x is a link to another name"),
    "external storage": (_external_storage, "layers/x is stored outside the file"),
    "virtual": (_virtual, "layers/x is put together of other arrays"),
    "never written": (_never_written, r"10+ x 10+ numbers, 4,000,000,000,000 bytes; 0 are stored"),
    "chunks": (lambda f: f.create_dataset("layers/x", (10**6, 10**6), "f4", chunks=(100, 100)), "in pieces"),
    "gzip": (lambda f: f.create_dataset("layers/x", data=np.ones(9), compression="gzip"), "or compressed"),
    "deep": (_deep, "nested more than 16 deep"),
    "cycle": (_cycle, "layers/dense/up is an object that the file has under another name too"),
    "twice": (lambda f: f.__setitem__("layers/b", f["layers/dense/vars/0"]), "under another name too"),
    "named type": (_named_type, "layers/x is neither a group nor an array"),
    "reference": (
        lambda f: f.create_dataset("layers/x", data=f["layers"].ref, dtype=h5py.ref_dtype),
        "layers/x does not hold plain numbers",
    ),
    "text": (_put("text"), "layers/x does not hold plain numbers"),
    "compound": (_put(np.zeros(2, "f4,f4")), "layers/x does not hold plain numbers"),
    "complex": (_put(np.zeros(2, complex)), "layers/x does not hold plain numbers"),
    "bool": (_put(np.zeros(2, bool)), "layers/x does not hold plain numbers"),
    "no shape": (_put(h5py.Empty("f4")), "layers/x has no shape"),
    "dimensions": (_put(np.zeros((1,) * 9)), "9 dimensions"),
    "not text": (lambda f: f.create_group(b"layers/\xff\xfe"), "name that is not text"),
    "line end": (lambda f: f.create_group("layers/a\nb"), "a name that is no layer's"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_keras_does_not_write_is_refused(name: str, tmp_path: Path) -> None:
    make, message = HOSTILE[name]
    with pytest.raises(elman.DataError, match=message):
        arrays(h5(tmp_path / "x.h5", make))


def test_optimizers_are_not_looked_at(tmp_path: Path) -> None:
    path = h5(tmp_path / "x.h5", lambda file: file.__setitem__("optimizer", h5py.ExternalLink("a", "b")))
    assert list(arrays(path)) == ["layers/dense/vars/0"]


def test_many_objects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored, "OBJECTS", 20)
    with pytest.raises(elman.DataError, match="says that it holds 30 objects"):
        arrays(h5(tmp_path / "x.h5", lambda f: [f.create_group(f"layers/{i}") for i in range(29)]))
    with pytest.raises(elman.DataError, match="more than 20 objects"):
        arrays(h5(tmp_path / "y.h5", lambda f: [f.create_group(f"layers/{i % 3}/{i}") for i in range(29)]))


def test_bytes_before_the_file(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "x.h5", "w", userblock_size=512) as file:
        file["x"] = 1.0
    with pytest.raises(elman.DataError, match="begins with 512 bytes"):
        arrays(tmp_path / "x.h5")


def test_numbers_of_every_kind_arrive_as_they_are(tmp_path: Path) -> None:
    given = {
        f"layers/{dtype.strip('<>')}{'b' if '>' in dtype else ''}": np.arange(-3, 3)
        .astype(dtype)
        .reshape(2, 3)
        for dtype in ("<f2", ">f2", "<f4", ">f4", "<f8", ">f8", "<i8", "<i4")
    }
    path = h5(tmp_path / "x.h5", lambda file: [file.__setitem__(*pair) for pair in given.items()])
    found = read_h5(path, path)
    assert found.keys() == {*given, "layers/dense/vars/0"}
    for name, array in given.items():
        assert found[name].dtype == array.dtype.newbyteorder("=")
        np.testing.assert_array_equal(found[name], array)


@pytest.mark.parametrize("part", [0, 1, 7, 8, 100, 600, 2000, 9000, 20000, -3000, -5, -1])
def test_truncated(part: int, tmp_path: Path) -> None:
    path = tmp_path / "x.weights.h5"
    path.write_bytes(WEIGHTS.read_bytes()[:part])
    with pytest.raises(elman.DataError):
        arrays(path)


def lied(path: Path, *changes: tuple[int, int], end: int | None = None) -> None:
    """Replace numbers of 8 bytes in a file, and cut it off where it then says that it ends."""
    data = path.read_bytes()
    for old, new in changes:
        assert old.to_bytes(8, "little") in data
        data = data.replace(old.to_bytes(8, "little"), new.to_bytes(8, "little"))
    if end is not None:
        data = data[:40] + end.to_bytes(8, "little") + data[48:end]  # in the superblock
    path.write_bytes(data)


def test_an_array_that_says_another_size(tmp_path: Path) -> None:
    path = h5(tmp_path / "x.h5", lambda file: file.__setitem__("layers/x", np.ones((7, 1009), np.float32)))
    lied(path, (1009, 997))
    with pytest.raises(elman.DataError, match="7 x 997 numbers, 27,916 bytes; 28,252 are stored"):
        arrays(path)
    lied(path, (997, 1013))
    with pytest.raises(elman.DataError):  # recent versions of HDF5 see it themselves
        arrays(path)


def test_an_array_that_ends_after_the_file(tmp_path: Path) -> None:
    path = h5(tmp_path / "x.h5", lambda file: file.__setitem__("layers/x", np.ones(5000, np.float32)))
    with h5py.File(path) as file:
        start = file["layers/x"].id.get_offset()
    lied(path, end=start + 10_000)
    with pytest.raises(elman.DataError):  # recent versions of HDF5 see it themselves
        arrays(path)


def test_arrays_that_lie_upon_one_another(tmp_path: Path) -> None:
    with pytest.raises(elman.DataError, match="some lie upon others"):
        arrays(_ten_in_one_place(tmp_path / "y.h5"))


def _ten_in_one_place(path: Path) -> Path:
    def make(file: h5py.File) -> None:
        file["layers/0"] = np.ones(5000, np.float32)
        for number in range(1, 10):
            file.create_dataset(f"layers/{number}", (5000,), "f4")

    h5(path, make)
    with h5py.File(path) as file:
        start = file["layers/0"].id.get_offset()
    data = bytearray(path.read_bytes())
    nowhere = b"\xff" * 8 + (20_000).to_bytes(8, "little")  # address and size of an array without a place
    assert data.count(nowhere) == 9
    path.write_bytes(data.replace(nowhere, start.to_bytes(8, "little") + nowhere[8:]))
    return path


@pytest.fixture
def python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Let the child process be one that does something else."""

    def write(text: str) -> None:
        script = tmp_path / "python"
        script.write_text(f"#!{PYTHON}\n{text}\n")
        script.chmod(0o755)
        monkeypatch.setattr(process.sys, "executable", str(script))

    return write


@pytest.mark.skipif(sys.platform == "win32", reason="scripts and signals of POSIX")
def test_the_end_of_the_child_is_not_ours(
    python: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    python("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    with pytest.raises(elman.DataError, match=r"HDF5 failed on a file \(SIGSEGV\)"):
        read_h5(WEIGHTS, "a file")
    python("raise MemoryError")
    with pytest.raises(elman.DataError, match=r"HDF5 failed on a file \(status 1\)"):
        read_h5(WEIGHTS, "a file")
    python(
        "import os, sys\nprint('plugins', os.environ['HDF5_PLUGIN_PRELOAD'], file=sys.stderr)\nsys.exit(65)"
    )
    with pytest.raises(elman.DataError, match="a file cannot be read: plugins ::"):
        read_h5(WEIGHTS, "a file")
    python("print('no arrays')")
    with pytest.raises(elman.DataError, match="did not arrive"):
        read_h5(WEIGHTS, "a file")
    monkeypatch.setattr(process, "SECONDS", 1)
    python("import time; time.sleep(60)")
    with pytest.raises(elman.DataError, match="busy for 1 seconds"):
        read_h5(WEIGHTS, "a file")


@pytest.mark.skipif(sys.platform == "win32", reason="there are no limits of resources")
def test_the_child_has_limits() -> None:
    code = (
        "from elman.interop.keras.child import limit\nlimit(1000, 5)\nimport resource as r\n"
        "print(*(r.getrlimit(k)[0] for k in (r.RLIMIT_CPU, r.RLIMIT_FSIZE, r.RLIMIT_CORE)))\n"
        "try:\n    bytearray(1 << 32)\nexcept MemoryError:\n    print('no memory')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    cpu, size, core, *rest = done.stdout.split()
    assert (cpu, size, core) == ("5", str(2000 + (16 << 20)), "0")
    if sys.platform == "linux":
        assert rest == ["no", "memory"]


def test_the_child_limits_itself_first(
    monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    limits: list[tuple[int, int]] = []
    monkeypatch.setattr(child, "limit", lambda *given: limits.append(given))
    assert child.main(str(WEIGHTS), 7) == 0
    assert limits == [(WEIGHTS.stat().st_size, 7)]
    assert "layers/lstm/cell/vars/0" in load(capsysbinary.readouterr().out)


def test_modules_beside_the_file_are_not_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("h5py", "numpy", "elman"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit(3)")
    monkeypatch.chdir(tmp_path)
    assert "layers/lstm/cell/vars/0" in read_h5(WEIGHTS, WEIGHTS)


def test_a_missing_h5py_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "h5py", None)
    monkeypatch.setattr(process, "find_spec", lambda name: None)
    with pytest.raises(elman.ElmanError, match=r"pip install 'elman\[keras\]'"):
        elman.interop.keras.load(WEIGHTS)
