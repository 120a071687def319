"""What a model may hold: checked once, before any of it is run."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import onnx
import onnx.checker

from elman.errors import ConfigError, DataError
from elman.interop.onnx.operators import OPERATORS
from elman.interop.onnx.operators.node import Node
from elman.interop.onnx.types import array_of, text_of

OPSETS = (7, 28)
"""The first and the last version of the default operator set whose operators are known here."""

_DEFAULT = ("", "ai.onnx")
_KINDS = onnx.AttributeProto
_SUBGRAPHS = (_KINDS.GRAPH, _KINDS.GRAPHS)


def opset_of(model: onnx.ModelProto) -> int:
    """Return the version of the default operator set, if it is one that is known."""
    versions = [entry.version for entry in model.opset_import if entry.domain in _DEFAULT]
    if len(versions) != 1:
        raise DataError(f"the model must name one version of the default operator set, not {len(versions)}")
    return known_opset(versions[0])


def known_opset(version: int) -> int:
    """Return the version, or raise ConfigError if it is not one that is known."""
    first, last = OPSETS
    if not first <= version <= last:
        raise ConfigError(f"the model is of opset {version}, and elman runs {first} to {last}: convert it")
    return version


def read_nodes(model: onnx.ModelProto, opset: int) -> list[Node]:
    """Return the nodes in the order of the file.

    Raises
    ------
    ConfigError
        If there is an operator, a domain or a kind of attribute that is not run: it is named.
    DataError
        If a value is made twice, or read before it is made, as in a cycle.
    """
    graph = model.graph
    for what, found in (
        ("functions of its own", model.functions),
        ("training steps", model.training_info),
        ("sparse initializers", graph.sparse_initializer),
    ):
        if found:
            raise ConfigError(f"the model has {what}, which elman does not run")
    nodes = [read_node(proto, opset, index) for index, proto in enumerate(graph.node)]
    made = _each_once("input", (value.name for value in graph.input))
    made |= _each_once("initializer", (tensor.name for tensor in graph.initializer))
    later = {name for node in nodes for name in node.outputs}
    for node in nodes:
        for name in node.inputs:
            if name and name not in made:
                why = "a node further on or itself gives, as in a cycle" if name in later else "nothing gives"
                raise DataError(f"{node.label} reads {name!r:.60}, which {why}")
        for name in node.outputs:
            if name and name in made:
                raise DataError(f"{node.label} gives {name!r:.60}, which there is already")
            made.add(name)
    for name in _each_once("output", (value.name for value in graph.output)):
        if name not in made:
            raise DataError(f"the model's output {name!r:.60} is given by no node")
    return nodes


def read_node(proto: onnx.NodeProto, opset: int, index: int | None = None) -> Node:
    """Return one node, if its operator is one that is run."""
    operator, name, domain = (text_of(value, "a node") for value in (proto.op_type, proto.name, proto.domain))
    place = f" {name!r:.60}" if name else "" if index is None else f" {index}"
    label = f"{operator if operator.isidentifier() else repr(operator):.40} node{place}"
    if domain not in _DEFAULT:
        raise ConfigError(f"{label} is of the domain {domain!r:.60}; elman runs the default one alone")
    if any(attribute.type in _SUBGRAPHS for attribute in proto.attribute):
        raise ConfigError(f"{label} has a graph within, and elman runs none")
    if operator not in OPERATORS:
        raise ConfigError(f"{label}: elman does not run this operator; it runs {', '.join(OPERATORS)}")
    attributes: dict[str, Any] = {}
    for attribute in proto.attribute:
        key = text_of(attribute.name, label)
        if key in attributes:
            raise DataError(f"{label} has the attribute {key!r:.60} twice")
        attributes[key] = _value(attribute, f"{label}'s attribute {key!r:.60}")
    inputs, outputs = (tuple(text_of(value, label) for value in part) for part in (proto.input, proto.output))
    return Node(operator, label, inputs, outputs, attributes, opset)


def check_whole(model: onnx.ModelProto) -> None:
    """Let onnx's own checker see the model's fields.

    Not the shapes that follow from it: a negative size, declared or computed, ends the process in onnx 1.23
    (an assertion in C++ of Slice). Types and shapes are seen when the model is run, by each operator.
    """
    try:
        onnx.checker.check_model(model)
    except (onnx.checker.ValidationError, ValueError) as error:
        raise DataError(f"the model is not valid ONNX: {_first_line(error)}") from error


def check_node(proto: onnx.NodeProto, opset: int) -> None:
    """Let onnx's own checker see a single node."""
    context = onnx.checker.C.CheckerContext()
    context.ir_version, context.opset_imports = onnx.IR_VERSION, {"": opset}
    try:
        onnx.checker.check_node(proto, context)
    except onnx.checker.ValidationError as error:
        raise DataError(f"the node is not valid ONNX: {_first_line(error)}") from error


def _value(attribute: onnx.AttributeProto, name: str) -> Any:
    kind = attribute.type
    if attribute.ref_attr_name:
        raise DataError(f"{name} refers to one of a function, and there is no function")
    if kind == _KINDS.TENSOR:
        return array_of(attribute.t, name)
    plain = {_KINDS.FLOAT: "f", _KINDS.INT: "i", _KINDS.STRING: "s"}
    many = {_KINDS.FLOATS: "floats", _KINDS.INTS: "ints", _KINDS.STRINGS: "strings"}
    if kind in plain:
        return text_of(getattr(attribute, plain[kind]), name)
    if kind in many:
        return [text_of(value, name) for value in getattr(attribute, many[kind])]
    kinds = {value: key.lower() for key, value in _KINDS.AttributeType.items()}
    raise ConfigError(f"{name} is a {kinds.get(kind, kind)}, which elman does not read")


def _each_once(what: str, names: Iterable[str]) -> set[str]:
    found: set[str] = set()
    for name in (text_of(name, f"an {what}") for name in names):
        if not name:
            raise DataError(f"the model has an {what} without a name")
        if name in found:
            raise DataError(f"the model has two {what}s named {name!r:.60}")
        found.add(name)
    return found


def _first_line(error: Exception) -> str:
    line = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)[:300]
    return "".join(letter if letter.isprintable() else "?" for letter in line)  # names of the model are in it
