"""Make `conventions.safetensors`: what single recurrent layers of PyTorch and Keras compute, in float64.

Run once, by hand, where both are installed (the tests only read the file, and need neither):

    python -m venv venv && venv/bin/pip install torch==2.13.0 keras==3.15.1 numpy safetensors
    venv/bin/python tests/vectors/make_conventions.py

Arrays stand under `framework/case/name`, with the frameworks' own names of weights, and as they give and
take them: nothing is reordered, transposed or renamed here, since it is the order that the tests ask about.
What is no array (options, types, refusals) is JSON in the metadata. `tests/interop/conventions/` reads it;
where the frameworks are installed, the same functions make fresh layers for the same tests.
"""

import inspect
import json
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras
import numpy as np
import torch
from safetensors.numpy import save_file

T, B, D, H, P, L = 6, 2, 3, 5, 4, 2
LENGTHS = [6, 2]
WIDE = 32
TYPES = ["float16", "bfloat16", "float32", "float64"]
ACTIVATIONS = ["tanh", "relu", "sigmoid", "linear", "elu", "gelu", "softsign", "hard_sigmoid"]
Arrays = dict[str, np.ndarray]
Facts = tuple[Arrays, dict[str, Any]]


def main() -> None:
    """Write the file."""
    arrays, said = {}, {}
    for framework, make in (("torch", torch_facts), ("keras", keras_facts)):
        made, of = make(0)
        arrays |= {f"{framework}/{name}": np.array(array, order="C") for name, array in made.items()}
        said[framework] = of
    path = Path(__file__).parent / "conventions.safetensors"
    save_file(arrays, path, metadata={"said": json.dumps(said, sort_keys=True)})
    print(f"{len(arrays)} arrays, {path.stat().st_size} bytes:", [of["version"] for of in said.values()])


def torch_facts(seed: int) -> Facts:
    """Return the arrays and sayings of PyTorch."""
    rng = np.random.default_rng(seed)
    nn, double = torch.nn, torch.float64
    arrays: Arrays = {}

    def draw(*shape: int) -> torch.Tensor:
        return torch.tensor(rng.normal(size=shape))

    def case(
        name: str, module: nn.RNNBase, states: int, *, lengths: list[int] | None = None, like: str = ""
    ) -> None:
        """Fill a module with random weights, or those of another case, and run it from a random state."""
        found: Arrays = {}
        ways = module.num_layers * (2 if module.bidirectional else 1)
        with torch.no_grad():
            for key, weight in module.named_parameters():
                weight.copy_(torch.tensor(arrays[f"{like}/{key}"]) if like else draw(*weight.shape))
                found[key] = weight.numpy().copy()
            x = torch.tensor(arrays[f"{like}/x"]) if like else draw(T, B, D)
            widths = [module.proj_size or H, H][:states]
            given = [
                torch.tensor(arrays[f"{like}/{s}0"]) if like else draw(ways, B, w)
                for s, w in zip("hc", widths, strict=False)
            ]
            found |= {"x": x.numpy()} | {
                f"{s}0": array.numpy() for s, array in zip("hc", given, strict=False)
            }
            entering = tuple(given) if states == 2 else given[0]
            fed = x.transpose(0, 1).contiguous() if module.batch_first else x
            if lengths:
                fed = _packed(fed, lengths)
            out, leaving = module(fed, entering)
            if lengths:
                out, _ = nn.utils.rnn.pad_packed_sequence(out)
        leaving = leaving if states == 2 else (leaving,)
        found |= {"out": out.numpy()} | {s: array.numpy() for s, array in zip("hc", leaving, strict=False)}
        arrays.update({f"{name}/{key}": array for key, array in found.items()})

    case("rnn", nn.RNN(D, H, dtype=double), 1)
    case("rnn_relu", nn.RNN(D, H, nonlinearity="relu", dtype=double), 1)
    case("lstm", nn.LSTM(D, H, dtype=double), 2)
    case("gru", nn.GRU(D, H, dtype=double), 1)
    case("lstm_batch_first", nn.LSTM(D, H, batch_first=True, dtype=double), 2, like="lstm")
    case("lstm_projected", nn.LSTM(D, H, proj_size=P, dtype=double), 2)
    case("lstm_deep", nn.LSTM(D, H, L, bidirectional=True, dtype=double), 2)
    case("lstm_padded", nn.LSTM(D, H, bidirectional=True, dtype=double), 2, lengths=LENGTHS)
    # In training, and all that it drops is gone.
    case("rnn_dropout", nn.RNN(D, H, L, dropout=1.0, dtype=double), 1)
    arrays |= _unheld_torch(draw)
    return arrays, {
        "version": torch.__version__.split("+")[0],
        "options": [*inspect.signature(nn.RNNBase.__init__).parameters][2:],
        "nonlinearities": _accepted(ACTIVATIONS, lambda name: nn.RNN(D, H, nonlinearity=name)),
        "default_type": str(nn.LSTM(D, H).weight_ih_l0.dtype).removeprefix("torch."),
        "types": _accepted(TYPES, _torch_of_type),
        "lengths": [*inspect.signature(nn.utils.rnn.pack_padded_sequence).parameters],
        "empty_row": bool(_accepted(["empty"], lambda _: _packed(torch.ones(T, B, D), [T, 0]))),
    }


