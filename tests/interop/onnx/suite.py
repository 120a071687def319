"""onnx's own backend suite: which of its cases are for the operators that the backend runs."""

from __future__ import annotations

import re
import unittest
import warnings
from functools import cache
from typing import Any, NamedTuple

import onnx

RECURRENT = re.compile(r"test_(lstm|gru|simple_rnn|rnn)_")
"""The families of which every case must pass."""

KINDS = {
    "OnnxBackendNodeModelTest": "node",
    "OnnxBackendPyTorchConvertedModelTest": "pytorch-converted",
    "OnnxBackendPyTorchOperatorModelTest": "pytorch-operator",
}
"""Classes of the suite, and where their cases lie."""


class Cases(NamedTuple):
    """Names of one kind of cases, all of whose operators the backend runs."""

    run: tuple[str, ...]
    left_out: dict[str, onnx.ModelProto]


@cache
def cases(kind: str) -> Cases:
    """Return the cases of a kind: those of types and opsets that the backend runs, and the others."""
    from elman.interop.onnx.checks import OPSETS
    from elman.interop.onnx.operators import OPERATORS

    run: list[str] = []
    left_out: dict[str, onnx.ModelProto] = {}
    for case in _load(kind):
        model = case.model or onnx.load(f"{case.model_dir}/model.onnx")
        if all(node.op_type in OPERATORS and node.domain == "" for node in model.graph.node):
            known = _types_known(model) and model.opset_import[0].version >= OPSETS[0]
            if known:
                run.append(case.name)
            else:
                left_out[case.name] = model
    return Cases(tuple(run), left_out)


def node_models() -> list[onnx.ModelProto]:
    """Return the models of all cases of single operators that are run."""
    by_name = {case.name: case.model for case in _load("node")}
    return [by_name[name] for name in cases("node").run]


def backend_classes(backend: Any, module: str) -> dict[str, type[unittest.TestCase]]:
    """Return onnx's own test classes with the cases to run, on the CPU, and no others."""
    from onnx.backend.test import BackendTest

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what the suite computes as it is loaded overflows on purpose
        classes: dict[str, Any] = BackendTest(backend, module).test_cases
    chosen = {name: classes[name] for name in KINDS}
    for name, of_kind in chosen.items():
        wanted = {f"{case}_cpu" for case in cases(KINDS[name]).run}
        for test in [test for test in vars(of_kind) if test.startswith("test_") and test not in wanted]:
            delattr(of_kind, test)
    return chosen


def _load(kind: str) -> list[Any]:
    from onnx.backend.test.loader import load_model_tests

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return list(load_model_tests(kind=kind))


def _types_known(model: onnx.ModelProto) -> bool:
    from elman.interop.onnx.types import DTYPES

    return all(
        value.type.WhichOneof("value") == "tensor_type" and value.type.tensor_type.elem_type in DTYPES
        for value in (*model.graph.input, *model.graph.output)
    )
