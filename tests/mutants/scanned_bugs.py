"""The known bugs in cells without recurrent products, as changes to the plain implementation."""

from dataclasses import replace

from .known_bugs import MUTANTS, OUTPUT
from .planting import SCANNED, Mutant

GENERAL = (
    "recurrent gradient not carried",
    "input gradient lost where a word stands twice in a step",
    "initial state taken for a constant",
    "loss and gradient reduced differently",
    "accumulators not zeroed",
    "state leaking between calls",
    "truncation one step too far",
)
"""Those of any cell that are planted here too."""


def without_products(mutant: Mutant, cell: str, carried: str) -> Mutant:
    """Return a bug of any cell as one of a cell that has no W, and that carries the state of that name."""
    blames = [name.replace(".W", ".U") for name in mutant.blames]
    blames = [name[:-1] + carried if name.startswith("state.") else name for name in blames]
    spares = tuple(name for name in mutant.spares if not name.startswith("state."))
    return replace(mutant, cells=(cell,), blames=tuple(blames), spares=spares)


def of_a_cell(
    bug: str, cell: str, old: str, new: str, blames: tuple[str, ...], spares: tuple[str, ...] = OUTPUT
) -> Mutant:
    """Return a bug in the file of one cell."""
    return Mutant(bug, f"cells/{cell}.py", ((old, new),), blames, spares, cells=(cell,))


LAST = ("layers.2.U", "layers.2.b")

SCANNED_MUTANTS = [
    *(
        without_products(mutant, cell, carried)
        for mutant in MUTANTS
        if mutant.bug in GENERAL
        for cell, carried in (("mingru", "h"), ("sru", "c"))[GENERAL.index(mutant.bug) > 2 :]
    ),
    Mutant(
        "input gradient of the last gate only, without recurrent products",
        "cells/gates.py",
        (('dx = dx + da @ p["U"][g].T', 'dx = da @ p["U"][g].T'),),
        blames=("embedding.E", "layers.0.U", "layers.1.U"),
        spares=OUTPUT,
        cells=("minlstm", "sru"),
    ),
    Mutant(
        "h_t for h_t-1, without recurrent products",
        "model.py",
        (("before = tape.entering[t][l]", "before = tape.leaving[t][l]"),),
        blames=LAST,
        spares=OUTPUT,
        cells=("mingru", "minlstm", "sru"),
    ),
    of_a_cell(
        "recurrent weight that sees the state of its own step", "indrnn",
        "(da * h_prev).sum", '(da * kept["h"]).sum', ("layers.0.p", "layers.1.p", "layers.2.p"),
        (*OUTPUT, "layers.0.U", "state.0.h"),
    ),
    of_a_cell(
        "state gradient without the recurrent weight", "indrnn",
        '{"h": da * p["p"][0]}', '{"h": da}', ("layers.0.U", "layers.0.p", "state.0.h"),
    ),
    of_a_cell(
        "rectifier that passes what it cut off", "indrnn",
        'dnew["h"] * (kept["h"] > 0.0)', 'dnew["h"]', ("layers.0.U", *LAST, "state.0.h"),
    ),
    of_a_cell(
        "state gradient of the candidate's share", "mingru",
        '{"h": dh * (1.0 - z)}', '{"h": dh * z}', ("layers.0.U", *LAST, "state.0.h", "state.2.h"),
    ),
    of_a_cell(
        "update gate without the state that it keeps", "mingru",
        "dz = dh * (n - h_prev)", "dz = dh * n", ("layers.0.U", *LAST), (*OUTPUT, "state.2.h"),
    ),
    of_a_cell(
        "share of the forget gate without the sum that it is of", "minlstm",
        "df = dk / q + dq", "df = dk / q", ("layers.0.U", *LAST), (*OUTPUT, "state.2.h"),
    ),
    of_a_cell(
        "input gate that opens where it should shut", "minlstm",
        "di = dq", "di = -dq", ("layers.0.U", *LAST), (*OUTPUT, "state.2.h"),
    ),
    of_a_cell(
        "state gradient of the other share", "minlstm",
        '{"h": dh * k}', '{"h": dh * (1.0 - k)}', ("layers.0.U", *LAST, "state.0.h", "state.2.h"),
    ),
    of_a_cell(
        "memory without the gradient of the highway gate's weight", "sru",
        ' + da_r * p["p"][R]', "", ("layers.0.U", *LAST, "layers.2.p", "state.0.c", "state.2.c"),
    ),
    of_a_cell(
        "highway gate that sees the memory of its own step", "sru",
        '(da_r * c_prev).sum', '(da_r * c).sum', ("layers.0.p", "layers.2.p"), (*OUTPUT, "layers.2.U"),
    ),
    of_a_cell(
        "input gradient that misses the highway", "sru",
        "dx = dx + ds\n", "dx = dx + 0.0 * ds\n", ("embedding.E", "layers.0.U", "layers.0.U_skip"),
        (*OUTPUT, "layers.2.U", "state.2.c"),
    ),
    of_a_cell(
        "output that is taken for a state of the next step", "sru",
        '{"h": 0.0 * dh,', '{"h": dh,', ("layers.0.U", "state.0.h", "state.2.h"),
    ),
]  # fmt: skip

assert set(SCANNED) == {cell for mutant in SCANNED_MUTANTS for cell in mutant.cells}
assert {mutant.bug for mutant in SCANNED_MUTANTS} >= set(GENERAL)
