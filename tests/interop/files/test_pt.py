"""PyTorch files, sound and otherwise: nothing is run, and the error is one of ours, soon."""

from __future__ import annotations

import io
import struct
import time
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from elman.errors import DataError
from elman.interop.files.archive import Archive
from elman.interop.files.opened import open_tensors
from elman.interop.files.pickled import unpickle
from elman.interop.files.pt import PtFile

from .made import call, group, name, pickled, pt, put, storage, table, tensor, text, whole

NUMBERS = np.arange(6, dtype="<f4")
W = tensor(storage(6), (2, 3), (3, 1))
HOOKS = call(name("collections", "OrderedDict"))
UNTYPED = name("torch.storage", "UntypedStorage")
FLOAT32 = name("torch", "float32")
PARTS = [storage(6), whole(0), group(whole(6)), group(whole(1)), b"\x89", HOOKS]
SOUND = pt(table(w=W), {"data/0": NUMBERS.tobytes()})


def refused(tmp_path: Path, data: bytes, complaint: str, *names: str) -> None:
    path = put(tmp_path, data, "file.pt")
    begun = time.perf_counter()
    with pytest.raises(DataError, match=complaint) as caught:
        PtFile(path).arrays(names)
    assert time.perf_counter() - begun < 5
    assert str(path) in str(caught.value)
    assert len(str(caught.value)) < 400 + len(str(path))


def test_a_tensor(tmp_path: Path) -> None:
    file = open_tensors(put(tmp_path, SOUND))
    assert file.listing.tensors["w"].shape == (2, 3)
    np.testing.assert_array_equal(file.arrays(["w"])["w"], NUMBERS.reshape(2, 3))


def test_views_offsets_strides_and_types(tmp_path: Path) -> None:
    untyped = storage(24, "1", UNTYPED)
    value = table(
        transposed=tensor(storage(6), (3, 2), (1, 3)),
        column=tensor(storage(6), (2,), (3,), 1),
        lone=tensor(storage(6), (1, 1), (2**62, 2**40), 5),
        number=tensor(storage(6), (), (), 2),
        late=tensor(untyped, (3,), (2,), 0, FLOAT32),
        parameter=call(name("torch._utils", "_rebuild_parameter"), W, b"\x88", HOOKS),
    )  # fmt: skip
    arrays = PtFile(put(tmp_path, pt(value, dict.fromkeys(("data/0", "data/1"), NUMBERS.tobytes())))).arrays(
        ["transposed", "column", "lone", "number", "late", "parameter"]
    )
    np.testing.assert_array_equal(arrays["transposed"], NUMBERS.reshape(2, 3).T)
    np.testing.assert_array_equal(arrays["column"], [1, 4])
    np.testing.assert_array_equal(arrays["lone"], [[5]])
    np.testing.assert_array_equal(arrays["number"], 2)
    np.testing.assert_array_equal(arrays["late"], [0, 2, 4])
    np.testing.assert_array_equal(arrays["parameter"], NUMBERS.reshape(2, 3))
    assert all(array.flags.c_contiguous for array in arrays.values())


def test_a_storage_that_many_tensors_show_is_read_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []

    def noted(self: Archive, member: str, right: Any = Archive.read) -> bytes:
        read.append(member)
        return bytes(right(self, member))

    names = [f"w{number}" for number in range(8)]
    numbers = {f"data/{key}": (NUMBERS + int(key)).tobytes() for key in "01"}
    value = table(**{n: tensor(storage(6, "01"[i % 2]), (2, 3), (3, 1)) for i, n in enumerate(names)})
    file = PtFile(put(tmp_path, pt(value, numbers)))
    monkeypatch.setattr(Archive, "read", noted)
    arrays = file.arrays(names)
    assert list(arrays) == names
    assert sorted(read) == ["archive/data/0", "archive/data/1"]
    for i, name_ in enumerate(names):
        np.testing.assert_array_equal(arrays[name_].ravel(), NUMBERS + i % 2)
    many = {f"w{number}": W for number in range(9)}
    refused(
        tmp_path, pt(table(**many), numbers), "makes 216 bytes of weights of the 24 that are there", *many
    )


@pytest.mark.parametrize("kind", ["Float", "Double", "Half", "BFloat16"])
def test_big_endian(kind: str, tmp_path: Path) -> None:
    form = {"Float": ">f4", "Double": ">f8", "Half": ">f2", "BFloat16": None}[kind]
    data = (
        NUMBERS.astype(form).tobytes()
        if form
        else NUMBERS.astype(">f4").view("u1").reshape(6, 4)[:, :2].tobytes()
    )
    value = table(w=tensor(storage(6, "0", name("torch", f"{kind}Storage")), (6,), (1,)))
    file = PtFile(put(tmp_path, pt(value, {"data/0": data, "byteorder": b"big"})))
    np.testing.assert_array_equal(file.arrays(["w"])["w"], NUMBERS)


