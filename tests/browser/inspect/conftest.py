"""A report of elman inspect, and somebody who looks at it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from elman.insight.inspect import Inspection, inspect_model
from elman.insight.inspect.report import report_page
from tests.browser.visitor import Visitor, watched
from tests.insight.inspect.plain import a_model

TEXT = 'Say "no" (or [not]).\nThen "yes", he said,\n\nand (so) it </script>was.\n' * 3
RECORDS = [{"step": k, "train_loss": 3 / k + 1, "valid_loss": 2 / k + 1.2} for k in range(1, 40)]


@pytest.fixture
def visitor(browser: Any) -> Iterator[Visitor]:
    with watched(browser) as found:
        yield found


@pytest.fixture(scope="module")
def found() -> Inspection:
    model, tokenizer = a_model("lstm", text=TEXT, hidden=5)
    return inspect_model(model, tokenizer, TEXT, lags=8, records=RECORDS)


@pytest.fixture(scope="module")
def report(found: Inspection, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(report_page(found, name="a <b> & text", cut=True), encoding="utf-8")
    return path
