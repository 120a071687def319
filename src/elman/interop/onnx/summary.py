"""What an ONNX file says of itself, whether or not it can be run here."""

from __future__ import annotations

import os
from collections import Counter
from math import prod
from typing import Any, NamedTuple

import onnx

from elman.errors import ElmanError
from elman.interop.onnx.graph import Graph
from elman.interop.onnx.loading import load_model
from elman.interop.onnx.operators.node import MAX_RANK
from elman.interop.onnx.types import text_of


class Value(NamedTuple):
    """An input, an output or the weights of a model."""

    name: str
    dtype: str
    shape: list[int | str]


class Summary(NamedTuple):
    """What is in a model.

    Attributes
    ----------
    facts : dict
        Producer, versions, counts.
    operators : dict of str to int
        How many nodes there are of each; those of other domains with the domain before them.
    inputs, outputs, weights : list of Value
        As the model declares them.
    metadata : dict of str to str
        What its writer noted.
    problem : str
        Why it is not run here; empty if it is.
    """

    facts: dict[str, Any]
    operators: dict[str, int]
    inputs: list[Value]
    outputs: list[Value]
    weights: list[Value]
    metadata: dict[str, str]
    problem: str


def summarize(path: str | os.PathLike[str]) -> Summary:
    """Read a model and tell what is in it; nothing of it is run.

    Parameters
    ----------
    path : path-like
        An ``.onnx`` file.

    Returns
    -------
    Summary

    Raises
    ------
    DataError
        If it cannot be read; see :func:`elman.interop.onnx.load_model`.
    """
    model = load_model(path)
    graph = model.graph
    problem = ""
    try:
        Graph(model)
    except ElmanError as error:
        problem = str(error)
    weights = [
        Value(text_of(tensor.name, "a tensor"), _kind(tensor.data_type), list(tensor.dims))
        for tensor in graph.initializer
    ]
    domains = {text_of(entry.domain, "an opset") or "ai.onnx": entry.version for entry in model.opset_import}
    operators = Counter(
        ".".join(filter(None, (text_of(node.domain, "a node"), text_of(node.op_type, "a node"))))
        for node in graph.node
    )
    facts = {
        "producer": f"{text_of(model.producer_name, 'the producer')} "
        f"{text_of(model.producer_version, 'the producer')}".strip(),
        "opset": ", ".join(f"{domain} {version}" for domain, version in domains.items()),
        "ir_version": model.ir_version,
        "nodes": len(graph.node),
        "parameters": sum(_numbers(tensor) for tensor in graph.initializer),
    }
    metadata = {text_of(e.key, "metadata"): text_of(e.value, "metadata") for e in model.metadata_props}
    given = {weight.name for weight in weights}
    inputs = [value for value in map(_value, graph.input) if value.name not in given]
    outputs = [_value(value) for value in graph.output]
    return Summary(facts, dict(operators.most_common()), inputs, outputs, weights, metadata, problem)


def _numbers(tensor: onnx.TensorProto) -> int:
    """Return how many numbers a tensor has; of one that cannot be, none."""
    possible = len(tensor.dims) <= MAX_RANK and all(0 <= size < 2**40 for size in tensor.dims)
    return prod(tensor.dims) if possible else 0


def _value(value: onnx.ValueInfoProto) -> Value:
    tensor, name = value.type.tensor_type, text_of(value.name, "a value")
    sizes = [
        dim.dim_value if dim.HasField("dim_value") else text_of(dim.dim_param, name) or "?"
        for dim in tensor.shape.dim
    ]
    return Value(name, _kind(tensor.elem_type), sizes)


def _kind(code: int) -> str:
    known: dict[int, str] = {number: name.lower() for name, number in onnx.TensorProto.DataType.items()}
    return {"float": "float32", "double": "float64"}.get(known.get(code, ""), known.get(code, f"type {code}"))
