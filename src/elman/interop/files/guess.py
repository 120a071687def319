"""What recurrent model a set of names and shapes could be.

PyTorch's recurrent modules name their weights alike wherever they stand: ``weight_ih_l0``, ``weight_hh_l0``
and so on, after a prefix. The rest is told by shape: a table of vectors as wide as the module's inputs is
the embedding, a matrix as wide as its outputs, with a bias or without, the output layer. Only where two
tables have one shape must their names tell them apart.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import permutations

from elman.interop.files.listing import LONGEST_NAME, Tensor, by
from elman.interop.files.modules import WEIGHT, Module, Shapes, module_of

_CALLED = re.compile(r"emb|enc|wte|lookup|table|vectors", re.IGNORECASE)
_OUTPUT = re.compile(r"out|head|un_?emb|de_?emb|logit|softmax", re.IGNORECASE)

SHOWN = 9
"""Modules and what is wrong with them, at most, that a message lists."""


@dataclass
class Guess:
    """What a set of names and shapes could be.

    Attributes
    ----------
    modules : list of Module
        The recurrent modules that are whole.
    embedding, output, bias : str or None
        The names of the word vectors, of the output weights, and of their bias.
    tied : bool
        There is no output weight, and the word vectors are as wide as the module's outputs.
    others : list of str
        Names that have no place in a language model of one module.
    problems : list of str
        What keeps it from being one, each the end of a sentence about the file.
    by_name : bool
        Word vectors and output weights have one shape, and only their names tell which are which.
    said : str
        What it is instead, where the names are not PyTorch's.
    """

    modules: list[Module] = field(default_factory=list)
    embedding: str | None = None
    output: str | None = None
    bias: str | None = None
    tied: bool = False
    others: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    by_name: bool = False
    said: str = ""

    def text(self, shapes: Shapes) -> str:
        """Return it in words, such as "nn.LSTM, 2 layers, 128 wide, inputs 64; embedding 65 x 64"."""
        parts = [self.said] if self.said else [str(module) for module in self.modules[:SHOWN]]
        if len(self.modules) > SHOWN:
            parts.append(f"and {len(self.modules) - SHOWN:,} more")
        if self.embedding:
            parts.append(f"embedding {by(shapes[self.embedding])}")
        if self.output:
            parts.append(f"output {shapes[self.output][0]}")
        elif self.tied:
            parts.append("output tied to the embedding, if there is one")
        if self.others and parts:
            parts.append(
                f"and {len(self.others):,} arrays beside ({', '.join(self.others[:3])}{_more(self.others)})"
            )
        return "; ".join(parts)


def guess(shapes: Shapes) -> Guess:
    """Return what recurrent model these could be the weights of.

    Parameters
    ----------
    shapes : mapping of str to tuple of int
        The shape of each array by its name.

    Returns
    -------
    Guess

    Examples
    --------
    >>> shapes = {
    ...     "encoder.weight": (65, 8),
    ...     "rnn.weight_ih_l0": (16, 8),
    ...     "rnn.weight_hh_l0": (16, 4),
    ...     "decoder.weight": (65, 4),
    ...     "decoder.bias": (65,),
    ... }
    >>> guess(shapes).text(shapes)
    'nn.LSTM, 1 layer, 4 wide, inputs 8, without biases; embedding 65 x 8; output 65'
    """
    # Names stand in messages, and control characters in them would be the terminal's.
    strange = next((name for name in shapes if len(name) > LONGEST_NAME or not name.isprintable()), None)
    if strange is not None:
        return Guess(problems=[f"it has the name {strange[:60]!r}, too long or not printable for a module's"])
    own = _of_elman(shapes) or _of_keras(shapes)
    if own:
        return Guess(said=own, problems=["its names are not those of PyTorch's modules"])
    found = Guess()
    parts: dict[str, dict[tuple[str, int, bool], str]] = {}
    rest = []
    for name in shapes:
        match = WEIGHT.fullmatch(name)
        if match is None:
            rest.append(name)
        else:
            place = match["kind"], int(match["layer"]), match["back"] is not None
            parts.setdefault(match["prefix"], {})[place] = name
    for prefix, names in parts.items():
        module = module_of(prefix, names, shapes)
        if isinstance(module, Module):
            found.modules.append(module)
        else:
            found.problems.append(module)
    if len(found.problems) > SHOWN:
        found.problems[SHOWN:] = [f"and {len(found.problems) - SHOWN:,} modules more are not whole"]
    if len(found.modules) > 1:
        held = "; ".join(f"{m.prefix or 'without prefix'}: {m}" for m in found.modules[:3])
        found.problems.append(
            f"it has {len(found.modules)} recurrent modules, where one is expected ({held})"
            f"; elman reads one of several layers: {_advice(found.modules[:SHOWN])}"
        )
    if not parts:
        cell = next((name for name in shapes if name.endswith("weight_ih")), None)
        why = (
            f"; {cell} is that of a cell, such as nn.LSTMCell: call it {cell}_l0, and the others so"
            if cell
            else ""
        )
        found.problems.append(
            f"none of its names are those of a recurrent module, such as rnn.weight_ih_l0{why}"
        )
    if len(found.modules) == 1:
        _surroundings(found, found.modules[0], rest, shapes)
    else:
        found.others = rest
    return found


def _advice(modules: list[Module]) -> str:
    """Say what to do with several modules, of which each may be the next layer of another."""
    for lower, upper in permutations(modules, 2):
        same = (lower.cell, lower.hidden, lower.projection, lower.bidirectional, lower.bias) == (
            upper.cell, upper.hidden, upper.projection, upper.bidirectional, upper.bias,
        )  # fmt: skip
        if same and upper.inputs == lower.width:
            first, second = (module.prefix.rstrip(".") or "that without prefix" for module in (lower, upper))
            return (
                f"where {second} reads the output of {first}, call {upper.prefix}weight_ih_l0 "
                f"{lower.prefix}weight_ih_l{lower.layers}, the others so, and save again"
            )
    return "save the model that you want alone, or give its prefix"


def models_of(tensors: Mapping[str, Tensor]) -> list[str]:
    """Return the names of the dictionaries in which a recurrent module's weights stand, in their order."""
    return list(dict.fromkeys(t.group for name, t in tensors.items() if WEIGHT.fullmatch(name)))


