"""The plain implementation against PyTorch, from numbers made once by `tests/vectors`."""

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from elman.insight import reference

VECTORS = Path(__file__).parents[1] / "vectors"


def under(tensors, prefix):
    return {name.removeprefix(prefix): a for name, a in tensors.items() if name.startswith(prefix)}


@pytest.mark.parametrize(
    ("cell", "activation"), [("rnn", "tanh"), ("rnn", "relu"), ("lstm", "tanh"), ("gru", "tanh")]
)
def test_the_same_numbers_as_torch(cell, activation):
    tensors = load_file(VECTORS / f"torch_recurrent_{cell}_{activation}.safetensors")
    params, x, y = under(tensors, "params/"), tensors["x"], tensors["y"]
    state = [under(tensors, f"state/{l}/") for l in range(3)]
    how = {"cell": cell, "activation": activation}

    logits, _ = reference.forward(params, x, state, **how)
    value, new_state, grads, dstate = reference.loss_and_grads(params, x, y, state, **how)

    def same(ours, theirs):
        assert ours.keys() == theirs.keys()
        for name in theirs:
            np.testing.assert_allclose(ours[name], theirs[name], rtol=1e-10, atol=1e-13, err_msg=name)

    same({"logits": logits, "loss": value}, {name: tensors[name] for name in ("logits", "loss")})
    same(grads, under(tensors, "grads/"))
    for l in range(3):
        same(new_state[l], under(tensors, f"new_state/{l}/"))
        same(dstate[l], under(tensors, f"dstate/{l}/"))
