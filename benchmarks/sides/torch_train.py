"""Training steps with PyTorch: fused layers, fused optimiser, gradients freed rather than zeroed."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn


class Model(nn.Module):
    """Embedding, recurrent layers, output."""

    def __init__(self, s: dict[str, Any]) -> None:
        super().__init__()
        kinds = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}
        self.embedding = nn.Embedding(s["K"], s["E"])
        self.rnn = kinds[s["cell"]](s["E"], s["H"], s["layers"])
        self.output = nn.Linear(s["H"], s["K"])

    def forward(self, x: torch.Tensor, state: Any) -> Any:
        h, state = self.rnn(self.embedding(x), state)
        return self.output(h), state


class Side:
    """Carried state, loss and gradients, clipping, update."""

    def __init__(self, s: dict[str, Any]) -> None:
        torch.set_num_threads(s["threads"])
        torch.manual_seed(0)
        self.settings, self.threads = s, s["threads"]
        self.model = Model(s)
        rng = np.random.default_rng(0)
        self.tokens = torch.from_numpy(rng.integers(0, s["K"], (8, s["T"] + 1, s["B"])))
        parameters = self.model.parameters()
        self.optimizer: torch.optim.Optimizer = (
            torch.optim.Adam(parameters, lr=s["lr"], fused=True)
            if s["optimizer"] == "adam"
            else torch.optim.SGD(parameters, lr=s["lr"], fused=True)
        )
        shape = (s["layers"], s["B"], s["H"])
        self.state: Any = torch.zeros(shape)
        if s["cell"] == "lstm":
            self.state = (torch.zeros(shape), torch.zeros(shape))

    def run(self, n: int) -> float:
        s, loss = self.settings, torch.zeros(())
        for i in range(n):
            window = self.tokens[i % len(self.tokens)]
            logits, state = self.model(window[:-1], self.state)
            self.state = tuple(field.detach() for field in state) if s["cell"] == "lstm" else state.detach()
            loss = nn.functional.cross_entropy(logits.view(-1, s["K"]), window[1:].reshape(-1))
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(self.model.parameters(), s["clip"], foreach=True)
            self.optimizer.step()
        return float(loss.detach())
