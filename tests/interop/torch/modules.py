"""Language models in PyTorch: drawn at random, run, and saved. Only where that is installed."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn


class Plan(NamedTuple):
    """What a model is to be."""

    cell: str = "lstm"  # rnn, rnn-relu, gru, lstm
    layers: int = 1
    tied: bool = False
    bias: bool = True
    output_bias: bool = True
    bidirectional: bool = False
    projection: int = 0
    dtype: str = "float64"
    vocab_size: int = 7
    embedding: int = 4
    hidden: int = 5
    steps: int = 4
    batch: int = 3
    seed: int = 0

    @property
    def width(self) -> int:
        """Width of the recurrent module's output."""
        return (self.projection or self.hidden) * (1 + self.bidirectional)


class Model(nn.Module):
    """Embedding, one recurrent module, output layer."""

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.embedding = nn.Embedding(plan.vocab_size, plan.width if plan.tied else plan.embedding)
        options: dict[str, Any] = {"bias": plan.bias, "bidirectional": plan.bidirectional}
        if plan.cell.startswith("rnn"):
            options["nonlinearity"] = "relu" if plan.cell == "rnn-relu" else "tanh"
        if plan.projection:
            options["proj_size"] = plan.projection
        kind = {"rnn": nn.RNN, "rnn-relu": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}[plan.cell]
        self.rnn = kind(self.embedding.embedding_dim, plan.hidden, plan.layers, **options)
        self.output = nn.Linear(plan.width, plan.vocab_size, bias=plan.output_bias)
        if plan.tied:
            self.output.weight = self.embedding.weight

    def forward(self, x: Any, state: Any) -> Any:
        """Return logits ``(T, B, K)`` and the state after."""
        h, state = self.rnn(self.embedding(x), state)
        return self.output(h), state


def new_model(plan: Plan) -> Model:
    """Return a model with weights from -0.8 to 0.8, in float32 within the bounds that PyTorch draws from.

    Larger ones would let rounding errors grow from step to step, there as here.
    """
    torch.manual_seed(plan.seed)
    model = Model(plan).to(getattr(torch, plan.dtype))
    bound = 0.8 if plan.dtype == "float64" else plan.hidden**-0.5
    with torch.no_grad():
        for weight in model.parameters():
            weight.uniform_(-bound, bound)
    return model


def run(plan: Plan, model: Model) -> dict[str, Any]:
    """Run a model and its backward pass; return tokens and results as `comparing.hold_equal` has them."""
    rng = np.random.default_rng(plan.seed)
    x, y = rng.integers(0, plan.vocab_size, (2, plan.steps, plan.batch))
    rows = plan.layers * (1 + plan.bidirectional)
    widths = {"h": plan.projection or plan.hidden} | ({"c": plan.hidden} if plan.cell == "lstm" else {})
    state = {
        name: torch.tensor(
            rng.uniform(-1, 1, (rows, plan.batch, width)).astype(plan.dtype), requires_grad=True
        )
        for name, width in widths.items()
    }
    logits, leaving = model(torch.tensor(x), tuple(state.values()) if "c" in state else state["h"])
    loss = nn.functional.cross_entropy(logits.reshape(x.size, -1), torch.tensor(y).reshape(-1))
    loss.backward()
    after = dict(zip(widths, leaving if "c" in state else (leaving,), strict=True))
    results = {"x": x, "y": y, "logits": logits.detach().numpy(), "loss": loss.detach().numpy()}
    for name in widths:
        results[f"state/{name}"] = state[name].detach().numpy()
        results[f"dstate/{name}"] = state[name].grad.numpy()
        results[f"new_state/{name}"] = after[name].detach().numpy()
    for name, weight in model.named_parameters():
        results[f"grads/{name}"] = weight.grad.numpy()
    return results


def save(model: Model, path: Path) -> None:
    """Write the weights, as safetensors or as torch.save does, by the name of the file."""
    if path.suffix == ".pt":
        torch.save({"model": model.state_dict(), "epoch": 3, "lr": 1e-3}, path)
    else:
        from safetensors.torch import save_model

        save_model(model, str(path))
