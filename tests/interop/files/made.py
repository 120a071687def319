"""Files by hand: safetensors from any header, pickles from their opcodes, archives around them."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any


def safetensors(header: Any, data: bytes = b"", length: int | None = None) -> bytes:
    """Return a safetensors file with this header (JSON, or bytes), true or not."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return (len(text) if length is None else length).to_bytes(8, "little") + text + data


def entry(dtype: str, shape: list[Any], first: Any, last: Any) -> dict[str, Any]:
    """Return a tensor of a header."""
    return {"dtype": dtype, "shape": shape, "data_offsets": [first, last]}


def name(module: str, attribute: str) -> bytes:
    """Return the opcodes that push a name of a module."""
    return f"c{module}\n{attribute}\n".encode()


def text(value: str) -> bytes:
    """Return the opcodes that push a string."""
    data = value.encode()
    return b"X" + len(data).to_bytes(4, "little") + data


def whole(value: int) -> bytes:
    """Return the opcodes that push a whole number."""
    data = value.to_bytes(max(1, (value.bit_length() + 8) // 8), "little", signed=True)
    return b"\x8a" + bytes([len(data)]) + data


def group(*parts: bytes) -> bytes:
    """Return the opcodes that push a tuple."""
    return b"(" + b"".join(parts) + b"t"


def table(**items: bytes) -> bytes:
    """Return the opcodes that push a dictionary."""
    return b"}(" + b"".join(text(key) + value for key, value in items.items()) + b"u"


def call(function: bytes, *arguments: bytes) -> bytes:
    """Return the opcodes that call a function."""
    return function + group(*arguments) + b"R"


def storage(numbers: int, key: str = "0", kind: bytes = name("torch", "FloatStorage")) -> bytes:
    """Return the opcodes that push a storage."""
    return group(text("storage"), kind, text(key), text("cpu"), whole(numbers)) + b"Q"


def tensor(
    of: bytes, shape: tuple[int, ...], strides: tuple[int, ...], offset: int = 0, *more: bytes
) -> bytes:
    """Return the opcodes that push a tensor."""
    sizes = group(*map(whole, shape)), group(*map(whole, strides))
    hooks = call(name("collections", "OrderedDict"))
    rebuild = name("torch._utils", "_rebuild_tensor_v3" if more else "_rebuild_tensor_v2")
    return call(rebuild, of, whole(offset), *sizes, b"\x89", hooks, *more)


def pickled(value: bytes) -> bytes:
    """Return a whole pickle."""
    return b"\x80\x02" + value + b"."


def pt(value: bytes, members: dict[str, bytes] | None = None, **writing: Any) -> bytes:
    """Return an archive like those of torch.save: a pickle of `value`, and members beside it."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", **writing) as archive:
        archive.writestr("archive/data.pkl", pickled(value))
        for key, data in (members or {}).items():
            archive.writestr(f"archive/{key}", data)
    return made.getvalue()


def put(folder: Path, data: bytes, file: str = "file") -> Path:
    """Write a file and return its path."""
    (folder / file).write_bytes(data)
    return folder / file
