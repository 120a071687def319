"""One step of an LSTM model as ONNX wants it: every state a tensor of its own, in and out."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from .torch_model import Steps


class Step(nn.Module):
    """A step through single LSTM layers ("layer"), or through cells ("cell").

    A layer for each state keeps the graph free of the slices that a state of all layers would need.
    """

    def __init__(self, s: dict[str, Any], form: str) -> None:
        super().__init__()
        self.form, self.steps = form, Steps(s)
        self.layers = nn.ModuleList()
        if form == "layer":
            widths = [s["E"]] + [s["H"]] * (s["layers"] - 1)
            self.layers.extend(nn.LSTM(width, s["H"]) for width in widths)

    def fill(self, params: dict[str, Any], s: dict[str, Any]) -> None:
        """Take elman's parameters."""
        self.steps.fill(params, s)
        with torch.no_grad():
            for layer, cell in zip(self.layers, self.steps.cells, strict=False):
                for name, array in cell.named_parameters():
                    getattr(layer, f"{name}_l0").copy_(array)

    def forward(self, token: torch.Tensor, *state: torch.Tensor) -> tuple[torch.Tensor, ...]:
        pairs = [(state[2 * i], state[2 * i + 1]) for i in range(len(self.steps.cells))]
        if self.form == "cell":
            logits, new = self.steps(token, pairs)
            return logits, *(field for pair in new for field in pair)
        x, leaving = self.steps.embedding(token), []
        for layer, (h, c) in zip(self.layers, pairs, strict=True):
            _, (h, c) = layer(x[None], (h[None], c[None]))
            x = h[0]
            leaving += [h[0], c[0]]
        return self.steps.output(x), *leaving


def names(layers: int) -> tuple[list[str], list[str]]:
    """Return the names of the inputs and of the outputs, in order."""
    states = [f"{field}{l}" for l in range(layers) for field in ("h", "c")]
    return ["token", *states], ["logits", *(f"{state}_new" for state in states)]
