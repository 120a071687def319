"""Layers whose products are normalised before they are added."""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt
from typing import Any, NamedTuple

import numpy as np

from elman.errors import ConfigError
from elman.network.cells import Cell
from elman.network.cells.lstm_normalised import Exposure, NormalisedLSTM
from elman.network.inputs import Projection, Words
from elman.network.layers.layer import Layer
from elman.network.layers.projected import ProjectedLayer
from elman.network.layers.staged import StagedLayer
from elman.network.normalise import EPSILON, NormalisedProjection, Normaliser, centred, gains
from elman.network.panels import Pairs, operand
from elman.network.tape import Tape
from elman.network.workspace import Workspace
from elman.typing import Floats, Params


def normalised_cell(cell: Cell, hidden: int) -> Cell:
    """Return the cell of a normalised layer: an LSTM with a normalised memory cell, another as it is.

    Raises
    ------
    ConfigError
        If the layer has a single unit, which is its own mean.
    """
    if hidden == 1:
        raise ConfigError(
            "layer_norm with layers of one unit would make every product zero, a single number being its own "
            "mean: give a hidden of 2 or more"
        )
    return NormalisedLSTM(cell) if NormalisedLSTM.takes(cell) else cell


class NormTape(NamedTuple):
    """What the normalisation of the recurrent products keeps; memory of a workspace."""

    units: Floats  # (G, T, B, H): the products over their lengths; after the way back, derivatives by them
    factors: Floats  # (G, T, B): one over these lengths
    back: Floats  # (G, n, B, H): derivatives by the products of the steps of a chunk
    through: Floats  # (G, B): scratch
    spread: Floats  # (G, B, H): scratch
    steps: list[Any]  # a tuple of views for each step, of all gates, of all but the last, and of the last
    backs: list[Any]  # likewise for the steps of a chunk


