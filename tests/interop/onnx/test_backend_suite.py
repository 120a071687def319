"""onnx's own backend suite (``onnx.backend.test``) on our backend."""

from __future__ import annotations

import unittest

import onnx
import pytest

from elman.errors import ConfigError
from elman.interop.onnx import Backend
from tests.interop.onnx.suite import KINDS, RECURRENT, backend_classes, cases

CLASSES = backend_classes(Backend, __name__)
globals().update(CLASSES)


def names_of(of_kind: type[unittest.TestCase]) -> set[str]:
    return {name for name in vars(of_kind) if name.startswith("test_")}


@pytest.mark.parametrize("name", KINDS)
def test_the_cases_chosen_are_there_and_none_is_skipped(name: str) -> None:
    found = names_of(CLASSES[name])
    assert found == {f"{case}_cpu" for case in cases(KINDS[name]).run}
    assert not any(getattr(vars(CLASSES[name])[test], "__unittest_skip__", False) for test in found)


def test_every_recurrent_case_of_the_suite_is_run() -> None:
    from onnx.backend.test.loader import load_model_tests

    suite = {f"{case.name}_cpu" for case in load_model_tests(kind="node") if RECURRENT.match(case.name)}
    release = tuple(map(int, onnx.__version__.split(".")[:2]))
    assert len(suite) >= (18 if release >= (1, 23) else 12)
    assert {name for name in names_of(CLASSES["OnnxBackendNodeModelTest"]) if RECURRENT.match(name)} == suite


@pytest.mark.parametrize("kind", KINDS.values())
def test_what_is_left_out_is_refused_by_its_type_or_opset(kind: str) -> None:
    for name, model in cases(kind).left_out.items():
        with pytest.raises(ConfigError, match=r"elman runs (float32, .*|7 to \d+|tensors alone)"):
            Backend.prepare(model)
        assert not RECURRENT.match(name)
