"""Training steps with PyTorch: fused layers, gradients freed rather than zeroed, its own clipping."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from . import common
from .torch_model import Layers, detached, zeros


class Trainer:
    """A model in training.

    Beside the sizes the settings have `threads`, `update` ("fused" or "foreach", of the optimiser), `loss`
    ("whole", or "chunked": the logits are never all in memory) and `compile`.
    """

    def __init__(self, s: dict[str, Any]) -> None:
        torch.set_num_threads(s["threads"])
        torch.manual_seed(s.get("seed", 0))
        self.s, self.threads = s, s["threads"]
        self.model = Layers(s)
        self.model.fill(common.parameters(s), s)
        self.parameters = list(self.model.parameters())
        how = {s.get("update", "fused"): True}
        kinds = {"adam": torch.optim.Adam, "sgd": torch.optim.SGD}
        self.optimizer = kinds[s["optimizer"]](self.parameters, lr=s["lr"], **how)
        self.chunks = nn.LinearCrossEntropyOptions() if s.get("loss") == "chunked" else None
        self.state = zeros(s)
        self.forward = torch.compile(self.loss) if s.get("compile") else self.loss

    def step(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Take one step on a window ``(T, B)``; return the loss."""
        loss, state = self.forward(x, y, self.state)
        self.state = detached(state)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.parameters, self.s["clip"], foreach=True)
        self.optimizer.step()
        return loss.detach()

    def loss(self, x: torch.Tensor, y: torch.Tensor, state: Any) -> tuple[torch.Tensor, Any]:
        """Return the mean cross-entropy of a window, and the state after it."""
        h, state = self.model.hidden(x, state)
        h, y = h.view(-1, self.s["H"]), y.reshape(-1)
        if self.chunks is None:
            return nn.functional.cross_entropy(self.model.output(h), y), state
        weight, bias = self.model.output.weight, self.model.output.bias
        loss = nn.functional.linear_cross_entropy(h, weight, y, linear_bias=bias, options=self.chunks)
        return loss, state


class Side:
    """Carried state, loss and gradients, clipping, update."""

    def __init__(self, s: dict[str, Any]) -> None:
        self.trainer = Trainer(s)
        self.tokens = torch.from_numpy(common.tokens(s))
        self.threads = s["threads"]
        self.check = [self.run(1)]

    def run(self, n: int) -> float:
        loss = torch.zeros(())
        for i in range(n):
            window = self.tokens[i % common.WINDOWS]
            loss = self.trainer.step(window[:-1], window[1:])
        return float(loss)
