"""The operators that the backend runs: each reads its node once, and gives the function that runs it."""

from __future__ import annotations

from collections.abc import Callable

from elman.interop.onnx.operators import arithmetic, recurrent, selecting, shaping, sizes
from elman.interop.onnx.operators.node import Node, Run

OPERATORS: dict[str, Callable[[Node], Run]] = {
    "Add": arithmetic.add,
    "Cast": arithmetic.cast,
    "Concat": selecting.concat,
    "Constant": shaping.constant,
    "ConstantOfShape": sizes.constant_of_shape,
    "Expand": sizes.expand,
    "GRU": recurrent.gru,
    "Gather": selecting.gather,
    "Gemm": arithmetic.gemm,
    "Identity": shaping.identity,
    "LSTM": recurrent.lstm,
    "LogSoftmax": arithmetic.log_softmax,
    "MatMul": arithmetic.matmul,
    "Mul": arithmetic.mul,
    "RNN": recurrent.rnn,
    "Relu": arithmetic.relu,
    "Reshape": shaping.reshape,
    "Shape": sizes.shape,
    "Slice": selecting.slice_,
    "Softmax": arithmetic.softmax,
    "Squeeze": shaping.squeeze,
    "Tanh": arithmetic.tanh,
    "Transpose": shaping.transpose,
    "Unsqueeze": shaping.unsqueeze,
}
"""By the name of the operator, in the default domain."""
