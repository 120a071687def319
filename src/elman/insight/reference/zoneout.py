"""Zoneout: a state that keeps a share of what it was; Krueger et al. (2017), arXiv:1606.01305."""

from collections.abc import Mapping

from .cells import Array, Arrays, Cell


def zoned(cell: Cell, keeps: Mapping[str, float | Array]) -> Cell:
    """Return a cell whose states keep some of their value from the step before.

    With the new state of `cell` written `s~`, it is `s = d s_prev + (1 - d) s~`. That is kept, and met on
    the way back, as `made_h` and `made_c`. A peephole to the new memory sees that as it was made.

    Parameters
    ----------
    cell : Cell
        What makes the new state.
    keeps : mapping of str to float or ndarray (B, H)
        For some of its states, d: zeros and ones, as drawn for one step, or the rate, which is what they are
        in the mean.

    Examples
    --------
    >>> import numpy as np
    >>> from elman.insight.reference import draw_params, find_cell, zoned
    >>> p = draw_params("rnn", np.random.default_rng(0), classes=3, embedding=2, hidden=2)
    >>> p = {name[9:]: array for name, array in p.items() if name.startswith("layers.0.")}
    >>> x, before = np.ones((1, 2)), {"h": np.array([[0.25, -0.5]])}
    >>> after, _ = zoned(find_cell("rnn", "tanh"), {"h": np.array([[1.0, 0.0]])}).step(x, before, p)
    >>> made, _ = find_cell("rnn", "tanh").step(x, before, p)
    >>> after["h"][0, 0], bool(after["h"][0, 1] == made["h"][0, 1])
    (np.float64(0.25), True)
    """

    def step(x: Array, state: Arrays, p: Arrays) -> tuple[Arrays, Arrays]:
        made, kept = cell.step(x, state, p)
        new = {n: d[n] * state[n] + (1.0 - d[n]) * made[n] for n in made}
        return new, kept | {f"made_{n}": made[n] for n in keeps}

    def backward(
        dnew: Arrays, x: Array, state: Arrays, kept: Arrays, p: Arrays, grads: Arrays
    ) -> tuple[Array, Arrays, Arrays]:
        dmade = {n: (1.0 - d[n]) * dnew[n] for n in dnew}
        dx, dstate, met = cell.backward(dmade, x, state, kept, p, grads)
        dstate = {n: dstate[n] + d[n] * dnew[n] for n in dstate}
        # What reached a state within the cell is now the derivative by the state that was made.
        inside = {f"made_{n}": met.pop(n, dmade[n]) for n in keeps}
        return dx, dstate, met | inside

    d = {name: keeps.get(name, 0.0) for name in cell.states}
    peepholes = tuple((gate, f"made_{n}" if n in keeps else n) for gate, n in cell.peepholes)
    return cell._replace(step=step, backward=backward, peepholes=peepholes)
