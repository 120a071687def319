"""From hidden states to logits."""

from __future__ import annotations

from elman.errors import ConfigError
from elman.interop.onnx.out.builder import GraphBuilder
from elman.interop.onnx.out.weights import DTYPE
from elman.network import LanguageModel
from elman.network.output import Adaptive, Softmax


def add_output(graph: GraphBuilder, model: LanguageModel, h: str, E: str) -> None:
    """Add the logits of all words, for hidden states h (time, batch, width)."""
    if isinstance(model.output, Adaptive):
        _adaptive(graph, model, model.output, h, E)
        return
    if not isinstance(model.output, Softmax):
        raise ConfigError(
            f"the output {model.output.name!r} is not written as an ONNX graph: "
            "full, sampled, nce and adaptive are"
        )
    if model.output.tied:  # the weights are stored once; runtimes fold the transpose when they load
        V = graph.node("Transpose", [E], "output.V", perm=[1, 0])
    else:
        V = _constant(graph, model, "output.V")
    c = _constant(graph, model, "output.c")
    graph.node("Add", [graph.node("MatMul", [h, V], "output.product"), c], "logits")


def _adaptive(graph: GraphBuilder, model: LanguageModel, output: Adaptive, h: str, E: str) -> None:
    """Add the head, and every tail: its words' log-probabilities on top of the logit of their cluster."""
    clusters = _logits(graph, model, "output.clusters", h)
    ends = [*output.cutoffs, output.classes]
    if output.tied:
        words = graph.node(
            "MatMul", [h, graph.node("Transpose", [E], "output.V", perm=[1, 0])], "output.product"
        )
        every = graph.node("Add", [words, _constant(graph, model, "output.c")], "output.words")
        parts = [
            _slice(graph, every, a, b, f"output.words.{a}") for a, b in zip([0, *ends], ends, strict=False)
        ]
    else:
        parts = [_logits(graph, model, "output", h)]
    for i in range(len(output.cutoffs)):
        name = f"output.tails.{i}"
        if not output.tied:
            g = graph.node("MatMul", [h, _constant(graph, model, f"{name}.R")], f"{name}.g")
            parts.append(_logits(graph, model, name, g))
        within = graph.node("LogSoftmax", [parts[i + 1]], f"{name}.within", axis=-1)
        above = _slice(graph, clusters, i, i + 1, f"{name}.above")
        parts[i + 1] = graph.node("Add", [within, above], f"{name}.logits")
    graph.node("Concat", parts, "logits", axis=-1)


def _logits(graph: GraphBuilder, model: LanguageModel, name: str, x: str) -> str:
    product = graph.node("MatMul", [x, _constant(graph, model, f"{name}.V")], f"{name}.product")
    return graph.node("Add", [product, _constant(graph, model, f"{name}.c")], f"{name}.sums")


def _slice(graph: GraphBuilder, x: str, start: int, stop: int, name: str) -> str:
    bounds = [graph.whole([number]) for number in (start, stop, -1)]
    return graph.node("Slice", [x, *bounds], name)


def _constant(graph: GraphBuilder, model: LanguageModel, name: str) -> str:
    return graph.constant(name, model.params[name].astype(DTYPE))
