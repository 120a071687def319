"""ONNX models: read, prepared, told about, and run on ones.

Half of the files are changed bytes. Most of these are no message any more, and so the other half are seeds
whose fields were changed, one and then another: a file that begins with ``STRUCTURED`` says by its bytes
which, and how.
"""

from __future__ import annotations

import random
from functools import cache
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from google.protobuf.descriptor import FieldDescriptor

from elman.errors import ElmanError
from elman.interop.onnx import Backend, load_model, summarize
from elman.interop.onnx.operators import OPERATORS
from tests.interop.onnx.models import of_sizes
from tests.interop.onnx.suite import node_models

VECTORS = Path(__file__).parents[1] / "vectors"
STRUCTURED = b"\xff\xfe"
"""No message begins so."""

NUMBERS = (0, 1, -1, 2, 3, 7, 13, 64, 65, 10**12, 2**31, 2**31 - 1, -(2**31), 2**62, 2**63 - 1, -(2**63))
RANGES = {
    FieldDescriptor.TYPE_INT32: (-(2**31), 2**31 - 1),
    FieldDescriptor.TYPE_INT64: (-(2**63), 2**63 - 1),
    FieldDescriptor.TYPE_UINT64: (0, 2**64 - 1),
}
WORDS = (
    "", "x", "y", "a", "X", "W", "R", "B", "Tanh", "relu", "Elu", "forward", "reverse", "bidirectional",
    "axis", "axes", "to", "value", "ai.onnx", "clip", "layout", *OPERATORS,
)  # fmt: skip
SIZES = ((2, 3), (10**12,), (0, 2**62, 2**62), (2**63 - 1,) * 64)
REALS = (0.0, 1.0, -1.0, 0.5, 1e38, float("inf"), float("nan"))


@cache
def models() -> list[bytes]:
    """Return the stored models of PyTorch, those of onnx's suite for our operators, and some huge ones."""
    files = [path.read_bytes() for path in sorted(VECTORS.glob("torch_onnx_*.onnx"))]
    huge = [of_sizes(operator, sizes) for operator in ("Expand", "ConstantOfShape") for sizes in SIZES]
    return [*files, *(model.SerializeToString() for model in [*node_models(), *huge])]


def seeds() -> list[bytes]:
    """Return the models, and as many changes of them."""
    return [*models(), *(STRUCTURED + number.to_bytes(4, "little") for number in range(len(models())))]


def read(data: bytes, folder: Path) -> None:
    """Do all that is done with a model; a message of more than a line is a finding too."""
    path = folder / "model.onnx"
    path.write_bytes(restructured(data) if data.startswith(STRUCTURED) else data)
    try:
        _use(path)
    except ElmanError as error:
        if not str(error).isprintable() or len(str(error)) > 1000:
            raise RuntimeError(f"no message for a terminal: {str(error)!r:.200}") from error
        raise


def restructured(data: bytes) -> bytes:
    """Return a model with some fields changed, as the bytes say."""
    rng = random.Random(data)
    model = onnx.ModelProto()
    model.ParseFromString(rng.choice(models()))
    for _ in range(rng.choice((1, 1, 2, 3, 5))):
        message = rng.choice(_within(model))
        present = [field for field, _ in message.ListFields()]
        fields = present if present and rng.random() < 0.8 else list(message.DESCRIPTOR.fields)
        _change(message, rng.choice(fields), rng)
    return model.SerializeToString()


def _use(path: Path) -> None:
    summarize(path)
    prepared = Backend.prepare(load_model(path), max_bytes=2**26)
    fed = {}
    for port in prepared.graph.inputs:
        shape = [min(size, 50) if isinstance(size, int) else 2 for size in port.shape or ()]
        if prod(shape) > 10**5:
            return
        fed[port.name] = np.ones(shape, port.dtype)
    prepared.run(fed)


def _within(message: Any) -> list[Any]:
    """Return the message and all messages within it."""
    found = [message]
    for field, value in message.ListFields():
        if field.type == FieldDescriptor.TYPE_MESSAGE:
            for inner in value if field.is_repeated else [value]:
                found += _within(inner)
    return found


def _change(message: Any, field: Any, rng: random.Random) -> None:
    of_messages = field.type == FieldDescriptor.TYPE_MESSAGE
    if not field.is_repeated:
        if rng.random() < 0.2:
            message.ClearField(field.name)
        elif of_messages:
            getattr(message, field.name).SetInParent()
        else:
            setattr(message, field.name, _value(field, rng))
        return
    many, choice = getattr(message, field.name), rng.random()
    if many and choice < 0.3:
        del many[rng.randrange(len(many))]
    elif of_messages:
        made = many.add()
        if len(many) > 1 and choice < 0.8:
            made.CopyFrom(many[rng.randrange(len(many) - 1)])
    elif many and choice < 0.8:
        many[rng.randrange(len(many))] = _value(field, rng)
    else:
        many.append(_value(field, rng))


def _value(field: Any, rng: random.Random) -> Any:
    if field.type == FieldDescriptor.TYPE_STRING:
        return rng.choice(WORDS)
    if field.type == FieldDescriptor.TYPE_BYTES:
        return rng.choice((b"", b"\0" * 4, b"\xff" * 8, b"forward", b"bidirectional", rng.randbytes(12)))
    if field.type in (FieldDescriptor.TYPE_FLOAT, FieldDescriptor.TYPE_DOUBLE):
        return rng.choice(REALS)
    if field.type == FieldDescriptor.TYPE_ENUM:
        return rng.choice([value.number for value in field.enum_type.values])
    low, high = RANGES.get(field.type, (0, 2**31 - 1))
    return min(max(rng.choice(NUMBERS), low), high)
