"""One member of a team: what it sees of shared memory, which stretch is its own, and what it writes there."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
import pytest

from elman.network import LanguageModel
from elman.network.output import chunking
from elman.network.workspace import ALIGNMENT, aligned
from elman.training import member as member_module
from elman.training.meeting import Alone
from elman.training.member import ELEMENTS, Member
from elman.training.optim import Optimizer
from elman.training.shared import SEEDS, SPLIT_CLASSES, Carver, Heap, Shared, splits, take_flat, take_shared
from elman.training.shares import Task, split_rows
from elman.training.workers import Workers

K, D, H, T = 11, 3, 5, 4


def model_of(**settings: Any) -> LanguageModel:
    sizes = {"vocab_size": K, "embedding": D, "hidden": H, "layers": 2, "dtype": "float64", "seed": 2}
    return LanguageModel(**{**sizes, **settings})


def window_of(model: LanguageModel, batch: int, steps: int = T, seed: int = 0) -> dict[str, Any]:
    rng = np.random.default_rng([batch, steps, seed])
    x, y = rng.integers(0, model.vocab_size, (2, steps, batch))
    state = tuple(
        type(layer)(*(rng.standard_normal(field.shape).astype(field.dtype) for field in layer))
        for layer in model.initial_state(batch)
    )
    return {"x": x, "y": y, "state": state}


def arrays_of(shared: Any) -> Iterator[np.ndarray]:
    """Yield every array, but those that are pieces of a vector."""
    if isinstance(shared, np.ndarray):
        yield shared
    elif hasattr(shared, "vector"):
        yield shared.vector
    elif is_dataclass(shared):
        for field in fields(shared):
            yield from arrays_of(getattr(shared, field.name))
    elif isinstance(shared, (tuple, list)):
        for part in shared:
            yield from arrays_of(part)
    else:
        assert shared is None


MODELS = [
    {},
    {"cell": "rnn", "dtype": "float32"},
    {"embedding": H, "tied": True},
    {"vocab_size": 333, "hidden": 17},
]


OTHER_OUTPUTS: list[dict[str, Any]] = [
    {"output": "nce", "samples": 9},
    {"output": "mixture", "experts": 6},
]


@pytest.mark.parametrize("split", [False, True], ids=["own classes", "shared classes"])
@pytest.mark.parametrize("settings", MODELS, ids=lambda settings: " ".join(settings) or "plain")
@pytest.mark.parametrize("threads", [1, 2, 5])
def test_what_is_measured_is_what_is_cut(settings: dict[str, Any], threads: int, split: bool) -> None:
    """Every array at a cache line, none over another, and the buffer just large enough."""
    model = model_of(**settings)
    sizes: Any = (model, 7, threads, T, split, None, [None, None])
    measure = Carver()
    measured = take_shared(measure, *sizes)
    memory = aligned(measure.size, np.dtype(np.uint8))
    memory[:] = 0
    carver = Carver(memory)
    shared, heap = take_shared(carver, *sizes), take_shared(Heap(), *sizes)
    assert carver.size == measure.size
    kinds = [[(array.shape, array.dtype) for array in arrays_of(some)] for some in (measured, shared, heap)]
    assert kinds[0] == kinds[1] == kinds[2]
    begins = memory.ctypes.data
    places = sorted((array.ctypes.data - begins, array.nbytes) for array in arrays_of(shared))
    end = 0
    for start, size in places:
        assert start % ALIGNMENT == 0
        assert end <= start < end + ALIGNMENT
        end = start + size
    assert end <= measure.size < end + ALIGNMENT
    for array in arrays_of(heap):
        assert array.ctypes.data % ALIGNMENT == 0
        assert not array.any()
    assert sum(array.nbytes for array in arrays_of(shared)) > 0
    assert all(array.size == 0 or not any(array.strides) for array in arrays_of(measured))  # without memory


def test_all_who_cut_one_buffer_see_the_same() -> None:
    """As the processes do, that are told nothing but the sizes."""
    model = model_of()
    sizes: Any = (model, 5, 3, T, True, None, [None])
    measure = Carver()
    take_shared(measure, *sizes)
    memory = bytearray(measure.size)
    views = [take_shared(Carver(memory), *sizes) for _ in range(2)]
    for number, (one, other) in enumerate(zip(*map(arrays_of, views), strict=True)):
        one.fill(number)
        assert (other == one).all()
    pieces = views[0].params.arrays
    for name, array in pieces.items():
        array.fill(hash(name) % 100)
    for name, array in views[1].params.arrays.items():
        assert (array == hash(name) % 100).all()


def test_named_arrays_lie_end_to_end_in_their_order() -> None:
    flat = take_flat(Heap(), {"a": (2, 3), "b": (1,), "c": (4,)}, np.float32)
    flat.vector[:] = np.arange(11)
    assert list(flat.arrays) == ["a", "b", "c"]
    assert flat.arrays["a"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert [flat.arrays[name].tolist() for name in "bc"] == [[6], [7, 8, 9, 10]]


def test_arrays_that_are_given_are_taken_as_they_are() -> None:
    model = model_of()
    given = take_flat(Heap(), model.shapes(), model.dtype)
    shared = take_shared(Heap(), model, 4, 2, T, False, given, [given])
    assert shared.params is given
    assert shared.slots == [given]
    assert not np.shares_memory(shared.grads.vector, given.vector)


def test_a_task_is_read_as_it_was_written() -> None:
    """Long after short, with and without each option: nothing is left of the task before."""
    model = model_of(cell="lstm")
    area = take_shared(Heap(), model, 6, 2, T, False).areas[0]
    resets = np.random.default_rng(0).random((T, 3)) < 0.5
    options: list[tuple[int, Any, Any, int, Any]] = [
        (T, (1, 2, 3, 2**40), resets, 2, 0),
        (2, None, None, 0, None),
        (1, (7,), resets, 0, 1),
        (T, (0,), None, 3, T),
        (3, None, resets, 0, None),
    ]
    assert max(len(seed or ()) for _, seed, *_ in options) == SEEDS
    for number, (steps, seed, reset, skip, after) in enumerate(options):
        window = window_of(model, 3, steps, number)
        task = Task(
            **window, scale=0.1 + number, seed=seed, reset=None if reset is None else reset[:steps],
            skip=skip, state_after=after,
        )  # fmt: skip
        area.ask(task)
        found = area.asked()
        for name in ("x", "y", "reset"):
            expected = getattr(task, name)
            assert (getattr(found, name) is None) == (expected is None)
            if expected is not None:
                np.testing.assert_array_equal(getattr(found, name), expected)
        for layer, other in zip(found.state, task.state, strict=True):
            assert type(layer) is type(other)
            for field, expected in zip(layer, other, strict=True):
                np.testing.assert_array_equal(field, expected)
        assert found[3:5] == task[3:5]
        assert found[6:] == task[6:]


def test_many_classes_are_shared() -> None:
    assert not splits(model_of(vocab_size=SPLIT_CLASSES - 1, embedding=1, hidden=1))
    assert splits(model_of(vocab_size=SPLIT_CLASSES, embedding=1, hidden=1))


def team_of(model: LanguageModel, members: int, *, split: bool) -> list[Member]:
    shared = take_shared(Heap(), model, members, members, T, split)
    return [Member(i, model, shared, split_rows(members, members), Alone()) for i in range(members)]


def covered(stretches: list[tuple[int, int]]) -> list[int]:
    return [number for first, last in stretches for number in range(first, last)]


@pytest.mark.parametrize("split", [False, True], ids=["own classes", "shared classes"])
@pytest.mark.parametrize(
    "settings", [*MODELS, {"hidden": 1, "embedding": 1, "layers": 1, "cell": "rnn", "vocab_size": 3}],
    ids=lambda settings: " ".join(settings) or "plain",
)  # fmt: skip
def test_stretches_cover_every_parameter_once(settings: dict[str, Any], split: bool) -> None:
    """Also more members than there are classes, or numbers to share."""
    model = model_of(**settings)
    width = model.params["embedding.E"].shape[1]
    for members in (1, 2, 3, 4, 5, 7, 16, 50):
        team = team_of(model, members, split=split)
        walked = [stretch for member in team for stretch in member._walked]
        words = [(width * first, width * last) for first, last in (member._classes for member in team)]
        assert sorted(covered(walked + (words if split else []))) == list(range(model.n_params))
        assert covered([member._classes for member in team]) == list(range(model.vocab_size))
        layers = sum(array.size for name, array in model.params.items() if name.startswith("layers."))
        first = model.vocab_size * width if split else 0
        added = list(range(first, first + layers) if split else range(model.n_params))
        assert covered([member._added for member in team]) == added
        for member in team:
            assert member._walked[0] == member._added
            assert member.columns(model.vocab_size) == member._classes
            # A cache line belongs to one, but for the end.
            for start, stop in (member._classes, member._added):
                assert (start - (0 if (start, stop) == member._classes else first)) % ELEMENTS == 0 or (
                    start == stop
                )


def test_stretches_are_even() -> None:
    model = model_of(vocab_size=1000, hidden=40)
    for members in (2, 3, 7):
        for split in (False, True):
            team = team_of(model, members, split=split)
            for stretches in ([m._added for m in team], [m._classes for m in team]):
                sizes = [last - first for first, last in stretches]
                assert max(sizes) - min(sizes) <= 2 * ELEMENTS


@pytest.fixture
def workers_of(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Make workers whose members share the classes, and that are closed at the end."""
    monkeypatch.setattr("elman.training.workers.splits", lambda model: True)

    def make(model: LanguageModel, batch: int, threads: int, *optimizer: Any) -> Workers:
        workers = Workers(model, batch, threads, T, *optimizer)
        request.addfinalizer(workers.close)
        return workers

    return make


