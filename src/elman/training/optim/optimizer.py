"""What every optimiser shares: its state, its checks, and the walk over memory in blocks.

An optimiser of `elman.training.optim` is a rule for one block of numbers. This module feeds the blocks to it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from elman.errors import ShapeError
from elman.training._checks import real
from elman.training.flat import BLOCK, flat_copy, flat_full, flat_view
from elman.typing import Floats, Params

__all__ = ["EPS_RANGE", "Optimizer", "Rule", "State"]

State: TypeAlias = dict[str, NDArray[Any]]
"""The step count ``t`` (0-d int64) and one array for each slot and parameter: ``m.output.V``."""

Rule: TypeAlias = Callable[[Floats, Floats, Sequence[Floats], Floats], None]
"""``rule(p, g, slots, s)``: update the parameters `p` and the slots in place from the gradients `g`.

All are vectors of one length and dtype; `s` is scratch of the same length; `g` must not be written.
"""

EPS_RANGE = "[1e-30, inf)"
"""Smaller ones vanish in float32, and a parameter that no gradient has touched would become 0 / 0."""


@dataclass(frozen=True)
class Optimizer:
    """A pair of pure functions, `init` and `update`, made by a factory of `elman.training.optim`.

    Attributes
    ----------
    name : str
        The name in the registry.
    settings : Mapping of str to float or bool
        The hyperparameters it was built with.
    slots : Mapping of str to float
        What it remembers for each parameter, and the value that this starts from.
    rule : callable
        ``rule(t, lr)`` returns the elementwise update of step t = 1, 2, ... as a `Rule`. Elementwise, because
        a block knows nothing of the array that it is part of.
    sparse : bool
        Whether an element whose gradient is zero stays as it is, and need not be looked at.
    decay : float
        λ: to the gradient that `rule` is given, λ times the parameters have been added (see `decayed`).

    Examples
    --------
    >>> import numpy as np
    >>> from elman.training.optim import adam
    >>> optimizer = adam()
    >>> params = {"output.c": np.array([1.0, 2.0])}
    >>> state = optimizer.init(params)
    >>> sorted(state)
    ['m.output.c', 't', 'v.output.c']
    >>> params, state = optimizer.update(params, {"output.c": np.array([8.0, -0.1])}, state, lr=0.5)
    >>> params["output.c"].round(3), int(state["t"])
    (array([0.5, 2.5]), 1)
    """

    name: str
    settings: Mapping[str, float | bool]
    slots: Mapping[str, float]
    rule: Callable[[int, float], Rule]
    sparse: bool = False
    decay: float = 0.0

    def init(self, params: Mapping[str, Floats]) -> State:
        """Return the state before the first update.

        Parameters
        ----------
        params : Mapping of str to ndarray
            The parameters, float32 or float64. Only names, shapes and dtypes matter.

        Returns
        -------
        dict of str to ndarray
            ``t``, a 0-d int64 array, and ``<slot>.<parameter>`` in the parameter's shape and dtype. It can be
            written to a safetensors file as it is.

        Raises
        ------
        ShapeError
            If there are no parameters, or one is not a float32 or float64 array.
        """
        _check_params(params)
        state: State = {"t": np.zeros((), np.int64)}
        for slot, fill in self.slots.items():
            state |= {f"{slot}.{name}": array for name, array in flat_full(params, fill).items()}
        return state

    def restore(self, params: Mapping[str, Floats], state: Mapping[str, NDArray[Any]]) -> State:
        """Return a copy of `state` laid out for speed: what was read from a file, ready for `update`.

        Parameters
        ----------
        params : Mapping of str to ndarray
            The parameters that the state belongs to.
        state : Mapping of str to ndarray
            As from `init` or `update`, in any order and memory layout.

        Returns
        -------
        dict of str to ndarray
            The same numbers in new arrays.

        Raises
        ------
        ShapeError
            If an array is missing, superfluous, or of another shape or dtype than its parameter.
        """
        copy = self.init(params)
        self._check_state(params, state)
        for name, array in copy.items():
            array[...] = state[name]
        return copy

    def update(
        self, params: Params, grads: Mapping[str, Floats], state: State, lr: float, *, inplace: bool = False
    ) -> tuple[Params, State]:
        """Return the parameters and the state after one step.

        Parameters
        ----------
        params : dict of str to ndarray
            The parameters, float32 or float64.
        grads : Mapping of str to ndarray
            The derivative of the objective by each parameter, in its shape and dtype; not altered.
            NaN and infinity are not looked for: `clip_by_global_norm` shows them in the norm.
        state : dict of str to ndarray
            From `init`, or from the last `update`.
        lr : float
            The learning rate of this step, finite and not negative.
        inplace : bool, default False
            Write the results into the memory of `params` and `state`, and return these same dictionaries.
            The numbers are the same, bit for bit.

        Returns
        -------
        params, state : dict of str to ndarray
            New dictionaries of new arrays, unless `inplace`.

        Raises
        ------
        ConfigError
            If `lr` is negative, infinite or NaN.
        ShapeError
            If a gradient or a slot is missing, superfluous, or of another shape or dtype than its parameter;
            with `inplace`, if an array cannot be written in place. Nothing has been altered then.

        Notes
        -----
        Fastest where parameters, gradients and moments each are consecutive pieces of one vector
        (see `elman.training.flat.flat_view`): one walk over all of them in blocks of `BLOCK` elements.
        """
        rate = real("lr", lr, "[0, inf)")
        _check_params(params)
        _check_names("grads", grads, params)
        for name, param in params.items():
            _check_array(f"grads[{name!r}]", grads[name], param)
        self._check_state(params, state)
        if inplace:
            _check_writable("params", params)
            _check_writable("state", state)
        else:
            params, state = flat_copy(params), self.restore(params, state)
        state["t"][...] += 1
        rule = self.rule(int(state["t"]), rate)
        for p, g, slots, (s, out) in _blocks(params, grads, self._by_slot(params, state)):
            rule(p, self.decayed(p, g, s, out), slots, s)
        return params, state

    def decayed(self, p: Floats, g: Floats, s: Floats, out: Floats) -> Floats:
        """Return the gradient of a block with weight decay, g + λ p, in `out`; without decay, g itself.

        Parameters
        ----------
        p, g : ndarray of shape (n,)
            Parameters and gradients, not altered unless `g` is `out`.
        s, out : ndarray of shape (n,)
            Scratch, and where the result goes.

        Returns
        -------
        ndarray of shape (n,)
        """
        if self.decay == 0.0:
            return g
        np.multiply(p, self.decay, out=s)
        return np.add(g, s, out=out)

    def _by_slot(self, params: Params, state: State) -> list[Params]:
        return [{name: state[f"{slot}.{name}"] for name in params} for slot in self.slots]

    def _check_state(self, params: Mapping[str, Floats], state: Mapping[str, NDArray[Any]]) -> None:
        expected = {f"{slot}.{name}": param for slot in self.slots for name, param in params.items()}
        _check_names("state", state, ["t", *expected])
        _check_array("state['t']", state["t"], np.zeros((), np.int64))
        for name, param in expected.items():
            _check_array(f"state[{name!r}]", state[name], param)


def _blocks(
    params: Params, grads: Mapping[str, Floats], slots: Sequence[Mapping[str, Floats]]
) -> Iterator[tuple[Floats, Floats, list[Floats], Floats]]:
    """Yield (parameters, gradients, slots, two of scratch) in vectors of at most `BLOCK` elements."""
    together = [params, {name: grads[name] for name in params}, *slots]
    whole = [flat_view(arrays) for arrays in together]
    vectors = [v for v in whole if v is not None]
    if len(vectors) == len(whole):
        rows = [vectors]
    else:
        rows = [[arrays[name].reshape(-1) for arrays in together] for name in params]
    scratch = {dtype: np.empty((2, BLOCK), dtype) for dtype in {row[0].dtype for row in rows}}
    for row in rows:
        size = row[0].size
        for start in range(0, size, BLOCK):
            stop = min(start + BLOCK, size)
            p, g, *rest = (vector[start:stop] for vector in row)
            yield p, g, rest, scratch[p.dtype][:, : stop - start]


def _check_params(params: Mapping[str, Floats]) -> None:
    if not params:
        raise ShapeError("params is empty: give at least one array")
    for name, param in params.items():
        if not isinstance(param, np.ndarray) or param.dtype not in (np.float32, np.float64):
            raise ShapeError(f"params[{name!r}] is {_kind(param)}: give a float32 or float64 array")


def _check_names(what: str, given: Mapping[str, Any], expected: Any) -> None:
    for name in expected:
        if name not in given:
            raise ShapeError(f"{what} has no {name!r}: give one array for each parameter, under its name")
    if len(given) > len(expected):
        name = next(name for name in given if name not in expected)
        raise ShapeError(
            f"{what} has {name!r}, which belongs to no parameter of this optimizer: leave it out"
        )


def _check_array(what: str, array: Any, like: NDArray[Any]) -> None:
    if not isinstance(array, np.ndarray) or array.dtype != like.dtype:
        raise ShapeError(f"{what} is {_kind(array)}: give an array of {like.dtype}")
    if array.shape != like.shape:
        raise ShapeError(f"{what} has shape {array.shape}: give one of shape {like.shape}")


def _check_writable(what: str, arrays: Mapping[str, NDArray[Any]]) -> None:
    for name, array in arrays.items():
        if not (array.flags.c_contiguous and array.flags.writeable):
            raise ShapeError(
                f"{what}[{name!r}] is read-only or not contiguous and cannot be updated in place: "
                "give a copy, or inplace=False"
            )


def _kind(value: object) -> str:
    return f"of dtype {value.dtype}" if isinstance(value, np.ndarray) else f"a {type(value).__name__}"
