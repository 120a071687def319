"""The same model in PyTorch, from elman's parameters: a layer for windows, or cells for single steps."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

ORDER = {"rnn": [0], "lstm": [0, 1, 3, 2], "gru": [0, 1, 2]}  # elman's position of PyTorch's g-th gate
LAYERS = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}
CELLS = {"rnn": nn.RNNCell, "lstm": nn.LSTMCell, "gru": nn.GRUCell}


class Layers(nn.Module):
    """Embedding, all recurrent layers as one fused module, output."""

    def __init__(self, s: dict[str, Any], *, sparse: bool = False) -> None:
        super().__init__()
        self.embedding = nn.Embedding(s["K"], s["E"], sparse=sparse)
        self.rnn = LAYERS[s["cell"]](s["E"], s["H"], s["layers"], dropout=s.get("dropout", 0.0))
        self.output = nn.Linear(s["H"], s["K"])
        self.top = nn.Dropout(s.get("dropout", 0.0))

    def hidden(self, x: torch.Tensor, state: Any) -> Any:
        """Return the hidden states of a window ``(T, B, H)``, and the state after it."""
        h, state = self.rnn(self.embedding(x), state)
        return self.top(h), state

    def forward(self, x: torch.Tensor, state: Any) -> Any:
        h, state = self.hidden(x, state)
        return self.output(h), state

    def fill(self, params: dict[str, np.ndarray], s: dict[str, Any]) -> None:
        """Take elman's parameters."""
        for l in range(s["layers"]):
            arrays = {name: getattr(self.rnn, f"{name}_l{l}") for name in NAMES}
            _fill_layer(arrays, params, s["cell"], l)
        _fill_ends(self, params)


class Steps(nn.Module):
    """Embedding, a cell a layer, output: one step, with a state ``(B, H)`` for each cell."""

    def __init__(self, s: dict[str, Any]) -> None:
        super().__init__()
        self.embedding = nn.Embedding(s["K"], s["E"])
        widths = [s["E"]] + [s["H"]] * (s["layers"] - 1)
        self.cells = nn.ModuleList([CELLS[s["cell"]](width, s["H"]) for width in widths])
        self.output = nn.Linear(s["H"], s["K"])

    def forward(
        self, token: torch.Tensor, state: list[tuple[torch.Tensor, torch.Tensor]]
    ) -> tuple[torch.Tensor, list[tuple[torch.Tensor, torch.Tensor]]]:
        x = self.embedding(token)
        new: list[tuple[torch.Tensor, torch.Tensor]] = []
        for i, cell in enumerate(self.cells):
            leaving = cell(x, state[i])
            new.append(leaving)
            x = leaving[0]
        return self.output(x), new

    def fill(self, params: dict[str, np.ndarray], s: dict[str, Any]) -> None:
        """Take elman's parameters."""
        for l, cell in enumerate(self.cells):
            _fill_layer({name: getattr(cell, name) for name in NAMES}, params, s["cell"], l)
        _fill_ends(self, params)


NAMES = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


def zeros(s: dict[str, Any]) -> Any:
    """Return the state of `Layers` before the first step."""
    shape = (s["layers"], s["B"], s["H"])
    return (torch.zeros(shape), torch.zeros(shape)) if s["cell"] == "lstm" else torch.zeros(shape)


def detached(state: Any) -> Any:
    """Return the state without the way back through it."""
    return tuple(field.detach() for field in state) if isinstance(state, tuple) else state.detach()


def _fill_ends(model: Any, params: dict[str, np.ndarray]) -> None:
    with torch.no_grad():
        model.embedding.weight.copy_(torch.from_numpy(params["embedding.E"]))
        model.output.weight.copy_(torch.from_numpy(params["output.V"].T))
        model.output.bias.copy_(torch.from_numpy(params["output.c"]))


def _fill_layer(arrays: dict[str, torch.Tensor], params: dict[str, np.ndarray], cell: str, l: int) -> None:
    """Copy the parameters of layer l: gate blocks (G, D, H) become rows of a matrix (G H, D).

    PyTorch has a second bias, which is added to the first: it is zero, but for that of a GRU's candidate,
    which stands within the reset gate.
    """
    order = ORDER[cell]
    U, W, b = (params[f"layers.{l}.{name}"][order] for name in "UWb")
    H = b.shape[1]
    with torch.no_grad():
        arrays["weight_ih"].copy_(torch.from_numpy(np.concatenate([block.T for block in U])))
        arrays["weight_hh"].copy_(torch.from_numpy(np.concatenate([block.T for block in W])))
        arrays["bias_ih"].copy_(torch.from_numpy(b.reshape(-1)))
        arrays["bias_hh"].zero_()
        if cell == "gru":
            arrays["bias_hh"][2 * H :].copy_(torch.from_numpy(params[f"layers.{l}.b_candidate"]))
