"""What all pages of figures have in common: marks to write between, and the line that says when and where."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any


def fill(page: Path, written: str, name: str = "figures") -> None:
    """Write what stands between the marks of a page."""
    marked = re.compile(rf"(<!-- {name}: begin -->\n).*?(<!-- {name}: end -->)", re.DOTALL)
    text = page.read_text("utf-8")
    if not marked.search(text):
        raise SystemExit(f"{page.name} has lost the marks around its {name}")
    page.write_text(marked.sub(lambda m: m[1] + written + m[2], text), "utf-8")


def where(kept: dict[str, Any]) -> str:
    """Say when something was measured, and on what."""
    m = kept["machine"]
    return (
        f"Measured {kept['date']} on {m['cores']} core{'s' * (m['cores'] > 1)} of {m['processor']}, "
        f"Python {m['python']}, NumPy {m['numpy']} ({m['blas']})."
    )
