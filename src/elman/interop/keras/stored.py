"""What an HDF5 file of Keras weights holds, read with nothing taken on trust. Runs in the child process."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
from numpy.typing import NDArray

from elman.errors import DataError
from elman.interop.keras.names import BFLOAT16

DEPTH = 16  # groups within groups; Keras nests six
OBJECTS = 20_000  # groups and arrays together
RANK = 8
SKIPPED = ("optimizer",)  # its moments are weights too, and of no use here

# Numbers as Keras stores them. HDF5 describes types bit by bit; whatever is not one of these is refused.
_TYPES = (
    (h5py.h5t.IEEE_F32LE, "<f4"), (h5py.h5t.IEEE_F32BE, ">f4"), (h5py.h5t.IEEE_F64LE, "<f8"),
    (h5py.h5t.IEEE_F64BE, ">f8"), (h5py.h5t.IEEE_F16LE, "<f2"), (h5py.h5t.IEEE_F16BE, ">f2"),
    (h5py.h5t.STD_I8LE, "<i1"), (h5py.h5t.STD_U8LE, "<u1"), (h5py.h5t.STD_I32LE, "<i4"),
    (h5py.h5t.STD_U32LE, "<u4"), (h5py.h5t.STD_I64LE, "<i8"), (h5py.h5t.STD_U64LE, "<u8"),
)  # fmt: skip


class Stored(NamedTuple):
    """Where an array lies in the file."""

    offset: int
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    bfloat16: bool = False


def listing(path: str | Path) -> dict[str, Stored]:
    """Return the place of every array of an HDF5 file, but the optimizer's, by its full name.

    Raises
    ------
    DataError
        If the file is damaged, or has what Keras does not write: links to elsewhere, data outside the file,
        in chunks or compressed, objects that are there twice, types that are not plain numbers.
    """
    size = Path(path).stat().st_size
    try:
        with h5py.File(path, "r") as file:
            if file.userblock_size:
                raise DataError(f"it begins with {file.userblock_size:,} bytes that are not HDF5")
            found = dict(_walk(file.id, size))
    except (OSError, RuntimeError, ValueError, KeyError, TypeError, OverflowError, MemoryError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"it is damaged, or no HDF5 file: {error}") from None
    total = sum(_bytes(place) for place in found.values())
    if total > size:
        raise DataError(f"its arrays have {total:,} bytes together, the file {size:,}: some lie upon others")
    return found


def arrays(path: str | Path) -> dict[str, NDArray[Any]]:
    """Return the arrays that `listing` finds; bfloat16 as float32, with ``BFLOAT16`` behind the name.

    The numbers are read from the file itself, at the place that HDF5 names: nothing is left for HDF5 to
    convert, decompress or fill in.
    """
    read = {}
    with Path(path).open("rb") as file:
        for name, place in listing(path).items():
            file.seek(place.offset)
            content = file.read(_bytes(place))
            if len(content) != _bytes(place):
                raise DataError(f"{name} ends after the file does")
            array = np.frombuffer(content, place.dtype).reshape(place.shape)
            if place.bfloat16:
                array = (array.astype(np.uint32) << 16).view(np.float32)
                name += BFLOAT16
            read[name] = array.astype(array.dtype.newbyteorder("="), copy=False)
    return read


def _bytes(place: Stored) -> int:
    return math.prod(place.shape) * place.dtype.itemsize


def _walk(root: Any, size: int) -> Iterator[tuple[str, Stored]]:
    seen = {h5py.h5o.get_info(root).addr}
    waiting: list[tuple[str, Any, int]] = [("", root, 0)]
    while waiting:
        name, group, depth = waiting.pop()
        if depth > DEPTH:
            raise DataError(f"its groups are nested more than {DEPTH} deep, at {name[:100]}")
        if group.get_num_objs() > OBJECTS:
            raise DataError(f"the group /{name} says that it holds {group.get_num_objs():,} objects")
        for link in group:
            where = f"{name}/{_text(link)}" if name else _text(link)
            if where in SKIPPED:
                continue
            child = _opened(group, link, where)
            address = h5py.h5o.get_info(child).addr
            if address in seen:
                raise DataError(f"{where} is an object that the file has under another name too")
            seen.add(address)
            if len(seen) > OBJECTS:
                raise DataError(f"it holds more than {OBJECTS:,} objects")
            if isinstance(child, h5py.h5g.GroupID):
                waiting.append((where, child, depth + 1))
            elif isinstance(child, h5py.h5d.DatasetID):
                yield where, _place(child, where, size)
            else:
                raise DataError(f"{where} is neither a group nor an array")


def _text(link: bytes) -> str:
    try:
        name = link.decode()
    except UnicodeDecodeError:
        raise DataError(f"it has a name that is not text: {link[:50]!r}") from None
    if len(name) > 200 or not name.isprintable():
        raise DataError(f"it has a name that is no layer's: {name[:50]!r}")
    return name


def _opened(group: Any, link: bytes, where: str) -> Any:
    kind = group.links.get_info(link).type
    if kind == h5py.h5l.TYPE_EXTERNAL:
        raise DataError(f"{where} is a link to another file, which is not followed")
    if kind != h5py.h5l.TYPE_HARD:
        raise DataError(f"{where} is a link to another name, which is not followed")
    return h5py.h5o.open(group, link)


def _place(array: Any, where: str, size: int) -> Stored:
    dtype, bfloat16 = _dtype(array.get_type(), where)
    space = array.get_space()
    if space.get_simple_extent_type() not in (h5py.h5s.SIMPLE, h5py.h5s.SCALAR):
        raise DataError(f"{where} has no shape")
    shape = tuple(map(int, space.get_simple_extent_dims()))
    if len(shape) > RANK:
        raise DataError(f"{where} has {len(shape)} dimensions")
    how = array.get_create_plist()
    if how.get_layout() == h5py.h5d.VIRTUAL:
        raise DataError(f"{where} is put together of other arrays (a virtual dataset), which are not read")
    if how.get_layout() != h5py.h5d.CONTIGUOUS or how.get_nfilters():
        raise DataError(f"{where} is stored in pieces or compressed, which Keras does not do: it is not read")
    if how.get_external_count():
        raise DataError(f"{where} is stored outside the file, where nothing is read")
    place = Stored(0, dtype, shape, bfloat16)
    if not _bytes(place):
        return place
    offset, stored = array.get_offset(), array.get_storage_size()
    if offset is None or stored != _bytes(place):
        raise DataError(
            f"{where} says that it has {' x '.join(map(str, shape))} numbers, {_bytes(place):,} bytes; "
            f"{stored:,} are stored"
        )
    if offset + _bytes(place) > size:
        raise DataError(f"{where} ends after the file does: it is truncated")
    return place._replace(offset=int(offset))


def _dtype(kind: Any, where: str) -> tuple[np.dtype[Any], bool]:
    for known, name in _TYPES:
        if kind == known:
            return np.dtype(name), False
    if isinstance(kind, h5py.h5t.TypeOpaqueID) and kind.get_size() == 2:
        return np.dtype("<u2"), True  # so h5py stores bfloat16
    raise DataError(f"{where} does not hold plain numbers: references, texts and objects are not read")
