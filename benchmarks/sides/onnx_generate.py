"""Generation with ONNX Runtime: a graph of one step, memory bound once, the likeliest token fed back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort

from . import common

NAMES = ("h", "c")


class Side:
    """B rows, each going on with its own most likely token.

    `form` says whether the graph has LSTM operators ("layer") or their parts ("cell"), `spin` whether threads
    wait by spinning. Two bindings take turns: the states that one writes, the other reads, so that nothing
    is copied and nothing allocated. `OrtValue.ortvalue_from_numpy` keeps the memory of the array.
    """

    def __init__(self, s: dict[str, Any]) -> None:
        self.threads, B, H = s["threads"], s["B"], s["H"]
        self.session = session(Path(s["folder"]) / f"{s['form']}.onnx", s["threads"], s["spin"])
        self.tokens = np.zeros(B, np.int64)
        self.logits = np.zeros((B, s["K"]), np.float32)
        states = [f"{name}{l}" for l in range(s["layers"]) for name in NAMES]
        one, other = ({name: np.zeros((B, H), np.float32) for name in states} for _ in range(2))
        self.bindings = [self._bind(one, other), self._bind(other, one)]
        self.run(1)
        self.tokens[:] = common.first_tokens(s)
        self.check = [float(self.run(1)) for _ in range(common.OPENING)]

    def run(self, n: int) -> int:
        run, tokens, logits = self.session.run_with_iobinding, self.tokens, self.logits
        for _ in range(n):
            self.bindings.reverse()
            run(self.bindings[0])
            logits.argmax(axis=1, out=tokens)
        return int(tokens.sum())

    def _bind(self, entering: dict[str, Any], leaving: dict[str, Any]) -> Any:
        binding, value = self.session.io_binding(), ort.OrtValue.ortvalue_from_numpy
        binding.bind_ortvalue_input("token", value(self.tokens))
        binding.bind_ortvalue_output("logits", value(self.logits))
        for name, array in entering.items():
            binding.bind_ortvalue_input(name, value(array))
        for name, array in leaving.items():
            binding.bind_ortvalue_output(f"{name}_new", value(array))
        return binding


def session(path: Path, threads: int, spin: bool) -> Any:
    """Open a graph for the processor, its operators one after the other."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.add_session_config_entry("session.intra_op.allow_spinning", str(int(spin)))
    return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