def _unheld_torch(draw: Callable[..., torch.Tensor]) -> Arrays:
    """Return what a layer makes of no state, its hard sigmoid, and how its biases begin."""
    nn, arrays = torch.nn, {}
    rnn, x = nn.RNN(D, H, dtype=torch.float64), draw(T, B, D)
    with torch.no_grad():
        arrays |= {f"zero_state/{key}": weight.numpy().copy() for key, weight in rnn.named_parameters()}
        out, h = rnn(x)
    arrays |= {"zero_state/x": x.numpy(), "zero_state/out": out.numpy(), "zero_state/h": h.numpy()}
    line, wide = torch.linspace(-2, 2, 9, dtype=torch.float64), nn.LSTM(1, 400)
    arrays |= {"hard_sigmoid/x": line.numpy(), "hard_sigmoid/out": nn.functional.hardsigmoid(line).numpy()}
    biases = {"bias_ih_l0": wide.bias_ih_l0, "bias_hh_l0": wide.bias_hh_l0}
    return arrays | {f"initial/{key}": bias.detach().numpy() for key, bias in biases.items()}


def _packed(x: torch.Tensor, lengths: list[int]) -> Any:
    return torch.nn.utils.rnn.pack_padded_sequence(x, torch.tensor(lengths), enforce_sorted=False)


def _torch_of_type(name: str) -> None:
    dtype = getattr(torch, name)
    torch.nn.LSTM(D, H, dtype=dtype)(torch.ones(T, B, D, dtype=dtype))


