"""What a language model is made of: its parts, its parameters, and the memory its passes run in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from elman.errors import ConfigError, ShapeError
from elman.network import initial
from elman.network.backprop import Network
from elman.network.cells import State, get_cell
from elman.network.checks import check_bool, check_real, check_whole
from elman.network.clock import Clock
from elman.network.output import new_output
from elman.network.regularisers import Regularisers
from elman.network.stack import new_stack
from elman.network.workspace import Workspace
from elman.typing import Params

ModelState: TypeAlias = tuple[State, ...]
"""One NamedTuple a layer, of arrays ``(B, H)``."""


class Assembled:
    """Embedding, stack and output, without what they do; see :class:`elman.LanguageModel`."""

    def __init__(
        self,
        *,
        vocab_size: int,
        cell: str = "lstm",
        embedding: int = 64,
        hidden: int = 128,
        layers: int = 2,
        dropout: float = 0.0,
        tied: bool = False,
        dtype: str = "float32",
        seed: int = 0,
        init: str = "uniform",
        init_recurrent: str | None = None,
        forget_bias: float = 1.0,
        projection: int | None = None,
        direction: str = "forward",
        init_scale: float | None = None,
        hidden_last: int | None = None,
        output: str = "full",
        cutoffs: Sequence[int] | str | None = None,
        samples: int | None = None,
        experts: int | None = None,
        layer_norm: bool = False,
        connections: str = "none",
        learn_state: bool = False,
        dropout_between: float | None = None,
        dropout_input: float = 0.0,
        dropout_embedding: float = 0.0,
        dropout_weights: float = 0.0,
        variational: bool = False,
        zoneout: float = 0.0,
        zoneout_cell: float = 0.0,
        activation_reg: float = 0.0,
        temporal_reg: float = 0.0,
    ) -> None:
        kind = get_cell(cell)
        sizes = {"vocab_size": vocab_size, "embedding": embedding, "hidden": hidden, "layers": layers}
        vocab_size, embedding, hidden, layers = (check_whole(name, n, 1) for name, n in sizes.items())
        seed = check_whole("seed", seed, 0)
        forget_bias = check_real("forget_bias", forget_bias)
        regularisers = Regularisers(
            dropout, dropout_between, dropout_input, dropout_embedding, dropout_weights, variational,
            zoneout, zoneout_cell, activation_reg, temporal_reg,
        )  # fmt: skip
        if str(dtype) not in ("float32", "float64"):
            raise ConfigError(f"dtype must be 'float32' or 'float64', not {str(dtype)!r}")
        if init_scale is not None:
            if not check_real("init_scale", init_scale) > 0.0:
                raise ConfigError(f"init_scale must be greater than 0, not {init_scale!r}")
            if init not in ("uniform", "zeros") or init_recurrent is not None:
                raise ConfigError(
                    "init_scale is the range of all parameters: leave out init and init_recurrent"
                )
        if projection is not None:
            projection = check_whole("projection", projection, 1)
        if hidden_last is not None:
            hidden_last = check_whole("hidden_last", hidden_last, 1)
            if layers == 1 or projection is not None:
                raise ConfigError(
                    "hidden_last is the width of the last of several layers without projection: "
                    "leave it out, and give hidden or projection"
                )
        self.vocab_size, self.cell, self.dtype = vocab_size, kind.name, np.dtype(str(dtype))
        self.projection, self.direction, self.hidden_last = projection, direction, hidden_last
        self.connections, self.learn_state = connections, check_bool("learn_state", learn_state)
        self.layer_norm = check_bool("layer_norm", layer_norm)
        widths = [hidden] * layers if hidden_last is None else [*[hidden] * (layers - 1), hidden_last]
        self.stack = new_stack(
            kind, embedding, widths, self.dtype, regularisers=regularisers, projection=projection,
            direction=direction, connections=connections, learn_state=self.learn_state,
            layer_norm=self.layer_norm,
        )  # fmt: skip
        if tied and embedding != self.stack.width:
            raise ConfigError(
                f"tied embeddings need vectors as wide as the output of the last layer, but embedding is "
                f"{embedding} and that {self.stack.width}"
            )
        self.output = new_output(
            output, self.stack.width, self.vocab_size, tied, self.dtype, cutoffs=cutoffs, samples=samples,
            experts=experts,
        )  # fmt: skip
        self.params: Params = self._new_params(embedding)
        if init == "zeros":  # without a generator, which takes a while to load
            if init_recurrent is not None:
                initial.named(init_recurrent, initial.RECURRENT_INITIALIZERS)
        else:
            initial.initialise(
                self.params, cell=kind, hidden=widths, tied=tied, seed=seed, init=init,
                init_recurrent=init_recurrent, forget_bias=forget_bias, init_scale=init_scale,
            )  # fmt: skip
            self.output.initialise(self.params)
        self._space = Workspace()

    def __getstate__(self) -> dict[str, Any]:
        # Scratch memory is not copied: views in it would point into the memory of the original.
        return {**self.__dict__, "_space": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.params = self.new_grads()
        for name, array in state["params"].items():
            np.copyto(self.params[name], array)
        self._space = Workspace()

    def __repr__(self) -> str:
        shown = ("vocab_size", "cell", "embedding", "hidden", "layers", "dtype")
        facts = {name: self.settings[name] for name in shown}
        if self.projection is not None:
            facts["projection"] = self.projection
        if self.direction != "forward":
            facts["direction"] = self.direction
        if self.hidden_last is not None:
            facts["hidden_last"] = self.hidden_last
        if self.output.name != "full":
            facts["output"] = self.output.name
        if self.connections != "none":
            facts["connections"] = self.connections
        for option in ("learn_state", "layer_norm"):
            if self.settings[option]:
                facts[option] = True
        return f"LanguageModel({', '.join(f'{name}={value!r}' for name, value in facts.items())})"

    @property
    def clock(self) -> Clock:
        """What measures the parts of a pass; off unless it is switched on."""
        return self._space.clock

    @property
    def settings(self) -> dict[str, Any]:
        """What a model of the same sizes is made with; how its parameters began is not in it."""
        first = self.stack.layers[0]
        return {
            "vocab_size": self.vocab_size, "cell": self.cell, "embedding": first.inputs,
            "hidden": first.hidden, "layers": len(self.stack.layers), "tied": self.output.tied,
            "dtype": self.dtype.name, "projection": self.projection, "direction": self.direction,
            "hidden_last": self.hidden_last, "layer_norm": self.layer_norm, "connections": self.connections,
            "learn_state": self.learn_state, "output": self.output.name, **self.output.settings,
            **self.regularisers.settings,
        }  # fmt: skip

    @property
    def regularisers(self) -> Regularisers:
        """What is dropped, held back and added to the loss."""
        return self.stack.regularisers

    @property
    def n_params(self) -> int:
        """Number of parameters."""
        return sum(array.size for array in self.params.values())

    @property
    def stochastic(self) -> bool:
        """Whether training draws random numbers, for which a pass is given a generator."""
        return self.regularisers.stochastic or self.output.random

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the name and shape of every parameter, in order."""
        embedding = {"embedding.E": (self.vocab_size, self.stack.layers[0].inputs)}
        return {**embedding, **self.stack.shapes(), **self.output.shapes()}

    def initial_state(self, batch: int) -> ModelState:
        """Return what a text begins with: one NamedTuple a layer, of arrays ``(B, H)``.

        They are zeros; of a model with ``learn_state``, copies of ``layers.0.h0`` and so on.

        Parameters
        ----------
        batch : int
            Rows, ``B``.

        Returns
        -------
        tuple of NamedTuple
            New arrays.

        Raises
        ------
        ShapeError
            If `batch` is not a whole number of at least 1.

        Examples
        --------
        >>> import elman
        >>> model = elman.LanguageModel(vocab_size=9, cell="lstm", hidden=2, layers=1, dtype="float64")
        >>> model.initial_state(batch=1)
        (LSTMState(h=array([[0., 0.]]), c=array([[0., 0.]])),)
        """
        return self.stack.initial_state(check_whole("batch", batch, 1, ShapeError), self.params)

    def new_grads(self) -> Params:
        """Return an uninitialised dictionary like `params`, views of one contiguous array."""
        return self._new_params(self.stack.layers[0].inputs)

    def replica(self) -> Self:
        """Return a model with the same parameter arrays and scratch memory of its own, for another thread."""
        twin = object.__new__(type(self))
        twin.__dict__.update(self.__dict__)
        twin._space = Workspace()
        return twin

    def with_params(self, params: Params) -> Self:
        """Return a model of other arrays, with this one's scratch memory.

        Parameters
        ----------
        params : dict of str to ndarray
            Of the names and shapes of `params`, in that order.

        Returns
        -------
        LanguageModel
            Of the same settings; the arrays are not copied.
        """
        twin = self.replica()
        twin.params, twin._space = params, self._space
        return twin

    @property
    def network(self) -> Network:
        """The parts that the functions of ``elman.network.backprop`` run through."""
        return Network(self.stack, self.output, self.params, self._space)

    def _new_params(self, embedding: int) -> Params:
        """Lay the arrays out end to end in one block, so that an optimiser can take them as one."""
        shapes = self.shapes()
        sizes = [int(np.prod(shape)) for shape in shapes.values()]
        flat: NDArray[Any] = np.zeros(sum(sizes), self.dtype)
        ends = np.cumsum(sizes)
        return {
            name: flat[end - size : end].reshape(shape)
            for (name, shape), size, end in zip(shapes.items(), sizes, ends, strict=True)
        }
