"""An explanation as text for the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from rich.cells import cell_len

from elman.cli.use import perplexity, visible

if TYPE_CHECKING:
    from elman.insight.explain import Explanation
    from elman.insight.explain.explanation import Word
    from elman.insight.reference.cells import Array

LINES = 200
"""Steps are written out up to so many lines."""

STEPS = 8
"""No table has more steps or columns."""

NUMBERS = 8
"""Longer vectors are shortened."""

FUNCTIONS = {"sigmoid": "σ(a)", "tanh": "tanh(a)", "relu": "max(a, 0)"}


def render(found: Explanation, *, source: str, step: int | None = None) -> str:
    """Return the text: an overview, the steps forward, and what goes back.

    Parameters
    ----------
    found : Explanation
        What to show.
    source : str
        Where the model comes from.
    step : int, optional
        Show this step alone, with its derivatives.
    """
    if step is not None:
        found.check_step(step)
        return "\n".join([*forward(found, step), "", *backward(found, step)])
    lines = [*overview(found, source), ""]
    steps = [[*forward(found, t), ""] for t in range(found.steps)]
    width = found.trace.values["layers.0.h"].shape[-1]
    # Of a wide layer a line shows a few numbers of many: then the tables tell more.
    shown = 0 if width > 4 * NUMBERS else min(found.steps, LINES // len(steps[0]))
    for rows in steps[:shown]:
        lines += rows
    if shown < found.steps:
        left = f"Steps {shown} to {found.steps - 1} are" if shown + 1 < found.steps else f"Step {shown} is"
        lines += [f"{left} left out; --step {shown} shows one.", ""]
    lines += [*sent(found), "", *shares(found), "", *truncation(found), ""]
    lines.append("--step 1 shows a step forward and back, --step 1 --what dW an array, --html FILE a page.")
    return "\n".join(lines)


def overview(found: Explanation, source: str) -> Iterator[str]:
    """Say what the model is, and what each step reads and predicts."""
    seen, (G, D, H) = found.trace, found.trace.params["layers.0.U"].shape
    gates = f" with gates {', '.join(seen.gates)}" if G > 1 else ""
    yield f"From {source}."
    yield (
        f"{found.cell}{gates}: T = {found.steps}, D = {D}, H = {H}, K = {len(found.vocabulary)}"
        + (f", L = {seen.layers} layers" if seen.layers > 1 else "")
    )
    yield f"Mean loss {seen.loss:.4f} nats, perplexity {perplexity(seen.loss)}."
    unknown = {visible(word.symbol): word.token for word in found.words + found.targets if word.unknown}
    if unknown:
        yield f"Not in the vocabulary, and read as {next(iter(unknown.values()))}: {', '.join(unknown)}"
    yield ""
    rows = [("step", "word", "index", "predicts", "", "target", "p", "loss")]
    for t, word in enumerate(found.words):
        p: Array = seen.values["output.p"][t, 0]
        best, target = int(p.argmax()), found.targets[t]
        loss = float(seen.losses[t, 0])
        rows.append(
            (str(t), _shown(word), str(word.id), visible(found.vocabulary[best]), percent(p[best]),
             _shown(target), percent(p[target.id]), f"{loss:.3f}")
        )  # fmt: skip
    yield from table(rows, left=(1, 3, 5))


def forward(found: Explanation, t: int) -> Iterator[str]:
    """Write out a step: word, products, sums, gates, states, prediction."""
    seen, word, target = found.trace, found.words[t], found.targets[t]
    yield f"step {t}: {_shown(word)} (index {word.id})"
    for l in range(seen.layers):
        if seen.layers > 1:
            yield f"  layer {l}"
        yield from _rows(_layer_rows(found, l, t))
    p, loss = seen.values["output.p"][t, 0], float(seen.losses[t, 0])
    top = np.argsort(-p, kind="stable")[:3]
    likely = ", ".join(f"{visible(found.vocabulary[i])} {percent(p[i])}" for i in top)
    yield f"  predicts  {likely}"
    yield f"  target    {_shown(target)} {percent(p[target.id])}: loss -ln {p[target.id]:.4g} = {loss:.4f}"


def _layer_rows(found: Explanation, l: int, t: int) -> Iterator[tuple[str, Array]]:
    """Give the rows of a layer at a step: a name, and a vector."""
    seen, name = found.trace, f"layers.{l}."
    value = {
        key.removeprefix(name): array[t, 0] for key, array in seen.values.items() if key.startswith(name)
    }
    yield "x", value["x"]
    peepholes = {gate: (row, seen_key) for row, (gate, seen_key) in enumerate(seen.peepholes)}
    late = [gate for gate, (_, seen_key) in peepholes.items() if not seen_key.endswith("_prev")]
    memory = [("c before", "c_prev"), (MEMORY.get(found.cell, "c"), "c")] if "c" in seen.states else []
    for gate in seen.gates:
        if gate not in late:
            yield from _gate_rows(found, l, value, gate, peepholes.get(gate))
    yield from ((text, value[key]) for text, key in memory)
    for gate in late:  # these see the new memory
        yield from _gate_rows(found, l, value, gate, peepholes[gate])
    if "u" in value:
        yield "tanh c", value["u"]
    yield from ((text, value[key]) for key, text in BESIDE.get(found.cell, {}).items())
    for made in ("made_c", "made_h"):  # before zoneout
        if made in value:
            yield made.replace("_", " "), value[made]
    yield "h", value["h"]


MEMORY = {
    "lstm": "c = f c + i g", "lstm-peephole": "c = f c + i g", "lstm-coupled": "c = (1 - i) c + i g",
    "sru": "c = f c + (1 - f) n",
}  # fmt: skip
"""How the memory is made, where it is known."""

BESIDE = {"minlstm": {"k": "k = f / (f + i)"}, "sru": {"s": "s = x or x U_skip"}}
"""What else a cell makes on its way to h, by its key, and how."""


def _gate_rows(
    found: Explanation, l: int, value: dict[str, Array], gate: str, peephole: tuple[int, str] | None
) -> Iterator[tuple[str, Array]]:
    """Give the rows of a gate: its products, their sum, and what its function makes of that."""
    seen, name = found.trace, f"layers.{l}."
    g = seen.gates.index(gate)
    tag, read = f" {gate}" if len(seen.gates) > 1 else "", seen.reads[g] if seen.reads else ""
    if read in value and not read.endswith("_prev"):
        yield f"{read} = {seen.gates[0]} h" if found.activations[gate] else read, value[read]
    yield f"U x{tag}", value[f"Ux_{gate}"]
    if read:
        yield f"W {read.removesuffix('_prev')}{tag}", value[f"Wh_{gate}"]
    if "m" in value and gate == seen.gates[-1]:
        yield "m", value["m"]  # the product, with a bias of its own where it has one
        if found.gated_by is not None:
            yield f"{found.gated_by} m", value[found.gated_by] * value["m"]
    if peephole is not None:
        row, key = peephole
        yield f"p {key.removesuffix('_prev')}{tag}", seen.params[f"{name}p"][row] * value[key]
    yield f"b{tag}", seen.params[f"{name}b"][g]
    if f"a_{gate}" in value:
        yield f"sum a{tag}", value[f"a_{gate}"]
    function = found.activations[gate]
    if gate not in seen.states and function != "linear":  # such a gate is its sum
        yield f"{gate} = {FUNCTIONS[function]}" if function else gate, value[gate]


def backward(found: Explanation, t: int) -> Iterator[str]:
    """Write out the derivatives of a step, of the mean loss at the truncation."""
    seen, grads = found.trace, found.grads(found.back)
    whole = f"each loss reaching {found.back} back, itself the first" if found.back else "without truncation"
    yield f"backward at step {t}: derivatives of the mean loss, {whole}"
    for l in reversed(range(seen.layers)):
        if seen.layers > 1:
            yield f"  layer {l}"
        name, later = f"layers.{l}.", np.zeros_like(grads[f"layers.{l}.h"][t])
        if t + 1 < found.steps:
            later = grads[f"{name}h_prev"][t + 1]
        above = "its own loss" if l == seen.layers - 1 else f"layer {l + 1}"
        rows = [(f"dh: {above}", grads[f"{name}h"][t] - later), ("dh: later steps", later)]
        rows += [(f"d{key}", grads[f"{name}{key}"][t]) for key in seen.states]
        rows += [(f"da {gate}", grads[f"{name}a_{gate}"][t]) for gate in seen.gates]
        rows += [(f"d{key} sent back", grads[f"{name}{key}_prev"][t]) for key in seen.states]
        yield from _rows([*rows, ("dx", grads[f"{name}x"][t])])


def sent(found: Explanation) -> Iterator[str]:
    """Show how much each loss depends on each state."""
    T, reached = found.steps, found.reached(found.back)
    columns = range(max(0, T - STEPS), T)
    yield (
        "What each loss sends to each state, |dL_t/dh_k|"
        + (f" (last {STEPS} steps of {T})" if T > STEPS else "")
        + (f"; · is cut off, each loss reaching {found.back} back" if found.back else "")
    )
    lengths = found.sent()
    rows = [("", *(f"h{k}" for k in columns))]
    for t in columns:
        row = [f"{lengths[t, k]:.4f}" if reached[t, k] else "·" if k <= t else "" for k in columns]
        rows.append((f"L{t}", *row))
    yield from table(rows)


def shares(found: Explanation) -> Iterator[str]:
    """Show how large the share of each step is in the derivative of each parameter."""
    by_step = found.shares(found.back)
    yield "What each step adds to the derivatives: the length of its share"
    names, last = list(by_step), min(found.steps, STEPS)
    lengths = {name: share.lengths() for name, share in by_step.items()}
    rows = [("step", *(f"d{_short(name, found)}" for name in names))]
    rows += [(str(t), *(f"{lengths[name][t]:.4f}" for name in names)) for t in range(last)]
    if found.steps > STEPS:
        rows.append(("...", *("" for _ in names)))
    rows.append(("sum", *(f"{by_step[name].length():.4f}" for name in names)))
    yield from table(rows)


def truncation(found: Explanation) -> Iterator[str]:
    """Show what is missing from the derivatives where losses reach fewer steps."""
    names = [name for name in found.cut[0] if not name.startswith("output.")]
    yield "What truncation cuts off (of dV and dc nothing): the share that is missing, and the cosine"
    rows = [("back", *(f"d{_short(name, found)}" for name in names))]
    for back, row in enumerate(found.cut[:STEPS], 1):
        rows.append((str(back), *(_cut(*row[name]) for name in names)))
    yield from table(rows)


def _cut(missing: float, cosine: float) -> str:
    return "-" if np.isnan(missing) else f"{missing:.1%} ({cosine:.3f})"


def _short(name: str, found: Explanation) -> str:
    """Return the letter of a parameter, with its layer where there are several."""
    room, _, letter = name.rpartition(".")
    layer = room.removeprefix("layers.")
    return f"{letter} {layer}" if layer.isdigit() and found.trace.layers > 1 else letter


def _rows(rows: Iterable[tuple[str, Array]]) -> Iterator[str]:
    """Write named vectors under one another."""
    held = list(rows)
    width = max(len(name) for name, _ in held)
    for name, vector in held:
        numbers = "".join(map(_number, vector[:NUMBERS]))
        more = f"   ... {len(vector) - NUMBERS} more" if len(vector) > NUMBERS else ""
        yield f"  {name:<{width}}{numbers}{more}"


def _number(number: float) -> str:
    plain = number == 0 or 1e-4 <= abs(number) < 1e3
    return f"{number:10.4f}" if plain else f"{number:10.1e}"


def table(rows: Sequence[Sequence[str]], left: Sequence[int] = (0,)) -> Iterator[str]:
    """Align columns; those in `left` at their left. Chinese characters are two columns wide."""
    widths = [max(cell_len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        cells = []
        for i, cell in enumerate(row):
            room = " " * (widths[i] - cell_len(cell))
            cells.append(cell + room if i in left else room + cell)
        yield ("  " + "  ".join(cells)).rstrip()


def percent(p: float) -> str:
    """Return a probability in percent, with digits also where it is small."""
    return f"{p:.1%}" if p >= 0.01 else f"{100 * p:.2g}%"


def _shown(word: Word) -> str:
    """Return a word as it stands in the sentence, and as it is read where that is another."""
    return f"{visible(word.symbol)} ({word.token})" if word.unknown else visible(word.symbol)