def _surroundings(found: Guess, module: Module, rest: list[str], shapes: Shapes) -> None:
    """Find the embedding and the output layer among the other arrays."""
    matrices = [name for name in rest if len(shapes[name]) == 2 and name.endswith("weight")]
    bias_of = {
        name: bias
        for name in matrices
        if shapes.get(bias := f"{name.removesuffix('weight')}bias") == (shapes[name][0],)
    }
    tables = _tables(matrices, bias_of, module, shapes)
    if not tables and module.inputs == module.width:
        # Of two tied tables, the one under the name of the output layer may be the one that was saved.
        tables = [n for n in bias_of if shapes[n][1] == module.width]
    found.embedding = tables[0] if len(tables) == 1 else None
    K = shapes[tables[0]][0] if found.embedding else None
    outputs = [n for n in matrices if n != found.embedding and shapes[n] == (K, module.width)]
    found.output = outputs[0] if len(outputs) == 1 else None
    if found.output is not None:
        found.bias = bias_of.get(found.output)
        found.by_name = found.bias is None and module.inputs == module.width
    elif not outputs and module.inputs == module.width and found.embedding is not None:
        found.tied = True
        taken = {bias for name, bias in bias_of.items() if name != found.embedding}
        alone = [n for n in rest if shapes[n] == (K,) and n.endswith("bias") and n not in taken]
        found.bias = alone[0] if len(alone) == 1 else None
    used = {found.embedding, found.output, found.bias}
    found.others = [name for name in rest if name not in used]
    if len(tables) > 1:
        found.problems.append(
            f"it has several tables that could be the word vectors: {', '.join(tables[:3])}"
        )
    elif found.embedding is None:
        found.problems.append(f"it has no word vectors: no weight of K x {module.inputs} without a bias")
    elif len(outputs) > 1:
        found.problems.append(
            f"it has several output layers, where one is expected: {', '.join(outputs[:3])}"
        )
    elif found.output is None and not found.tied:
        near = next((n for n in matrices if n in bias_of and shapes[n][1] == module.width), None)
        seen = f"; {near} is {by(shapes[near])}" if near else ""
        found.problems.append(f"it has no output layer: no weight of {K} x {module.width}{seen}")
    if found.others:
        shown = ", ".join(f"{n} ({by(shapes[n])})" for n in found.others[:3])
        found.problems.append(
            f"it has layers that elman has not, between, before or after: {shown}{_more(found.others)}"
        )


def _tables(matrices: list[str], bias_of: Mapping[str, str], module: Module, shapes: Shapes) -> list[str]:
    """Return the names that could be the word vectors."""
    tables = [n for n in matrices if n not in bias_of and shapes[n][1] == module.inputs]
    if len(tables) > 1:
        # What the module stands in says nothing of what stands beside it.
        parent = module.prefix.rstrip(".").rpartition(".")[0]
        own = {n: n.removeprefix(f"{parent}.") for n in tables}
        tables = [n for n in tables if _CALLED.search(own[n]) and not _OUTPUT.search(own[n])] or tables
    if len(tables) > 1:  # positions have vectors too, but no output layer
        classes = {shapes[n][0] for n in bias_of if shapes[n][1] == module.width}
        tables = [n for n in tables if shapes[n][0] in classes] or tables
    return tables


def _of_elman(shapes: Shapes) -> str | None:
    first = shapes.get("layers.0.U", ())
    if "embedding.E" not in shapes or len(first) != 3:
        return None
    G, D, H = first
    depth = sum(bool(re.fullmatch(r"layers\.\d+\.U", name)) for name in shapes)
    known = {1: "rnn", 2: "mgu", 3: "gru", 4: "lstm"}
    if "layers.0.W" not in shapes:
        known = {1: "indrnn", 2: "mingru", 3: "sru" if "layers.0.p" in shapes else "minlstm"}
    blocks = known.get(G, f"{G} gate blocks")
    return (
        f"a model of elman's own ({blocks}, {depth} x {H}, inputs {D}, vocabulary {shapes['embedding.E'][0]})"
    )


def _of_keras(shapes: Shapes) -> str | None:
    kernels = {
        n: s for n, s in shapes.items() if re.search(r"(^|[/.])recurrent_kernel(:0)?$", n) and len(s) == 2
    }
    if not kernels:
        return None
    kinds = {1: "SimpleRNN", 3: "GRU", 4: "LSTM"}
    said = [
        f"{kinds.get(columns // max(rows, 1), 'a layer')}, {rows} wide" for rows, columns in kernels.values()
    ]
    return f"layers of Keras: {'; '.join(said[:SHOWN])}"


def _more(names: list[str]) -> str:
    return ", ..." if len(names) > 3 else ""
