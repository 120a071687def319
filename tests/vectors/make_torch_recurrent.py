"""Make `torch_recurrent_*.safetensors`: outputs and gradients of PyTorch's recurrent layers, in float64.

Run once, by hand, where torch is installed (the tests only read the files, and need no torch):

    python -m venv venv && venv/bin/pip install torch==2.13.0 numpy safetensors
    venv/bin/python tests/vectors/make_torch_recurrent.py

Each file holds one model (embedding, `torch.nn.RNN`, `LSTM` or `GRU` of three layers, linear output, mean
cross-entropy) with the names and shapes of elman: `params/<name>`, `x`, `y`, `state/<layer>/<h or c>`; and
what torch made of them: `logits`, `loss`, `new_state/...`, `grads/<name>`, `dstate/...`. What is mapped:

- torch stacks gates as rows of `weight_ih` (G*H, D); here `U` is (G, D, H), its transposed blocks. The order
  of the gates is i, f, g, o in torch's LSTM and i, f, o, g here; r, z, n in both GRUs.
- torch has two biases a gate, which only ever occur as a sum: ours is `bias_ih`, and `bias_hh` is zero. In
  the GRU `bias_hh` of n stands inside the reset gate: it is `b_candidate`.
"""

import json
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save_file

K, D, H, L, T, B = 6, 4, 3, 3, 5, 2
ORDER = {"rnn": [0], "lstm": [0, 1, 3, 2], "gru": [0, 1, 2]}  # torch's position of our g-th gate
STATES = {"rnn": ["h"], "lstm": ["h", "c"], "gru": ["h"]}
HERE = Path(__file__).parent


def main() -> None:
    """Write the four files."""
    torch.set_default_dtype(torch.float64)
    for seed, (cell, activation) in enumerate(
        [("rnn", "tanh"), ("rnn", "relu"), ("lstm", "tanh"), ("gru", "tanh")]
    ):
        tensors = make(cell, activation, np.random.default_rng(seed))
        about = {"cell": cell, "activation": activation, "torch": torch.__version__.split("+")[0]}
        tensors = {name: np.array(array, order="C") for name, array in tensors.items()}
        save_file(tensors, HERE / f"torch_recurrent_{cell}_{activation}.safetensors", metadata=about)
        print(json.dumps(about), f"loss {float(tensors['loss']):.6f}")


def make(cell: str, activation: str, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Draw one model, run it in torch, and return everything under elman's names."""
    gates = len(ORDER[cell])
    net = {
        "rnn": lambda: torch.nn.RNN(D, H, L, nonlinearity=activation),
        "lstm": lambda: torch.nn.LSTM(D, H, L),
        "gru": lambda: torch.nn.GRU(D, H, L),
    }[cell]()
    params = {"embedding.E": rng.normal(size=(K, D))}
    for l in range(L):
        params[f"layers.{l}.U"] = rng.normal(size=(gates, D if l == 0 else H, H))
        params[f"layers.{l}.W"] = rng.normal(size=(gates, H, H))
        params[f"layers.{l}.b"] = rng.normal(size=(gates, H))
        if cell == "gru":
            params[f"layers.{l}.b_candidate"] = rng.normal(size=H)
    params |= {"output.V": rng.normal(size=(H, K)), "output.c": rng.normal(size=K)}
    x, y = rng.integers(K, size=(2, T, B))
    state = {name: torch.tensor(rng.normal(size=(L, B, H)), requires_grad=True) for name in STATES[cell]}

    with torch.no_grad():
        for l in range(L):
            fill(net, cell, l, params)
    E, V, c = (torch.tensor(params[n], requires_grad=True) for n in ("embedding.E", "output.V", "output.c"))
    entering = tuple(state.values()) if cell == "lstm" else state["h"]
    out, leaving = net(E[torch.tensor(x)], entering)
    logits = out @ V + c
    loss = torch.nn.functional.cross_entropy(logits.reshape(T * B, K), torch.tensor(y).reshape(T * B))
    loss.backward()

    tensors = {f"params/{name}": array for name, array in params.items()} | {"x": x, "y": y}
    tensors |= {"logits": logits.detach().numpy(), "loss": loss.detach().numpy()}
    tensors |= {
        "grads/embedding.E": E.grad.numpy(),
        "grads/output.V": V.grad.numpy(),
        "grads/output.c": c.grad.numpy(),
    }
    for l in range(L):
        tensors |= {f"grads/layers.{l}.{name}": array for name, array in read_grads(net, cell, l).items()}
        for k, name in enumerate(STATES[cell]):
            tensors[f"state/{l}/{name}"] = state[name][l].detach().numpy()
            tensors[f"dstate/{l}/{name}"] = state[name].grad[l].numpy()
            final = leaving[k] if cell == "lstm" else leaving
            tensors[f"new_state/{l}/{name}"] = final[l].detach().numpy()
    return tensors


def fill(net: torch.nn.RNNBase, cell: str, l: int, params: dict[str, np.ndarray]) -> None:
    """Write our parameters of layer l into the torch layer."""
    getattr(net, f"bias_hh_l{l}").zero_()
    for g, block in enumerate(ORDER[cell]):
        rows = slice(block * H, (block + 1) * H)
        getattr(net, f"weight_ih_l{l}")[rows] = torch.tensor(params[f"layers.{l}.U"][g].T)
        getattr(net, f"weight_hh_l{l}")[rows] = torch.tensor(params[f"layers.{l}.W"][g].T)
        getattr(net, f"bias_ih_l{l}")[rows] = torch.tensor(params[f"layers.{l}.b"][g])
    if cell == "gru":
        getattr(net, f"bias_hh_l{l}")[2 * H :] = torch.tensor(params[f"layers.{l}.b_candidate"])


def read_grads(net: torch.nn.RNNBase, cell: str, l: int) -> dict[str, np.ndarray]:
    """Read the gradients of layer l under our names."""

    def blocks(name: str) -> list[np.ndarray]:
        grad = getattr(net, f"{name}_l{l}").grad.numpy()
        return [grad[block * H : (block + 1) * H] for block in ORDER[cell]]

    grads = {
        "U": np.stack([block.T for block in blocks("weight_ih")]),
        "W": np.stack([block.T for block in blocks("weight_hh")]),
        "b": np.stack(blocks("bias_ih")),
    }
    return grads | ({"b_candidate": blocks("bias_hh")[2]} if cell == "gru" else {})


if __name__ == "__main__":
    main()
