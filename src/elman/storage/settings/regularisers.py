"""Settings of what keeps a model from learning its text by heart."""

from __future__ import annotations

from dataclasses import dataclass

from elman.storage.settings.declare import setting


@dataclass
class RegulariserSettings:
    """What is dropped, held back or decayed while training."""

    dropout: float = setting(
        0.0, "Regularisers", "Dropout on the output of each layer while training.", 0, below=1
    )
    weight_decay: float | None = setting(
        None, "Regularisers", "Weight decay: so much of each parameter is added to its gradient, or by adamw "
        "taken off apart from it; by default 0.01 with adamw, 0 with others.", 0,
    )  # fmt: skip
