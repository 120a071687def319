"""Element types of ONNX and of NumPy, and the tensors of a file."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
import onnx

from elman.errors import ConfigError, DataError

_NAMES = {
    "FLOAT": "float32", "DOUBLE": "float64", "FLOAT16": "float16", "BOOL": "bool",
    "INT8": "int8", "INT16": "int16", "INT32": "int32", "INT64": "int64",
    "UINT8": "uint8", "UINT16": "uint16", "UINT32": "uint32", "UINT64": "uint64",
}  # fmt: skip
DTYPES: dict[int, np.dtype[Any]] = {
    onnx.TensorProto.DataType.Value(code): np.dtype(name) for code, name in _NAMES.items()
}
"""Those that are run: what NumPy has itself, but for complex numbers."""

FLOATS = tuple(np.dtype(name) for name in ("float16", "float32", "float64"))

_FIELDS = {
    "float32": "float_data", "float64": "double_data", "int64": "int64_data",
    "uint32": "uint64_data", "uint64": "uint64_data",
}  # fmt: skip
_DATA = (
    "float_data", "double_data", "int32_data", "int64_data", "uint64_data", "string_data", "raw_data",
)  # fmt: skip


def dtype_of(code: int, what: str) -> np.dtype[Any]:
    """Return the NumPy type of an ONNX element type; one that is not run is a ConfigError."""
    if code in DTYPES:
        return DTYPES[code]
    known = {value: name for name, value in onnx.TensorProto.DataType.items()}
    if code == 0 or code not in known:
        raise DataError(f"{what} has no known element type ({code})")
    runs = ", ".join(map(str, DTYPES.values()))
    raise ConfigError(f"{what} is {known[code].lower()}, and elman runs {runs}")


def text_of(value: str | bytes, what: str) -> str:
    """Return a name or another text of a model; protobuf hands over as bytes what is not UTF-8."""
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError as error:
            raise DataError(f"{what} has a text that is not UTF-8: {value[:20]!r}") from error
    return value


def array_of(tensor: onnx.TensorProto, what: str) -> np.ndarray[Any, Any]:
    """Return a tensor of a file as an array that cannot be written to.

    The amount of data is compared with the shape first: nothing is made that the file does not hold.

    Raises
    ------
    ConfigError
        If its type is not run, or its data lies in another file.
    DataError
        If shape and data do not agree.
    """
    if tensor.data_location == onnx.TensorProto.EXTERNAL or tensor.external_data:
        raise ConfigError(
            f"{what} keeps its data in another file: save the model as one file, in "
            "PyTorch by torch.onnx.export(..., external_data=False)"
        )
    dtype = dtype_of(tensor.data_type, what)
    if tensor.HasField("segment"):
        raise ConfigError(f"{what} is stored in segments: save it whole")
    if any(size < 0 for size in tensor.dims):
        raise DataError(f"{what} has a negative size in its shape {list(tensor.dims)!s:.80}")
    if len(tensor.dims) > 64:
        raise DataError(f"{what} has {len(tensor.dims)} axes; the limit is 64")
    numbers, field = prod(tensor.dims), _FIELDS.get(dtype.name, "int32_data")
    given = [name for name in _DATA if len(getattr(tensor, name))]
    if given and given not in (["raw_data"], [field]):
        raise DataError(
            f"{what} is {dtype}, and has its data in {' and '.join(given)}: one field is expected"
        )
    raw = given == ["raw_data"]
    held = len(tensor.raw_data) // dtype.itemsize if raw else len(getattr(tensor, field))
    if held != numbers or (raw and len(tensor.raw_data) % dtype.itemsize):
        size = f"{len(tensor.raw_data)} bytes" if raw else f"{held} numbers"
        raise DataError(
            f"{what} has shape {list(tensor.dims)!s:.80} of {dtype}, and {size} of data: it is damaged"
        )
    try:
        array: np.ndarray[Any, Any] = onnx.numpy_helper.to_array(tensor)
    except (ValueError, TypeError, OverflowError) as error:
        raise DataError(f"{what} is damaged: {error}") from error
    if dtype == np.bool_:
        array = array.view(np.uint8) != 0  # another byte than 0 and 1 is no bool to NumPy
    if array.flags.writeable:
        array.flags.writeable = False
    return array
