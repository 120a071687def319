"""The language model: embedding, stack, output. It knows nothing of text, files, optimisers or processes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elman.errors import ShapeError
from elman.network.assembled import Assembled, ModelState
from elman.network.backprop import Backprop, backprop, forward, truncated_backprop
from elman.network.checks import (
    check_forwards,
    check_generator,
    check_gradients,
    check_passes,
    check_reset,
    check_state,
    check_tokens,
)
from elman.network.lengths import check_lengths
from elman.network.team import Team
from elman.network.truncation import Truncation
from elman.typing import Floats, Ints, Params

__all__ = ["LanguageModel", "ModelState"]


class LanguageModel(Assembled):
    """A recurrent language model: word vectors, recurrent layers, a softmax over the vocabulary.

    It holds parameters and the memory its passes run in, and nothing else: states, randomness and
    gradients are arguments and results. Arrays are time-major.

    Parameters
    ----------
    vocab_size : int
        Number of tokens, ``K``.
    cell : str
        ``rnn``, ``rnn-relu``, ``lstm``, ``lstm-peephole``, ``lstm-coupled``, ``gru``, ``gru-before``,
        ``mgu``, ``indrnn``, ``mingru``, ``minlstm`` or ``sru``; one with other activations, such as
        ``lstm[hard-sigmoid,tanh,tanh;clip=3]`` (:func:`elman.network.cells.variants.cell_of`); or one of
        your own (:func:`elman.register_cell`).
    embedding : int
        Width of the word vectors, ``D``.
    hidden : int
        Width of every layer, ``H``.
    layers : int
        Depth, ``L``.
    dropout : float
        Rate of inverted dropout on the output of each layer; acts only where a generator is given, as do
        the next five, and zoneout's masks.
    tied : bool
        Use the word vectors as output weights too; needs them as wide as the output of the last layer:
        ``hidden``, ``hidden_last`` or ``projection``, and twice that where it goes both ways.
    dtype : str
        ``float32`` or ``float64``.
    seed : int
        Of the initial values. The same seed gives the same model in both precisions, up to rounding.
    init : str
        ``uniform`` (within 1/sqrt(H)) or ``glorot``, for U, V, R and, unless `init_recurrent` says
        otherwise, W; or ``zeros`` for all parameters, biases too, whose values are then to be copied in.
    init_recurrent : str, optional
        ``uniform``, ``glorot``, ``orthogonal`` or ``identity``, for W. By default that of `init`; for
        ``rnn-relu``, ``identity``.
    forget_bias : float
        Initial bias of the forget gate of an LSTM or minLSTM, so that memory lasts from the start (Gers
        et al. 2000).
    projection : int, optional
        Width of what every layer gives out and reads back, ``P``: ``h = m R`` of what the cell makes (Sak et
        al. 2014). Without it that is the cell's own h.
    direction : str
        ``forward``; ``reverse``, from the last token to the first; or ``bidirectional``, both side by side.
        One for all layers, or one for each, joined by commas. A model that is not all forward reads whole
        sequences: it has no :meth:`step`, and is no language model in the strict sense.
    init_scale : float, optional
        Let every parameter begin uniform within this of zero, in place of `init` and `init_recurrent`: biases
        and word vectors too, those of forget gates around `forget_bias` (Zaremba et al. 2014). Gains, biases
        of transfer gates and learnt states begin as they always do.
    hidden_last : int, optional
        Width of the last layer, where it is not `hidden`; with `tied`, that of the word vectors.
    output : str
        ``full``, the softmax; for large vocabularies ``adaptive``, ``sampled``, ``nce`` or ``classes``,
        which cost less; ``mixture``, which costs more; or ``auto``, for ``adaptive`` from 8,000 words on.
        All but ``full`` and ``mixture`` take words for numbered by falling frequency. ``sampled`` and
        ``nce`` draw words where a generator is given; everything else is exact.
    cutoffs : sequence of int, or str, optional
        Of ``adaptive``: where the frequent words end, and each cluster of others but the last; such as
        ``[2000, 10000]`` or ``"2000,10000"``.
    samples : int, optional
        Of ``sampled`` and ``nce``: how many words are drawn.
    experts : int, optional
        Of ``mixture``: of how many softmaxes.
    layer_norm : bool
        Normalise the products with U and W over the units of each gate, and the memory cell of an LSTM on its
        way out (Ba et al. 2016); gains ``gamma_x``, ``gamma_h`` ``(G, H)``, ``gamma_c``, ``beta_c`` ``(H,)``.
    connections : str
        ``none``; ``residual``, ``y = h + x`` for every layer that is as wide as its input; or ``highway``,
        ``y = t h + (1 - t) x`` with ``t = sigmoid(x T + b_T)`` (Srivastava et al. 2015).
    learn_state : bool
        Begin from states that are learnt, parameters ``h0`` (of an LSTM also ``c0``) of every layer, rather
        than from zeros: in :meth:`initial_state`, and wherever a row is reset.
    dropout_between : float, optional
        Rate of dropout on the output of all layers but the last; that of `dropout`, if not given.
    dropout_input : float
        Rate of dropout on the word vectors.
    dropout_embedding : float
        Rate at which whole words are dropped, wherever they are read in the window; not as output weights.
    dropout_weights : float
        Rate at which recurrent weights W are dropped, the same ones at every step of the window.
    variational : bool
        Draw the masks of outputs and of word vectors once a window, for all its steps.
    zoneout, zoneout_cell : float
        Rates at which units of h, and of the memory c, keep their value from the step before. Without a
        generator they keep the rate's share of it, in evaluation and generation too.
    activation_reg, temporal_reg : float
        Coefficients of the penalties that the loss of :meth:`loss_and_grads` has: the mean square of the
        last layer's output after dropout, and that of its change from step to step before dropout.

    Attributes
    ----------
    params : dict of str to ndarray
        The parameters under their dotted names, views of one contiguous array.

    Raises
    ------
    ConfigError
        If a size is less than 1 or the seed less than 0, a name is unknown, a rate is outside [0, 1) or of
        something that the cell has not, a coefficient is negative, `tied` is asked of unequal widths, the
        cell cannot be projected, `hidden_last` is given to a single layer or beside `projection`, or there is
        nothing to normalise or to connect.

    Examples
    --------
    >>> import numpy as np, elman
    >>> model = elman.LanguageModel(vocab_size=7, cell="gru", embedding=4, hidden=6, layers=2, seed=0)
    >>> {name: array.shape for name, array in model.params.items() if name.startswith("layers.0")}
    {'layers.0.U': (3, 4, 6), 'layers.0.W': (3, 6, 6), 'layers.0.b': (3, 6), 'layers.0.b_candidate': (6,)}
    >>> x, y = np.array([[1, 2], [3, 4], [5, 6]]), np.array([[3, 4], [5, 6], [0, 1]])  # (T, B)
    >>> loss, state, grads = model.loss_and_grads(x, y, model.initial_state(batch=2))
    >>> bool(abs(loss - np.log(7)) < 0.2)  # as yet no better than a uniform guess
    True
    >>> logits, state = model.step(np.array([0, 1]), state)
    >>> logits.shape
    (2, 7)
    """

    def loss_and_grads(
        self,
        x: Ints,
        y: Ints,
        state: ModelState,
        *,
        rng: np.random.Generator | None = None,
        reset: NDArray[np.bool_] | None = None,
        lengths: Ints | NDArray[np.bool_] | None = None,
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
            Draws the masks of dropout and zoneout, and of ``sampled`` and ``nce`` the words, in the order of
            ``elman.network.masks``. Without it nothing is dropped, zoneout is its expectation, and the loss
            that of all words.
        reset : ndarray of bool, shape (T, B), optional
            True where a row begins anew before the step, as at the start of a document: from zeros, or from
            the learnt state. Only of rows that do so has that a gradient.
        lengths : ndarray of int, shape (B,), or of bool, shape (T, B), optional
            How many steps of each row count, or True where one does; in any order, and none may. Whatever
            stands at other steps, of x or of y, changes no state, no gradient and no loss.
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
            Mean negative log-likelihood of the counted tokens, in nats, 0 if there are none, or the mean of
            what stands for it where words are drawn; and with `activation_reg` or `temporal_reg` what these
            add (see ``elman.network.penalties``).
        state : tuple of NamedTuple
            New arrays.
        grads : dict of str to ndarray
            The derivative of `loss` by every parameter: `out`, or new arrays.

        Raises
        ------
        ShapeError
            If ranks, sizes or kinds of numbers disagree, a token id is outside the vocabulary, or `out`
            does not fit the parameters.
        ConfigError
            If `skip` or `state_after` lies outside the window, or is combined with `truncation`; if `rng`
            is not a generator, or `truncation` not a Truncation; if `state_after` or `truncation` is given
            to a model that does not read forward alone.

        Examples
        --------
        >>> import numpy as np, elman
        >>> model = elman.LanguageModel(vocab_size=3, cell="rnn", embedding=4, hidden=5, layers=1)
        >>> x, y = np.array([[0], [1], [2]]), np.array([[1], [2], [0]])
        >>> state = model.initial_state(batch=1)
        >>> losses = []
        >>> for _ in range(50):
        ...     loss, _, grads = model.loss_and_grads(x, y, state)
        ...     losses.append(loss)
        ...     for name, array in model.params.items():
        ...         array -= 0.5 * grads[name]
        >>> losses[0] > 0.9, losses[-1] < 0.1
        (True, True)
        """
        x, y, live = self._check_window(x, y, state, reset, lengths)
        check_generator(rng)
        T, B = x.shape
        check_passes(T, skip, state_after, truncation)
        if state_after is not None or truncation is not None:
            check_forwards(self.stack, "state_after, as truncation,")
        if out is not None:
            check_gradients(out, self.shapes(), self.dtype)
        grads = self.new_grads() if out is None else out
        counted = (T - skip) * B if live is None else int(live[skip:].sum())
        done = self.backprop(
            x, y, state, grads, 1.0 / max(counted, 1), rng=rng, reset=reset, live=live, skip=skip,
            state_after=state_after, truncation=truncation,
        )  # fmt: skip
        return done.nll / max(counted, 1) + done.penalty, done.state, grads

    def backprop(
        self, x: Ints, y: Ints, state: ModelState, grads: Params, scale: float, *,
        rng: np.random.Generator | None = None, reset: NDArray[np.bool_] | None = None,
        live: NDArray[np.bool_] | None = None, skip: int = 0, state_after: int | None = None,
        truncation: Truncation | None = None, team: Team | None = None,
        ready: Callable[[str], None] | None = None,
    ) -> Backprop:  # fmt: skip
        """Do the work of :meth:`loss_and_grads` on arguments that have been checked.

        The loss is summed, and `grads` become the gradient of `scale` times it and of the penalty beside it,
        which is scaled already: some rows of a batch can so be one thread's, and add up to the whole. With a
        team (never with `truncation`) the loss is that of all its members (see ``elman.network.backprop``).
        `ready` is told of each layer whose gradients are there.
        """
        if truncation is None:
            return backprop(
                self.network, x, y, state, grads, scale=scale, rng=rng, reset=reset, live=live, skip=skip,
                state_after=state_after, team=team, ready=ready,
            )  # fmt: skip
        return truncated_backprop(
            self.network, x, y, state, grads, truncation, scale=scale, rng=rng, reset=reset, live=live
        )

    def logits(
        self, x: Ints, state: ModelState, *, reset: NDArray[np.bool_] | None = None,
        lengths: Ints | NDArray[np.bool_] | None = None,
    ) -> tuple[Floats, ModelState]:  # fmt: skip
        """Return the logits after every token of a window, and the state after it.

        Parameters
        ----------
        x : ndarray of int, shape (T, B)
            Tokens.
        state : tuple of NamedTuple
            The state entering the window; not modified.
        reset, lengths
            As in :meth:`loss_and_grads`. Where a step does not count the logits are those of a hidden state
            of zeros.

        Returns
        -------
        logits : ndarray of shape (T, B, K)
            Unnormalised log-probabilities.
        state : tuple of NamedTuple
            New arrays.

        Raises
        ------
        ShapeError
            As :meth:`loss_and_grads`.

        Examples
        --------
        >>> import numpy as np, elman
        >>> model = elman.LanguageModel(vocab_size=3, cell="rnn", embedding=4, hidden=5, layers=1)
        >>> x, zeros = np.array([[0, 1], [1, 2]]), model.initial_state(batch=2)
        >>> logits, state = model.logits(x, zeros, lengths=np.array([2, 1]))
        >>> logits.shape
        (2, 2, 3)
        >>> other = model.logits(np.array([[0, 1], [1, 0]]), zeros, lengths=np.array([2, 1]))
        >>> bool((logits == other[0]).all())
        True
        """
        x, _, live = self._check_window(x, x, state, reset, lengths)
        tape = forward(self.network, x, state, reset=reset, live=live)
        h = tape.inputs[-1]
        logits = self.output.logits(self.params, h.reshape(-1, h.shape[-1]))
        return logits.reshape(*x.shape, self.vocab_size), tape.states(len(x))

    def nll(
        self, x: Ints, y: Ints, state: ModelState, *, reset: NDArray[np.bool_] | None = None,
        lengths: Ints | NDArray[np.bool_] | None = None, guess: bool = True,
    ) -> tuple[Floats, Ints, ModelState]:  # fmt: skip
        """Return the loss of every token, the model's own best guess, and the state after the window.

        Parameters
        ----------
        x, y : ndarray of int, shape (T, B)
            Tokens, and the tokens that follow them.
        state : tuple of NamedTuple
            The state entering the window; not modified.
        reset, lengths
            As in :meth:`loss_and_grads`.
        guess : bool
            Whether to look for the best guess. With an output for large vocabularies the loss alone costs a
            fraction of it.

        Returns
        -------
        nll : ndarray of shape (T, B)
            Negative log-likelihood of y, in nats; 0 where a step does not count.
        best : ndarray of int, shape (T, B)
            The most likely token; -1 where a step does not count, and without `guess`.
        state : tuple of NamedTuple
            New arrays.

        Raises
        ------
        ShapeError
            As :meth:`loss_and_grads`.

        Examples
        --------
        >>> import numpy as np, elman
        >>> model = elman.LanguageModel(vocab_size=3, cell="rnn", embedding=4, hidden=5, layers=1)
        >>> nll, best, _ = model.nll(np.array([[0], [1]]), np.array([[1], [2]]), model.initial_state(1))
        >>> nll.shape, best.shape, bool((nll > 0).all())
        ((2, 1), (2, 1), True)
        """
        x, y, live = self._check_window(x, y, state, reset, lengths)
        tape = forward(self.network, x, state, reset=reset, live=live)
        h = tape.inputs[-1]
        nll, best = self.output.nll(
            self.params, h.reshape(-1, h.shape[-1]), y.reshape(-1), self._space, guess=guess
        )
        if live is not None:
            padded = ~live.reshape(-1)
            nll[padded], best[padded] = 0.0, -1
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

        Raises
        ------
        ShapeError
            If `tokens` is not an integer array ``(B,)`` within the vocabulary, or `state` has other rows.
        ConfigError
            If the model does not read forward alone.

        Examples
        --------
        >>> import numpy as np, elman
        >>> model = elman.LanguageModel(vocab_size=3, cell="gru", embedding=4, hidden=5, layers=1)
        >>> state, token = model.initial_state(batch=1), np.array([0])
        >>> for _ in range(3):
        ...     logits, state = model.step(token, state)
        ...     token = logits.argmax(axis=1)
        >>> logits.shape
        (1, 3)
        """
        check_forwards(self.stack, "a single step")
        tokens = check_tokens("tokens", tokens, self.vocab_size, rank=1)
        check_state(state, self.stack, len(tokens))
        tape = forward(self.network, tokens[None], state)
        return self.output.logits(self.params, tape.inputs[-1][0]), tape.states(1)

    def _check_window(
        self, x: Ints, y: Ints, state: ModelState, reset: NDArray[np.bool_] | None, lengths: Any
    ) -> tuple[Ints, Ints, NDArray[np.bool_] | None]:
        """Return x and y, with token 0 where a step does not count, and where they do."""
        live = None
        if lengths is not None and isinstance(x, np.ndarray) and x.ndim == 2:
            live = chosen = check_lengths(lengths, x.shape)
            x, y = (np.where(chosen, a, 0) if np.shape(a) == chosen.shape else a for a in (x, y))
        check_tokens("x", x, self.vocab_size, rank=2)
        check_tokens("y", y, self.vocab_size, rank=2)
        if x.shape != y.shape:
            raise ShapeError(f"x and y must have one shape (T, B), but x is {x.shape} and y {y.shape}")
        check_state(state, self.stack, x.shape[1])
        check_reset(reset, x.shape)
        return x, y, live