class Normalised(Layer):
    r"""A layer that normalises its products, gate by gate, before it adds them (Ba et al. 2016).

    .. math::

        a_g = \gamma_{x,g} \odot n(x_t U_g) + \gamma_{h,g} \odot n(h_{t-1} W_g) + b_g, \qquad
        n(z) = (z - \bar z) / \sqrt{\mathrm{var}(z) + \epsilon}

    Mean and variance are those of the ``H`` units of a gate, for each row and step; the gains ``gamma_x`` and
    ``gamma_h`` are ``(G, H)`` and begin at one. A product that is gated or staged is normalised by itself,
    before its bias. Of an LSTM the memory cell is normalised too, on its way out
    (:class:`~elman.network.cells.lstm_normalised.NormalisedLSTM`).

    Per step, row and hidden unit it keeps 2 numbers a gate beside what its cell keeps.

    References
    ----------
    Ba, J. L., Kiros, J. R. & Hinton, G. E. (2016). Layer normalization. arXiv:1607.06450.
    """

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the name and shape of each parameter."""
        blocks, H = (self.cell.gates, self.hidden), self.hidden
        shapes = super().shapes()
        shapes |= {f"{self.name}.gamma_x": blocks, f"{self.name}.gamma_h": blocks}
        if isinstance(self.cell, NormalisedLSTM):
            shapes |= {f"{self.name}.gamma_c": (H,), f"{self.name}.beta_c": (H,)}
        return shapes

    def scaled(self, params: Params) -> tuple[Floats, Floats, Floats]:
        """Return copies of U and W without the means of their rows, and of b halved for sigmoids."""
        U, W, b = (params[f"{self.name}.{letter}"] for letter in "UWb")
        b = b.copy()
        b[: self.cell.sigmoids] *= 0.5
        return centred(U, np.empty_like(U)), centred(W, np.empty_like(W)), b

    def normaliser(
        self, params: Params, gains: str, rows: int, gates: slice = slice(None)
    ) -> Normaliser | None:
        """Return what normalises products ``(G, B, H)`` of some gates outside of a window, in place."""
        start, _, _ = gates.indices(self.cell.gates)
        gamma = params[f"{self.name}.{gains}"][gates]
        return Normaliser(gamma, rows, max(0, self.cell.sigmoids - start))

    def bound(self, params: Params, method: Callable[..., None]) -> Callable[..., None]:
        """Return a method of the cell, with what it takes beside the arrays of a step."""
        if not isinstance(self.cell, NormalisedLSTM):
            return super().bound(params, method)
        p = params.get(f"{self.name}.p")
        gamma, beta = params[f"{self.name}.gamma_c"], params[f"{self.name}.beta_c"]
        made: list[Exposure] = []

        def call(a: Floats, *step: Any) -> None:
            if not made:
                made.append(Exposure.of(gamma, beta, a.shape[-2]))
            method(a, *step, p, made[0])

        return call

    def _project(self, params: Params, x: Floats | Words, space: Workspace, tape: Tape) -> Pairs:
        U, b = params[f"{self.name}.U"], params[f"{self.name}.b"]
        self._reader(params, space).forward(x, U, b, tape.a, half=self.cell.sigmoids)
        W = params[f"{self.name}.W"]
        # Gains are halved where sigmoids are: the length of a product does not change what becomes of it.
        return tape.W.load(centred(W, self._take(space, "W_centred", W.shape)))

    def _reader(self, params: Params, space: Workspace, grads: Params | None = None) -> Projection:
        gamma = f"{self.name}.gamma_x"
        return NormalisedProjection(space, self.name, params[gamma], None if grads is None else grads[gamma])

    def _recurrent(self, params: Params, space: Workspace) -> Floats:
        return self._take(space, "W_centred", params[f"{self.name}.W"].shape)

    def _norms(self, params: Params, tape: Tape, space: Workspace) -> tuple[Any, Any]:
        kept, G = self._norm_tape(tape, space), self.cell.gates
        gain = self._take(space, "gains", tape.r.shape)
        gains(params[f"{self.name}.gamma_h"], gain, self.cell.sigmoids)

        def made(part: int, gates: slice) -> Callable[..., None]:
            return self._timed_norm(space, _norm(kept, part, tape.r[gates], gain[gates]))

        if not self.cell.staged:
            return made(0, slice(None)), None
        return made(1, slice(G - 1)), made(2, slice(G - 1, G))

    def _unnorms(self, params: Params, tape: Tape, space: Workspace, grads: Params) -> tuple[Any, Any]:
        kept, G, cell = self._norm_tape(tape, space), self.cell.gates, self.cell
        gain = gains(params[f"{self.name}.gamma_h"], self._take(space, "gains back", tape.r.shape))
        dgamma = grads[f"{self.name}.gamma_h"]
        dgamma.fill(0.0)
        n, plain = kept.back.shape[1], G - 1 if cell.gated or cell.staged else G

        def finish(first: int) -> None:
            """Add up what a chunk of steps gives to the gains; keep its derivatives by the products."""
            chunk = tape.chunks[first // n]
            part = slice(first, first + len(chunk.steps))
            units, by_last = kept.units[:, part], chunk.keep[0] if cell.gated else chunk.a[-1]
            dgamma[:plain] += np.einsum("gtbh,gtbh->gh", chunk.a[:plain], units[:plain])
            if plain < G:
                dgamma[-1] += np.einsum("tbh,tbh->h", by_last, units[-1])
            np.copyto(units, kept.back[:, : len(chunk.steps)])

        if not cell.staged:
            return self._timed_norm(space, _unnorm(kept, 0, gain, finish, gated=cell.gated)), None
        first, last = _unnorm(kept, 1, gain[:-1], finish), _unnorm(kept, 2, gain[-1:], None)
        return self._timed_norm(space, first), self._timed_norm(space, last)

    def _window_products(
        self, params: Params, x: Floats | Words, tape: Tape, space: Workspace, grads: Params
    ) -> Floats:
        dx = super()._window_products(params, x, tape, space, grads)
        dW, dgamma = grads[f"{self.name}.W"], grads[f"{self.name}.gamma_h"]
        centred(dW, dW)
        np.multiply(dgamma, sqrt(self.hidden), out=dgamma)
        if isinstance(self.cell, NormalisedLSTM):
            by_gain, by_bias = grads[f"{self.name}.gamma_c"], grads[f"{self.name}.beta_c"]
            self.cell.exposure_gradients(tape.keep, by_gain, by_bias)
        return dx

    def _recurrent_gradients(
        self, tape: Tape, by_plain: Floats, by_last: Floats, dW: Floats, space: Workspace
    ) -> None:
        by_products = self._norm_tape(tape, space).units
        plain = len(by_plain)
        super()._recurrent_gradients(tape, by_products[:plain], by_products[-1], dW, space)

    def _timed_norm(self, space: Workspace, hook: Callable[..., Any]) -> Callable[..., Any]:
        return space.clock.timed("normalisation", hook)

    def _norm_tape(self, tape: Tape, space: Workspace) -> NormTape:
        """Return the memory of the normalisation of that tape's products, cut in steps."""
        G, T, B, H = tape.a.shape
        n, width = len(tape.chunks[0].steps), tape.read.shape[-1]

        def build() -> NormTape:
            units = self._take(space, "units", (G, T, B, H))
            by = self._take(space, "by_products", (G, n, B, H))
            w, through = self._take(space, "factors", (G, T, B)), self._take(space, "by_units", (G, B))
            spread = self._take(space, "spread", (G, B, H))
            plain = G - 1 if self.cell.gated or self.cell.staged else G
            parts = (slice(None), slice(G - 1), slice(G - 1, G))
            steps = [[(units[p, t], w[p, t], w[p, t, :, None]) for p in parts] for t in range(T)]
            backs = [
                (
                    [by[p, j] for p in parts],
                    operand(by[:plain, j], width, lone=self._lone),
                    operand(by[-1, j], H) if plain < G else None,
                )
                for j in range(n)
            ]
            return NormTape(units, w, by, through, spread, steps, backs)

        return space.build(f"{self.name}.norms", (T, B, n), build)


