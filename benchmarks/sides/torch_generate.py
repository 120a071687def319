"""Generation with PyTorch: the layer, or the cells, in inference mode, the most likely token fed back."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import torch

from . import common
from .torch_model import Layers, Steps, zeros

FORMS = ("layer", "layer without oneDNN", "cells", "cells, TorchScript", "cells, torch.compile")
Step = Callable[[torch.Tensor, Any], Any]


class Side:
    """B rows, each going on with its own most likely token.

    `form` is one of `FORMS`. oneDNN's LSTM packs its weights anew in every call, which a single step pays
    dearly; without it PyTorch runs its own loop. Scripted and frozen cells take Python out of the step.
    """

    def __init__(self, s: dict[str, Any]) -> None:
        torch.set_num_threads(s["threads"])
        self.threads = s["threads"]
        with torch.inference_mode():
            self.forward, self.state = _build(s)
            self.tokens = torch.from_numpy(common.first_tokens(s))
            _, self.state = self.forward(torch.zeros(s["B"], dtype=torch.int64), self.state)
        self.check = [float(self.run(1)) for _ in range(common.OPENING)]

    def run(self, n: int) -> int:
        forward, tokens, state = self.forward, self.tokens, self.state
        with torch.inference_mode():
            for _ in range(n):
                logits, state = forward(tokens, state)
                tokens = logits.argmax(1)
        self.tokens, self.state = tokens, state
        return int(tokens.sum())


def _build(s: dict[str, Any]) -> tuple[Step, Any]:
    """Return what does a step, and the state before the first."""
    form = s["form"]
    if form.startswith("layer"):
        torch.backends.mkldnn.set_flags(form == "layer")
        layers = Layers(s).eval()
        layers.fill(common.parameters(s), s)

        def forward(tokens: torch.Tensor, state: Any) -> Any:
            logits, state = layers(tokens[None], state)
            return logits[0], state

        return forward, zeros(s)
    cells: Any = Steps(s).eval()
    cells.fill(common.parameters(s), s)
    state = [(torch.zeros(s["B"], s["H"]), torch.zeros(s["B"], s["H"])) for _ in range(s["layers"])]
    if form == "cells, TorchScript":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # it is deprecated, and still the fastest
            cells = torch.jit.freeze(torch.jit.script(cells))
    elif form == "cells, torch.compile":
        cells = torch.compile(cells, mode="max-autotune-no-cudagraphs")
    return cells, state
