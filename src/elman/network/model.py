"""The language model: embedding, stack, output. It knows nothing of text, files, optimisers or processes."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from elman.errors import ConfigError, ShapeError
from elman.network import initial
from elman.network.backprop import Backprop, Network, backprop, forward, truncated_backprop
from elman.network.cells import State, get_cell
from elman.network.checks import check_reset, check_state, check_tokens
from elman.network.layer import Layer
from elman.network.output import Softmax
from elman.network.stack import Stack
from elman.network.truncation import Truncation
from elman.network.workspace import Workspace
from elman.typing import Floats, Ints, Params

ModelState: TypeAlias = tuple[State, ...]
"""One NamedTuple a layer, of arrays ``(B, H)``."""


class LanguageModel:
    """A recurrent language model: word vectors, recurrent layers, a softmax over the vocabulary.

    It holds parameters and the memory its passes run in, and nothing else: states, randomness and
    gradients are arguments and results. Arrays are time-major.

    Parameters
    ----------
    vocab_size : int
        Number of tokens, ``K``.
    cell : str
        ``rnn``, ``rnn-relu``, ``lstm``, ``gru``, ``mgu``, or one of your own (:func:`elman.register_cell`).
    embedding : int
        Width of the word vectors, ``D``.
    hidden : int
        Width of every layer, ``H``.
    layers : int
        Depth, ``L``.
    dropout : float
        Rate of inverted dropout on the output of each layer; acts only where a generator is given.
    tied : bool
        Use the word vectors as output weights too; needs ``embedding == hidden``.
    dtype : str
        ``float32`` or ``float64``.
    seed : int
        Of the initial values. The same seed gives the same model in both precisions, up to rounding.
    init : str
        ``uniform`` (within 1/sqrt(H)) or ``glorot``, for U, V and, unless `init_recurrent` says
        otherwise, W.
    init_recurrent : str, optional
        ``uniform``, ``glorot``, ``orthogonal`` or ``identity``, for W. By default that of `init`; for
        ``rnn-relu``, ``identity``.
    forget_bias : float
        Initial bias of the forget gate of an LSTM, so that memory lasts from the start (Gers et al.
        2000).

    Raises
    ------
    ConfigError
        If a size is less than 1, a name is unknown, a rate is outside [0, 1), or `tied` is asked of
        unequal widths.

    Attributes
    ----------
    params : dict of str to ndarray
        The parameters under their dotted names, views of one contiguous array.

    Examples
    --------
    >>> import numpy as np, elman
    >>> model = elman.LanguageModel(vocab_size=7, cell="gru", embedding=4, hidden=6, layers=2, seed=0)
    >>> {name: array.shape for name, array in model.params.items() if name.startswith("layers.0")}
    {'layers.0.U': (3, 4, 6), 'layers.0.W': (3, 6, 6), 'layers.0.b': (3, 6), 'layers.0.b_candidate': (6,)}
    >>> x, y = np.array([[1, 2], [3, 4], [5, 6]]), np.array([[3, 4], [5, 6], [0, 1]])  # (T, B)
    >>> loss, state, grads = model.loss_and_grads(x, y, model.initial_state(batch=2))
    >>> round(loss, 1)  # close to the log of 7, the loss of a uniform guess
    1.9
    >>> logits, state = model.step(np.array([0, 1]), state)
    >>> logits.shape
    (2, 7)
    """

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
    ) -> None:
        kind = get_cell(cell)
        sizes = {"vocab_size": vocab_size, "embedding": embedding, "hidden": hidden, "layers": layers}
        for name, size in sizes.items():
            if isinstance(size, bool) or not isinstance(size, (int, np.integer)) or size < 1:
                raise ConfigError(f"{name} must be a whole number of at least 1, not {size!r}")
        if not 0.0 <= dropout < 1.0:
            raise ConfigError(f"dropout must be at least 0 and less than 1, not {dropout!r}")
        if str(dtype) not in ("float32", "float64"):
            raise ConfigError(f"dtype must be 'float32' or 'float64', not {str(dtype)!r}")
        if tied and embedding != hidden:
            raise ConfigError(
                f"tied embeddings need embedding == hidden, but embedding is {embedding} and hidden {hidden}"
            )
        self.vocab_size, self.cell, self.dtype = int(vocab_size), cell, np.dtype(str(dtype))
        widths = [embedding] + [hidden] * (layers - 1)
        self.stack = Stack(
            tuple(Layer(f"layers.{i}", kind, D, hidden, self.dtype) for i, D in enumerate(widths)), dropout
        )
        self.output = Softmax(hidden, self.vocab_size, tied, self.dtype)
        self.params: Params = self._new_params(embedding)
        if init_recurrent is None:
            init_recurrent = "identity" if cell == "rnn-relu" else init
        self._initialise(seed, init, init_recurrent, forget_bias)
        self._space = Workspace()

    def __repr__(self) -> str:
        first = self.stack.layers[0]
        return (
            f"LanguageModel(vocab_size={self.vocab_size}, cell={self.cell!r}, embedding={first.inputs}, "
            f"hidden={first.hidden}, layers={len(self.stack.layers)}, dtype={self.dtype.name!r})"
        )

    @property
    def n_params(self) -> int:
        """Number of parameters."""
        return sum(array.size for array in self.params.values())

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the name and shape of every parameter, in order."""
        embedding = {"embedding.E": (self.vocab_size, self.stack.layers[0].inputs)}
        shapes: dict[str, tuple[int, ...]] = dict(embedding)
        for layer in self.stack.layers:
            shapes.update(layer.shapes())
        return {**shapes, **self.output.shapes()}

    def initial_state(self, batch: int) -> ModelState:
        """Return the zero state: one NamedTuple a layer, of arrays ``(B, H)``.

        Parameters
        ----------
        batch : int
            Rows, ``B``.
        """
        if batch < 1:
            raise ShapeError(f"batch must be at least 1, not {batch}")
        return self.stack.initial_state(batch)

    def new_grads(self) -> Params:
        """Return an uninitialised dictionary like `params`, views of one contiguous array."""
        return self._new_params(self.stack.layers[0].inputs)

    def replica(self) -> LanguageModel:
        """Return a model with the same parameter arrays and scratch memory of its own, for another thread."""
        twin = object.__new__(type(self))
        twin.__dict__.update(self.__dict__)
        twin._space = Workspace()
        return twin

    def loss_and_grads(
        self,
        x: Ints,
        y: Ints,
        state: ModelState,
        *,
        rng: np.random.Generator | None = None,
        reset: NDArray[np.bool_] | None = None,
        skip: int = 0,
        state_after: int | None = None,
        truncation: Truncation | None = None,
        out: Params | None = None,
    ) -> tuple[float, ModelState, Params]:
        """Return the loss of a window, the state after it, and the gradient of that loss.

        Parameters
        ----------
        x, y : ndarray of int, shape (T, B)
            Tokens, and the tokens that follow them.
        state : tuple of NamedTuple
            The state entering the window, held constant; not modified.
        rng : numpy.random.Generator, optional
            Draws the dropout masks. Without it nothing is dropped.
        reset : ndarray of bool, shape (T, B), optional
            True where a row's state is set to zero before the step, as at the start of a document.
        skip : int
            Losses of the first `skip` steps are not counted.
        state_after : int, optional
            Return the state after this many steps rather than after all.
        truncation : Truncation, optional
            Cut the gradient as it says; without it the window is one backward pass.
        out : dict, optional
            Arrays to overwrite with the gradients, such as :meth:`new_grads` makes.

        Returns
        -------
        loss : float
            Mean negative log-likelihood of the counted tokens, in nats.
        state : tuple of NamedTuple
            New arrays.
        grads : dict of str to ndarray
            The derivative of `loss` by every parameter: `out`, or new arrays.

        Raises
        ------
        ShapeError
            If ranks, sizes or kinds of numbers disagree, or a token id is outside the vocabulary.
        ConfigError
            If `skip` or `state_after` lies outside the window, or is combined with `truncation`.
        """
        self._check_window(x, y, state, reset)
        T, B = x.shape
        grads = self.new_grads() if out is None else out
        if truncation is not None and (skip or state_after is not None):
            raise ConfigError("truncation makes several backward passes; leave out skip and state_after")
        if not 0 <= skip < T:
            raise ConfigError(f"skip must be at least 0 and less than the {T} steps given, not {skip}")
        if state_after is not None and not 0 <= state_after <= T:
            raise ConfigError(f"state_after must be between 0 and the {T} steps given, not {state_after}")
        counted = (T - skip) * B
        done = self.backprop(
            x, y, state, grads, 1.0 / counted, rng=rng, reset=reset, skip=skip,
            state_after=state_after, truncation=truncation,
        )  # fmt: skip
        return done.nll / counted, done.state, grads

    def backprop(
        self, x: Ints, y: Ints, state: ModelState, grads: Params, scale: float, *,
        rng: np.random.Generator | None = None, reset: NDArray[np.bool_] | None = None,
        skip: int = 0, state_after: int | None = None, truncation: Truncation | None = None,
    ) -> Backprop:  # fmt: skip
        """Do the work of :meth:`loss_and_grads` on checked arguments; the loss is summed, the gradient
        that of `scale` times it. Some rows of a batch can so be one thread's and add up to the whole.
        """
        if truncation is None:
            return backprop(
                self.network, x, y, state, grads, scale=scale, rng=rng, reset=reset, skip=skip,
                state_after=state_after,
            )  # fmt: skip
        return truncated_backprop(
            self.network, x, y, state, grads, truncation, scale=scale, rng=rng, reset=reset
        )

    def nll(
        self, x: Ints, y: Ints, state: ModelState, *, reset: NDArray[np.bool_] | None = None
    ) -> tuple[Floats, Ints, ModelState]:
        """Return the loss of every token, the model's own best guess, and the state after the window.

        Parameters
        ----------
        x, y : ndarray of int, shape (T, B)
            Tokens, and the tokens that follow them.
        state : tuple of NamedTuple
            The state entering the window; not modified.
        reset : ndarray of bool, shape (T, B), optional
            True where a row's state is set to zero before the step.

        Returns
        -------
        nll : ndarray of shape (T, B)
            Negative log-likelihood of y, in nats.
        best : ndarray of int, shape (T, B)
            The most likely token.
        state : tuple of NamedTuple
            New arrays.
        """
        self._check_window(x, y, state, reset)
        tape = forward(self.network, x, state, reset=reset)
        h = tape.inputs[-1]
        nll, best = self.output.nll(self.params, h.reshape(-1, h.shape[-1]), y.reshape(-1), self._space)
        return nll.reshape(x.shape), best.reshape(x.shape), tape.states(len(x))

    def step(self, tokens: Ints, state: ModelState) -> tuple[Floats, ModelState]:
        """Advance by one token a row, for generation and streaming.

        Parameters
        ----------
        tokens : ndarray of int, shape (B,)
            One token a row.
        state : tuple of NamedTuple
            The state before it; not modified.

        Returns
        -------
        logits : ndarray of shape (B, K)
            Unnormalised log-probabilities of the next token.
        state : tuple of NamedTuple
            New arrays.
        """
        tokens = check_tokens("tokens", tokens, self.vocab_size, rank=1)
        check_state(state, self.stack, len(tokens))
        tape = forward(self.network, tokens[None], state)
        return self.output.logits(self.params, tape.inputs[-1][0]), tape.states(1)

    @property
    def network(self) -> Network:
        """The parts that the functions of :mod:`elman.network.backprop` run through."""
        return Network(self.stack, self.output, self.params, self._space)

    def _check_window(self, x: Ints, y: Ints, state: ModelState, reset: NDArray[np.bool_] | None) -> None:
        check_tokens("x", x, self.vocab_size, rank=2)
        check_tokens("y", y, self.vocab_size, rank=2)
        if x.shape != y.shape:
            raise ShapeError(f"x and y must have one shape (T, B), but x is {x.shape} and y {y.shape}")
        check_state(state, self.stack, x.shape[1])
        check_reset(reset, x.shape)

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

    def _initialise(self, seed: int, init: str, init_recurrent: str, forget_bias: float) -> None:
        rng = np.random.default_rng(seed)
        for_input = initial.named(init, initial.INPUT_INITIALIZERS)
        for_state = initial.named(init_recurrent, initial.RECURRENT_INITIALIZERS)
        hidden = self.stack.layers[0].hidden
        # Tied vectors are output weights too, and must not start with logits of the size of sqrt(D).
        spread = hidden**-0.5 if self.output.tied else 1.0
        for name, array in self.params.items():
            letter = name.rpartition(".")[2]
            if letter == "E":
                array[...] = rng.standard_normal(array.shape) * spread
            elif letter in ("U", "V"):
                array[...] = for_input(array.shape, hidden, rng)
            elif letter == "W":
                array[...] = for_state(array.shape, hidden, rng)
        if self.cell == "lstm":
            for layer in self.stack.layers:
                self.params[f"{layer.name}.b"][1] = forget_bias  # gate blocks i, f, o, g
