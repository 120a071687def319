"""The contract of a cell: elementwise arithmetic of one time step, and nothing else."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from elman.typing import Floats

State: TypeAlias = tuple[Floats, ...]
"""The states of one layer, ``(B, H)`` each: a NamedTuple whose first field is ``h``."""


class HiddenState(NamedTuple):
    """The state of a cell that carries its output alone.

    Attributes
    ----------
    h : ndarray of shape (B, H)
        Hidden state.
    """

    h: Floats


class Cell(ABC):
    """One step of a recurrence, and the step of its backward pass.

    A cell sees pre-activations and states. It never sees weights, matrix products or the time index:
    those belong to :class:`elman.network.layers.Layer`. All arrays are slices of the layer's memory,
    written in place; every one of them is C-contiguous in its last two axes ``(B, H)``.

    Attributes
    ----------
    name : str
        The name in the registry and in configuration files.
    gates : int
        Number of gate blocks, ``G``.
    sigmoids : int
        The first this-many gate blocks pass through the logistic function. The layer halves their
        pre-activations, the recurrent part through copied weights, so that a cell computes
        ``sigmoid(a)`` as ``0.5 * tanh(a / 2) + 0.5``: NumPy's ``tanh`` is twice as fast as its ``exp``.
    gated : bool
        Whether the recurrent product of the last gate block enters through a gate and is therefore kept
        apart from the input product, as the candidate of a GRU. The layer hands it over in ``keep[0]``.
    gated_bias : bool
        Whether that product has a bias of its own, the parameter ``b_candidate``.
    staged : bool
        Whether the recurrent product of the last gate block is not that of ``h`` but of ``keep[0]``, which
        `prepare` makes of the gates before it, as in a GRU whose reset gate acts before the product.
    sees : tuple of (int, str)
        Which gates see a state through weights of their own, elementwise: a row of the parameter ``p`` each.
        A pair is the gate block and what it sees, the name of a state, such as ``c`` after the step or
        ``c_prev`` before it. Every method of a step then takes ``p`` as a further argument: `forward`,
        `slopes` and `backward`, and of a staged cell `prepare` and `unstage`.
    span : tuple of float, optional
        Between which numbers `p` begins, uniformly; by default within ``1/sqrt(H)`` of zero.
    forget : int, optional
        Which gate block, if any, is the forget gate of a memory cell, whose bias begins as `forget_bias`.
    direct : bool
        Whether ``h`` before the step reaches ``h`` after it elementwise, beside the recurrent product.
    keeps : int
        How many ``(B, H)`` blocks a step keeps for the backward pass beside its gates and states.
        If `gated` is set, block 0 holds the gated product, and after the backward step its derivative. If
        `staged` is set, block 0 holds what is multiplied.
    scratch : int
        How many ``(B, H)`` blocks of scratch a step needs; they are not kept.
    state_type : type
        NamedTuple of the states carried from step to step; the first field is ``h``.

    Notes
    -----
    The layer keeps, for each step and batch row, ``gates + keeps + len(state_type._fields)`` numbers a hidden
    unit; the docstring of each cell states the bytes, and the conformance suite holds it to them.

    Examples
    --------
    A recurrence through the softsign, ``h = a / (1 + |a|)``, whose derivative is ``(1 - |h|)^2``:

    >>> import elman, numpy as np
    >>> class Softsign(elman.Cell):
    ...     name, gates = "softsign", 1
    ...
    ...     def forward(self, a, r, prev, new, keep, work):
    ...         np.add(a, r, out=a)
    ...         np.divide(a[0], 1 + np.abs(a[0]), out=new[0])
    ...
    ...     def backward(self, a, d, prev, new, keep, work):
    ...         np.multiply((1 - np.abs(new[0])) ** 2, d[0], out=a[0])
    >>> _ = elman.register_cell(Softsign())
    >>> model = elman.LanguageModel(vocab_size=5, cell="softsign", hidden=4, layers=2, dtype="float64")
    >>> elman.gradcheck(model).passed
    True
    >>> _ = elman.network.cells.CELLS.pop("softsign")  # it was only an example
    """

    name: str
    gates: int
    sigmoids: int = 0
    gated: bool = False
    gated_bias: bool = False
    staged: bool = False
    sees: tuple[tuple[int, str], ...] = ()
    span: tuple[float, float] | None = None
    forget: int | None = None
    direct: bool = False
    keeps: int = 0
    scratch: int = 1
    state_type: Any = HiddenState

    @property
    def lone(self) -> bool:
        """Whether there is a single gate block, and that a plain one."""
        return self.gates == 1 and not self.sigmoids and not self.gated and not self.staged

    @property
    def derived(self) -> slice | None:
        """Which blocks of ``keep`` hold derivatives that are added up over steps, after the backward step."""
        return slice(0, 1) if self.gated else None

    @property
    def peepholes(self) -> int:
        """How many rows the parameter ``p`` has, ``(peepholes, H)``."""
        return len(self.sees)

    @abstractmethod
    def forward(self, a: Floats, r: Floats, prev: State, new: State, keep: Floats, work: Floats) -> None:
        """Advance one step.

        Parameters
        ----------
        a : ndarray of shape (G, B, H)
            Input pre-activations ``x U + b``, halved in the blocks of sigmoids. Becomes the gates.
        r : ndarray of shape (G, B, H)
            Recurrent products ``h W``, halved likewise. May be overwritten.
        prev, new : State
            The state before the step, read, and after it, written.
        keep : ndarray of shape (keeps, B, H)
            What the backward step will need beside gates and states; written, but for block 0 of a
            gated cell, which arrives with the gated product and stays.
        work : ndarray of shape (scratch, B, H)
            Scratch.
        """

    def slopes(  # noqa: B027 (there may be nothing to do)
        self, a: Floats, prev: State, new: State, keep: Floats, work: Floats
    ) -> None:
        """Get ready to go back over some steps: all of the backward steps that needs no derivative.

        It is called once for several steps, before their backward steps, so that what it does costs a few
        large operations rather than many small ones. Without it `backward` does everything.

        Parameters
        ----------
        a : ndarray of shape (G, n, B, H)
            The gates that `forward` left. May be overwritten with what `backward` wants to find there.
        prev, new : State
            The states before and after the steps, ``(n, B, H)`` each, read.
        keep : ndarray of shape (keeps, n, B, H)
            What `forward` kept. May be overwritten likewise.
        work : ndarray of shape (scratch, n, B, H)
            Scratch, which stays until `backward` has gone over these steps.
        """

    @abstractmethod
    def backward(self, a: Floats, d: State, prev: State, new: State, keep: Floats, work: Floats) -> None:
        """Take one step back.

        Parameters
        ----------
        a : ndarray of shape (G, B, H)
            The gates that `forward` left, or what `slopes` made of them. Becomes the derivative by the
            pre-activations (not halved).
        d : State
            Derivative by the state after the step. Becomes the elementwise part of the derivative by
            the state before it; the layer adds the part that flows through the recurrent product. Without
            `direct`, what is left in ``d[0]`` is not read.
        prev, new : State
            The states before and after the step, read.
        keep : ndarray of shape (keeps, B, H)
            What `forward` kept, or `slopes` made of it. If `gated` is set, block 0 becomes the derivative by
            the gated product.
        work : ndarray of shape (scratch, B, H)
            Scratch, as `slopes` left it.
        """

    def prepare(self, a: Floats, r: Floats, prev: State, keep: Floats, work: Floats) -> None:
        """Do the first half of a step, if `staged` is set: all that the last recurrent product waits for.

        Parameters
        ----------
        a, r, prev
            As in :meth:`forward`; of `r` all blocks but the last are there.
        keep : ndarray of shape (keeps, B, H)
            Block 0 is to be written: what the last block of recurrent weights multiplies.
        work : ndarray of shape (scratch, B, H)
            Scratch.
        """
        # Not abstract: only a staged cell has it.
        raise NotImplementedError(f"{type(self).__name__} is staged and has no prepare")

    def unstage(self, a: Floats, d: State, dk: Floats, prev: State, keep: Floats, work: Floats) -> None:
        """Go back through :meth:`prepare`, if `staged` is set; :meth:`backward` came before.

        Parameters
        ----------
        a : ndarray of shape (G, B, H)
            As `backward` left it. The derivatives by the pre-activations are to be complete after it.
        d : State
            As `backward` left it; without `direct`, ``d[0]`` is zero. What passes through ``keep[0]``
            elementwise is to be added.
        dk : ndarray of shape (B, H)
            Derivative by what `prepare` wrote into ``keep[0]``. May be overwritten.
        prev, keep, work
            As in :meth:`backward`. ``keep[0]`` stays as it is.
        """
        # Not abstract: only a staged cell has it.
        raise NotImplementedError(f"{type(self).__name__} is staged and has no unstage")

    def peephole_gradients(self, a: Floats, before: State, after: State, dp: Floats) -> None:
        """Write the derivative by `p`, of a whole window.

        Parameters
        ----------
        a : ndarray of shape (G, T, B, H)
            Derivatives by the pre-activations.
        before, after : State
            The states before and after each step, ``(T, B, H)`` each.
        dp : ndarray of shape (peepholes, H)
            Overwritten.
        """
        for row, (gate, name) in zip(dp, self.sees, strict=True):
            states = before if name.endswith("_prev") else after
            seen = states[self.state_type._fields.index(name.removesuffix("_prev"))]
            np.einsum("tbh,tbh->h", a[gate], seen, out=row)


def with_peepholes(method: Callable[..., None], p: Floats) -> Callable[..., None]:
    """Return a method of a cell that sees states, with their weights as its further argument."""
    if getattr(method, "__func__", None) is Cell.slopes:  # which the cell has not, and which does nothing
        return method
    return lambda *step: method(*step, p)  # a partial would make a dictionary a step
