"""Build, verify, write: a file is there only if it agrees with its model."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from elman.data import Tokenizer
from elman.disk.atomic import write_atomic
from elman.errors import ConfigError
from elman.interop.onnx.out.card import Card, Port
from elman.interop.onnx.out.metadata import VOCABULARY, metadata_of, sizes_of
from elman.interop.onnx.out.verify import TOLERANCE, need_packages, verify
from elman.interop.onnx.out.weights import plans_of
from elman.interop.target import check_depth, check_model, check_target
from elman.network import LanguageModel


def export(
    model: LanguageModel,
    path: str | Path,
    *,
    tokenizer: Tokenizer | None = None,
    log_probabilities: bool = False,
    overwrite: bool = False,
    source: str | None = None,
) -> Card:
    """Write a model as an ONNX file, once ONNX Runtime has computed with it what the model computes.

    The graph has an input ``tokens`` of shape (time, batch), int64, and an input for each state of each
    layer, such as ``h_0`` and ``c_0``; an output ``logits``, and an output for each state after the window,
    ``h_0_out``, in the same order. Given back as the next inputs, they continue the stream. Time and batch
    are free. The layers are the operators RNN, LSTM and GRU.

    Parameters
    ----------
    model : LanguageModel
        What to write.
    path : path-like
        The file, ``.onnx`` by custom.
    tokenizer : Tokenizer, optional
        Its vocabulary goes into the file's metadata, so that the file is enough to use the model.
    log_probabilities : bool
        Add an output of that name, of the shape of the logits.
    overwrite : bool
        Replace a file that is there.
    source : str, optional
        Where the model is from, for the card.

    Returns
    -------
    Card
        What went in, what the graph looks like, and how well it agreed. Printed, it is a table.

    Raises
    ------
    ConfigError
        If a cell has no operator in ONNX, the file cannot be made there, or is there already.
    DivergenceError
        If a parameter is not finite.
    ElmanError
        If onnx or onnxruntime is missing, or the graph disagrees with the model by more than 1e-5. Nothing is
        then written.
    CheckpointError
        If the disk is full.

    Examples
    --------
    >>> import elman, tempfile, pathlib
    >>> model = elman.LanguageModel(vocab_size=9, cell="gru", embedding=4, hidden=5, layers=2)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     card = elman.interop.onnx.export(model, pathlib.Path(folder) / "model.onnx")
    >>> [port.name for port in card.inputs], [port.name for port in card.outputs]
    (['tokens', 'h_0', 'h_1'], ['logits', 'h_0_out', 'h_1_out'])
    >>> card.operators["GRU"], card.disagreement < 1e-5
    (2, True)
    """
    target = Path(path)
    need_packages()
    check_target(target, overwrite=overwrite)
    if tokenizer is not None and tokenizer.vocab_size != model.vocab_size:
        raise ConfigError(
            f"the tokenizer has {tokenizer.vocab_size} tokens, but the model {model.vocab_size}; "
            "give the one it was trained with"
        )
    check_model(model)
    check_depth(model, "streams of ONNX's operators", connections=True)
    from elman.interop.onnx.out.graph import build

    metadata = metadata_of(model, tokenizer)
    proto = build(model, metadata, log_probabilities=log_probabilities)
    data = proto.SerializeToString()
    verified = verify(proto, data, model)
    write_atomic(target, data)
    return Card(
        source=source, file=str(target), size=len(data), cell=model.cell, sizes=sizes_of(model),
        parameters=model.n_params, tied=model.output.tied, dtype=model.dtype.name,
        tokens=tokenizer.name if tokenizer else None, vocabulary=VOCABULARY in metadata,
        opset=proto.opset_import[0].version, ir_version=proto.ir_version,
        operators=dict(Counter(node.op_type for node in proto.graph.node)),
        inputs=_ports(proto.graph.input), outputs=_ports(proto.graph.output),
        disagreement=verified.disagreement, where=verified.where, allowed=TOLERANCE,
        windows=verified.windows, checked_by=(f"onnx {verified.checker}", verified.runtime),
        said=tuple(_said(model, left_out=tokenizer is not None and VOCABULARY not in metadata)),
    )  # fmt: skip


def _said(model: LanguageModel, *, left_out: bool) -> list[str]:
    """Return what was rewritten, converted or left out, each once."""
    plans = plans_of(model)
    said = [plan.operator.note for plan in plans if plan.operator.note]
    if any(plan.projected for plan in plans):
        said.append(
            "the projection R is merged into the recurrent weights, m (R W) for (m R) W: the states are m, "
            "of full width, and h = m R"
        )
    if any(plan.direction != "forward" for plan in plans):
        said.append(
            "a layer in reverse begins at the end of a window: windows one after the other are not one long "
            "window, whatever the states"
        )
    if model.dtype == np.float64:
        said.append("float64 weights written as float32: the operators of ONNX Runtime take no others")
    if left_out:
        said.append("the vocabulary is too large for the metadata and was left out")
    return list(dict.fromkeys(said))


def _ports(declared: Any) -> tuple[Port, ...]:
    from onnx import TensorProto

    kinds = {TensorProto.INT64: "int64", TensorProto.FLOAT: "float32"}
    return tuple(
        Port(
            value.name,
            kinds[value.type.tensor_type.elem_type],
            tuple(axis.dim_param or axis.dim_value for axis in value.type.tensor_type.shape.dim),
        )
        for value in declared
    )
