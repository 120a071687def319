"""Where members wait for one another: nobody goes on before all have come, nor waits for one who will not."""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import BrokenBarrierError
from typing import Any

import pytest

from elman.training import meeting
from elman.training.meeting import HERE, Alone, Hub, Line, Meeting, Spoke, Threads

LONG = 30.0  # seconds after which a test that hangs fails; nothing waits for it otherwise


class Gone(Exception):
    """Nobody is at the other end."""


class Ends:
    """Two lines to one another, and the descriptors behind them."""

    def __init__(self, *, spin: bool) -> None:
        (self.read_here, self.write_there), (self.read_there, self.write_here) = os.pipe(), os.pipe()
        self.here = Line(self.read_here, self.write_here, spin=spin, gone=lambda: Gone("there"))
        self.there = Line(self.read_there, self.write_there, spin=spin, gone=lambda: Gone("here"))
        self._open = [self.read_here, self.write_there, self.read_there, self.write_here]

    def close(self, *descriptors: int) -> None:
        """Close these, or all that are open."""
        for descriptor in descriptors or tuple(self._open):
            self._open.remove(descriptor)
            os.close(descriptor)


@pytest.fixture(params=[True, False], ids=["spinning", "sleeping"])
def ends_of(request: pytest.FixtureRequest) -> Iterator[Callable[[], Ends]]:
    """Make lines that are closed at the end."""
    made: list[Ends] = []

    def make() -> Ends:
        made.append(Ends(spin=request.param))
        return made[-1]

    yield make
    for ends in made:
        ends.close()


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as pool:
        yield pool


def test_one_alone_waits_for_nobody() -> None:
    assert Alone().wait() is None


def test_bytes_arrive_in_the_order_in_which_they_were_sent(ends_of: Any) -> None:
    ends = ends_of()
    for word in (b"a", b"b", b"\x00", b"\n", b"\xff"):
        ends.here.send(word)
    assert [ends.there.receive() for _ in range(5)] == [b"a", b"b", b"\x00", b"\n", b"\xff"]
    ends.there.send(b"x")
    ends.here.send(b"y")
    assert (ends.here.receive(), ends.there.receive()) == (b"x", b"y")


def test_a_reader_waits_for_a_byte_that_comes_later(ends_of: Any, pool: ThreadPoolExecutor) -> None:
    ends = ends_of()
    for round_ in range(20):
        word = pool.submit(ends.there.receive)
        if round_ % 3 == 0:
            threading.Event().wait(meeting.SPIN_SECONDS * 2)  # until it has fallen asleep
        ends.here.send(bytes([round_]))
        assert word.result(LONG) == bytes([round_])


def test_another_byte_than_was_expected_is_nobody_there(ends_of: Any) -> None:
    ends = ends_of()
    ends.here.send(HERE)
    assert ends.there.expect(HERE) is None
    ends.here.send(b"?")
    with pytest.raises(Gone, match="here"):
        ends.there.expect(HERE)


def test_a_reader_hears_that_the_other_end_is_gone(ends_of: Any, pool: ThreadPoolExecutor) -> None:
    """Whether it is gone before, while the reader looks, or while it sleeps; what was sent is read first."""
    for seconds in (None, 0.0, meeting.SPIN_SECONDS * 2):
        ends = ends_of()
        ends.here.send(b"z")
        assert ends.there.receive() == b"z"
        ends.here.send(b"z")
        if seconds is None:
            ends.close(ends.write_here)
        assert ends.there.receive() == b"z"
        word = pool.submit(ends.there.receive)
        if seconds is not None:
            threading.Event().wait(seconds)
            ends.close(ends.write_here)
        with pytest.raises(Gone, match="here"):
            word.result(LONG)


def test_a_sender_hears_that_the_other_end_is_gone(ends_of: Any) -> None:
    ends = ends_of()
    ends.close(ends.read_there)
    with pytest.raises(Gone, match="there") as raised:
        ends.here.send(b"z")
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__


