"""One step of each cell, forward and backward, one gate at a time.

Vectors are rows: a batch of inputs is `x` (B, D), the state that enters a step is `h_prev` (B, H), and the
pre-activation of gate `g` is

    a_g = x U_g + h_prev W_g + b_g        (B, H)

with `U` (G, D, H), `W` (G, H, H) and `b` (G, H); some cells have no `W`, and a_g = x U_g + b_g. A derivative
of the loss is `d` + the name.

Every `*_step(x, state, p)` returns the new state and, by name, the gates and what else its backward step
needs. Every `*_backward(dnew, x, state, kept, p, d)` is the chain rule through the same lines read upwards:
it takes the derivative of the new state, adds those of the parameters into `d`, and returns those of the
input, of the state that entered, and by name what it met on the way: the derivatives of the gates and of what
went into them (`a_i` for the gate `i`).

A layer may have gains gamma_x and gamma_h (G, H): each of the two products is then normalised before it is
added (`normalised`), and the memory cell of an lstm before it is let out. It may have a projection R (H, P):
what the cell would call h is then m, and h = m R is (B, P).
"""

from collections.abc import Callable
from typing import NamedTuple

from .arrays import Array, Arrays
from .gates import log_softmax, sigmoid
from .gru import gru_backward, gru_step
from .gru_before import gru_before_backward, gru_before_step
from .indrnn import indrnn_backward, indrnn_step
from .lstm import lstm_backward, lstm_step
from .lstm_coupled import lstm_coupled_backward, lstm_coupled_step
from .lstm_peephole import lstm_peephole_backward, lstm_peephole_step
from .mgu import mgu_backward, mgu_step
from .mingru import mingru_backward, mingru_step
from .minlstm import minlstm_backward, minlstm_step
from .rnn import rnn_relu_backward, rnn_relu_step, rnn_tanh_backward, rnn_tanh_step
from .sru import sru_backward, sru_step

__all__ = ["CELLS", "Array", "Arrays", "Cell", "find_cell", "log_softmax", "sigmoid"]


class Cell(NamedTuple):
    """A cell: its forward and backward step, the names of its gates and states, and what is gated.

    The gates are in the order of U and W. If the recurrent product m of the last one is itself multiplied by
    a gate, `gated_by` names that. The last gate's product is of h_prev; if it is of something else that the
    cell keeps, `last_reads` names that. Each of `peepholes` is a row of p: the gate, and the state it sees.
    Without `products` there is no W. With `skip` the cell reads its input beside the gates, through U_skip
    where the widths differ.
    """

    step: Callable[[Array, Arrays, Arrays], tuple[Arrays, Arrays]]
    backward: Callable[[Arrays, Array, Arrays, Arrays, Arrays, Arrays], tuple[Array, Arrays, Arrays]]
    gates: tuple[str, ...]
    states: tuple[str, ...]
    gated_by: str | None = None
    last_reads: str | None = None
    peepholes: tuple[tuple[str, str], ...] = ()
    products: bool = True
    skip: bool = False


CELLS = {
    ("rnn", "tanh"): Cell(rnn_tanh_step, rnn_tanh_backward, ("h",), ("h",)),
    ("rnn", "relu"): Cell(rnn_relu_step, rnn_relu_backward, ("h",), ("h",)),
    ("lstm", "tanh"): Cell(lstm_step, lstm_backward, ("i", "f", "o", "g"), ("h", "c")),
    ("lstm-peephole", "tanh"): Cell(
        lstm_peephole_step,
        lstm_peephole_backward,
        ("i", "f", "o", "g"),
        ("h", "c"),
        peepholes=(("i", "c_prev"), ("f", "c_prev"), ("o", "c")),
    ),
    ("lstm-coupled", "tanh"): Cell(lstm_coupled_step, lstm_coupled_backward, ("i", "o", "g"), ("h", "c")),
    ("gru", "tanh"): Cell(gru_step, gru_backward, ("r", "z", "n"), ("h",), "r"),
    ("gru-before", "tanh"): Cell(
        gru_before_step, gru_before_backward, ("r", "z", "n"), ("h",), last_reads="k"
    ),
    ("mgu", "tanh"): Cell(mgu_step, mgu_backward, ("f", "n"), ("h",), "f"),
    ("indrnn", "tanh"): Cell(
        indrnn_step, indrnn_backward, ("h",), ("h",), peepholes=(("h", "h_prev"),), products=False
    ),
    ("mingru", "tanh"): Cell(mingru_step, mingru_backward, ("z", "n"), ("h",), products=False),
    ("minlstm", "tanh"): Cell(minlstm_step, minlstm_backward, ("f", "i", "n"), ("h",), products=False),
    ("sru", "tanh"): Cell(
        sru_step,
        sru_backward,
        ("f", "r", "n"),
        ("h", "c"),
        peepholes=(("f", "c_prev"), ("r", "c_prev")),
        products=False,
        skip=True,
    ),
}
"""The cells, by name and activation."""


def find_cell(cell: str | Cell, activation: str) -> Cell:
    """Return the cell of that name, or say which there are. A cell of one's own is taken as it is."""
    if isinstance(cell, Cell):
        return cell
    if (cell, activation) not in CELLS:
        raise ValueError(f"cell={cell!r} with activation={activation!r}: choose one of {sorted(CELLS)}")
    return CELLS[cell, activation]
