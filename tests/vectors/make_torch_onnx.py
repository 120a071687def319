"""Make `torch_onnx_*.onnx` and `torch_onnx.safetensors`: language models written by PyTorch's exporters.

Run once, by hand, where torch is installed (the tests only read the files, and need no torch):

    python -m venv venv && venv/bin/pip install torch==2.13.0 onnx onnxscript numpy safetensors
    venv/bin/python tests/vectors/make_torch_onnx.py

The names say which exporter: `script` is that of TorchScript (`dynamo=False`), `dynamo` the present one.
Tokens and states go in; logarithms of probabilities and states come out. A model named `zeros` makes its own
states, for any batch and, from the exporter that can, for any length: it is computed for another size than it
was exported from. The safetensors file has the inputs and PyTorch's own outputs, as `<model>/<name>`. What
the present exporter notes beside each node (where in the Python files it comes from) is taken out.
"""

import warnings
from pathlib import Path

import numpy as np
import onnx
import torch
from safetensors.numpy import save_file

K, D, H, L, T, B = 13, 5, 6, 2, 4, 2
HERE = Path(__file__).parent


class WordModel(torch.nn.Module):
    """Embedding, one recurrent module, output layer."""

    def __init__(self, kind: str, bidirectional: bool) -> None:
        super().__init__()
        self.embedding = torch.nn.Embedding(K, D)
        self.rnn = getattr(torch.nn, kind)(D, H, L, bidirectional=bidirectional)
        self.output = torch.nn.Linear(H * (1 + bidirectional), K)

    def forward(self, tokens: torch.Tensor, *state: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Return log-probabilities (T, B, K), and the states."""
        entering = state[0] if len(state) == 1 else state
        y, leaving = self.rnn(self.embedding(tokens), entering)
        states = leaving if isinstance(leaving, tuple) else (leaving,)
        return torch.log_softmax(self.output(y), -1), *states


class OwnStates(WordModel):
    """The same from tokens alone: the recurrent module makes zeros."""

    def forward(self, tokens: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Return log-probabilities (T, B, K), and the states."""
        y, leaving = self.rnn(self.embedding(tokens))
        states = leaving if isinstance(leaving, tuple) else (leaving,)
        return torch.log_softmax(self.output(y), -1), *states


def main() -> None:
    """Write the models, and one file of what goes in and comes out."""
    warnings.simplefilter("ignore")
    torch.manual_seed(0)
    tensors: dict[str, np.ndarray] = {}
    for kind, dynamo, bidirectional in (
        ("RNN", False, False), ("LSTM", False, True), ("GRU", False, False),
        ("LSTM", True, False), ("GRU", True, True),
    ):  # fmt: skip
        model = f"torch_onnx_{kind.lower()}_{'dynamo' if dynamo else 'script'}"
        net = WordModel(kind, bidirectional).eval()
        fed = {"tokens": torch.randint(0, K, (T, B))}
        fed |= {
            name: torch.randn(L * (1 + bidirectional), B, H) for name in ("h", "c")[: 1 + (kind == "LSTM")]
        }
        outputs = ["logp", *(f"{name}_new" for name in list(fed)[1:])]
        axes = {
            name: {0: "T", 1: "B"} if name in ("tokens", "logp") else {1: "B"} for name in [*fed, *outputs]
        }
        options = {"external_data": False} if dynamo else {"dynamic_axes": axes}
        path = HERE / f"{model}.onnx"
        torch.onnx.export(
            net, tuple(fed.values()), path, input_names=list(fed), output_names=outputs,
            opset_version=18 if dynamo else 17, dynamo=dynamo, **options,
        )  # fmt: skip
        without_metadata(path)
        with torch.no_grad():
            results = dict(zip(outputs, net(*fed.values()), strict=True))
        tensors |= {f"{model}/{name}": value.numpy() for name, value in (fed | results).items()}
        print(path.name, path.stat().st_size)
    tensors |= own_states()
    tensors = {name: np.array(array, order="C") for name, array in tensors.items()}
    save_file(tensors, HERE / "torch_onnx.safetensors", metadata={"torch": torch.__version__.split("+")[0]})


def own_states() -> dict[str, np.ndarray]:
    """Write the models that make their own states; return what goes in and comes out."""
    tensors: dict[str, np.ndarray] = {}
    for kind, dynamo, bidirectional in (
        ("LSTM", False, True), ("GRU", True, True), ("RNN", True, False),
    ):  # fmt: skip
        model = f"torch_onnx_{kind.lower()}_zeros_{'dynamo' if dynamo else 'script'}"
        net = OwnStates(kind, bidirectional).eval()
        outputs = ["logp", "h_new", "c_new"][: 2 + (kind == "LSTM")]
        free = {1: "B"} if dynamo else {0: "T", 1: "B"}
        options = (
            {"external_data": False,
             "dynamic_shapes": ({axis: torch.export.Dim(name) for axis, name in free.items()},)}
            if dynamo
            else {"dynamic_axes": {"tokens": free, "logp": free, "h_new": {1: "B"}, "c_new": {1: "B"}}}
        )  # fmt: skip
        path = HERE / f"{model}.onnx"
        torch.onnx.export(
            net, (torch.randint(0, K, (T, B)),), path, input_names=["tokens"], output_names=outputs,
            opset_version=18 if dynamo else 17, dynamo=dynamo, **options,
        )  # fmt: skip
        without_metadata(path)
        tokens = torch.randint(0, K, (T if dynamo else T + 3, B + 1))
        with torch.no_grad():
            results = dict(zip(outputs, net(tokens), strict=True))
        tensors |= {
            f"{model}/{name}": value.numpy() for name, value in ({"tokens": tokens} | results).items()
        }
        print(path.name, path.stat().st_size)
    return tensors


def without_metadata(path: Path) -> None:
    """Rewrite a model without what its exporter noted beside it."""
    model = onnx.load(path)
    for owner in (model, model.graph, *model.graph.node, *model.graph.initializer, *model.graph.value_info,
                  *model.graph.input, *model.graph.output):  # fmt: skip
        del owner.metadata_props[:]
    for node in model.graph.node:
        node.doc_string = ""
    onnx.save(model, path)


if __name__ == "__main__":
    main()
