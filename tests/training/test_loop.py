"""The training loop against a plain one that keeps no workspace, no threads and no windows of its own."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice, pairwise
from typing import Any

import numpy as np
import pytest

from elman.data import Part, Stream
from elman.errors import DivergenceError
from elman.network import LanguageModel
from elman.training.loop import Progress, StepRecord, training_steps
from elman.training.optim import Optimizer, adam, sgd
from elman.training.schedules import constant, cosine
from elman.training.together import Together
from elman.training.windows import RandomWindows
from elman.training.workers import Workers

K = 7


def model_of(**settings: Any) -> LanguageModel:
    sizes = {"vocab_size": K, "embedding": 3, "hidden": 4, "layers": 2, "dtype": "float64", "seed": 1}
    return LanguageModel(**{**sizes, **settings})


def part_of(tokens: int, starts: list[int] | None = None) -> Part:
    return Part.from_ids(list(map(int, np.random.default_rng(0).integers(0, K, tokens))), starts)


class Training:
    """The loop with its pieces."""

    def __init__(
        self, part: Part, *, batch: int = 2, window: int = 5, back: int | None = None, clip: float = 0.0,
        threads: int = 1, lr: float = 0.5, optimizer: Optimizer | None = None,
        windows: RandomWindows | None = None, accumulate: int = 1, **model: Any,
    ) -> None:  # fmt: skip
        self.model, self.stream = model_of(**model), Stream(part, batch, window)
        optimizer = optimizer or sgd()
        moments = optimizer.init(self.model.params)
        self.progress = Progress(self.model.initial_state(batch), moments)
        longest = (back or window) + (windows.longest - window if windows else 0)
        self.workers = Workers(
            self.model, batch, threads, longest, optimizer, moments, together=Together(accumulate=accumulate)
        )
        self.steps: Iterator[StepRecord] = training_steps(
            self.model, self.stream, constant(lr), self.progress, self.workers,
            clip=clip, seed=4, back=back or window, windows=windows,
        )  # fmt: skip

    def run(self, steps: int) -> list[StepRecord]:
        records = list(islice(self.steps, steps))
        self.workers.close()
        return records


def plain(
    part: Part, steps: int, *, batch: int = 2, window: int = 5, back: int | None = None, clip: float = 0.0,
    lr: float = 0.5, windows: RandomWindows | None = None, learn_state: bool = False,
) -> tuple[LanguageModel, list[float], list[float]]:  # fmt: skip
    """Train token by token with SGD; return the model, and the loss and norm of every step.

    Row b reads tokens b S, b S + 1, ...; after every `window` steps one backward pass reaches `back` steps
    back. A state is that which the pass before computed; at the end of the text all begins anew from zero.
    Windows of another length have a rate in proportion. Where what a text begins with is learnt, it has a
    gradient wherever a pass goes through the beginning of the text, or of a document.
    """
    model, back = model_of(learn_state=learn_state), back or window
    ids, S = part.ids, (part.tokens - 1) // batch
    starts = set() if part.starts is None else set(part.starts.tolist())
    losses, norms = [], []
    position, states = 0, {0: model.initial_state(batch)}
    for step in range(steps):
        stop = min(position + (windows.length(step) if windows else window), S)
        rate = lr * (stop - position) / window if windows else lr
        first = max(0, position + window - back) if position else 0
        place = np.arange(batch) * S
        x = np.stack([ids[place + t] for t in range(first, stop)]).astype(int)
        y = np.stack([ids[place + t + 1] for t in range(first, stop)]).astype(int)
        begins = [0] if learn_state else []
        reset = np.array([[int(p + t) in starts or t in begins for p in place] for t in range(first, stop)])
        entering, anew = states[first], model.initial_state(batch)
        loss, _, grads = model.loss_and_grads(x, y, entering, reset=reset, skip=position - first)
        state = entering
        for t in range(first, stop):
            kept = [
                type(layer)(
                    *(
                        np.where(reset[t - first][:, None], new, field)
                        for field, new in zip(layer, begun, strict=True)
                    )
                )
                for layer, begun in zip(state, anew, strict=True)
            ]
            _, state = model.step(x[t - first], tuple(kept))
            states[t + 1] = state
        norm = float(np.sqrt(sum((grad**2).sum() for grad in grads.values())))
        factor = min(1.0, clip / norm) if clip else 1.0
        for name, grad in grads.items():
            model.params[name] -= rate * factor * grad
        losses.append(loss)
        norms.append(norm)
        position = stop
        if position == S:
            position, states = 0, {0: model.initial_state(batch)}
    return model, losses, norms


def assert_alike(found: Training, records: list[StepRecord], expected: Any) -> None:
    model, losses, norms = expected
    np.testing.assert_allclose([record.loss for record in records], losses, rtol=1e-12)
    np.testing.assert_allclose([record.grad_norm for record in records], norms, rtol=1e-10)
    for name, array in model.params.items():
        np.testing.assert_allclose(found.model.params[name], array, rtol=0, atol=1e-11, err_msg=name)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("back", [None, 6, 8, 10, 13, 1000])
@pytest.mark.parametrize("starts", [None, [0, 3, 17, 18, 40, 52]], ids=["one text", "documents"])
def test_equal_to_a_plain_loop(back: int | None, starts: list[int] | None, threads: int) -> None:
    """Three epochs and a half, with a shorter last window (23 steps a row in windows of 5)."""
    part = part_of(47, starts if starts is None else [s for s in starts if s < 47])
    training = Training(part, back=back, threads=threads, clip=0.3)
    assert (training.stream.steps, len(training.stream)) == (23, 5)
    records = training.run(18)
    expected = plain(part, 18, back=back, clip=0.3)
    assert max(expected[2]) > 0.3, "nothing was clipped, so that the test says nothing of it"
    assert_alike(training, records, expected)


@pytest.mark.parametrize("back", [None, 8, 13])
@pytest.mark.parametrize("starts", [None, [0, 3, 17, 40]], ids=["one text", "documents"])
def test_learnt_states_equal_a_plain_loop(back: int | None, starts: list[int] | None) -> None:
    """Over the ends of epochs; windows that look back to the beginning of the text go through it again."""
    part = part_of(47, starts)
    training = Training(part, back=back, threads=2, clip=0.3, learn_state=True)
    records = training.run(13)
    expected = plain(part, 13, back=back, clip=0.3, learn_state=True)
    assert_alike(training, records, expected)
    assert all(training.model.params[f"layers.{l}.{name}0"].all() for l in (0, 1) for name in "hc")


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(("back", "starts"), [(None, None), (13, [0, 3, 17, 90, 150]), (1000, None)])
def test_random_windows_equal_a_plain_loop(back: int | None, starts: list[int] | None, threads: int) -> None:
    """Over the ends of epochs, and with what comes before a window."""
    part, windows = part_of(241, starts), RandomWindows(10, seed=2)
    assert {windows.length(step) for step in range(40)} > {5, 8, 10, 13}
    training = Training(part, window=10, back=back, threads=threads, clip=0.3, windows=windows)
    records = training.run(40)
    assert training.progress.epoch == 2
    assert_alike(training, records, plain(part, 40, window=10, back=back, clip=0.3, windows=windows))
    position = 0
    for step, record in enumerate(records):
        length = min(windows.length(step), 120 - position)
        position = (position + length) % 120
        assert record.lr == 0.5 * (length / 10)


@pytest.mark.parametrize("threads", [1, 2])
def test_windows_put_together_weigh_by_their_tokens(threads: int) -> None:
    """Updates of two epochs in which the last has windows of 5 and 3 steps, the one before three of 5."""
    part = part_of(47)
    training = Training(part, accumulate=3, threads=threads)
    records = training.run(4)
    model, state = model_of(), model_of().initial_state(2)
    for record, cuts in zip(records, 2 * ([0, 5, 10, 15], [15, 20, 23]), strict=True):
        total, loss = model.new_grads(), 0.0
        if cuts[0] == 0:
            state = model.initial_state(2)
        for start, stop in pairwise(cuts):
            window, share = training.stream.window_at(start, stop), (stop - start) / (cuts[-1] - cuts[0])
            nats, state, grads = model.loss_and_grads(window.x, window.y, state, reset=window.reset)
            loss += share * nats
            for name, grad in grads.items():
                total[name] += share * grad
        for name, grad in total.items():
            model.params[name] -= 0.5 * grad
        assert record.loss == pytest.approx(loss, rel=1e-12)
    for name, array in model.params.items():
        np.testing.assert_allclose(training.model.params[name], array, rtol=0, atol=1e-11, err_msg=name)


def test_look_back_and_documents_change_the_result() -> None:
    """The cases of the test above are not all one and the same."""
    part = part_of(47)
    losses = {
        tuple(plain(part_of(47, starts), 12, back=back)[1])
        for back in (None, 8)
        for starts in (None, [0, 3, 18])
    }
    assert len(losses) == 4
    assert part.starts is None


def test_epochs_begin_from_zero_and_use_every_step() -> None:
    training = Training(part_of(47))
    seen = []
    for record in islice(training.steps, 12):
        progress = training.progress
        seen.append((record.step, record.tokens, progress.epoch, progress.position))
        is_zero = not any(field.any() for layer in progress.state for field in layer)
        assert is_zero == (progress.position == 0)
    training.workers.close()
    # 23 steps of 2 rows an epoch: windows of 5, 5, 5, 5 and 3.
    tokens = np.cumsum([10, 10, 10, 10, 6] * 3)[:12].tolist()
    positions = [5, 10, 15, 20, 0] * 3
    assert seen == [
        (n + 1, tokens[n], (n + 1) // 5, positions[n]) for n in range(12)
    ]  # fmt: skip


def test_progress_adds_up_losses() -> None:
    training = Training(part_of(47))
    records = training.run(4)
    assert training.progress.loss_steps == 4
    assert training.progress.loss_sum == pytest.approx(sum(record.loss for record in records))


def test_the_rate_is_the_schedules(monkeypatch: pytest.MonkeyPatch) -> None:
    training, asked = Training(part_of(47)), []
    schedule = cosine(0.5, total=10, warmup=3)

    def asking(step: int, record: Any = ()) -> float:
        asked.append((step, list(record)))
        return schedule(step, record)

    training.progress.evaluations.append((0, 2.5))
    steps = training_steps(
        training.model, training.stream, asking, training.progress, training.workers,
        clip=0.0, seed=0, back=5,
    )  # fmt: skip
    records = list(islice(steps, 10))
    assert [record.lr for record in records] == [schedule(step) for step in range(10)]
    assert asked == [(step, [(0, 2.5)]) for step in range(10)]


def test_dropout_depends_on_the_seed_and_the_step_alone() -> None:
    """A loop that is taken up at step 6 draws what the unbroken one draws there."""
    whole = Training(part_of(80), dropout=0.4)
    losses = [record.loss for record in whole.run(12)]
    broken = Training(part_of(80), dropout=0.4)
    assert [record.loss for record in islice(broken.steps, 6)] == losses[:6]
    again = training_steps(
        broken.model, broken.stream, constant(0.5), broken.progress, broken.workers,
        clip=0.0, seed=4, back=5,
    )  # fmt: skip
    assert [record.loss for record in islice(again, 6)] == losses[6:]


@pytest.mark.parametrize("dropout", [0.0, 0.4])
def test_every_step_has_a_seed_of_its_own(monkeypatch: pytest.MonkeyPatch, dropout: float) -> None:
    training, seeds = Training(part_of(47), dropout=dropout), []
    real = training.workers.loss_and_grads

    def noting(*arguments: Any, **named: Any) -> Any:
        seeds.append(named["seed"])
        return real(*arguments, **named)

    monkeypatch.setattr(training.workers, "loss_and_grads", noting)
    training.run(7)  # beyond the end of an epoch
    assert seeds == ([(4, step) for step in range(7)] if dropout else [None] * 7)


def test_the_norm_recorded_is_that_before_clipping() -> None:
    free, clipped = Training(part_of(47)).run(1)[0], Training(part_of(47), clip=1e-3).run(1)[0]
    assert clipped.grad_norm == free.grad_norm > 1e-3


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_nothing_is_updated_by_what_is_not_finite(value: float) -> None:
    training = Training(part_of(47))
    list(islice(training.steps, 3))
    training.model.params["layers.1.U"][0, 1, 2] = value
    before = {name: array.copy() for name, array in training.model.params.items()}
    moments = {name: array.copy() for name, array in training.progress.moments.items()}
    with pytest.raises(DivergenceError, match=r"layers\.1\.U is not finite, first at index \(0, 1, 2\)"):
        next(training.steps)
    assert training.progress.step == 3
    for name, array in before.items():
        np.testing.assert_array_equal(training.model.params[name], array)
    for name, array in moments.items():
        np.testing.assert_array_equal(training.progress.moments[name], array)


def test_adam_works_through_the_loop_too() -> None:
    """Moments are those of plain calls of the optimiser on plain gradients."""
    part, optimizer = part_of(47), adam()
    training = Training(part, threads=2, optimizer=optimizer, lr=0.01)
    steps, progress = training.steps, training.progress
    model = model_of()
    params, state, carried = model.params, optimizer.init(model.params), model.initial_state(2)
    for start, stop in list(training.stream.windows())[:4]:
        window = training.stream.window_at(start, stop)
        _, carried, grads = model.loss_and_grads(window.x, window.y, carried)
        updated, state = optimizer.update(params, grads, state, 0.01)
        for name, array in updated.items():
            params[name][...] = array
        next(steps)
    for name, array in params.items():
        np.testing.assert_allclose(training.model.params[name], array, rtol=0, atol=1e-13)
    for name, moment in state.items():
        np.testing.assert_allclose(progress.moments[name], moment, rtol=1e-9, atol=1e-15)
