"""What went into a file, what the graph looks like, and how well it agreed: in lines, JSON or a page."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from html import escape
from importlib.resources import files
from pathlib import PurePath
from typing import Any, NamedTuple


class Port(NamedTuple):
    """An input or output of a graph.

    Attributes
    ----------
    name : str
        As the graph calls it.
    dtype : str
        ``int64`` or ``float32``.
    shape : tuple of int or str
        A name stands for a size that is free.
    """

    name: str
    dtype: str
    shape: tuple[int | str, ...]

    def __str__(self) -> str:
        return f"{self.name:<18}{self.dtype:<9}({', '.join(map(str, self.shape))})"


@dataclass(frozen=True)
class Card:
    """What was exported, as :func:`elman.interop.onnx.export` returns it; printed, it is a table.

    Attributes
    ----------
    source : str or None
        Where the model is from.
    file : str
        The file that was written.
    size : int
        Its bytes.
    cell : str
        The model's recurrence.
    sizes : dict
        ``vocab_size``, ``embedding``, ``hidden``, ``layers``; ``projection`` and ``direction`` if unusual.
    parameters : int
        Numbers in the model.
    tied : bool
        Whether the word vectors are the output weights too.
    dtype : str
        Of the model; the file is float32.
    tokens : str or None
        Kind of the tokenizer.
    vocabulary : bool
        Whether the file's metadata holds it.
    opset, ir_version : int
        Versions of the operators and of the file's format.
    operators : dict of str to int
        How many of each the graph has.
    inputs, outputs : tuple of Port
        In the graph's order.
    disagreement : float
        The largest found between graph and model, relative to the larger of 1 and the largest number of
        the same class or unit in that output.
    where : str
        In which output it was found.
    allowed : float
        With a larger one no file is left.
    windows : tuple of (int, int)
        Steps and rows of what was run to find it.
    checked_by : tuple of str
        Packages and versions.
    said : tuple of str
        What was rewritten or converted.
    """

    source: str | None
    file: str
    size: int
    cell: str
    sizes: dict[str, Any]
    parameters: int
    tied: bool
    dtype: str
    tokens: str | None
    vocabulary: bool
    opset: int
    ir_version: int
    operators: dict[str, int]
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    disagreement: float
    where: str
    allowed: float
    windows: tuple[tuple[int, int], ...]
    checked_by: tuple[str, ...]
    said: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return all of it, for JSON."""
        ports = {name: [port._asdict() for port in getattr(self, name)] for name in ("inputs", "outputs")}
        return asdict(self) | ports | {"usage": list(self.usage)}

    @property
    def usage(self) -> tuple[str, ...]:
        """Three lines of Python that run the file on ``tokens``, (time, batch), and go on from there."""
        return (
            f"session = onnxruntime.InferenceSession({json.dumps(self.file, ensure_ascii=False)})",
            'state = {i.name: numpy.zeros((1, i.shape[1]), "float32") for i in session.get_inputs()[1:]}',
            'logits, *new = session.run(None, {"tokens": tokens, **state}); state = dict(zip(state, new))',
        )

    def __str__(self) -> str:
        return "\n".join(
            f"{'' if number else name:<12}{value}"
            for name, values in self._rows()
            for number, value in enumerate(values)
        )

    def html(self) -> str:
        """Return the same as one page, which needs nothing from elsewhere."""
        rows = [
            f'<tr><th scope="row">{escape(name)}</th>'
            f"<td>{'<br>'.join(escape(value) for value in values)}</td></tr>"
            for name, values in self._rows()
        ]
        template = files(__package__).joinpath("card.html").read_text("utf-8")
        title = escape(PurePath(self.file).name)
        return template.replace("{{title}}", title).replace("{{rows}}", "\n".join(rows))

    def _rows(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Yield what there is to say: a name, and lines."""
        s = self.sizes
        more = [f"projection {s['projection']}"] if "projection" in s else []
        more += [s["direction"]] if "direction" in s else []
        more += [f"{s['connections']} connections"] if "connections" in s else []
        more += ["tied"] if self.tied else []
        yield "file", (f"{self.file} ({self.size / 1e6:.2f} MB)",)
        if self.source is not None:
            yield "from", (self.source,)
        yield (
            "model",
            (
                f"{self.cell} {s['layers']} x {s['hidden']}, embedding {s['embedding']}, "
                + ", ".join([f"vocabulary {s['vocab_size']:,}", *more]),
                f"{self.parameters:,} parameters, {self.dtype}",
            ),
        )
        if self.tokens is not None:
            where = "in" if self.vocabulary else "not in"
            yield "tokens", (f"{self.tokens}, the vocabulary {where} the file's metadata",)
        yield (
            "graph",
            (
                f"opset {self.opset}, IR version {self.ir_version}",
                ", ".join(f"{n} {kind}" for kind, n in self.operators.items()),
            ),
        )
        yield "inputs", tuple(map(str, self.inputs))
        yield "outputs", tuple(map(str, self.outputs))
        yield (
            "checked",
            (
                f"by {' and '.join(self.checked_by)}",
                f"largest disagreement {self.disagreement:.1e}, in {self.where} ({self.allowed:g} allowed)",
                f"over windows of {', '.join(f'{T} x {B}' for T, B in self.windows)}; "
                "states carried on, from random ones and from zeros",
            ),
        )
        if self.said:
            yield "notes", self.said
        yield "use", self.usage