def adding_one(*, sparse: bool) -> Optimizer:
    """An optimiser that adds one to every number it is given, and so shows what it was given."""

    def rule(t: int, lr: float) -> Any:
        def add(p: Any, g: Any, slots: Any, s: Any) -> None:
            assert p.shape == g.shape == s.shape
            p += 1.0

        return add

    return Optimizer("adding one", {}, {}, rule, sparse=sparse)


@pytest.mark.parametrize("sparse", [True, False])
@pytest.mark.parametrize("threads", [1, 2, 3])
def test_a_sparse_update_touches_the_words_that_occurred_and_no_others(
    workers_of: Any, monkeypatch: pytest.MonkeyPatch, threads: int, sparse: bool
) -> None:
    monkeypatch.setattr(member_module, "BLOCK", 2 * D + 1)  # so that words are taken two at a time
    model, batch = model_of(vocab_size=70, dtype="float32"), 6
    optimizer = adding_one(sparse=sparse)
    workers = workers_of(model, batch, threads, optimizer, optimizer.init(model.params))
    for seed in range(3):
        before = {name: array.copy() for name, array in model.params.items()}
        window = window_of(model, batch, seed=seed)
        window["x"] = window["x"] // 2 * 2 + seed % 2  # even words, odd words, even ones
        workers.loss_and_grads(**window)
        workers.update(0.1)
        occurred = np.isin(np.arange(70), window["x"])
        E, old = model.params["embedding.E"], before["embedding.E"]
        moved = occurred if sparse else np.ones(70, np.bool_)
        np.testing.assert_array_equal(E[moved], old[moved] + np.float32(1))
        assert E[~moved].tobytes() == old[~moved].tobytes()
        for name, array in before.items():
            if name != "embedding.E":
                np.testing.assert_array_equal(model.params[name], array + np.float32(1), err_msg=name)


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("threads", [1, 2, 3])
def test_rows_of_the_last_step_are_cleared(workers_of: Any, threads: int, tied: bool) -> None:
    """Words that occurred in the last window and not in this one; and the norm counts neither twice."""
    model = model_of(vocab_size=70, **({"embedding": H, "tied": True} if tied else {}))
    workers = workers_of(model, 6, threads)
    for seed, steps in enumerate((T, T, 1, T, 2)):
        window = window_of(model, 6, steps, seed=seed)
        window["x"] = (window["x"] // 5 * 5 + seed) % 70
        _, _, grads = model.loss_and_grads(**window)
        _, _, found = workers.loss_and_grads(**window)
        missing = np.setdiff1d(np.arange(70), window["x"])
        if not tied:
            assert not found["embedding.E"][missing].any()
        for name, grad in grads.items():
            np.testing.assert_allclose(found[name], grad, rtol=0, atol=1e-13, err_msg=f"{name}, step {seed}")
        norm = np.sqrt(sum((grad**2).sum() for grad in grads.values()))
        assert workers.norm == pytest.approx(norm, rel=1e-12)


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("huge", [False, True], ids=["ordinary logits", "huge logits"])
@pytest.mark.parametrize("threads", [2, 3, 5])
def test_members_may_have_no_classes_at_all(workers_of: Any, threads: int, huge: bool, tied: bool) -> None:
    """Eleven classes are less than a cache line: one member has them all, and the others still meet it."""
    model = model_of(**({"embedding": H, "tied": True} if tied else {}))
    if huge:
        model.params["output.c"][:] = 1e4 * np.arange(K)
    window = window_of(model, 6)
    loss, _, grads = model.loss_and_grads(**window)
    workers = workers_of(model, 6, threads)
    assert [m._classes for m in workers.members if m._classes[0] < m._classes[1]] == [(0, K)]
    found_loss, _, found = workers.loss_and_grads(**window)
    assert found_loss == pytest.approx(loss, rel=1e-12)
    for name, grad in grads.items():
        np.testing.assert_allclose(found[name], grad, rtol=0, atol=1e-12, err_msg=name)


@pytest.mark.parametrize("threads", [2, 3])
@pytest.mark.parametrize("huge", [False, True], ids=["ordinary logits", "huge logits"])
def test_who_is_late_reads_what_was_there_when_all_had_met(
    workers_of: Any, monkeypatch: pytest.MonkeyPatch, threads: int, huge: bool
) -> None:
    """A member is held back after a meeting until another has come to the next one.

    What it has yet to read must not have been written to: not the sums of the next chunk over those of this.
    """
    monkeypatch.setattr(chunking, "FEWEST_ROWS", 1)
    monkeypatch.setattr(chunking, "CHUNK_NUMBERS", 1)
    batch, model = 6, model_of(vocab_size=70)
    if huge:
        model.params["output.c"][:] = 1e4 * np.cos(np.arange(70))
    window = window_of(model, batch)
    plain, late = workers_of(model, batch, threads), workers_of(model, batch, threads)
    expected = [(loss, {name: g.tobytes() for name, g in grads.items()})
                for loss, _, grads in (plain.loss_and_grads(**window) for _ in range(2))]  # fmt: skip
    barrier, met = late._meeting, Counter()
    held: dict[str, Any] = {}

    class Watched:
        def __init__(self, index: int) -> None:
            self.index = index

        def wait(self) -> None:
            here = met[self.index]
            met[self.index] += 1
            if held and here == held["at"] + 1 and self.index != held["member"]:
                held["next"].set()
            barrier.wait()
            if held and here == held["at"] and self.index == held["member"]:
                assert held["next"].wait(30)

    for member in late.members:
        member.meeting = Watched(member.index)
    late.loss_and_grads(**window)
    meetings = met[0]
    assert set(met.values()) == {meetings}
    assert meetings > 8
    for slow in range(threads):
        for at in range(meetings - 1):
            met.clear()
            held.update(member=slow, at=at, next=threading.Event())
            loss, _, grads = late.loss_and_grads(**window)
            assert loss == expected[1][0], (slow, at)
            assert [n for n, g in grads.items() if g.tobytes() != expected[1][1][n]] == [], (slow, at)


STAGES = ("perform", "gather", "parts", "total", "largest", "scatter", "add_words", "_add_up")


class Planted(Exception):
    """The failure of a member."""


def planted(*given: Any, **named: Any) -> Any:
    raise Planted


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("fails", [0, 1, 2])
def test_after_a_member_failed_the_next_call_works(
    workers_of: Any, monkeypatch: pytest.MonkeyPatch, stage: str, fails: int
) -> None:
    """Wherever it failed: the others are woken, the caller is told, and all begin anew together."""
    monkeypatch.setattr(chunking, "FEWEST_ROWS", 1)
    monkeypatch.setattr(chunking, "CHUNK_NUMBERS", 1)
    model = model_of(vocab_size=70)
    model.params["output.c"][:] = 1e4 * np.cos(np.arange(70))  # so that maxima are taken too
    window = window_of(model, 6)
    workers = workers_of(model, 6, 3)
    loss, _, grads = workers.loss_and_grads(**window)
    expected = {name: grad.tobytes() for name, grad in grads.items()}
    member = workers.members[fails]
    for calls in (1, 2, 3) if stage in ("total", "largest") else (1,):
        original, left = getattr(member, stage), Counter({"calls": calls})

        def broken(*given: Any, original: Any = original, left: Any = left, **named: Any) -> Any:
            left["calls"] -= 1
            if left["calls"] == 0:
                raise Planted(stage)
            return original(*given, **named)

        with monkeypatch.context() as patched:
            patched.setattr(member, stage, broken)
            with pytest.raises(Planted, match=stage):
                workers.loss_and_grads(**window)
        again, _, found = workers.loss_and_grads(**window)
        assert again == loss
        assert [name for name, grad in found.items() if grad.tobytes() != expected[name]] == []


@pytest.mark.parametrize("stage", ["perform", "_add_up"])
@pytest.mark.parametrize("fails", [0, 1, 2])
def test_after_a_member_with_all_classes_failed_the_next_call_works(
    monkeypatch: pytest.MonkeyPatch, stage: str, fails: int
) -> None:
    model = model_of()
    window, workers = window_of(model, 6), Workers(model, 6, 3, T)
    try:
        expected = [grad.tobytes() for grad in workers.loss_and_grads(**window)[2].values()]
        with monkeypatch.context() as patched:
            patched.setattr(workers.members[fails], stage, planted)
            with pytest.raises(Planted):
                workers.loss_and_grads(**window)
        assert [grad.tobytes() for grad in workers.loss_and_grads(**window)[2].values()] == expected
    finally:
        workers.close()


@pytest.mark.parametrize("fails", [0, 1, 2])
def test_after_an_update_failed_the_next_call_works(
    workers_of: Any, monkeypatch: pytest.MonkeyPatch, fails: int
) -> None:
    model = model_of(vocab_size=70)
    optimizer = adding_one(sparse=True)
    workers = workers_of(model, 6, 3, optimizer, optimizer.init(model.params))
    window = window_of(model, 6)
    loss = workers.loss_and_grads(**window)[0]

    with monkeypatch.context() as patched:
        patched.setattr(workers.members[fails], "update", planted)
        with pytest.raises(Planted):
            workers.update(0.0)
    assert workers.loss_and_grads(**window)[0] != loss  # the others had updated
    assert workers.loss_and_grads(**window)[0] == pytest.approx(model.loss_and_grads(**window)[0], rel=1e-12)


def test_the_parts_of_shared_memory() -> None:
    """What one would forget to share is missing here."""
    model = model_of()
    alone, split = (take_shared(Heap(), model, 5, 3, T, some) for some in (False, True))
    assert isinstance(alone, Shared)
    assert (len(alone.own), len(alone.areas), alone.exchange) == (2, 2, None)
    assert list(alone.own[0].arrays) == list(model.params)
    assert list(split.own[0].arrays) == [name for name in model.params if name.startswith("layers.")]
    assert split.exchange is not None
    N = 5 * T
    assert [array.shape for array in split.exchange] == [
        (N, H), (N,), (3, N, H), (2, 3, 2, N), (N, D), (N,), (1,),
    ]  # fmt: skip
    drawing, mixing = (take_shared(Heap(), model_of(**o), 5, 3, T, True).exchange for o in OTHER_OUTPUTS)
    assert drawing is not None
    assert mixing is not None
    assert drawing.drawn.shape == (1 + 9,)
    assert mixing.values.shape == (2, 3, 2, 6 * N)
    assert [area.x.shape for area in split.areas] == [(T, 2), (T, 2)]
