"""Make `torch_interop/`: language models saved by PyTorch, and what it computed with them, forward and back.

Run once, by hand, where torch is installed (the tests only read the files, and need no torch):

    python -m venv venv && venv/bin/pip install torch==2.13.0 numpy safetensors
    PYTHONPATH=. venv/bin/python tests/vectors/make_torch_interop.py

Each model is saved as `torch.save` (.pt, a checkpoint with more than the weights) or `save_model`
(.safetensors) does. `results.safetensors` holds for each the tokens, `logits`, `loss`, and the states and
gradients under PyTorch's names; its metadata says what each model is. `views.pt` and `plain.pt` hold the
same weights, in views of shared storages and otherwise; `half.pt` and `bfloat16.safetensors` hold halves.
"""

import json
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save_file

from tests.interop.torch.modules import Plan, new_model, run, save

HERE = Path(__file__).parent / "torch_interop"

PLANS = {
    "rnn.pt": Plan("rnn", layers=2),
    "rnn-relu.safetensors": Plan("rnn-relu", layers=2, bidirectional=True),
    "gru.pt": Plan("gru", layers=3),
    "gru-float32.safetensors": Plan("gru", layers=2, dtype="float32", bidirectional=True),
    "gru-without-biases.pt": Plan("gru", bias=False, output_bias=False),
    "lstm.safetensors": Plan("lstm", layers=3),
    "lstm-float32.pt": Plan("lstm", layers=2, dtype="float32"),
    "lstm-both-ways.pt": Plan("lstm", layers=2, bidirectional=True),
    "lstm-projected.pt": Plan("lstm", layers=2, projection=3),
    "lstm-projected-both-ways.safetensors": Plan("lstm", layers=2, projection=3, bidirectional=True),
    "lstm-tied.pt": Plan("lstm", tied=True),
    "gru-tied.safetensors": Plan("gru", tied=True, bidirectional=True, output_bias=False),
}


def main() -> None:
    """Write the files."""
    HERE.mkdir(exist_ok=True)
    results, about = {}, {"torch": torch.__version__.split("+")[0]}
    for seed, (name, plan) in enumerate(PLANS.items()):
        plan = plan._replace(seed=seed)
        model = new_model(plan)
        save(model, HERE / name)
        about[name] = json.dumps(plan._asdict())
        results |= {f"{name}/{key}": np.array(array, order="C") for key, array in run(plan, model).items()}
    save_file(results, HERE / "results.safetensors", metadata=about)

    halves = new_model(Plan("gru", dtype="float32"))
    torch.save(halves.half().state_dict(), HERE / "half.pt")
    save(halves.bfloat16(), HERE / "bfloat16.safetensors")
    views()


def views() -> None:
    """Write one model twice: plainly, and in views with strides and offsets, two of them of one storage."""
    weights = new_model(Plan("lstm", dtype="float32")).state_dict()
    torch.save(weights, HERE / "plain.pt", pickle_protocol=4)
    both = torch.cat([weights["rnn.bias_ih_l0"], weights["rnn.bias_hh_l0"]])
    weights["rnn.bias_ih_l0"], weights["rnn.bias_hh_l0"] = both[:20], both[20:]
    weights["rnn.weight_hh_l0"] = torch.nn.Parameter(weights["rnn.weight_hh_l0"].T.contiguous().T)
    wide = torch.zeros(7, 12)
    wide[:, 3:11:2] = weights["embedding.weight"]
    weights["embedding.weight"] = wide[:, 3:11:2]
    torch.save(weights, HERE / "views.pt")


if __name__ == "__main__":
    main()