@pytest.mark.parametrize(("spin", "looks"), [(True, 3), (False, 1)])
def test_who_spins_looks_for_a_while_before_falling_asleep(
    monkeypatch: pytest.MonkeyPatch, spin: bool, looks: int
) -> None:
    """With a clock that a look takes a millisecond of, and spinning for two."""
    ends, seen, now = Ends(spin=spin), [], iter(range(100))
    read = os.read

    class Asleep:
        def poll(self) -> None:
            seen.append("asleep")
            ends.here.send(b"w")

    def look(descriptor: int, count: int) -> bytes:
        seen.append("look")
        return read(descriptor, count)

    monkeypatch.setattr(meeting, "perf_counter", lambda: 1e-3 * next(now))
    monkeypatch.setattr(os, "read", look)
    ends.there._poll = Asleep()  # type: ignore[assignment]
    assert ends.there.receive() == b"w"
    assert seen == ["look"] * looks + ["asleep", "look"]
    ends.close()


def test_a_sleeping_reader_is_woken_by_its_own_line_alone(ends_of: Any) -> None:
    ends = ends_of()
    assert ends.there._poll.poll(0) == []
    ends.here.send(b"w")
    assert ends.there._poll.poll(0) == [(ends.read_there, select.POLLIN)]


Team = Callable[[int], list[Meeting]]


@pytest.fixture(params=["threads", "lines, spinning", "lines, sleeping"])
def team_of(request: pytest.FixtureRequest) -> Iterator[Team]:
    """Make the meetings of some members: one for all of them, or a hub and spokes."""
    made: list[Ends] = []

    def make(members: int) -> list[Meeting]:
        if request.param == "threads":
            return [Threads(members)] * members
        made.extend(Ends(spin="spinning" in request.param) for _ in range(members - 1))
        ends = made[len(made) - members + 1 :]
        return [Hub([pair.here for pair in ends]), *(Spoke(pair.there) for pair in ends)]

    yield make
    for ends in made:
        ends.close()


@pytest.mark.parametrize("members", [2, 3, 5])
def test_nobody_goes_on_before_all_have_come(team_of: Team, pool: ThreadPoolExecutor, members: int) -> None:
    """Who comes last differs from round to round, and with that who has to wait."""
    team, rounds = team_of(members), 12
    come = [0] * members
    missing: list[tuple[int, int]] = []

    def attend(index: int) -> None:
        for round_ in range(1, rounds + 1):
            if round_ % members == index:
                threading.Event().wait(2e-3)
            come[index] = round_
            team[index].wait()
            missing.extend((index, round_) for other in come if other < round_)

    for done in [pool.submit(attend, index) for index in range(members)]:
        done.result(LONG)
    assert missing == []
    assert come == [rounds] * members


def test_a_meeting_of_a_hub_alone() -> None:
    assert Hub([]).wait() is None


def test_who_aborts_wakes_the_others(pool: ThreadPoolExecutor) -> None:
    team = Threads(3)
    for _ in range(3):
        waiting = [pool.submit(team.wait) for _ in range(2)]
        team.abort()
        for other in waiting:
            with pytest.raises(BrokenBarrierError):
                other.result(LONG)
        with pytest.raises(BrokenBarrierError):  # nor does who comes later wait
            team.wait()
        team.reset()
        for done in [pool.submit(team.wait) for _ in range(3)]:
            done.result(LONG)


def test_a_spoke_that_is_gone_ends_the_wait_of_the_hub(ends_of: Any, pool: ThreadPoolExecutor) -> None:
    one, other = ends_of(), ends_of()
    hub = Hub([one.here, other.here])
    one.there.send(HERE)
    waiting = pool.submit(hub.wait)
    other.close(other.write_there)
    with pytest.raises(Gone, match="there"):
        waiting.result(LONG)
    assert one.there._poll.poll(0) == []  # nor has the first been let go
