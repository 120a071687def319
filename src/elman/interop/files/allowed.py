"""The few things that a pickle of tensors may name, and what each becomes.

Nothing is imported and nothing of the file is called: a name stands for one of the functions here, which look
at what they are given and return plain values.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any, NamedTuple

from elman.errors import DataError
from elman.interop.files.listing import BITS, MOST_AXES, is_size


class Global(NamedTuple):
    """A name in a pickle, such as ``collections.OrderedDict``."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


class Storage(NamedTuple):
    """A member of the archive that holds numbers."""

    key: str
    dtype: str  # "" where the tensor says it
    numbers: int  # bytes where the tensor says the type


class View(NamedTuple):
    """A tensor: numbers of a storage, some places apart."""

    storage: Storage
    dtype: str
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class Opaque(NamedTuple):
    """A value that is of no use here, such as a device."""

    what: str


STORAGES = {
    "DoubleStorage": "float64", "FloatStorage": "float32", "HalfStorage": "float16",
    "BFloat16Storage": "bfloat16", "LongStorage": "int64", "IntStorage": "int32", "ShortStorage": "int16",
    "CharStorage": "int8", "ByteStorage": "uint8", "BoolStorage": "bool",
    "ComplexFloatStorage": "complex64", "ComplexDoubleStorage": "complex128",
}  # fmt: skip
"""The typed storages of the module ``torch``."""

_ALIASES = {"float": "float32", "double": "float64", "half": "float16", "long": "int64", "int": "int32"}


def storage(given: Any) -> Storage:
    """Return what a persistent id stands for: ``("storage", type, key, location, numbers)``."""
    if not isinstance(given, tuple) or len(given) != 5 or given[0] != "storage":
        raise DataError("a reference to something other than a storage")
    kind, key, _, numbers = given[1:]
    if not isinstance(kind, Global) or not isinstance(key, str) or not is_size(numbers):
        raise DataError("a storage without type, name or size")
    if kind == Global("torch.storage", "UntypedStorage"):
        return Storage(key, "", numbers)
    if kind.module != "torch" or kind.name not in STORAGES:
        raise DataError(f"a storage of the kind {kind}")
    return Storage(key, STORAGES[kind.name], numbers)


def _rebuild_tensor(*given: Any) -> View:
    if len(given) < 4 or not isinstance(given[0], Storage):
        raise DataError("a tensor without a storage")
    if not given[0].dtype:
        raise DataError("a tensor without a type")
    _check_plain(given[6:])
    return _view(given[0], given[0].dtype, *given[1:4])


def _rebuild_tensor_v3(*given: Any) -> View:
    if len(given) < 7 or not isinstance(given[0], Storage) or not isinstance(given[6], Opaque):
        raise DataError("a tensor without a storage or a type")
    _check_plain(given[7:])
    return _view(given[0], given[6].what, *given[1:4])


def _check_plain(metadata: tuple[Any, ...]) -> None:
    """Raise DataError if a tensor's numbers are not those of its storage, such as where they are negated."""
    if any(metadata):
        raise DataError(
            "a tensor that is stored as another, to be negated or conjugated when it is read: save a copy of "
            "it, tensor.resolve_neg().resolve_conj()"
        )


def _view(numbers: Storage, dtype: str, offset: Any, shape: Any, strides: Any) -> View:
    """Return a tensor whose every number lies in its storage."""
    if dtype not in BITS or BITS[dtype] % 8:
        raise DataError(f"a tensor of type {dtype}")
    sound = isinstance(shape, tuple) and isinstance(strides, tuple) and len(shape) == len(strides)
    if not sound or len(shape) > MOST_AXES or not all(map(is_size, (offset, *shape, *strides))):
        raise DataError("a tensor whose offset, sizes and strides are not whole numbers from 0, or too many")
    if prod(shape) >= 2**63:
        raise DataError("a tensor of more numbers than any memory holds")
    room = numbers.numbers if numbers.dtype else numbers.numbers // (BITS[dtype] // 8)
    if all(shape):
        last = offset + sum((n - 1) * stride for n, stride in zip(shape, strides, strict=True))
        if last >= room:
            raise DataError(f"a tensor that needs {last + 1:,} numbers of a storage of {room:,}")
    return View(numbers, dtype, offset, shape, strides)


def _rebuild_parameter(*given: Any) -> View:
    if not given or not isinstance(given[0], View):
        raise DataError("a parameter without a tensor")
    return given[0]


def _ordered_dict(*given: Any) -> dict[Any, Any]:
    if given:
        raise DataError("an OrderedDict with arguments")
    return {}


def _size(*given: Any) -> tuple[int, ...]:
    size = given[0] if len(given) == 1 else None
    if not isinstance(size, tuple) or len(size) > MOST_AXES or not all(map(is_size, size)):
        raise DataError("a torch.Size of something other than sizes, or of too many")
    return size


def _device(*given: Any) -> Opaque:
    return Opaque("device")


CALLABLE: dict[Global, Callable[..., Any]] = {
    Global("collections", "OrderedDict"): _ordered_dict,
    Global("torch", "Size"): _size,
    Global("torch", "device"): _device,
    Global("torch._utils", "_rebuild_tensor"): _rebuild_tensor,
    Global("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor,
    Global("torch._utils", "_rebuild_tensor_v3"): _rebuild_tensor_v3,
    Global("torch._utils", "_rebuild_parameter"): _rebuild_parameter,
    Global("torch._utils", "_rebuild_parameter_with_state"): _rebuild_parameter,
}
"""What may be called, and what is called in its place."""

MOST_ARGUMENTS = 16
"""Arguments of a call: of many, a pickle could ask again and again."""

_NAMED = {Global("torch.storage", "UntypedStorage"), *(Global("torch", name) for name in STORAGES)}

ADVICE = "save only the weights, torch.save(model.state_dict(), FILE), or better as safetensors"


def named(module: str, name: str) -> Global | Opaque:
    """Return what a name stands for, or raise DataError if a pickle of tensors has no use for it."""
    found = Global(module, name)
    if found in CALLABLE or found in _NAMED:
        return found
    dtype = _ALIASES.get(name, name)
    if module == "torch" and dtype in BITS:
        return Opaque(dtype)
    kind = f"{found!s:.100}"
    if module.startswith(("torch.nn.", "__main__")):
        raise DataError(
            f"it holds {kind}: a whole pickled model, which only its own code can rebuild, not its weights: "
            f"{ADVICE}"
        )
    if module == "torch._utils" and name.startswith("_rebuild_"):
        raise DataError(
            f"it has a tensor that is more than numbers at strides ({kind}), such as a sparse, quantized or "
            "meta tensor: save its to_dense() or dequantize()"
        )
    raise DataError(
        f"it asks for {kind}, which is not needed for tensors, and nothing but tensors is read: {ADVICE}"
    )