def _norm(kept: NormTape, part: int, r: Floats, gain: Floats) -> Callable[[int], None]:
    """Return what normalises the products r of some gates in place."""
    steps, spread = [step[part] for step in kept.steps], kept.spread[: len(r)]
    floor = EPSILON * r.shape[-1]
    vecdot, add, root, invert, multiply, copy = (
        np.vecdot, np.add, np.sqrt, np.reciprocal, np.multiply, np.copyto,
    )  # fmt: skip

    def norm(t: int) -> None:
        u, w, column = steps[t]
        vecdot(r, r, out=w)
        add(w, floor, w)
        root(w, w)
        invert(w, w)
        # A broadcast operand makes NumPy go row by row; copied out it takes a third of the time.
        copy(spread, column)
        multiply(r, spread, u)
        multiply(u, gain, r)

    return norm


def _unnorm(
    kept: NormTape, part: int, gain: Floats, finish: Callable[[int], None] | None, *, gated: bool = False
) -> Callable[..., Any]:
    """Return what makes derivatives by products of those by what :func:`_norm` made of them."""
    steps, backs, n = [step[part] for step in kept.steps], kept.backs, len(kept.backs)
    G = len(gain)
    spread, through = kept.spread[:G], kept.through[:G]
    column, some = through[..., None], (None, slice(G), slice(-1, None))[part]
    plain, last_gain = gain[:-1], gain[-1]
    vecdot, multiply, subtract, copy = np.vecdot, np.multiply, np.subtract, np.copyto

    def unnorm(t: int, a: Floats, keep: Floats) -> Any:
        u, _, factor = steps[t]
        cuts, da, last = backs[t % n]
        q = cuts[part]
        if gated:
            multiply(a[:-1], plain, q[:-1])
            multiply(keep[0], last_gain, q[-1])
        else:
            multiply(a if some is None else a[some], gain, q)
        vecdot(q, u, out=through)
        copy(spread, column)
        multiply(spread, u, spread)
        subtract(q, spread, q)
        copy(spread, factor)
        multiply(q, spread, q)
        if finish is not None and not t % n:
            finish(t)
        return (last, q) if part == 2 else (da, last)

    return unnorm


class NormalisedLayer(Normalised):
    """A plain layer whose products are normalised."""


class NormalisedStagedLayer(Normalised, StagedLayer):
    """A layer whose last product waits, all of its products normalised."""


class NormalisedProjectedLayer(Normalised, ProjectedLayer):
    """A projected layer whose products are normalised; its projection is not."""
