"""The contract of a cell without a recurrent product: a window's gates at once, and little a step."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import numpy as np

from elman.network.cells.base import Cell, State
from elman.typing import Floats


class ScanCell(Cell):
    """A recurrence in which a unit reads, of the state before, its own number alone.

    There is no matrix ``W``. Gates are of the inputs, and of the state elementwise at most (`sees`), so that
    :class:`elman.network.layers.ScanLayer` asks for those of many steps in one call, and a step is left with
    what truly waits for the step before. A cell sees pre-activations and states, and neither weights, nor
    products, nor the time index.

    Forward, :meth:`begin` (many steps), the steps one by one, :meth:`finish` (many steps). A `linear` cell
    has no method for a step: it leaves in ``a[-1]`` what the carried state is multiplied with and in
    ``work[0]`` what is added, and the layer does both. Backward, :meth:`gather` (many steps), the steps,
    which the layer goes by itself for any cell, and :meth:`spread` (many steps). For the way back over such
    a recurrence is always linear: with :math:`s_t` the carried state, :math:`e_t` what reaches it from
    elsewhere than the next step, and what `gather` found,

    .. math:: ds_t = e_t + J_{t+1} \\odot ds_{t+1} + q_{t+1}, \\qquad J_t = \\partial s_t / \\partial s_{t-1}

    Shapes are those of many steps, ``(n, B, H)``; the methods are elementwise, and so one step is
    ``(B, H)``. Every array is memory of the layer.

    Attributes
    ----------
    carried : str
        The state that a step reads of the one before: ``h`` or ``c``. Another is output alone.
    linear : bool
        Whether the carried state is a multiple of itself and something added, both known beforehand.
    passes : bool
        Whether the state before reaches the output beside the carried state. `gather` then leaves the
        derivative by that in ``work[1]``, the `q` above.
    skip : bool
        Whether the output reads the input itself: it arrives in ``keep[0]``, or its product with the
        parameter ``U_skip`` ``(D, H)`` where it is not as wide as the state. `spread` leaves there the
        derivative by it.

    Examples
    --------
    A leaky integrator, ``h = h_prev / 2 + x U + b``:

    >>> import elman, numpy as np
    >>> from elman.network.cells import ScanCell
    >>> class Leaky(ScanCell):
    ...     name, gates, linear, keeps = "half", 1, True, 0
    ...
    ...     def begin(self, a, keep, work, p):
    ...         work[0][...] = a[0]
    ...         a[0].fill(0.5)
    ...
    ...     def spread(self, a, prev, new, keep, work, p):
    ...         a[0][...] = work[0]
    >>> _ = elman.register_cell(Leaky())
    >>> model = elman.LanguageModel(vocab_size=5, cell="half", hidden=4, layers=2, dtype="float64")
    >>> elman.gradcheck(model).passed, [name for name in model.params if name.startswith("layers.0")]
    (True, ['layers.0.U', 'layers.0.b'])
    >>> _ = elman.network.cells.CELLS.pop("half")  # it was only an example
    """

    direct = True
    carried: ClassVar[str] = "h"
    linear: ClassVar[bool] = False
    passes: ClassVar[bool] = False
    skip: ClassVar[bool] = False

    @property
    def lone(self) -> bool:
        """There is no recurrent product to be lone."""
        return False

    @property
    def place(self) -> int:
        """Which field of the state is carried."""
        return int(self.state_type._fields.index(self.carried))

    def begin(self, a: Floats, keep: Floats, work: Floats, p: Floats) -> None:
        """Do all that needs no state.

        Parameters
        ----------
        a : ndarray of shape (G, n, B, H)
            Pre-activations ``x U + b``, halved in the blocks of sigmoids. Become the gates, or what `spread`
            would rather find in their place.
        keep : ndarray of shape (keeps, n, B, H)
            What the backward pass needs beside gates and states; with `skip`, the input in block 0.
        work : ndarray of shape (scratch, n, B, H)
            Scratch that stays until `finish`.
        p : ndarray of shape (peepholes, B, H)
            The weights with which gates see a state, the same in every row; halved for sigmoids, as `a` is.
        """

    def step(self, a: Floats, prev: State, new: State, work: Floats, p: Floats) -> None:
        """Advance the carried state by one step, if the cell is not `linear`: all arrays are of that step.

        Parameters
        ----------
        a, work, p
            As `begin` left them, without the axis of steps.
        prev, new : State
            The state before the step, read, and after it, whose carried field is written.
        """
        # Not abstract: only a cell that is not linear has it.
        raise NotImplementedError(f"{type(self).__name__} is not linear and has no step")

    def finish(self, a: Floats, prev: State, new: State, keep: Floats, work: Floats, p: Floats) -> None:
        """Do all that no later step waits for, the carried states being known: make the other states.

        Parameters
        ----------
        a, keep, work, p
            As in :meth:`begin`, after the steps.
        prev, new : State
            The states before and after each step, ``(n, B, H)`` each.
        """

    def gather(
        self, a: Floats, dh: Floats, prev: State, new: State, keep: Floats, work: Floats, p: Floats
    ) -> None:
        """Get ready to go back: all that the derivative by the next state is not needed for.

        As it stands here it does for a cell that is `linear` and gives out what it carries.

        Parameters
        ----------
        a : ndarray of shape (G, n, B, H)
            What the forward pass left. ``a[-1]`` becomes `J`; the rest may be overwritten.
        dh : ndarray of shape (n, B, H)
            Derivative by the output of each step, read.
        prev, new : State
            The states before and after each step, read.
        keep : ndarray of shape (keeps, n, B, H)
            What the forward pass kept; may be overwritten.
        work : ndarray of shape (scratch, n, B, H)
            Scratch that stays until `spread`. Block 0 becomes `e`; if the cell `passes`, block 1 becomes `q`.
        p : ndarray of shape (peepholes, B, H)
            As in `begin`, but not halved.
        """
        np.copyto(work[0], dh)

    @abstractmethod
    def spread(self, a: Floats, prev: State, new: State, keep: Floats, work: Floats, p: Floats) -> None:
        """Turn the derivatives by the carried states into those by the pre-activations.

        Parameters
        ----------
        a : ndarray of shape (G, n, B, H)
            As `gather` left it. Becomes the derivative by the pre-activations (not halved).
        prev, new, keep, p
            As in `gather`. With `skip`, ``keep[0]`` is the derivative by the input when this returns.
        work : ndarray of shape (scratch, n, B, H)
            As `gather` left it, but for block 0: the derivative by the carried state after each step.
        """

    def forward(
        self, a: Floats, r: Floats, prev: State, new: State, keep: Floats, work: Floats,
        p: Floats | None = None,
    ) -> None:  # fmt: skip
        """Take one step as any cell does, for those who take single steps; `r` has nothing to be read."""
        p = a[:0] if p is None else p
        self.begin(a, keep, work, p)
        if self.linear:
            carried = new[self.place]
            np.multiply(a[-1], prev[self.place], out=carried)
            np.add(carried, work[0], out=carried)
        else:
            self.step(a, prev, new, work, p)
        self.finish(a, prev, new, keep, work, p)

    def backward(
        self, a: Floats, d: State, prev: State, new: State, keep: Floats, work: Floats,
        p: Floats | None = None,
    ) -> None:  # fmt: skip
        """Take one step back as any cell does; `d` becomes the whole derivative by the state before."""
        p = a[:0] if p is None else p
        by_carried = d[self.place]
        self.gather(a, d[0], prev, new, keep, work, p)
        if self.place:
            np.add(work[0], by_carried, out=work[0])
            d[0].fill(0.0)
        np.multiply(work[0], a[-1], out=by_carried)
        if self.passes:
            np.add(by_carried, work[1], out=by_carried)
        self.spread(a, prev, new, keep, work, p)
