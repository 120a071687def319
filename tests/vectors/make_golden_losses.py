"""Write golden_losses.json: ``python -m tests.vectors.make_golden_losses``, from the root of the project.

Run it again only where losses are meant to change, and say in the commit why they do.
"""

import json
from pathlib import Path

from elman.network import CELLS
from tests.network.golden import RATES, ten_losses

PATH = Path(__file__).with_name("golden_losses.json")


def main() -> None:
    """Train every cell in both precisions with both optimisers."""
    losses = {
        f"{cell} {dtype} {optimizer}": ten_losses(cell, dtype, optimizer)
        for cell in CELLS
        for dtype in ("float64", "float32")
        for optimizer in RATES
    }
    lines = (f"  {json.dumps(case)}: {json.dumps(values)}" for case, values in losses.items())
    PATH.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