def keras_facts(seed: int) -> Facts:
    """Return the arrays and sayings of Keras."""
    rng = np.random.default_rng(seed + 1000)
    layers = keras.layers
    arrays: Arrays = {}
    whole: dict[str, Any] = {"dtype": "float64", "return_sequences": True, "return_state": True}

    def case(name: str, layer: Any, states: int, *, mask: Any = None, like: str = "") -> None:
        """Fill a layer with random weights, or those of another case, and run it from a random state."""
        both = isinstance(layer, layers.Bidirectional)
        layer.build((B, T, D))
        found: Arrays = {}
        parts = (
            [("forward/", layer.forward_layer), ("backward/", layer.backward_layer)]
            if both
            else [("", layer)]
        )
        for prefix, part in parts:
            for weight in part.weights:
                if "seed" in weight.path:
                    continue
                key = f"{prefix}{weight.name}"
                weight.assign(arrays[f"{like}/{key}"] if like else rng.normal(size=weight.shape))
                found[key] = _numpy(weight)
        x = arrays[f"{like}/x"] if like else rng.normal(size=(B, T, D))
        names = [f"{way}{s}0" for way in (["forward/", "backward/"] if both else [""]) for s in "hc"[:states]]
        given = {key: arrays[f"{like}/{key}"] if like else rng.normal(size=(B, H)) for key in names}
        found |= {"x": x, **given}
        options = {} if mask is None else {"mask": np.array(mask, bool)}
        made = layer(x, initial_state=list(given.values()), **options)
        out, *leaving = made if isinstance(made, (list, tuple)) else [made]
        found |= {"out": _numpy(out)}
        found |= {key[:-1]: _numpy(state) for key, state in zip(names, leaving, strict=False)}
        if mask is not None:
            found["mask"] = np.array(mask, bool)
        arrays.update({f"{name}/{key}": array for key, array in found.items()})

    last = {**whole, "return_sequences": False, "return_state": False}
    padded, gaps = [[1] * T, [1, 1, 0, 0, 0, 0]], [[1, 0, 1, 1, 0, 1], [1, 1, 0, 1, 1, 0]]
    case("rnn", layers.SimpleRNN(H, **whole), 1)
    case("rnn_relu", layers.SimpleRNN(H, activation="relu", **whole), 1)
    case("lstm", layers.LSTM(H, **whole), 2)
    case("gru", layers.GRU(H, **whole), 1)
    case("gru_before", layers.GRU(H, reset_after=False, **whole), 1)
    case("lstm_last", layers.LSTM(H, **last), 2, like="lstm")
    case("lstm_backwards", layers.LSTM(H, go_backwards=True, **whole), 2)
    case("lstm_both", layers.Bidirectional(layers.LSTM(H, **whole), dtype="float64"), 2)
    case("lstm_both_last", layers.Bidirectional(layers.LSTM(H, **last), dtype="float64"), 2, like="lstm_both")
    case("lstm_padded", layers.LSTM(H, **whole), 2, mask=padded)
    case("lstm_gaps", layers.LSTM(H, **whole), 2, mask=gaps, like="lstm_padded")
    case("lstm_empty", layers.LSTM(H, **whole), 2, mask=[[1] * T, [0] * T], like="lstm_padded")
    case("lstm_both_padded", layers.Bidirectional(layers.LSTM(H, **whole), dtype="float64"), 2, mask=padded)

    arrays |= _unheld_keras(rng, seed, whole)
    kinds = (layers.SimpleRNN, layers.LSTM, layers.GRU, layers.Bidirectional)
    options = {name for kind in kinds for name in inspect.signature(kind.__init__).parameters}
    ones = np.ones((B, T, D))
    plain = {"kernel_initializer": "zeros", "recurrent_initializer": "zeros"}
    return arrays, {
        "version": keras.__version__,
        "backend": keras.backend.backend(),
        "options": sorted(options - {"self", "args", "kwargs"}),
        "activations": _accepted(ACTIVATIONS, lambda name: layers.LSTM(H, name, name)(ones)),
        "own_function": bool(_accepted(["own"], lambda _: layers.LSTM(H, lambda x: x * x)(ones))),
        "default_type": str(layers.LSTM(H).compute_dtype),
        "types": _accepted(TYPES, lambda name: layers.LSTM(H, dtype=name, **plain)(ones)),
    }


def _unheld_keras(rng: np.random.Generator, seed: int, whole: dict[str, Any]) -> Arrays:
    """Return what a layer makes of no state, its dropout, its hard sigmoid, and how its bias begins."""
    layers = keras.layers
    rnn, x = layers.SimpleRNN(H, **whole), rng.normal(size=(B, T, D))
    out, h = rnn(x)
    arrays = {f"zero_state/{weight.name}": _numpy(weight) for weight in rnn.weights}
    arrays |= {"zero_state/x": x, "zero_state/out": _numpy(out), "zero_state/h": _numpy(h)}
    # Weights that copy: of ones, what comes out is the mask of dropout.
    ones, zeros, state = np.ones((B, T, WIDE)), np.zeros((B, T, WIDE)), [np.ones((B, WIDE))]
    copies = {"kernel_initializer": "identity", "activation": "linear", "seed": seed}
    layer = layers.SimpleRNN(WIDE, recurrent_initializer="zeros", dropout=0.5, **copies, **whole)
    arrays["dropout/out"] = _numpy(layer(ones, initial_state=state, training=True)[0])
    layer = layers.SimpleRNN(WIDE, recurrent_initializer="identity", recurrent_dropout=0.5, **copies, **whole)
    arrays["recurrent_dropout/out"] = _numpy(layer(zeros, initial_state=state, training=True)[0])
    line, fresh = np.linspace(-2, 2, 9), layers.LSTM(H)
    fresh.build((B, T, D))
    arrays |= {"hard_sigmoid/x": line, "hard_sigmoid/out": _numpy(keras.activations.hard_sigmoid(line))}
    return arrays | {"initial/bias": _numpy(fresh.cell.bias)}


def _numpy(tensor: Any) -> np.ndarray:
    return np.array(keras.ops.convert_to_numpy(tensor))


def _accepted(names: list[str], work: Callable[[str], Any]) -> list[str]:
    """Return those names with which the work is not refused."""
    found = []
    for name in names:
        with suppress(ValueError, RuntimeError):
            work(name)
            found.append(name)
    return found


if __name__ == "__main__":
    main()
