"""Says at the end how much of onnx's own backend suite has passed."""

from __future__ import annotations

from typing import Any

from tests.interop.onnx.suite import KINDS, RECURRENT, cases

SUITE = "test_backend_suite.py::OnnxBackend"


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Write the counts, if the suite was run."""
    ran: dict[str, list[str]] = {"passed": [], "failed": []}
    for outcome, names in ran.items():
        for report in terminalreporter.stats.get(outcome, []):
            if SUITE in report.nodeid:
                names.append(report.nodeid.rpartition("::")[2])
    if not any(ran.values()):
        return
    terminalreporter.section("onnx backend suite")
    for what, recurrent in (("RNN, LSTM, GRU", True), ("plain operators", False)):
        passed, failed = (
            sum(bool(RECURRENT.match(name)) == recurrent for name in names) for names in ran.values()
        )
        terminalreporter.write_line(f"{what}: {passed} / {passed + failed} passed")
    left_out = sum(len(cases(kind).left_out) for kind in KINDS.values())
    terminalreporter.write_line(
        f"left out: {left_out} of types that NumPy has not (float8, int4, sequences ...), or of opset 6"
    )
