"""Who shares a batch, where nobody has said."""

from __future__ import annotations

from typing import Any

import pytest

from elman.storage.config import TrainConfig
from elman.training import processes, sharing
from elman.training.sharing import best_ranks

LARGE = {"hidden": 128, "layers": 1, "embedding": 32, "batch": 32, "window": 32}
SMALL = {**LARGE, "hidden": 16, "window": 16}


@pytest.fixture(autouse=True)
def _cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sharing, "usable_cores", lambda: 6)


@pytest.mark.parametrize(
    ("settings", "ranks"),
    [
        ({**LARGE}, 1),  # processes share memory
        ({**LARGE, "threads": 1}, 6),
        ({**LARGE, "threads": 2}, 3),
        ({**LARGE, "threads": 8}, 1),
        ({**LARGE, "threads": 1, "batch": 11}, 2),  # fewer than four rows a rank are too thin
        ({**LARGE, "threads": 1, "batch": 3, "window": 1000}, 1),
        ({**SMALL, "threads": 1}, 1),
        ({**SMALL, "threads": 1, "back": 400}, 6),  # what is gone through counts
        ({**LARGE, "threads": 1, "output": "adaptive", "cutoffs": "6000,16000"}, 6),
        ({**LARGE, "threads": 1, "output": "sampled", "samples": 500}, 6),
        ({**LARGE, "threads": 1, "output": "mixture", "experts": 3}, 6),
        ({**LARGE, "threads": 1, "embedding": 128, "tied": True, "output": "auto"}, 6),
    ],
)
def test_ranks_are_started_where_they_are_faster(settings: dict[str, Any], ranks: int) -> None:
    assert best_ranks(TrainConfig.from_mapping(settings)) == ranks


def test_where_processes_cannot_share_memory_ranks_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes.os, "name", "nt")
    assert best_ranks(TrainConfig.from_mapping(LARGE)) == 6
    assert best_ranks(TrainConfig.from_mapping(SMALL)) == 1