def test_members_with_large_sizes_in_their_headers(tmp_path: Path) -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for member, data in (("m/data.pkl", pickled(table(w=W))), ("m/data/0", NUMBERS.tobytes())):
            with archive.open(member, "w", force_zip64=True) as file:
                file.write(data)
    np.testing.assert_array_equal(PtFile(put(tmp_path, made.getvalue())).arrays(["w"])["w"].ravel(), NUMBERS)


def test_dictionaries_lists_and_what_stands_beside_tensors(tmp_path: Path) -> None:
    value = table(
        model=table(w=W), epochs=whole(3), rate=b"G" + struct.pack(">d", 1e-3), no=b"N", kind=FLOAT32,
        device=call(name("torch", "device"), text("cpu")),
        size=call(name("torch", "Size"), group(whole(3))), steps=b"](" + W + whole(1) + b"e",
    )  # fmt: skip
    tensors = PtFile(put(tmp_path, pt(value, {"data/0": NUMBERS.tobytes()}))).listing.tensors
    assert {n: t.group for n, t in tensors.items()} == {"model.w": "model", "steps.0": "steps"}
    assert tensors["model.w"].storage == tensors["steps.0"].storage


EVIL = name("builtins", "exec") + group(text("open('ran', 'w')")) + b"R"


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        (EVIL, r"asks for builtins.exec, which is not needed.*model.state_dict\(\)"),
        (table(w=W, x=EVIL), "builtins.exec"),
        (text("builtins") + text("exec") + b"\x93" + group(text("1")) + b"R", "builtins.exec"),
        (name("os", "system") + group(text("touch ran")) + b"R", "os.system"),
        (name("torch", "load") + group(text("x")) + b"R", "torch.load"),
        (name("torch._utils", "_rebuild_tensor_v2.__globals__"), "__globals__"),
        (name("torch._utils", "_rebuild_qtensor"), "more than numbers at strides .*quantized"),
        (name("torch.nn.modules.rnn", "LSTM") + b")\x81", "torch.nn.modules.rnn.LSTM: a whole pickled model"),
        (name("__main__", "Net") + b")\x81", "__main__.Net: a whole pickled model"),
        (name("numpy.core.multiarray", "scalar"), "numpy.core.multiarray.scalar"),
        (name("argparse", "Namespace") + b")\x81}b", "argparse.Namespace"),
        (b"(" + text("x") + b"ios\nsystem\n", "opcode INST"),
        (b"(" + name("torch", "Size") + b"o", "opcode OBJ"),
        (name("torch", "Size") + b")\x81", "opcode NEWOBJ"),
        (b"\x82\x01", "opcode EXT1"),
        (b"P0\n", "opcode PERSID"),
        (name("torch", "float32") + b")R", "calls what is no function of tensors"),
        (name("torch", "FloatStorage") + b")R", "calls what is no function of tensors"),
        (b"}" + table(__class__=W) + b"b0" + name("torch", "Size") + b"}b", "sets the state of an object"),
        (b"}Nb", "sets the state of an object"),
        (text("x") + b"Q", "a reference to something other than a storage"),
        (group(text("module"), *[b"N"] * 4) + b"Q", "a reference to something other than a storage"),
        (storage(6, "0", name("torch", "Size")), "a storage of the kind torch.Size"),
        (storage(-1), "a storage without type, name or size"),
        (b"}" + group(whole(1)) + W + b"s", "keys are not names or numbers"),
        (call(name("torch._utils", "_rebuild_tensor_v2"), W), "a tensor without a storage"),
        (call(name("torch._utils", "_rebuild_parameter"), b"N"), "a parameter without a tensor"),
        (call(name("collections", "OrderedDict"), b"]"), "an OrderedDict with arguments"),
        (call(name("torch", "Size"), text("x")), "a torch.Size of something other than sizes"),
        (call(name("torch", "Size"), group(*[whole(1)] * 33)), "a torch.Size of .* or of too many"),
        (call(name("torch", "device"), *[b"N"] * 17), "calls torch.device with 17 arguments"),
        (call(name("torch._utils", "_rebuild_tensor_v2"), *PARTS, table(neg=b"\x88")), "to be negated"),
        (call(name("torch._utils", "_rebuild_tensor_v3"), *PARTS, FLOAT32, table(conj=b"N")), "negated or"),
        (b"\x8a\xff" + b"\x7f" * 255, "a number of more digits"),
        (b"0", "damaged .IndexError"),
        (b"h\x07", "damaged .KeyError"),
        (b"NNs", "damaged"),
        (b"t", "damaged"),
        (b"](Ne(Nu", "damaged"),
        (b"NN(0", "damaged"),
        (b"\xff", "damaged .ValueError"),
        (b"X\xff\xff\xff\xffa", "damaged"),
        (b"", "damaged"),
        (b"N", "holds no tensors"),
        (table(a=whole(1)), "holds no tensors"),
    ],
    ids=range(45),
)  # fmt: skip
def test_a_pickle_that_is_more_than_tensors(
    value: bytes, complaint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    refused(tmp_path, pt(value, {"data/0": NUMBERS.tobytes()}), complaint)
    assert not Path("ran").exists()


@pytest.mark.parametrize(
    ("made", "complaint"),
    [
        (tensor(storage(6), (2, 4), (4, 1)), "needs 8 numbers of a storage of 6"),
        (tensor(storage(6), (2, 3), (3, 1), 1), "needs 7 numbers of a storage of 6"),
        (tensor(storage(6), (10**6, 10**6), (10**6, 1)), "needs 1,000,000,000,000 numbers of a storage of 6"),
        (tensor(storage(10**12), (10**6, 10**6), (10**6, 1)), "to have 4,000,000,000,000 bytes, and has 24"),
        (tensor(storage(6), (10**6, 10**6), (0, 0)), "makes 1,000,000,000,000 numbers of the 6"),
        (tensor(storage(6), (2**62,) * 32, (0,) * 32), "more numbers than any memory"),
        (tensor(storage(6), (0, 2**62), (2**62, 1)), "makes 0 numbers"),
        (tensor(storage(6), (2, 3), (-3, 1)), "not whole numbers from 0"),
        (tensor(storage(6), (-2, 3), (3, 1)), "not whole numbers from 0"),
        (tensor(storage(6), (2, 3), (3, 1), -1), "not whole numbers from 0"),
        (tensor(storage(6), (2, 3), (1,)), "not whole numbers from 0"),
        (tensor(storage(6), (1,) * 40, (1,) * 40), "or too many"),
        (tensor(storage(6), (2**64,), (1,)), "not whole numbers from 0"),
        (tensor(storage(6, "7"), (6,), (1,)), "the member 'archive/data/7' is missing"),
        (tensor(storage(6, "../data.pkl"), (6,), (1,)), "is missing|is to have"),
        (tensor(storage(5), (5,), (1,)), "to have 20 bytes, and has 24"),
        (tensor(storage(3, "0", name("torch", "LongStorage")), (3,), (1,)), "of type int64: weights are"),
        (tensor(storage(23, "0", UNTYPED), (5,), (1,), 0, FLOAT32), "to have 23"),
        (tensor(storage(24, "0", UNTYPED), (6,), (1,)), "a tensor without a type"),
        (tensor(storage(24), (6,), (1,), 0, name("torch", "FloatStorage")), "without a storage or a type"),
    ],
    ids=range(20),
)  # fmt: skip
def test_a_tensor_that_lies(made: bytes, complaint: str, tmp_path: Path) -> None:
    refused(tmp_path, pt(table(w=made), {"data/0": NUMBERS.tobytes()}), complaint, "w")


def test_pickles_that_grow_without_end(tmp_path: Path) -> None:
    doubling = b"]" + b"".join(b"q%c(h%ch%ct" % (i, i, i) for i in range(200))  # itself, twice, 200 times
    holding_itself = b"}q\x00" + text("me") + b"h\x00s" + text("w") + W + b"s"
    nested = b"".join(b"}" + text("a") for _ in range(99)) + W + b"s" * 99
    many = b"N" * 3_000_000
    refused(tmp_path, pt(doubling), "more than 32 deep")
    assert list(PtFile(put(tmp_path, pt(holding_itself))).listing.tensors) == ["w"]
    refused(tmp_path, pt(nested), "more than 32 deep")
    refused(tmp_path, pt(many), "more than 2,000,000 steps")
    for function, argument in (("device", b"N"), ("Size", b"K\x01")):  # of one long tuple, many times
        long = group(*[argument] * 500_000) + (b"\x85" if function == "Size" else b"") + b"q\x00"
        calls = name("torch", function) + b"q\x01" + b"h\x01h\x00R0" * 300_000
        refused(tmp_path, pt(long + calls), "with 500,000 arguments|or of too many")
    refused(tmp_path, pt(table(**{"x" * 400: W})), "a name of more than 300 characters")
    refused(tmp_path, pt(b"}" + whole(1) + W + b"s" + text("1") + W + b"s"), "two tensors by the name '1'")
    refused(tmp_path, pt(text("x" * (33 << 20))), "at most 33,554,432 are read")


def test_a_pickle_of_a_later_protocol() -> None:
    import pickle

    value = {"a": [1, 2.5, None, True], "b": {"c": "é"}, "d": (1,), "e": (1, 2, 3, 4)}
    for protocol in (2, 3, 4, 5):
        assert unpickle(pickle.dumps(value, protocol=protocol)) == value


def test_what_other_readers_are_for(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="elman import keras"):
        open_tensors(put(tmp_path, b"\x89HDF\r\n\x1a\n" + bytes(99)))
